"""Gabor patches and gratings, drawn in degrees of visual angle."""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from striate._checks import check_positive, check_whole
from striate.tuning.checks import (
    ROUNDING,
    angles,
    check_word,
    frequencies,
)

Wavelengths = Literal["exact", "floor"]
Pixels = Literal["float", "8bit"]
Size = int | tuple[int, int]

# 224 pixels that stand for 6.4 degrees (Kong et al. 2021).
PIXELS_PER_DEGREE = 35.0
# Pixels drawn at a time, in float64: 8 MB for each intermediate.
AT_A_TIME = 2**20


@dataclass(frozen=True)
class Drawing:
    """All that Gabor patches or gratings of one set have in common.

    Attributes
    ----------
    size, canvas
        Height and width in pixels, of what is drawn and of the whole image.
    pixels_per_degree
        Of visual angle.
    sigma_deg
        Standard deviation of the envelope; None for full-field gratings.
    gamma
        Aspect ratio of the envelope.
    wavelengths, pixels
        See `gabor`.
    channels
        Of the images; all the same.
    dtype
        Of the images.
    """

    size: tuple[int, int]
    canvas: tuple[int, int]
    pixels_per_degree: float
    sigma_deg: float | None
    gamma: float
    wavelengths: Wavelengths
    pixels: Pixels
    channels: int
    dtype: torch.dtype

    def wavelengths_px(
        self, frequencies_cpd: Float[Tensor, " frequencies"]
    ) -> Float[Tensor, " frequencies"]:
        """Return what is drawn for nominal frequencies."""
        exact = self.pixels_per_degree / frequencies_cpd
        return exact if self.wavelengths == "exact" else (exact * (1 + ROUNDING)).floor()

    def draw(
        self,
        orientations_deg: Float[Tensor, " stimuli"],
        frequencies_cpd: Float[Tensor, " stimuli"],
        phases_deg: Float[Tensor, " stimuli"],
    ) -> Float[Tensor, "stimuli channels height width"]:
        """Draw one image for each orientation, frequency and phase, a few at a time."""
        grey = 0.5 if self.pixels == "float" else 127 / 255
        images = torch.full((len(phases_deg), 1, *self.canvas), grey, dtype=self.dtype)
        top, left = (_centre(whole) - _centre(part) for whole, part in self._sizes())
        patch = images[:, 0, top : top + self.size[0], left : left + self.size[1]]
        few = max(1, AT_A_TIME // math.prod(self.size))
        for first in range(0, len(images), few):
            part = slice(first, first + few)
            patch[part] = self._patches(
                orientations_deg[part], self.wavelengths_px(frequencies_cpd[part]), phases_deg[part]
            )
        return images.expand(-1, self.channels, -1, -1)

    def _sizes(self) -> zip:
        return zip(self.canvas, self.size, strict=True)

    def _patches(self, orientations_deg: Tensor, wavelengths: Tensor, phases_deg: Tensor) -> Tensor:
        angle, wavelength, phase = (
            values[:, None, None]
            for values in (orientations_deg.deg2rad(), wavelengths, phases_deg.deg2rad())
        )
        row, column = (
            torch.arange(length, dtype=torch.float64) - _centre(length) for length in self.size
        )
        across = row[:, None] * angle.cos() + column * angle.sin()
        wave = torch.cos(2 * math.pi * across / wavelength + phase)
        if self.sigma_deg is not None:
            along = column * angle.cos() - row[:, None] * angle.sin()
            sigma = self.sigma_deg * self.pixels_per_degree
            wave *= torch.exp(-(across**2 + self.gamma**2 * along**2) / (2 * sigma**2))
        if self.pixels == "float":
            return ((wave + 1) / 2).to(self.dtype)
        # Divided in the type of the images, as is done with the 8 bits of a file.
        return ((wave + 1) * 127.5).floor().to(self.dtype) / 255


def gabor(
    size: Size,
    *,
    frequency_cpd: float,
    orientation_deg: float,
    phase_deg: float,
    wavelengths: Wavelengths,
    pixels: Pixels,
    pixels_per_degree: float = PIXELS_PER_DEGREE,
    sigma_deg: float = 1.0,
    gamma: float = 1.0,
    canvas: Size | None = None,
    dtype: torch.dtype = torch.float32,
) -> Float[Tensor, "height width"]:
    r"""Draw one Gabor patch of full contrast on gray.

    With x the row and y the column in degrees from the centre,
    :math:`x' = x\cos\theta + y\sin\theta` and :math:`y' = y\cos\theta - x\sin\theta`, a pixel is

    .. math:: \tfrac12 + \tfrac12\exp\left(-\frac{x'^2 + \gamma^2y'^2}{2\sigma^2}\right)
              \cos(2\pi f x' + \psi).

    The centre is the pixel in the middle, of an even number of them the one before the middle: it
    holds the peak of phase 0 (Kong et al. 2021, whose images of 224 pixels are centred on row and
    column 111, counted from 0).

    Parameters
    ----------
    size
        Height and width in pixels, or one number for both.
    frequency_cpd
        Cycles per degree; at most half of `pixels_per_degree`.
    orientation_deg
        Of the stripes, counterclockwise from horizontal.
    phase_deg
        0 for a bright stripe in the centre, 180 for a dark one, 90 for an edge.
    wavelengths
        ``"exact"``, or ``"floor"``: in whole pixels, rounded down, as in the code of Kong et al.
        2021, which raises the frequency by up to 13 % at theirs.
    pixels
        ``"float"``, or ``"8bit"``: (g + 1) · 127.5 rounded down, over 255, as in that code. The
        gray is then 127/255.
    pixels_per_degree
        Of visual angle: it fixes what a degree is. A network has no such number; 35 is that of
        Kong et al. 2021, whose 224 pixels stand for 6.4 degrees.
    sigma_deg
        Standard deviation of the Gaussian envelope across the stripes.
    gamma
        Aspect ratio: the standard deviation along the stripes is ``sigma_deg / gamma``.
    canvas
        Height and width of the whole image, if it is larger than what is drawn: the patch lies in
        its middle and the rest is gray.
    dtype
        Of the image; it is computed in float64.

    Returns
    -------
    image
        Pixels in [0, 1].

    Raises
    ------
    ValueError
        If a size or number is none, `canvas` is smaller than `size`, the frequency is above that of
        Nyquist, `wavelengths` or `pixels` is unknown, or `dtype` is not of floating point.

    Notes
    -----
    A network that takes other than 224 pixels, such as Inception (299), leaves a choice:
    ``size=299`` keeps the size of a degree and shows 8.54 degrees; ``size=299,
    pixels_per_degree=299 / 6.4`` keeps the 6.4 degrees; ``size=224, canvas=299`` puts the very
    patch of the others on gray; and ``size=224`` shows the network a smaller image, where it takes
    one, as the code of Kong et al. 2021 does.
    """
    drawing = drawing_of(
        size, canvas, pixels_per_degree, sigma_deg, gamma, wavelengths, pixels, 1, dtype
    )
    return _one(drawing, orientation_deg, frequency_cpd, phase_deg)


def grating(
    size: Size,
    *,
    frequency_cpd: float,
    orientation_deg: float,
    phase_deg: float,
    wavelengths: Wavelengths,
    pixels: Pixels,
    pixels_per_degree: float = PIXELS_PER_DEGREE,
    canvas: Size | None = None,
    dtype: torch.dtype = torch.float32,
) -> Float[Tensor, "height width"]:
    r"""Draw one sinusoidal grating of full contrast: a `gabor` without an envelope.

    Parameters
    ----------
    size, frequency_cpd, orientation_deg, phase_deg, wavelengths, pixels, pixels_per_degree, canvas
        As in `gabor`.
    dtype
        Of the image; it is computed in float64.

    Returns
    -------
    image
        Pixels in [0, 1].

    Raises
    ------
    ValueError
        As `gabor`.
    """
    drawing = drawing_of(size, canvas, pixels_per_degree, None, 1.0, wavelengths, pixels, 1, dtype)
    return _one(drawing, orientation_deg, frequency_cpd, phase_deg)


def drawing_of(
    size: Size,
    canvas: Size | None,
    pixels_per_degree: float,
    sigma_deg: float | None,
    gamma: float,
    wavelengths: Wavelengths,
    pixels: Pixels,
    channels: int,
    dtype: torch.dtype,
) -> Drawing:
    """Check what a set of images has in common.

    Raises
    ------
    ValueError
        As `gabor`.
    """
    drawn = _height_width("size", size)
    whole = drawn if canvas is None else _height_width("canvas", canvas)
    if whole[0] < drawn[0] or whole[1] < drawn[1]:
        raise ValueError(f"canvas={canvas} is smaller than size={size}; it holds what is drawn")
    check_positive("pixels_per_degree", pixels_per_degree)
    if sigma_deg is not None:
        check_positive("sigma_deg", sigma_deg, "degrees")
        sigma = float(sigma_deg) * float(pixels_per_degree)
        if not sys.float_info.min <= sigma * sigma < math.inf:  # the envelope divides by it
            raise ValueError(
                f"sigma_deg={sigma_deg!r}: of {sigma:g} pixels, whose square is no number of "
                "float64; give a standard deviation that images can show"
            )
    check_positive("gamma", gamma)
    check_word("wavelengths", wavelengths, {"exact": "as asked", "floor": "in whole pixels"})
    check_word("pixels", pixels, {"float": "as computed", "8bit": "in 256 levels"})
    check_whole("channels", channels)
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise ValueError(f"dtype={dtype}; give a type of floating point, e.g. torch.float32")
    return Drawing(
        drawn, whole, pixels_per_degree, sigma_deg, gamma, wavelengths, pixels, channels, dtype
    )


def _one(
    drawing: Drawing, orientation_deg: float, frequency_cpd: float, phase_deg: float
) -> Float[Tensor, "height width"]:
    return drawing.draw(
        angles("orientation_deg", [orientation_deg]),
        frequencies("frequency_cpd", [frequency_cpd], drawing.pixels_per_degree),
        angles("phase_deg", [phase_deg]),
    )[0, 0]


def _height_width(name: str, size: Size) -> tuple[int, int]:
    pair = (size, size) if not isinstance(size, Sequence) else tuple(size)
    if len(pair) != 2:
        raise ValueError(f"{name}={size!r}: give height and width in pixels, or one for both")
    for length in pair:
        check_whole(f"{name} {length!r}" if pair[0] != pair[1] else name, length)
    return int(pair[0]), int(pair[1])


def _centre(length: int) -> int:
    return (length - 1) // 2
