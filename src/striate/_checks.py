"""What every package asks of numbers, asked in one way."""

import math
from numbers import Integral, Real


def check_whole(name: str, value: object, *, least: int = 1, otherwise: str = "") -> None:
    """Refuse what is not a whole number from `least` on; `otherwise` says what else would do.

    Raises
    ------
    ValueError
        If `value` is none. True and False are none.
    """
    if not isinstance(value, Integral) or isinstance(value, bool) or int(value) < least:
        raise ValueError(f"{name}={value!r}: give a whole number from {least} on{otherwise}")


def check_positive(name: str, value: object, unit: str = "") -> None:
    """Refuse what is not a positive, finite number, of some `unit`.

    Raises
    ------
    ValueError
        If `value` is none.
    """
    if not isinstance(value, Real) or isinstance(value, bool) or not 0 < float(value) < math.inf:
        raise ValueError(f"{name}={value!r}: give a positive, finite number{unit and ' of '}{unit}")
