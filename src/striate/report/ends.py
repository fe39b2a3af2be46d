"""Both ends of a score's interval, where the result has them: it need not be symmetric."""

from math import isfinite

import numpy as np
import pandas as pd

from striate.report.words import minus
from striate.results import Score

Ends = tuple[float, float]


def ends_of(score: Score) -> Ends | None:
    """Return the ends that stand in a score's settings; None where there is half a width at most.

    Results of before had only that, as `error`.
    """
    low, high = (score.settings.get(name) for name in ("low", "high"))
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        return None
    if isfinite(low) and isfinite(high):
        return float(low), float(high)
    return None


def spread_text(score: Score, digits: int) -> str:
    """Write an error, as ``"± 0.033"``; ``"(0.000 to 0.088)"`` if its sides are not the same."""
    ends = ends_of(score)
    if ends is not None:
        below, above = (f"{abs(score.value - end):.{digits}f}" for end in ends)
        if below != above:
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
