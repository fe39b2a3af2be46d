"""What to keep of a layer's output where all of it would be too much."""

from collections.abc import Callable
from math import isqrt
from typing import Literal, get_args

from jaxtyping import Float
from torch import Tensor

from striate.layers import channel_axis

Reduce = Callable[[Tensor], Tensor]
Channels = Literal["first", "last"]


def centre(
    output: Float[Tensor, "images *axes"], *, channels: Channels | None = None
) -> Float[Tensor, "images channels"]:
    """Keep the unit of each channel whose receptive field is in the middle of the image.

    Parameters
    ----------
    output
        Maps (images, channels, height, width) or (images, height, width, channels): the unit at
        ``[height // 2, width // 2]`` (Kong et al. 2021). Tokens (images, tokens, channels): the
        token of the patch at that place, the patches being a square in the order of rows, which may
        come after one token of the class. That token itself, like `position_mean`, sees the whole
        image. Units of dense layers (images, channels) are kept as they are.
    channels
        Which axis after that of the images they are on. If None, the last of tokens; of maps the
        first, as usual in torch, if the two others are equal, as for a square image they are, or
        else the last, if that leaves two that are equal. For images that are no squares, say it:
        ``partial(centre, channels="first")``.

    Raises
    ------
    ValueError
        If there are more axes, or fewer, the tokens are no square, or nothing tells which axis
        holds the channels.
    """
    output = _channels_last(output, channels)
    if output.ndim == 4:
        return output[:, output.shape[1] // 2, output.shape[2] // 2]
    if output.ndim == 3:
        tokens = output.shape[1]
        side = isqrt(tokens)
        before = tokens - side**2
        if before > 1:
            raise ValueError(
                f"puts out {tokens} tokens, neither a square of patches nor that and one token of "
                "the class; choose another layer"
            )
        return output[:, before + (side // 2) * side + side // 2]
    return output


def position_mean(
    output: Float[Tensor, "images *axes"], *, channels: Channels | None = None
) -> Float[Tensor, "images channels"]:
    """Average each channel over its positions, or tokens.

    Parameters
    ----------
    output, channels
        As in `centre`; a token of the class is averaged with the others.

    Raises
    ------
    ValueError
        If there are more axes, or fewer, or nothing tells which one holds the channels.
    """
    output = _channels_last(output, channels)
    return output if output.ndim == 2 else output.flatten(1, -2).mean(1)


def _channels_last(output: Tensor, channels: Channels | None) -> Tensor:
    _check_axes(output, channels)
    if channels is not None:
        return output.movedim(1, -1) if channels == "first" else output
    shape = tuple(output.shape)
    axis = channel_axis(shape)
    if axis is None:
        raise ValueError(
            f"puts out shape {shape}, which does not tell whether channels are on the first axis "
            "after that of the images or on the last; leave the layer out, or in Python say so, as "
            'in partial(centre, channels="first")'
        )
    return output.movedim(axis, -1)


def _check_axes(output: Tensor, channels: object) -> None:
    if channels not in (None, *get_args(Channels)):
        raise ValueError(f"channels={channels!r}: say 'first' or 'last', or None to have it found")
    if not 2 <= output.ndim <= 4:
        raise ValueError(
            f"puts out shape {tuple(output.shape)}, which is no map (images, channels, height, "
            "width), no tokens (images, tokens, channels) and no dense layer; choose another layer"
        )
