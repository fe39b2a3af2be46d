"""Settings that change while a network trains."""

from collections.abc import Callable
from functools import partial

# training step, counted from 0 -> value
Schedule = Callable[[int], float]


def ramp(start: float, end: float, *, steps: int, after: int = 0) -> Schedule:
    """Go from `start` to `end` in a straight line over `steps` steps, once `after` have passed.

    Raises
    ------
    ValueError
        If `steps` is not at least 1 or `after` is negative.

    Examples
    --------
    >>> [ramp(1.0, 3.0, steps=4, after=1)(step) for step in range(7)]
    [1.0, 1.0, 1.5, 2.0, 2.5, 3.0, 3.0]
    """
    if steps < 1 or after < 0:
        raise ValueError(f"steps={steps}, after={after}: a ramp takes at least one step, from 0 on")

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


def _ramp(start: float, end: float, steps: int, after: int, step: int) -> float:
    return start + (end - start) * min(max(step - after, 0) / steps, 1.0)
