"""What counts as a unit of a layer, and what as a stimulus."""

from collections.abc import Sequence
from typing import Literal, get_args

from jaxtyping import Float
from torch import Tensor

from striate.layers import channel_axis

Units = Literal["flat", "channels", "features", "centre"]


def arrange(
    activations: Float[Tensor, "batch *axes"], units: Units
) -> Float[Tensor, "stimuli units"]:
    """Lay out the output of a layer as a matrix of responses.

    Parameters
    ----------
    activations
        What the layer put out.
    units
        ``"flat"``: every value is a unit and every image a stimulus (Nassar et al. 2020, also for
        maps). ``"channels"``: axis 1 holds the units, and each position of each image is a
        stimulus: maps (batch, channels, height, width). ``"features"``: the last axis holds them:
        tokens (batch, tokens, features), or maps with channels last. ``"centre"``: the unit in the
        middle of each channel of a map. On a dense layer all four are the same.

    Raises
    ------
    ValueError
        If there is no such arrangement, no axis of units, or the units of ``"channels"`` and
        ``"centre"`` lie on the last axis, as the shape of maps from square images shows.
    """
    check_units(units)
    if activations.ndim < 2:
        raise ValueError(
            f"activations has shape {tuple(activations.shape)}; need batch × units, or more axes"
        )
    if units == "flat" or activations.ndim == 2:
        return activations.flatten(1)
    if units == "features":
        return activations.flatten(0, -2)
    check_axis(activations.shape, units)
    if units == "channels":
        return activations.movedim(1, -1).flatten(0, -2)
    return activations[(..., *(size // 2 for size in activations.shape[2:]))]


def check_axis(shape: Sequence[int], units: Units) -> None:
    """Refuse to take rows of a map for its channels, where the shape shows which they are.

    Raises
    ------
    ValueError
        If `units` are those of axis 1, and the shape is that of maps with channels last.
    """
    if units in ("channels", "centre") and len(shape) == 4 and channel_axis(shape) == 3:
        raise ValueError(
            f"units={units!r}, but activations of shape {tuple(shape)} have channels on their last "
            'axis; give units="features", or activations.movedim(-1, 1) (where images are no '
            'squares and axis 1 does hold them, "features" of activations.movedim(1, -1))'
        )


def check_units(units: str) -> None:
    """Refuse a word that names no arrangement.

    Raises
    ------
    ValueError
        If it does not.
    """
    if units not in get_args(Units):
        raise ValueError(f"units={units!r}; choose one of {', '.join(map(repr, get_args(Units)))}")
