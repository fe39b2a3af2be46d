"""What of a recording is to be predicted, and which of its neurons count."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from striate.predictivity import Reliability, split_half_reliability, uneven_repeats
from striate.predictivity.checks import check_share
from striate.responses import Responses

# The code of Kong et al. 2021: of larger populations, the hundredth that is most reliable.
MOST_NEURONS, SHARE = 5000, 0.99
# Why a neuron is left out; what results count by is ``dropped_`` and one of these.
LACKING, UNRELIABLE, LESS_RELIABLE, STILL = "lacking", "unreliable", "less_reliable", "still"
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
        Neurons in `trials` and `mean`: those of `complete` and, of more than `most`, the most
        reliable hundredth.
    complete
        Which neurons were recorded at least once with every stimulus.
    minimum
        Reliability that a neuron must exceed to be counted in scores.
    most
        Of more neurons than these only a hundredth is used.
    """

    trials: Float[Tensor, "repeats stimuli neurons"]
    mean: Float[Tensor, "stimuli neurons"]
    reliability: Reliability
    used: Bool[Tensor, " everyone"]
    complete: Bool[Tensor, " everyone"]
    minimum: float = 0.0
    most: int = MOST_NEURONS

    def reliability_used(self) -> Float[Tensor, " neurons"]:
        """Reliability of the mean response of the neurons in `mean`."""
        return self.reliability.corrected[self.used]

    def everyone(self, values: Float[Tensor, "*axes neurons"]) -> Float[Tensor, "*axes everyone"]:
        """Put values of the neurons used among all of the recording; NaN of the others."""
        spread = values.new_full((*values.shape[:-1], len(self.used)), torch.nan)
        spread[..., self.used] = values
        return spread

    def left_out(self, kept: Bool[Tensor, " neurons"] | None = None) -> dict[str, int]:
        """Count the neurons that scores leave out, each once, by the first cause that it has.

        Parameters
        ----------
        kept
            Which neurons in `mean` count once they are predicted; without it, what is known before.

        Returns
        -------
        counts
            ``lacking``: never recorded with some stimulus. ``unreliable``: their reliability does
            not exceed `minimum`. ``less_reliable``: it does, but they are not of the most reliable
            hundredth of very many. ``still``: they do not vary in some split. Causes that no
            neuron has are left away.
        """
        corrected = self.reliability.corrected
        reliable = self.complete & corrected.isfinite() & (corrected > self.minimum)
        counts = {
            LACKING: ~self.complete,
            UNRELIABLE: self.complete & ~reliable,
            LESS_RELIABLE: reliable & ~self.used,
        }
        if kept is not None:
            counted = torch.zeros_like(self.used)
            counted[self.used] = kept
            counts[STILL] = reliable & self.used & ~counted
        return {cause: count for cause, which in counts.items() if (count := int(which.sum()))}

    def notes(self) -> tuple[str, ...]:
        """Say how many neurons scores leave out and why, a sentence for each cause."""
        total, counts = len(self.used), self.left_out()
        reliable = total - counts.get(LACKING, 0) - counts.get(UNRELIABLE, 0)
        texts = {
            LACKING: "not recorded with every stimulus; leave out the missing stimuli instead, to "
            "keep more neurons",
            UNRELIABLE: f"without a reliable signal, a reliability above {self.minimum:g}",
            LESS_RELIABLE: f"of more than {self.most:,} the most reliable 1 % are used, as in "
            f"the code of Kong et al. 2021; {reliable:,} have a reliable signal",
        }
        return tuple(
            f"{count:,} of {total:,} neurons {'is' if count == 1 else 'are'} left out: "
            f"{texts[cause]}"
            for cause, count in counts.items()
        )


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
    score. Which are left out is told by `Population.notes`.

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
    complete = (~trials.isnan().all(0)).all(0)
    used = complete
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
    return Population(trials, trials.nanmean(0), reliability, used, complete, minimum, most)


def check_minimum(minimum: float) -> None:
    """Refuse what is no reliability to exceed.

    Raises
    ------
    ValueError
        If it is not from 0 on and below 1.
    """
    check_share("minimum_reliability", minimum, "give a reliability to exceed")
