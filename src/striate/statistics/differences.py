"""Do networks differ? Before and after, and one group from another."""

from typing import NamedTuple

import numpy as np
from scipy import stats

from striate.statistics.checks import Numbers, check_sampling, column, columns
from striate.statistics.resampling import bootstrap_interval

FEWEST_PAIRS = 2
FEWEST_OF_A_GROUP = 2


class Paired(NamedTuple):
    """What changes from one network of each pair to the other.

    Attributes
    ----------
    mean
        Of the differences, after less before.
    low, high
        Its 95 % bootstrap interval over pairs; NaN where there is none.
    p
        Two-sided, of Wilcoxon's signed ranks; pairs that do not differ are left out of it. 1 where
        none differs.
    positive
        How many pairs differ upwards.
    n
        Number of pairs.
    """

    mean: float
    low: float
    high: float
    p: float
    positive: int
    n: int


class Between(NamedTuple):
    """How one group of networks differs from another.

    Attributes
    ----------
    difference
        Mean of the first less mean of the second.
    low, high
        Its 95 % bootstrap interval, each group resampled on its own; NaN where there is none.
    p
        Two-sided, of Mann and Whitney's U.
    first, second
        Numbers of networks.
    """

    difference: float
    low: float
    high: float
    p: float
    first: int
    second: int


def paired(before: Numbers, after: Numbers, *, seed: int = 0, resamples: int = 9999) -> Paired:
    """Compare networks pair by pair, such as a robust one with its base.

    Parameters
    ----------
    before, after
        One number per pair, at least two pairs.
    seed, resamples
        Of the bootstrap, which is bias-corrected and accelerated.

    Raises
    ------
    ValueError
        If the numbers do not pair up, are fewer than two or not finite, or the settings are none.

    Examples
    --------
    >>> found = paired([0.58, 0.57, 0.59], [0.60, 0.57, 0.62])
    >>> round(found.mean, 4), found.positive, found.n
    (0.0167, 2, 3)
    """
    first, second = columns(FEWEST_PAIRS, "a comparison in pairs", before=before, after=after)
    check_sampling(seed, resamples)
    change = second - first
    low, high = bootstrap_interval(
        (change,), np.mean, together=False, seed=seed, resamples=resamples
    )
    p = float(np.asarray(stats.wilcoxon(change))[1]) if change.any() else 1.0
    return Paired(float(change.mean()), low, high, p, int((change > 0).sum()), len(change))


def between(one: Numbers, other: Numbers, *, seed: int = 0, resamples: int = 9999) -> Between:
    """Compare two groups of networks.

    Parameters
    ----------
    one, other
        One number per network; at least two networks in each.
    seed, resamples
        Of the bootstrap, which is bias-corrected and accelerated.

    Raises
    ------
    ValueError
        If a group has fewer than two networks or a number that is not finite, or the settings are
        none.
    """
    mine, theirs = column("one", one), column("other", other)
    for name, values in (("one", mine), ("other", theirs)):
        if len(values) < FEWEST_OF_A_GROUP:
            raise ValueError(
                f"{name} has {len(values)} networks; a comparison of groups needs at least "
                f"{FEWEST_OF_A_GROUP}"
            )
    check_sampling(seed, resamples)
    low, high = bootstrap_interval(
        (mine, theirs), _apart, together=False, seed=seed, resamples=resamples
    )
    p = float(np.asarray(stats.mannwhitneyu(mine, theirs))[1])
    return Between(float(_apart(mine, theirs)), low, high, p, len(mine), len(theirs))


def _apart(one: np.ndarray, other: np.ndarray, axis: int = -1) -> np.ndarray:
    return np.asarray(one.mean(axis) - other.mean(axis))
