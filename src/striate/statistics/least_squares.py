"""The line through a scatter of networks."""

from typing import NamedTuple

import numpy as np
from scipy import stats

from striate.statistics.checks import Numbers, check_varies, columns, exponent, near_one

FEWEST = 2


class Line(NamedTuple):
    """``intercept + slope * x``."""

    intercept: float
    slope: float

    def at(self, x: float) -> float:
        """Return the height of the line at `x`."""
        return self.intercept + self.slope * x


def line(x: Numbers, y: Numbers) -> Line:
    """Fit a line by ordinary least squares, errors in `y` only.

    Parameters
    ----------
    x, y
        One number per network, at least two.

    Raises
    ------
    ValueError
        If the numbers do not pair up, are fewer than two or not finite, or `x` does not vary.

    Examples
    --------
    >>> line([0, 1, 2], [1.0, 3.0, 5.0])
    Line(intercept=1.0, slope=2.0)
    """
    a, b = columns(FEWEST, "a line", x=x, y=y)
    check_varies(x=a)
    slope, intercept, *_ = np.asarray(stats.linregress(near_one(a), near_one(b)))
    up = exponent(b)
    return Line(float(np.ldexp(intercept, up)), float(np.ldexp(slope, up - exponent(a))))
