"""Where the power spectrum of an image peaks."""

from numbers import Real
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

FINER = 4  # times finer than the whole cycles per image of a plain transform


class Peaks(NamedTuple):
    """The sinusoid that is strongest in each image.

    Attributes
    ----------
    frequency_cpi
        In cycles per image; if it is not square, per its longer side.
    orientation_deg
        From 0 up to, not including, 180 degrees. As in the Gabors of Kong et al. 2021, 0 is
        variation from row to row, horizontal stripes, and 90 is vertical stripes.
    """

    frequency_cpi: Float[Tensor, " images"]
    orientation_deg: Float[Tensor, " images"]


def peak_frequency(
    images: Float[Tensor, "images planes height width"], *, lowest_cpi: float = 1.0
) -> Peaks:
    """Frequency and orientation at the peak of the power spectrum of each image.

    Power is summed over planes. Images less their mean fade out towards their edges (Hann
    windows), which are otherwise stripes of their own, and frequencies are read to a quarter of a
    cycle per image.

    Parameters
    ----------
    images
        Any unit; mean and contrast have no influence.
    lowest_cpi
        Where to begin, in cycles per image (per its longer side). What is slower does not count:
        shading, or the colour that a synthesised image has here and there for no reason.

    Returns
    -------
    peaks
        In the precision of `images`, computed in float64.

    Raises
    ------
    ValueError
        If `images` is not floating point with four axes, is smaller than 4 × 4 pixels, not finite,
        or one of them is blank; if `lowest_cpi` is not between 0 and what pixels can show.

    Examples
    --------
    >>> row = torch.arange(64.0)[:, None] / 64
    >>> image = torch.cos(2 * torch.pi * 6 * row).expand(1, 1, 64, 64)
    >>> [value.item() for value in peak_frequency(image)]
    [6.0, 0.0]
    """
    _check(images)
    height, width = images.shape[2:]
    highest = max(height, width) / 2
    if not isinstance(lowest_cpi, Real) or not 0 < lowest_cpi <= highest:
        raise ValueError(
            f"lowest_cpi={lowest_cpi!r}: images of {height} × {width} pixels show frequencies "
            f"above 0, up to {highest:g} cycles per image"
        )
    window = _hann(height, images)[:, None] * _hann(width, images)
    double = images.detach().double()
    level = (window * double).sum((2, 3), keepdim=True) / window.sum()
    shape = (FINER * height, FINER * width)
    power = torch.fft.rfft2(window * (double - level), s=shape).abs().square().sum(1)
    down = torch.fft.fftfreq(shape[0], dtype=power.dtype, device=power.device)[:, None]
    across = torch.fft.rfftfreq(shape[1], dtype=power.dtype, device=power.device)
    cycles = torch.hypot(down, across) * max(height, width)
    best = power.masked_fill(cycles < lowest_cpi, -1).flatten(1).argmax(1)
    angle = torch.atan2(across.expand_as(cycles), down.expand_as(cycles)).rad2deg() % 180
    return Peaks(cycles.flatten()[best].to(images.dtype), angle.flatten()[best].to(images.dtype))


def _hann(length: int, like: Tensor) -> Tensor:
    """Symmetric about the centre, positive at the first and last pixel."""
    centres = (torch.arange(length, dtype=torch.float64, device=like.device) + 0.5) / length
    return torch.sin(torch.pi * centres).square()


def _check(images: object) -> None:
    if not isinstance(images, Tensor) or images.ndim != 4 or not images.is_floating_point():
        found = (
            f"{images.dtype} of shape {tuple(images.shape)}"
            if isinstance(images, Tensor)
            else f"a {type(images).__name__}"
        )
        raise ValueError(
            f"images is {found}; give floating point, images × planes × height × width"
        )
    if min(images.shape[2:]) < 4 or 0 in images.shape:
        raise ValueError(
            f"images has shape {tuple(images.shape)}; need at least 4 × 4 pixels, of one "
            "image and one plane"
        )
    if not images.isfinite().all():
        raise ValueError("images holds pixels that are not finite")
    blank = (images == images[:, :, :1, :1]).flatten(1).all(1)
    if blank.any():
        raise ValueError(f"image {int(blank.nonzero()[0])} is blank, so no frequency is strongest")
