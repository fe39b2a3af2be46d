"""What several functions ask of their arguments, asked in one way."""

from numbers import Integral, Real

import torch
from torch import Tensor


def check_floats(name: str, value: object, axes: str) -> None:
    """Refuse what is not a tensor of floating point with `axes`, e.g. ``"stimuli × units"``.

    Raises
    ------
    ValueError
        If `value` is none.
    """
    count = axes.count("×") + 1
    needed = axes if count > 1 else f"one axis, {axes}"
    if not isinstance(value, Tensor):
        raise ValueError(f"{name} is a {type(value).__name__}; give a torch.Tensor: {needed}")
    if value.ndim != count:
        raise ValueError(f"{name} has shape {tuple(value.shape)}; need {needed}")
    if not value.is_floating_point():
        raise ValueError(f"{name} holds {value.dtype}; give floating point, e.g. {name}.double()")


def check_level(level: float) -> None:
    """Refuse a confidence that is none.

    Raises
    ------
    ValueError
        If `level` is not between 0 and 1.
    """
    if not isinstance(level, Real) or not 0 < level < 1:
        raise ValueError(f"level={level!r}: a confidence lies in (0, 1), e.g. 0.95")


def check_groups(groups: int, there: int, *, clusters: bool = False) -> None:
    """Refuse to deal out so many stimuli, or clusters of them, into one group or into empty ones.

    Raises
    ------
    ValueError
        If `groups` is not a whole number from 2 to `there`.
    """
    if not isinstance(groups, Integral) or not 2 <= groups <= there:
        what, each = ("clusters of stimuli", "cluster") if clusters else ("stimuli", "stimulus")
        raise ValueError(f"groups={groups} of {there} {what}: need at least 2, one {each} each")


def generator_of(seed: int) -> torch.Generator:
    """Return a generator that starts at `seed`.

    Raises
    ------
    ValueError
        If `seed` is not a whole number of at most 64 bits.
    """
    whole = isinstance(seed, Integral) and not isinstance(seed, bool)
    if not whole or not -(2**63) <= int(seed) < 2**64:
        raise ValueError(f"seed={seed!r}: give a whole number of at most 64 bits, e.g. 0")
    return torch.Generator().manual_seed(int(seed))
