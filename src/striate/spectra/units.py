"""What counts as a unit of a layer, and what as a stimulus."""

from typing import Literal, get_args

from jaxtyping import Float
from torch import Tensor

Units = Literal["flat", "channels", "centre"]


def arrange(
    activations: Float[Tensor, "batch *axes"], units: Units
) -> Float[Tensor, "stimuli units"]:
    """Lay out the output of a layer as a matrix of responses.

    Parameters
    ----------
    activations
        Of a dense layer (batch, units), a map (batch, channels, height, width), or tokens (batch,
        tokens, features).
    units
        ``"flat"``: every value is a unit, one stimulus an image (Nassar et al. 2020 on maps).
        ``"channels"``: a channel is a unit, and each position of each image a stimulus.
        ``"centre"``: the unit in the middle of each channel of a map. On a dense layer all three
        are the same.

    Raises
    ------
    ValueError
        If there is no such arrangement of what the layer put out.
    """
    check_units(units)
    if units == "flat" or activations.ndim == 2:
        return activations.flatten(1)
    if units == "channels" and activations.ndim == 4:
        return activations.movedim(1, -1).flatten(0, -2)
    if units == "channels" and activations.ndim == 3:
        return activations.flatten(0, 1)
    if units == "centre" and activations.ndim == 4:
        return activations[:, :, activations.shape[2] // 2, activations.shape[3] // 2]
    raise ValueError(
        f"units={units!r} of a layer whose output is {tuple(activations.shape)}: channels need a "
        "map (batch, channels, height, width) or tokens (batch, tokens, features), a centre a map; "
        "choose units='flat'"
    )


def check_units(units: Units) -> None:
    """Refuse a word that names no arrangement."""
    if units not in get_args(Units):
        raise ValueError(f"units={units!r}; choose one of {', '.join(map(repr, get_args(Units)))}")
