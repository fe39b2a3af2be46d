"""How a recording's images are shown to a network: as large, in degrees, as to the animal.

Kong et al. 2021 cut the centre out of an image, resize it to the pixels that so many degrees take
in a network's field, and surround it with black, before the network normalises its input: so the
surround is ``(0 - mean) / std`` there, not 0.
"""

import operator
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from numbers import Integral

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from striate._checks import check_whole

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Presentation:
    """How large images are shown, within how large a field, and what surrounds them.

    Attributes
    ----------
    stimulus_deg
        Width of what is shown of an image, in degrees of visual angle.
    field_deg
        Width of all that the network sees. Kong et al. 2021 say 6.4 of every network; their code
        has 35 pixels per degree, which is 6.4 for 224 pixels and 8.54 for 299.
    crop_px
        Side of the square that is cut out of the centre first, or (top, left, height, width) of
        what is cut out; None for all of the image.
    surround
        Its grey level in [0, 1]. The paper's is black.

    Raises
    ------
    ValueError
        If the stimulus is wider than the field, or a number is out of range.
    """

    stimulus_deg: float
    field_deg: float
    crop_px: int | Box | None = None
    surround: float = 0.0

    def __post_init__(self) -> None:
        for name in ("stimulus_deg", "field_deg"):
            value = getattr(self, name)
            if not (isinstance(value, int | float) and isfinite(value) and value > 0):
                raise ValueError(f"{name}={value!r}: give degrees of visual angle, above 0")
        if self.stimulus_deg > self.field_deg:
            raise ValueError(
                f"stimulus_deg={self.stimulus_deg:g} does not fit into field_deg="
                f"{self.field_deg:g}; give the degrees of what crop_px leaves, or a wider field"
            )
        if not (isinstance(self.surround, int | float) and 0 <= self.surround <= 1):
            raise ValueError(f"surround={self.surround!r}: give a grey level in [0, 1], 0 is black")
        cut = self.crop_px if isinstance(self.crop_px, tuple) else (self.crop_px,)
        least = (0, 0, 1, 1) if len(cut) == 4 else (1,)
        if self.crop_px is not None and not (
            len(cut) == len(least)
            and all(isinstance(n, Integral) and n >= m for n, m in zip(cut, least, strict=True))
        ):
            raise ValueError(
                f"crop_px={self.crop_px!r}: give the side of a square in pixels, or "
                "(top, left, height, width)"
            )

    def width_px(self, size: int) -> int:
        """Width of the stimulus, in pixels, where the field is of `size` pixels."""
        return max(1, round(self.stimulus_deg / self.field_deg * size))


# 80 of 140 pixels over 2 degrees; shown with 40 pixels to a network of 224.
CADENA2019 = Presentation(stimulus_deg=1.14, field_deg=6.4, crop_px=80)
# The part of the screen where the receptive fields lie; 100 pixels of 224, not resized. How many
# degrees that is to a mouse is another matter: here they are of the network's field.
STRINGER2019 = Presentation(stimulus_deg=100 / 35, field_deg=6.4, crop_px=(0, 50, 68, 100))


def present(
    images: Tensor | np.ndarray, presentation: Presentation, *, size: int, channels: int = 3
) -> Float[Tensor, "stimuli channels size size"]:
    """Cut, resize and surround a recording's images for a network.

    As in the code of Kong et al. 2021, images are of 8 bits and resized by Pillow's bilinear
    filter, which averages when it shrinks (D39: Cadena et al. took every second pixel instead).

    Parameters
    ----------
    images
        As recorded: (stimuli, height, width) of 8 bits; or pixels in [0, 1], with an axis for one
        or three channels or without, which are rounded to 8 bits.
    presentation
        Says how.
    size
        Side of the square that the network takes, in pixels. If what is left over is odd, the
        stimulus lies half a pixel towards the upper left.
    channels
        That the network takes; grey is repeated.

    Returns
    -------
    shown
        Pixels in [0, 1], float32. What normalises them is the model's own.

    Raises
    ------
    ValueError
        If images are none, smaller than what is cut out of them, or higher than the field, or
        another argument is none of its kind.
    """
    if not isinstance(presentation, Presentation):
        raise ValueError(
            f"presentation={presentation!r} is a {type(presentation).__name__}; give a "
            "Presentation, such as CADENA2019"
        )
    check_whole("size", size)
    check_whole("channels", channels)
    planes = _cut(_eight_bits(images), presentation.crop_px)
    height, width = planes.shape[-2:]
    wide = presentation.width_px(size)
    high = max(1, round(wide * height / width))
    if high > size:
        raise ValueError(
            f"images of {height}×{width} pixels, {presentation.stimulus_deg:g} degrees wide, are "
            f"higher than field_deg={presentation.field_deg:g}; cut them with crop_px"
        )
    if planes.shape[1] not in (1, channels):
        raise ValueError(f"images has {planes.shape[1]} channels, the network takes {channels}")
    shown = torch.full(
        (len(planes), channels, size, size), float(presentation.surround), dtype=torch.float32
    )
    top, left = (size - high) // 2, (size - wide) // 2
    for canvas, image in zip(shown, planes, strict=True):
        resized = torch.stack(list(_resized(image, (wide, high))))
        canvas[:, top : top + high, left : left + wide] = resized.float() / 255
    return shown


@dataclass(frozen=True, eq=False)
class Presented:
    """A recording's images as `present` shows them, made when they are asked for.

    A sequence: ``shown[2:5]`` are some, ``shown[2]`` is one, and ``for image in shown`` goes
    through them. Thousands of images, three channels of 224 × 224 pixels each, need not be held at
    once; whatever takes images in `striate.activations` takes this.

    Attributes
    ----------
    images, presentation, size, channels
        As in `present`.
    """

    images: Tensor | np.ndarray
    presentation: Presentation
    size: int
    channels: int = 3

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.images)

    def __getitem__(self, some: slice | int) -> Float[Tensor, "*some channels size size"]:
        """Show some of them, or one, counted from 0 or, if negative, from the end.

        Raises
        ------
        IndexError
            If there is no such image.
        ValueError
            As `present`.
        """
        if not isinstance(some, slice):
            place = range(len(self))[operator.index(some)]
            return self[place : place + 1][0]
        return present(self.images[some], self.presentation, size=self.size, channels=self.channels)


def _eight_bits(images: Tensor | np.ndarray) -> np.ndarray:
    """Return images as (stimuli, channels, height, width) of 8 bits."""
    values = images.detach().cpu().numpy() if isinstance(images, Tensor) else np.asarray(images)
    planes = values[:, None] if values.ndim == 3 else values
    if planes.ndim != 4 or planes.shape[1] not in (1, 3) or 0 in planes.shape:
        raise ValueError(
            f"images has shape {values.shape}; it must be (stimuli, height, width), or (stimuli, "
            "channels, height, width) with 1 or 3 channels, none of them empty"
        )
    if planes.dtype == np.uint8:
        return planes
    if planes.dtype.kind != "f" or not (planes.min() >= 0 and planes.max() <= 1):
        raise ValueError(
            f"images is {planes.dtype} from {planes.min()} to {planes.max()}; give 8-bit integers, "
            "or floating-point numbers in [0, 1]"
        )
    return np.rint(planes * 255.0).astype(np.uint8)


def _cut(planes: np.ndarray, crop: int | Box | None) -> np.ndarray:
    height, width = planes.shape[-2:]
    if crop is None:
        return planes
    if isinstance(crop, tuple):
        top, left, high, wide = crop
    else:
        # As torchvision cuts: to the nearest even pixel if in doubt.
        top, left, high, wide = round((height - crop) / 2), round((width - crop) / 2), crop, crop
    if min(top, left) < 0 or top + high > height or left + wide > width:
        raise ValueError(f"crop_px={crop!r} is not within images of {height}×{width} pixels")
    return planes[:, :, top : top + high, left : left + wide]


def _resized(image: np.ndarray, size: tuple[int, int]) -> Iterator[Tensor]:
    for plane in image:
        picture = Image.fromarray(np.ascontiguousarray(plane))
        yield torch.from_numpy(np.array(picture.resize(size, Image.Resampling.BILINEAR)))
