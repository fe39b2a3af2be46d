"""What a set of networks shows: correlations, pairs, groups and lines, each with its uncertainty.

Plain numbers in, named tuples out; numpy and scipy, no torch.
"""

from striate.statistics.correlations import (
    FEWEST,
    Correlation,
    Interval,
    correlation,
    partial_correlation,
    within_groups,
)
from striate.statistics.differences import Between, Paired, between, paired
from striate.statistics.least_squares import Line, line
from striate.statistics.proportions import EXACT, ONE_SIDED, exact_interval
from striate.statistics.several import holm

__all__ = [
    "EXACT",
    "FEWEST",
    "ONE_SIDED",
    "Between",
    "Correlation",
    "Interval",
    "Line",
    "Paired",
    "between",
    "correlation",
    "exact_interval",
    "holm",
    "line",
    "paired",
    "partial_correlation",
    "within_groups",
]
