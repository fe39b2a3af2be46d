"""Pearson's correlation of two numbers over networks, with what its sample can show."""

from collections.abc import Sequence

import numpy as np

from striate import statistics
from striate.report.words import minus
from striate.statistics import FEWEST, Correlation


def correlation(x: Sequence[float], y: Sequence[float]) -> Correlation | None:
    """Return r; None for fewer than four networks, or where one of the numbers does not vary."""
    if len(x) < FEWEST or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    # Some of these sets have four networks, for which a bootstrap over networks has no interval.
    return statistics.correlation(x, y, interval="fisher")


def correlation_text(x: Sequence[float], y: Sequence[float], kinds: Sequence[str]) -> str:
    """Say what r is, in which interval, of how many networks, and what that shows."""
    found = correlation(x, y)
    if found is None:
        return (
            f"n = {len(x)}, too few for a correlation"
            if len(x) < FEWEST
            else f"n = {len(x)}, and one of the two is the same in all"
        )
    text = (
        f"r = {found.r:.2f} (95 % interval {found.low:.2f} to {found.high:.2f}), "
        f"n = {found.n} networks"
    )
    ways = len(set(kinds))
    text += f" of {ways} kinds" if ways < found.n else ""
    text += "; the interval holds 0" if found.low <= 0 <= found.high else ""
    return minus(text)
