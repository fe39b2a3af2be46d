"""How well a neuron's response repeats, and so how well any model could predict it."""

from numbers import Real
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from striate._checks import check_whole
from striate.predictivity.checks import check_finite, check_floats, check_share
from striate.predictivity.correlation import correlation


class Reliability(NamedTuple):
    """Of each neuron, over all stimuli; NaN where it cannot be told.

    Attributes
    ----------
    half
        Correlation between the averages of two halves of the repeats.
    corrected
        Reliability of the average over all repeats, the square of the correlation that a perfect
        model would have with it. Not limited to [-1, 1]: an estimate, which halves that differ by
        chance can take far below 0.
    uneven
        Whether `corrected` is the covariance of halves rather than Spearman and Brown's: see
        `split_half_reliability`.
    """

    half: Float[Tensor, " neurons"]
    corrected: Float[Tensor, " neurons"]
    uneven: Bool[Tensor, " neurons"]


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

    The reliability of the average over all repeats is Spearman and Brown's :math:`2r / (1 + r)`.
    Halves of an odd number of repeats are not equal, and it is then somewhat too low: 0.410 where
    0.429 is true, of three repeats whose noise has four times the signal's variance. Kong et al.
    2021 do likewise. Where stimuli had unequally many trials and some halving leaves one out, the
    stimuli of the halves are not those of the mean response, to which one with a single trial
    brings all the noise of that trial. There it is the covariance of the two halves, pooled over
    halvings, over the variance of the mean response: what repeats, as a share of what is to be
    predicted. Trials are taken to be missing whatever the response to them would have been.

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
    if trials.isnan().any():
        half, repeated = _with_gaps(trials, first)
        uneven = _left_out(trials, first)
        corrected = torch.where(uneven, repeated / _variance(trials), spearman_brown(half))
    else:
        half = _from_covariance(trials, first)
        uneven, corrected = torch.zeros_like(half, dtype=torch.bool), spearman_brown(half)
    corrected = corrected.masked_fill(half.isnan(), torch.nan)
    return Reliability(half.to(responses.dtype), corrected.to(responses.dtype), uneven)


def uneven_repeats(
    responses: Float[Tensor, "repeats stimuli neurons"], *, halvings: int = 100
) -> Bool[Tensor, " neurons"]:
    """Tell neurons whose stimuli had unequally many trials, with one left out of some halving.

    Parameters
    ----------
    responses, halvings
        As in `split_half_reliability`.

    Returns
    -------
    uneven
        As `Reliability.uneven`, for less work.

    Raises
    ------
    ValueError
        As `split_half_reliability`.
    """
    check_trials(responses)
    check_whole("halvings", halvings)
    return _left_out(responses, _halves(len(responses), halvings).to(responses.device))


def spearman_brown(
    reliability: Float[Tensor, "*axes"], *, times: float = 2.0
) -> Float[Tensor, "*axes"]:
    """Reliability r of an average over `times` as many repeats: ``times r / (1 + (times - 1) r)``.

    It is from -1 to 1 for twice as many repeats where r is above -1/3, and beyond for r below.

    Raises
    ------
    ValueError
        If `times` is not positive.
    """
    if not isinstance(times, Real) or not 0 < times < float("inf"):
        raise ValueError(f"times={times!r}: give how many times as many repeats, e.g. 2.0")
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
    check_share("minimum", minimum, "a reliability to exceed")
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
    # 0 / 0 is a halving with a half that does not vary, from which nothing is learnt.
    return (ab / (aa * bb).sqrt()).clamp(-1, 1).nanmean(0)


def _with_gaps(trials: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
    """Correlation of the halves, and their covariance, of what stimuli count in each halving."""
    total, weight, shared, degrees = (torch.zeros_like(trials[0, 0]) for _ in range(4))
    for half in first:
        one, other = trials[half].nanmean(0), trials[~half].nanmean(0)
        both = ~(one.isnan() | other.isnan())
        count = both.sum(0)
        one, other = (_deviations(values, both, count) for values in (one, other))
        products = (one * other).sum(0)
        shared += products
        degrees += (count - 1).clamp_min(0)
        found = products / (one.square().sum(0) * other.square().sum(0)).sqrt()
        usable = (count >= 2) & ~found.isnan()
        total += torch.where(usable, count * found.clamp(-1, 1), 0.0)
        weight += torch.where(usable, count, 0)
    return total / weight, shared / degrees  # 0 / 0 is NaN: never two stimuli with both halves


def _left_out(trials: Tensor, first: Tensor) -> Tensor:
    """Tell neurons whose stimuli had unequally many trials, with one left out of some halving."""
    there = ~trials.isnan()
    counts = there.sum(0)
    least = counts.masked_fill(counts == 0, len(trials)).amin(0)
    # With more trials than a half holds, a stimulus has some in the other.
    few = (least < counts.amax(0)) & (least <= len(trials) - len(trials) // 2)
    found = torch.zeros_like(few)
    there, seen = there[:, :, few], (counts > 0)[:, few]
    for half in first.unique(dim=0):
        both = there[half].any(0) & there[~half].any(0)
        found[few] |= (seen & ~both).any(0)
    return found


def _variance(trials: Tensor) -> Tensor:
    """Variance, over the stimuli that were recorded, of the mean over their trials."""
    mean = trials.nanmean(0)
    there = ~mean.isnan()
    count = there.sum(0)
    return _deviations(mean, there, count).square().sum(0) / (count - 1)


def _deviations(values: Tensor, there: Tensor, count: Tensor) -> Tensor:
    """Less the mean over the stimuli that are there; zero where they are not or do not vary."""
    values = values.where(there, 0.0)
    left = (values - values.sum(0) / count.clamp_min(1)).where(there, 0.0)
    noise = 8 * torch.finfo(left.dtype).eps * values.abs().amax(0)
    return left.masked_fill(left.abs().amax(0) <= noise, 0.0)
