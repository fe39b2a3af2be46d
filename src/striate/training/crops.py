"""Where a random resized crop lies: torchvision's law, from numbers drawn beforehand."""

from collections.abc import Sequence
from math import exp, log, sqrt
from typing import NamedTuple

from jaxtyping import Float64
from torch import Tensor

TRIES = 10
DRAWS = 4 * TRIES  # for each try: the area, the ratio of the sides, and two for the place


class Window(NamedTuple):
    """A rectangle of pixels."""

    top: int
    left: int
    height: int
    width: int


def check_window(scale: tuple[float, float], ratio: tuple[float, float]) -> None:
    """Refuse parts of an image and ratios of sides that are none."""
    if not 0 < scale[0] <= scale[1] <= 1:
        raise ValueError(f"scale={scale}: give the least and the largest part of an image, up to 1")
    if not 0 < ratio[0] <= ratio[1] < float("inf"):
        raise ValueError(f"ratio={ratio}: give the least and the largest width over height")


def random_window(
    height: int,
    width: int,
    draws: Float64[Tensor, " draws"] | Sequence[float],
    *,
    scale: tuple[float, float] = (0.08, 1.0),
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
) -> Window:
    """Choose what is cut out of an image of `height` × `width`, as ``RandomResizedCrop`` does.

    Its area is uniform within `scale` of the image's; the logarithm of width over height is uniform
    within `ratio`; the place is uniform. What does not fit is drawn again, ten times in all; then
    the largest centred rectangle within `ratio` is taken (Szegedy et al. 2015, as torchvision has
    it).

    Parameters
    ----------
    height, width
        Of the image, in pixels.
    draws
        40 numbers, uniform in [0, 1). A fixed number of them for each image, so that no image's
        crop depends on how many tries another one took.
    scale
        Part of the image's area.
    ratio
        Width over height.
    """
    numbers = draws.tolist() if isinstance(draws, Tensor) else draws
    low, high = log(ratio[0]), log(ratio[1])
    for start in range(0, DRAWS, 4):
        size, shape, down, across = numbers[start : start + 4]
        area = height * width * (scale[0] + (scale[1] - scale[0]) * size)
        aspect = exp(low + (high - low) * shape)
        wide, tall = round(sqrt(area * aspect)), round(sqrt(area / aspect))
        if 0 < wide <= width and 0 < tall <= height:
            top, left = int(down * (height - tall + 1)), int(across * (width - wide + 1))
            return Window(top, left, tall, wide)
    return _centred(height, width, ratio)


def _centred(height: int, width: int, ratio: tuple[float, float]) -> Window:
    wide, tall = width, height
    if width / height < ratio[0]:
        tall = round(width / ratio[0])
    elif width / height > ratio[1]:
        wide = round(height * ratio[1])
    return Window((height - tall) // 2, (width - wide) // 2, tall, wide)
