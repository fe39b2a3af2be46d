"""What of a recording is to be predicted, and which of its neurons count."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from striate.predictivity import Reliability, split_half_reliability, uneven_repeats
from striate.predictivity.checks import check_share
from striate.responses import Responses

# Kong et al. 2021: of larger populations, the hundredth that is most reliable.
MOST_NEURONS, SHARE = 5000, 0.99
# What stands with results whose reliability is not Spearman and Brown's.
COVARIANCE = "covariance of halves"


class Population(NamedTuple):
    """Responses that can be regressed on, and how reliable they are.

    Attributes
    ----------
    trials
        NaN where nothing was recorded.
    mean
        Over the trials of each stimulus.
    reliability
        Of all neurons of the recording.
    used
        Neurons in `trials` and `mean`: those recorded at least once with every stimulus and, of
        more than `MOST_NEURONS`, the most reliable hundredth.
    minimum
        Reliability that a neuron must exceed to be counted in scores.
    """

    trials: Float[Tensor, "repeats stimuli neurons"]
    mean: Float[Tensor, "stimuli neurons"]
    reliability: Reliability
    used: Bool[Tensor, " everyone"]
    minimum: float = 0.0

    def reliability_used(self) -> Float[Tensor, " neurons"]:
        """Reliability of the mean response of the neurons in `mean`."""
        return self.reliability.corrected[self.used]

    def everyone(self, values: Float[Tensor, "*axes neurons"]) -> Float[Tensor, "*axes everyone"]:
        """Put values of the neurons used among all of the recording; NaN of the others."""
        spread = values.new_full((*values.shape[:-1], len(self.used)), torch.nan)
        spread[..., self.used] = values
        return spread


def is_uneven(responses: Responses) -> bool:
    """Say whether the reliability of some neuron that is used is the covariance of halves.

    `striate.predictivity.split_half_reliability` says when.
    """
    trials = responses.tensor
    gaps = trials.isnan()
    if len(trials) < 2 or not gaps.any():
        return False
    return bool((uneven_repeats(trials) & ~gaps.all(0).any(0)).any())


def population_of(
    responses: Responses, *, most: int = MOST_NEURONS, minimum: float = 0.0
) -> Population:
    """Choose the neurons that a map can be fitted to, and measure how reliable they are.

    A map is fitted to the mean response to each stimulus, so a neuron that was never recorded with
    one of them cannot be used. A neuron whose halves do not correlate is used: the map of Kong et
    al. 2021 is fitted to all neurons together, and those without a signal are left out of the
    score.

    Parameters
    ----------
    responses
        With at least two repeats.
    most
        Of more neurons, the hundredth that is most reliable is used.
    minimum
        Reliability that a neuron must exceed to be counted, from 0 on and below 1. Near zero the
        correction for noise makes much of little.

    Raises
    ------
    ValueError
        If there are fewer than two repeats, no neuron is left that has a signal, or none that is
        reliable enough.
    """
    check_minimum(minimum)
    if len(responses.tensor) < 2:
        raise ValueError(
            f"{responses.source} has one repeat; predictivity needs two, to tell signal from noise"
        )
    trials = responses.tensor.detach().cpu().double()
    reliability = split_half_reliability(trials)
    recorded = ~trials.isnan().all(0)
    used = recorded.all(0)
    half = reliability.half
    if len(used) > most:
        used = used & (half >= torch.nanquantile(half, SHARE))
    if not (used & (reliability.corrected > 0)).any():
        raise ValueError(
            f"{responses.source}: no neuron was recorded with every stimulus and answers alike in "
            "two halves of its trials; leave out stimuli that were rarely shown"
        )
    best = reliability.corrected[used].nan_to_num(nan=0.0).max().item()
    if best <= minimum:
        raise ValueError(
            f"{responses.source}: no neuron's reliability exceeds minimum_reliability={minimum}; "
            f"the highest is {best:.3g}"
        )
    trials = trials[:, :, used]
    return Population(trials, trials.nanmean(0), reliability, used, minimum)


def check_minimum(minimum: float) -> None:
    """Refuse what is no reliability to exceed.

    Raises
    ------
    ValueError
        If it is not from 0 on and below 1.
    """
    check_share("minimum_reliability", minimum, "give a reliability to exceed")
