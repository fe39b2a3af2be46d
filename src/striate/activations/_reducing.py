"""What to keep of a layer's output where all of it would be too much."""

from collections.abc import Callable
from math import isqrt

from jaxtyping import Float
from torch import Tensor

Reduce = Callable[[Tensor], Tensor]


def centre(output: Float[Tensor, "images *axes"]) -> Float[Tensor, "images channels"]:
    """Keep the unit of each channel whose receptive field is in the middle of the image.

    Parameters
    ----------
    output
        Maps (images, channels, height, width): the unit at ``[height // 2, width // 2]`` (Kong et
        al. 2021). Tokens (images, tokens, channels): the token of the patch at that place, the
        patches being a square in the order of rows, which may come after one token of the class.
        That token itself, like `position_mean`, sees the whole image. Units of dense layers
        (images, channels) are kept as they are.

    Raises
    ------
    ValueError
        If there are more axes, or fewer, or the tokens are no square.
    """
    _check_axes(output)
    if output.ndim == 4:
        return output[:, :, output.shape[2] // 2, output.shape[3] // 2]
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


def position_mean(output: Float[Tensor, "images *axes"]) -> Float[Tensor, "images channels"]:
    """Average each channel over its positions, or tokens.

    Parameters
    ----------
    output
        As in `centre`; a token of the class is averaged with the others.

    Raises
    ------
    ValueError
        If there are more axes, or fewer.
    """
    _check_axes(output)
    if output.ndim == 4:
        return output.mean((2, 3))
    return output.mean(1) if output.ndim == 3 else output


def _check_axes(output: Tensor) -> None:
    if not 2 <= output.ndim <= 4:
        raise ValueError(
            f"puts out shape {tuple(output.shape)}, which is no map (images, channels, height, "
            "width), no tokens (images, tokens, channels) and no dense layer; choose another layer"
        )
