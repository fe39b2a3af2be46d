"""Both ends of intervals, which need not be symmetric, written and drawn."""

import numpy as np
import pandas as pd

from striate.report.words import minus
from striate.results import Score
from striate.results.nouns import uneven


def spread_text(score: Score, digits: int) -> str:
    """Write an error, as ``"± 0.033"``; ``"(0.000 to 0.088)"`` if its sides are not the same."""
    if ends := uneven(score, digits):
        return minus(f"({ends[0]:.{digits}f} to {ends[1]:.{digits}f})")
    return "" if score.error is None else f"± {score.error:.{digits}f}"


def lengths(
    values: np.ndarray, errors: np.ndarray, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Return how far bars reach below and above values: to the ends, where these are known.

    Elsewhere they reach as far as `errors` on both sides; NaN is unknown.
    """
    below, above = values - low, high - values
    both = np.stack([np.where(np.isnan(one), errors, one) for one in (below, above)])
    return np.clip(both, 0, None)  # a resampled end may be the value itself but for rounding


def column(table: pd.DataFrame, name: str) -> np.ndarray:
    """Return a column of numbers; NaN where a table does not have it."""
    there = table[name] if name in table else pd.Series(np.nan, index=table.index)
    return there.to_numpy(float)
