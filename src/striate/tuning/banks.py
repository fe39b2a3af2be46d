"""Sets of Gabor patches or gratings that cover orientations, frequencies and phases."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, overload

import torch
from jaxtyping import Float
from torch import Tensor

from striate.tuning.checks import angles, frequencies
from striate.tuning.drawing import (
    PIXELS_PER_DEGREE,
    Drawing,
    Pixels,
    Size,
    Wavelengths,
    drawing_of,
)

# The stimuli of Kong et al. 2021, whose frequencies are per image of 6.4 degrees.
FREQUENCIES_CPD = tuple(
    cycles / 6.4 for cycles in (2.5, 3.5, 5.0, 7.1, 10.0, 14.1, 20.0, 28.3, 40.0, 56.0)
)
ORIENTATIONS_DEG = tuple(172.5 * step / 9 for step in range(10))
# Both ends, as in the paper: nine phases, of which the first counts twice.
PHASES_DEG = tuple(40.0 * step for step in range(10))
PHASES_ONCE_DEG = PHASES_DEG[:-1]
# Or of True and False, one for each image; an array of numpy's does as well.
Places = Sequence[int] | Tensor


@dataclass(frozen=True)
class BankImages:
    """The images of a bank, drawn when they are asked for, so that it is never held whole.

    ``images[first:last]`` are a batch, as are ``images[[3, 1]]`` and ``images[mask]``;
    ``images[i]`` is one image, ``images[:]`` the whole set as one tensor, and `striate.activations`
    takes the object as it is.

    Attributes
    ----------
    drawing
        What they have in common.
    orientations_deg, frequencies_cpd, phases_deg
        Every combination is one image: orientations change slowest, phases fastest.
    """

    drawing: Drawing
    orientations_deg: Float[Tensor, " orientations"]
    frequencies_cpd: Float[Tensor, " frequencies"]
    phases_deg: Float[Tensor, " phases"]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Stimuli, channels, height and width."""
        return (len(self), self.drawing.channels, *self.drawing.canvas)

    def __len__(self) -> int:
        return math.prod(map(len, (self.orientations_deg, self.frequencies_cpd, self.phases_deg)))

    @overload
    def __getitem__(self, index: int, /) -> Float[Tensor, "channels height width"]: ...
    @overload
    def __getitem__(
        self, index: slice | Places, /
    ) -> Float[Tensor, "stimuli channels height width"]: ...
    def __getitem__(self, index: int | slice | Places, /) -> Tensor:
        """Draw one image, or those of a slice, of several places or of a mask.

        Raises
        ------
        ValueError
            If `index` has more than one axis.
        """
        import numpy as np

        # As numpy indexes: backwards too. An IndexError ends a loop over the images.
        wanted = torch.as_tensor(np.arange(len(self))[index].copy())
        if wanted.ndim > 1:
            raise ValueError(
                f"images[{index!r}] has {wanted.ndim} axes; give an int, a slice, or one axis of "
                "places or of True and False"
            )
        per_orientation = len(self.frequencies_cpd) * len(self.phases_deg)
        frequency = wanted % per_orientation // len(self.phases_deg)
        images = self.drawing.draw(
            self.orientations_deg[wanted // per_orientation].reshape(-1),
            self.frequencies_cpd[frequency].reshape(-1),
            self.phases_deg[wanted % len(self.phases_deg)].reshape(-1),
        )
        return images if wanted.ndim else images[0]


class Bank(NamedTuple):
    """A set of stimuli and what they are.

    Attributes
    ----------
    images
        Pixels in [0, 1], stimuli × channels × height × width, drawn when asked for: see
        `BankImages`. Orientations change slowest, phases fastest.
    orientations_deg, frequencies_cpd, phases_deg
        As asked for, in float64.
    """

    images: BankImages
    orientations_deg: Float[Tensor, " orientations"]
    frequencies_cpd: Float[Tensor, " frequencies"]
    phases_deg: Float[Tensor, " phases"]

    @property
    def shape(self) -> tuple[int, int, int]:
        """How many orientations, frequencies and phases."""
        return len(self.orientations_deg), len(self.frequencies_cpd), len(self.phases_deg)

    @property
    def drawn_frequencies_cpd(self) -> Float[Tensor, " frequencies"]:
        """The frequencies on the images: not those asked for where wavelengths are rounded down."""
        drawing = self.images.drawing
        return drawing.pixels_per_degree / drawing.wavelengths_px(self.frequencies_cpd)


def gabor_bank(
    size: Size,
    *,
    wavelengths: Wavelengths,
    pixels: Pixels,
    frequencies_cpd: Tensor | Sequence[float] = FREQUENCIES_CPD,
    orientations_deg: Tensor | Sequence[float] = ORIENTATIONS_DEG,
    phases_deg: Tensor | Sequence[float] = PHASES_DEG,
    pixels_per_degree: float = PIXELS_PER_DEGREE,
    sigma_deg: float = 1.0,
    gamma: float = 1.0,
    canvas: Size | None = None,
    channels: int = 1,
    dtype: torch.dtype = torch.float32,
) -> Bank:
    """Gabor patches of every orientation, frequency and phase; of Kong et al. 2021 by default.

    Parameters
    ----------
    size, wavelengths, pixels, pixels_per_degree, sigma_deg, gamma, canvas
        As in `gabor`, which says what they mean for networks that take other than 224 pixels.
    frequencies_cpd
        Cycles per degree. By default 10 from 2.5 to 56 cycles per 6.4 degrees, half an octave
        apart.
    orientations_deg
        By default 10 from 0 to 172.5, as in the paper: not evenly spread over the half circle.
    phases_deg
        By default 10 from 0 to 360, both ends included, as in the paper: the first and the last
        are the same image, which counts twice in any mean. `PHASES_ONCE_DEG` leaves out the last.
    channels
        3 shows the same to red, green and blue.
    dtype
        Of the images.

    Returns
    -------
    bank
        ``bank.images`` draws the images, 1000 by default, when they are asked for.

    Raises
    ------
    ValueError
        As `gabor`; if orientations, frequencies or phases are not one axis of numbers.

    Examples
    --------
    >>> bank = gabor_bank(224, wavelengths="exact", pixels="float")
    >>> bank.shape, len(bank.images), bank.images[:32].shape
    ((10, 10, 10), 1000, torch.Size([32, 1, 224, 224]))
    """
    drawing = drawing_of(
        size, canvas, pixels_per_degree, sigma_deg, gamma, wavelengths, pixels, channels, dtype
    )
    return _bank(drawing, orientations_deg, frequencies_cpd, phases_deg)


def grating_bank(
    size: Size,
    *,
    wavelengths: Wavelengths,
    pixels: Pixels,
    frequencies_cpd: Tensor | Sequence[float] = FREQUENCIES_CPD,
    orientations_deg: Tensor | Sequence[float] = ORIENTATIONS_DEG,
    phases_deg: Tensor | Sequence[float] = PHASES_DEG,
    pixels_per_degree: float = PIXELS_PER_DEGREE,
    canvas: Size | None = None,
    channels: int = 1,
    dtype: torch.dtype = torch.float32,
) -> Bank:
    """Full-field gratings of every orientation, frequency and phase.

    Parameters
    ----------
    size, wavelengths, pixels, pixels_per_degree, canvas
        As in `gabor`.
    frequencies_cpd, orientations_deg, phases_deg, channels, dtype
        As in `gabor_bank`.

    Returns
    -------
    bank
        As of `gabor_bank`.

    Raises
    ------
    ValueError
        As `gabor_bank`.
    """
    drawing = drawing_of(
        size, canvas, pixels_per_degree, None, 1.0, wavelengths, pixels, channels, dtype
    )
    return _bank(drawing, orientations_deg, frequencies_cpd, phases_deg)


def _bank(
    drawing: Drawing,
    orientations_deg: Tensor | Sequence[float],
    frequencies_cpd: Tensor | Sequence[float],
    phases_deg: Tensor | Sequence[float],
) -> Bank:
    axes = (
        angles("orientations_deg", orientations_deg),
        frequencies("frequencies_cpd", frequencies_cpd, drawing.pixels_per_degree),
        angles("phases_deg", phases_deg),
    )
    return Bank(BankImages(drawing, *axes), *axes)
