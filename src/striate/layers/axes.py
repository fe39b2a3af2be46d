"""Where the channels are among the axes of what a layer puts out."""

from collections.abc import Sequence


def channel_axis(shape: Sequence[int]) -> int | None:
    """Tell by its shape which axis of an output counts the channels.

    Parameters
    ----------
    shape
        Units (images, channels); tokens (images, tokens, channels); or maps, (images, channels,
        height, width) as usual in torch, or with channels last, as in swin transformers: what tells
        is that positions are as many down as across, as for a square image they are.

    Returns
    -------
    axis
        From 1 on; None where the shape does not tell. Three axes are always taken for tokens: of
        (images, channels, tokens), as ``nn.Flatten(2)`` makes of maps, the answer is wrong, and so
        it is of maps higher than wide, or wider than high, that have as many channels as rows.
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
