"""What the functions refuse before they begin."""

from collections.abc import Sequence

import numpy as np

from striate._checks import check_whole

Numbers = Sequence[int | float] | np.ndarray
# Of the mean: what varies by less (as a vector over networks) may vary by rounding only. scipy's.
ROUNDING = float(np.finfo(np.float64).eps ** 0.75)


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


def column(name: str, values: Numbers, *, of: str = "network") -> np.ndarray:
    """Return one number per network, or whatever they are of, in float64.

    Raises
    ------
    ValueError
        If it is not one axis, or not all are real and finite.
    """
    made = numbers(name, values)
    if made.ndim != 1:
        raise ValueError(f"{name} has shape {made.shape}; give one number per {of}")
    if not np.isfinite(made).all():
        place = int(np.flatnonzero(~np.isfinite(made))[0])
        raise ValueError(f"{name}[{place}] is {made[place]}; leave out {of}s without a number")
    return made


def numbers(name: str, values: Numbers) -> np.ndarray:
    """Return real numbers in float64, whatever their axes.

    Raises
    ------
    ValueError
        If they are none.
    """
    try:
        made = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} has rows of different lengths; give as many each") from error
    if made.dtype.kind not in "biuf":
        raise ValueError(f"{name} holds {made.dtype}; give real numbers")
    return made.astype(np.float64)


def exponent(*several: np.ndarray) -> int:
    """Return the power of two that is just above all numbers."""
    return int(np.frexp(max(np.abs(values).max() for values in several))[1])


def near_one(values: np.ndarray) -> np.ndarray:
    """Divide numbers by a power of two, lest their squares overflow or vanish; rounds nothing."""
    return np.ldexp(values, -exponent(values))


def varies(values: np.ndarray) -> bool:
    """Say whether numbers differ by more than rounding."""
    values = near_one(values)
    mean = values.mean()
    return bool(np.linalg.norm(values - mean) > ROUNDING * abs(mean))


def check_varies(**named: np.ndarray) -> None:
    """Refuse columns of one value, up to rounding, with which nothing can vary together.

    Raises
    ------
    ValueError
        If there is one.
    """
    for name, values in named.items():
        if not varies(values):
            raise ValueError(f"{name} is {values[0]:g} for all {len(values)} networks; let it vary")


def check_sampling(seed: int, resamples: int) -> None:
    """Refuse settings of a bootstrap that are none.

    Raises
    ------
    ValueError
        If they are not whole numbers, `seed` from 0 on and `resamples` from 2 on.
    """
    check_whole("seed", seed, least=0)
    check_whole("resamples", resamples, least=2, otherwise=", e.g. 9999")
