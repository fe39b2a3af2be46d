"""Settings that change while a network trains."""

import inspect
import math
from collections.abc import Callable
from functools import partial
from numbers import Real

from striate._checks import check_whole

# training step, counted from 0 -> value
Schedule = Callable[[int], float]


def ramp(start: float, end: float, *, steps: int, after: int = 0) -> Schedule:
    """Go from `start` to `end` in a straight line over `steps` steps, once `after` have passed.

    Raises
    ------
    ValueError
        If `start` or `end` is no finite number, `steps` is no whole number from 1 on, or `after`
        none from 0 on.

    Examples
    --------
    >>> [ramp(1.0, 3.0, steps=4, after=1)(step) for step in range(7)]
    [1.0, 1.0, 1.5, 2.0, 2.5, 3.0, 3.0]
    """
    for name, value in (("start", start), ("end", end)):
        if not isinstance(value, Real) or isinstance(value, bool) or not math.isfinite(value):
            raise ValueError(f"{name}={value!r}: give a finite number")
    check_whole("steps", steps)
    check_whole("after", after, least=0)
    return partial(_ramp, start, end, steps, after)  # unlike a closure, it can be pickled


def at(setting: float | Schedule, step: int) -> float:
    """Return what `setting` is at `step`.

    Raises
    ------
    ValueError
        If a schedule gives no number.
    """
    if not callable(setting):
        return setting
    value = setting(step)
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"a schedule gave {value!r} at step {step}; let it give a number"
        ) from error


def check_setting(name: str, setting: float | Schedule) -> None:
    """Refuse a function, given as `name`, that cannot be called with a step alone.

    Raises
    ------
    ValueError
        If `setting` is one.
    """
    if not callable(setting):
        return
    try:
        signature = inspect.signature(setting)
    except ValueError:  # as of some functions written in C: what they take is not known
        return
    try:
        signature.bind(0)
    except TypeError as error:
        raise ValueError(
            f"{name} is a function that cannot be called with a step ({error}); give a number, or "
            "a function of the training step, counted from 0"
        ) from error


def _ramp(start: float, end: float, steps: int, after: int, step: int) -> float:
    return start + (end - start) * min(max(step - after, 0) / steps, 1.0)
