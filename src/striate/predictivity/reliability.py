"""How well a neuron's response repeats, and so how well any model could predict it."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from striate.predictivity.checks import check_finite, check_floats, check_whole
from striate.predictivity.correlation import correlation


class Reliability(NamedTuple):
    """Of each neuron, over all stimuli; NaN where it cannot be told.

    Attributes
    ----------
    half
        Correlation between the averages of two halves of the repeats.
    corrected
        That of the average over all repeats (Spearman-Brown).
    """

    half: Float[Tensor, " neurons"]
    corrected: Float[Tensor, " neurons"]


class Corrected(NamedTuple):
    """Correlations as a share of what the noise lets any model reach.

    Attributes
    ----------
    correlation
        NaN for neurons left out, which `kept` tells.
    kept
        Which neurons had a reliable signal.
    """

    correlation: Float[Tensor, "*axes neurons"]
    kept: Bool[Tensor, " neurons"]


def split_half_reliability(
    responses: Float[Tensor, "repeats stimuli neurons"], *, halvings: int = 100
) -> Reliability:
    r"""Correlate the averages of two halves of the repeats.

    With two repeats they are the halves. With more, numpy's legacy generators of seeds 0, 1, …
    shuffle the repeats, of which the first ``repeats // 2`` make one half, and the correlations of
    all halvings are averaged (Kong et al. 2021). The correlation of averages of trials needs no
    averages: with :math:`\Sigma` the covariance between the repeats of a neuron and a, b the
    weights of the trials in each half, it is
    :math:`a^\top\Sigma b / \sqrt{a^\top\Sigma a\; b^\top\Sigma b}`.

    Where trials were not recorded, each half averages those that were. A stimulus that a halving
    leaves without a trial in one half does not count in that halving, and the halvings of a neuron
    weigh by how many stimuli count.

    Parameters
    ----------
    responses
        NaN where nothing was recorded, e.g. where some stimuli had fewer repeats than others.
    halvings
        How many, of more than two repeats.

    Returns
    -------
    reliability
        NaN for a neuron that never had two stimuli with trials in both halves, or whose response
        does not vary. Computed in float64, returned in the precision of `responses`.

    Raises
    ------
    ValueError
        If there are fewer than two repeats or stimuli, or a response is infinite.

    Examples
    --------
    >>> signal = torch.randn(1000, 5, generator=torch.Generator().manual_seed(0))
    >>> noise = torch.randn(2, 1000, 5, generator=torch.Generator().manual_seed(1))
    >>> found = split_half_reliability(signal + noise)  # half the variance is noise
    >>> bool(((found.half - 0.5).abs() < 0.1).all())
    True
    """
    check_trials(responses)
    check_whole("halvings", halvings)
    first = _halves(len(responses), halvings).to(responses.device)
    trials = responses.detach().double()
    half = _with_gaps(trials, first) if trials.isnan().any() else _from_covariance(trials, first)
    return Reliability(half.to(responses.dtype), spearman_brown(half).to(responses.dtype))


def spearman_brown(
    reliability: Float[Tensor, "*axes"], *, times: float = 2.0
) -> Float[Tensor, "*axes"]:
    """Reliability r of an average over `times` as many repeats: ``times r / (1 + (times - 1) r)``.

    Raises
    ------
    ValueError
        If `times` is not positive.
    """
    if not 0 < times < float("inf"):
        raise ValueError(f"times={times}: give how many times as many repeats, e.g. 2.0")
    return times * reliability / (1 + (times - 1) * reliability)


def noise_ceiling(reliability: Float[Tensor, " neurons"]) -> Float[Tensor, " neurons"]:
    """Correlation with the averaged response that a perfect model would reach.

    It is the square root of the averaged response's reliability (`Reliability.corrected`), and 0
    where that is negative.

    Raises
    ------
    ValueError
        If `reliability` is not one axis of floating point.
    """
    check_floats("reliability", reliability, "neurons")
    return reliability.clamp_min(0).sqrt()


def noise_corrected_correlation(
    prediction: Float[Tensor, "stimuli neurons"],
    response: Float[Tensor, "stimuli neurons"],
    reliability: Float[Tensor, " neurons"],
    *,
    minimum: float = 0.0,
) -> Corrected:
    """Correlate predictions with averaged responses, as a share of the noise ceiling.

    Parameters
    ----------
    prediction, response
        Of the same stimuli.
    reliability, minimum
        As in `noise_corrected`.

    Returns
    -------
    corrected
        See `noise_corrected`.

    Raises
    ------
    ValueError
        As `correlation` and `noise_corrected`.
    """
    return noise_corrected(correlation(prediction, response), reliability, minimum=minimum)


def noise_corrected(
    correlations: Float[Tensor, "*axes neurons"],
    reliability: Float[Tensor, " neurons"],
    *,
    minimum: float = 0.0,
) -> Corrected:
    """Divide correlations by the noise ceiling, and leave out neurons that have none.

    Left out is a neuron whose reliability is at most `minimum` or unknown, and one of which a
    correlation is NaN, because its response did not vary. Corrected values may exceed 1: the
    ceiling is an estimate.

    Parameters
    ----------
    correlations
        Of the predictions with the averaged responses; any axes, e.g. splits, before neurons.
    reliability
        `Reliability.corrected`, over all stimuli (Kong et al. 2021).
    minimum
        From 0 on, below 1. Near zero the division makes much of little.

    Returns
    -------
    corrected
        See `Corrected`.

    Raises
    ------
    ValueError
        If shapes do not agree or `minimum` is out of range.

    Examples
    --------
    >>> noise_corrected(torch.tensor([0.4, 0.3, 0.1]), torch.tensor([0.64, 0.25, -0.1]))
    Corrected(correlation=tensor([0.5000, 0.6000,    nan]), kept=tensor([ True,  True, False]))
    """
    check_floats("reliability", reliability, "neurons")
    check_floats("correlations", correlations, "... × neurons")
    if correlations.shape[-1] != len(reliability):
        raise ValueError(
            f"correlations has {correlations.shape[-1]} neurons, reliability {len(reliability)}"
        )
    if not 0 <= minimum < 1:
        raise ValueError(f"minimum={minimum!r}: a reliability to exceed, from 0 on and below 1")
    known = ~correlations.isnan().reshape(-1, len(reliability)).any(0)
    kept = known & (reliability > minimum) & reliability.isfinite()
    ceiling = reliability.where(kept, 1.0).sqrt()
    return Corrected((correlations / ceiling).masked_fill(~kept, torch.nan), kept)


def check_trials(responses: Tensor) -> None:
    """Refuse what is not at least two repeats of at least two stimuli.

    Raises
    ------
    ValueError
        If it is not, or a response is infinite.
    """
    check_floats("responses", responses, "repeats × stimuli × neurons")
    if len(responses) < 2 or responses.shape[1] < 2:
        raise ValueError(
            f"responses has shape {tuple(responses.shape)}; need repeats × stimuli × neurons, with "
            "at least 2 repeats and 2 stimuli"
        )
    check_finite("responses, NaN aside,", responses.masked_fill(responses.isnan(), 0.0))


def _halves(repeats: int, halvings: int) -> Tensor:
    """Which repeats make the first half: halvings × repeats."""
    import numpy as np

    size = repeats // 2
    first = torch.zeros(halvings if repeats > 2 else 1, repeats, dtype=torch.bool)
    for seed, row in enumerate(first):
        # With two repeats there is one halving, and either order gives its correlation.
        row[torch.from_numpy(np.random.RandomState(seed).permutation(repeats)[:size])] = True
    return first


def _from_covariance(trials: Tensor, first: Tensor) -> Tensor:
    means = trials.mean(1, keepdim=True)
    left = trials - means
    noise = 8 * torch.finfo(left.dtype).eps * trials.abs().amax(1, keepdim=True)
    left = left.masked_fill(left.abs().amax(1, keepdim=True) <= noise, 0.0)
    covariance = torch.einsum("tsn,usn->ntu", left, left)
    a = first / first.sum(1, keepdim=True).to(trials)
    b = ~first / (~first).sum(1, keepdim=True).to(trials)
    ab, aa, bb = (
        torch.einsum("ht,ntu,hu->hn", one, covariance, other)
        for one, other in ((a, b), (a, a), (b, b))
    )
    return (ab / (aa * bb).sqrt()).clamp(-1, 1).mean(0)


def _with_gaps(trials: Tensor, first: Tensor) -> Tensor:
    total, weight = torch.zeros_like(trials[0, 0]), torch.zeros_like(trials[0, 0])
    for half in first:
        one, other = trials[half].nanmean(0), trials[~half].nanmean(0)
        both = ~(one.isnan() | other.isnan())
        count = both.sum(0)
        one, other = (_deviations(values, both, count) for values in (one, other))
        found = (one * other).sum(0) / (one.square().sum(0) * other.square().sum(0)).sqrt()
        usable = (count >= 2) & ~found.isnan()
        total += torch.where(usable, count * found.clamp(-1, 1), 0.0)
        weight += torch.where(usable, count, 0)
    return total / weight  # 0 / 0 is NaN: never two stimuli with both halves


def _deviations(values: Tensor, there: Tensor, count: Tensor) -> Tensor:
    """Less the mean over the stimuli that are there; zero where they are not or do not vary."""
    values = values.where(there, 0.0)
    left = (values - values.sum(0) / count.clamp_min(1)).where(there, 0.0)
    noise = 8 * torch.finfo(left.dtype).eps * values.abs().amax(0)
    return left.masked_fill(left.abs().amax(0) <= noise, 0.0)
