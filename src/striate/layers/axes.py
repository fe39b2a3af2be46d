"""Where the channels are among the axes of what a layer puts out."""

from collections.abc import Sequence


def channel_axis(shape: Sequence[int]) -> int | None:
    """Tell which axis of an output counts the channels, or None where its shape does not.

    Parameters
    ----------
    shape
        Units (images, channels); tokens (images, tokens, channels); or maps, (images, channels,
        height, width) as usual in torch, or with channels last, as in swin transformers: what tells
        is that positions are as many down as across, as for a square image they are.
    """
    if len(shape) in (2, 3):
        return len(shape) - 1
    if len(shape) == 4:
        _, one, two, three = shape
        if two == three:
            return 1
        if one == two:
            return 3
    return None
