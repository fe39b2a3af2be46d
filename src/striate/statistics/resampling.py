"""The bootstrap over networks."""

import warnings
from collections.abc import Callable, Sequence

import numpy as np
from scipy import stats


def bootstrap_interval(
    data: Sequence[np.ndarray],
    statistic: Callable[..., np.ndarray],
    *,
    seed: int,
    resamples: int,
) -> tuple[float, float]:
    """Return the bias-corrected and accelerated 95 % interval of a statistic.

    Parameters
    ----------
    data
        Columns, one number per network; resampled by network.
    statistic
        Of the columns, along ``axis``; NaN where a resample has none.
    seed, resamples
        Of the bootstrap.

    Returns
    -------
    low, high
        Both NaN where the bootstrap has no answer: a resample without the statistic, such as one
        in which a column does not vary, which few networks or many equal numbers make likely.
    """
    # Such resamples are the news that the interval is NaN, not a warning.
    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        warnings.simplefilter("ignore", stats.ConstantInputWarning)
        warnings.simplefilter("ignore", stats.NearConstantInputWarning)
        found = stats.bootstrap(
            data,
            statistic,
            paired=True,
            vectorized=True,
            method="BCa",
            confidence_level=0.95,
            n_resamples=resamples,
            rng=np.random.default_rng(seed),
        )
    low, high = (float(end) for end in found.confidence_interval)
    return low, high
