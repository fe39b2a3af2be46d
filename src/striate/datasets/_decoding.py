"""One photograph: from its file to a square of pixels, exactly as torchvision does it."""

from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

# Pillow's, which average when they shrink; both are in use for the weights of torchvision and timm.
Interpolation = Literal["bilinear", "bicubic"]

# More than 8 bits per channel would be cut off at 255.
MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"}

_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


class _Unreadable(Exception):
    """A file is not an image of 8 bits per channel."""


def check_mode(image: Image.Image) -> None:
    """Refuse an image of more than 8 bits per channel."""
    if image.mode not in MODES:
        raise _Unreadable(f"its mode is {image.mode}, not 8 bits per channel")


def colours(path: Path) -> Image.Image:
    """Return the image in a file, in red, green and blue."""
    with Image.open(path) as image:
        check_mode(image)
        # Pillow warns about palettes with transparency unless they become RGBA first.
        opaque = "transparency" not in image.info
        return image.convert("RGB") if opaque else image.convert("RGBA").convert("RGB")


def check_interpolation(interpolation: object) -> None:
    """Refuse what is no way to resize."""
    if interpolation not in get_args(Interpolation):
        known = " or ".join(map(repr, get_args(Interpolation)))
        raise ValueError(f"interpolation={interpolation!r}; choose {known}")


def prepared(
    image: Image.Image, resize: int | None, crop: int, interpolation: Interpolation
) -> Image.Image:
    """Return the centre of an image whose short side has been resized."""
    if resize is not None:
        image = image.resize(_resized(image.size, resize), _FILTERS[interpolation])
    left, top = (_offset(side, crop) for side in image.size)
    return image.crop((left, top, left + crop, top + crop))


def cut(
    image: Image.Image,
    window: tuple[int, int, int, int],
    side: int,
    interpolation: Interpolation,
) -> Image.Image:
    """Return the part of an image at (top, left, height, width), resized to a square."""
    top, left, height, width = window
    # Cut first: resized from within the whole, pixels outside the window would leak in.
    part = image.crop((left, top, left + width, top + height))
    return part.resize((side, side), _FILTERS[interpolation])


def pixels(image: Image.Image) -> Float[Tensor, "3 height width"]:
    """Return pixels in [0, 1]."""
    square = torch.from_numpy(np.array(image))
    return square.permute(2, 0, 1).contiguous().to(torch.float32).div_(255)


def _resized(size: tuple[int, int], short: int) -> tuple[int, int]:
    """Return width and height with this short side; the long one is rounded down."""
    width, height = size
    if width <= height:
        return short, int(short * height / width)
    return int(short * width / height), short


def _offset(side: int, crop: int) -> int:
    """Return where the centre begins: to the nearest even pixel if in doubt, negative if outside.

    Python's `round` is meant, which torchvision uses for cutting; what it adds to a smaller image
    is rounded down.
    """
    return round((side - crop) / 2) if side >= crop else -((crop - side) // 2)
