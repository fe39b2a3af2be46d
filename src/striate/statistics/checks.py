"""What the functions refuse before they begin."""

from collections.abc import Sequence

import numpy as np

Numbers = Sequence[int | float] | np.ndarray


def columns(fewest: int, what: str, **named: Numbers) -> list[np.ndarray]:
    """Return the columns in float64, if they pair up by network and are enough.

    Raises
    ------
    ValueError
        If one is not one axis of finite numbers, their lengths differ, or `what` needs more.
    """
    made = [column(name, values) for name, values in named.items()]
    lengths = [len(values) for values in made]
    if len(set(lengths)) > 1:
        raise ValueError(
            f"{' and '.join(named)} pair up by network, but have "
            f"{' and '.join(str(length) for length in lengths)} of them"
        )
    if lengths[0] < fewest:
        raise ValueError(
            f"{next(iter(named))} has {lengths[0]} networks; {what} needs at least {fewest}"
        )
    return made


def column(name: str, values: Numbers) -> np.ndarray:
    """Return one number per network in float64.

    Raises
    ------
    ValueError
        If it is not one axis, or not all are finite.
    """
    made = np.asarray(values, dtype=np.float64)
    if made.ndim != 1:
        raise ValueError(f"{name} has shape {made.shape}; give one number per network")
    if not np.isfinite(made).all():
        place = int(np.flatnonzero(~np.isfinite(made))[0])
        raise ValueError(f"{name}[{place}] is {made[place]}; leave out networks without a number")
    return made


def check_varies(**named: np.ndarray) -> None:
    """Refuse columns of one value, with which nothing can vary together.

    Raises
    ------
    ValueError
        If there is one.
    """
    for name, values in named.items():
        if np.ptp(values) == 0:
            raise ValueError(f"{name} is {values[0]:g} for all {len(values)} networks; let it vary")


def check_sampling(seed: int, resamples: int) -> None:
    """Refuse settings of a bootstrap that are none.

    Raises
    ------
    ValueError
        If `seed` is negative, or `resamples` is not positive.
    """
    if seed < 0:
        raise ValueError(f"seed={seed}: give a whole number from 0 on")
    if resamples < 1:
        raise ValueError(f"resamples={resamples}: give a positive whole number, e.g. 9999")
