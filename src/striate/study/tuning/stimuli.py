"""Which patches or gratings a network is shown, by the size of the images that it takes."""

from math import inf
from numbers import Integral, Real
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from striate.reference import devalois1982
from striate.results import Setting
from striate.tuning import (
    FREQUENCIES_CPD,
    PIXELS_PER_DEGREE,
    Bank,
    Pixels,
    Wavelengths,
    gabor_bank,
    grating_bank,
)

Unit = Literal["cycles/degree", "cycles/image"]


class Protocol(NamedTuple):
    """How stimuli are drawn."""

    wavelengths: Wavelengths
    pixels: Pixels


PROTOCOLS = {"paper": Protocol("exact", "float"), "authors": Protocol("floor", "8bit")}

AUTHORS_SIZE = 224  # of all their patches, whatever the network
LEAST_FIELD_DEG = 4.0  # two standard deviations of the envelope on either side of the centre
# Of small images: part of the sampling rate at which the fastest grating still has 2.3 pixels.
FASTEST, FREQUENCIES = 14 / 32, 16


class Shown(NamedTuple):
    """Stimuli as a network takes them.

    Attributes
    ----------
    bank
        The stimuli. If `unit` is cycles per image, that is what its ``frequencies_cpd`` are.
    stimulus
        Gabor patches, or gratings that fill the image.
    unit
        Of its frequencies.
    protocol
        A key of `PROTOCOLS`.
    """

    bank: Bank
    stimulus: Literal["gabor", "grating"]
    unit: Unit
    protocol: str

    @property
    def per_image(self) -> float:
        """Cycles per image at one unit of frequency."""
        drawing = self.bank.images.drawing
        return drawing.canvas[1] / drawing.pixels_per_degree

    def settings(self) -> dict[str, Setting]:
        """Say what determines the stimuli, and so the tuning."""
        degrees = self.unit == "cycles/degree"
        return {
            "protocol": self.protocol,
            "stimulus": self.stimulus,
            "unit": self.unit,
            "pixels": self.bank.images.drawing.canvas[1],
            "pixels_per_degree": self.bank.images.drawing.pixels_per_degree if degrees else None,
            "field_deg": self.per_image if degrees else None,
        }


def stimuli_for(
    size: int, *, protocol: str, field_deg: float | None = None, channels: int = 3
) -> Shown:
    """Choose and draw the stimuli for a network.

    Where 4 degrees or more fit, they are the Gabor patches of Kong et al. 2021. Smaller images
    cannot hold these: they show gratings that fill the image, at 16 frequencies from 1 cycle per
    image up to 14 where it has 32 pixels. A window would widen the spectrum of the slowest by as
    much as they are apart. With `field_deg` their frequencies are in cycles per degree, and can be
    compared with those of V1.

    Parameters
    ----------
    size
        Side of the images that the network takes, in pixels.
    protocol
        ``"paper"``: exact wavelengths, pixels as computed. ``"authors"``: wavelengths in whole
        pixels, pixels in 8 bits, and patches of 224 pixels, for networks that take larger images,
        too.
    field_deg
        How many degrees an image spans. If None, a degree is of 35 pixels, so that an image of 299
        pixels spans 8.54 degrees; 6.4 is what the paper says of all networks. Of small images
        nothing says how many degrees they span, and the score against V1 moves with it: without
        it their frequencies are in cycles per image, and there is no score.
    channels
        Of the images.

    Raises
    ------
    ValueError
        If the protocol is unknown, or `size` or `field_deg` is no size; if the patches cannot be
        drawn over `field_deg` degrees, in whole pixels either; or if images are too small for
        those of the authors.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"protocol={protocol!r}; choose one of {', '.join(PROTOCOLS)}")
    wavelengths, pixels = PROTOCOLS[protocol]
    if not isinstance(size, Integral) or size < 1:
        raise ValueError(f"size={size!r}: give the side of an image, a whole number from 1 on")
    if field_deg is not None and (not isinstance(field_deg, Real) or not 0 < field_deg < inf):
        given = f"{field_deg:g}" if isinstance(field_deg, Real) else repr(field_deg)
        raise ValueError(f"field_deg={given}: give a positive number of degrees")
    if protocol == "authors" and size < AUTHORS_SIZE:
        raise ValueError(
            f"protocol='authors' is of patches of {AUTHORS_SIZE} pixels, which images of {size} "
            "pixels cannot hold; choose paper"
        )
    side = min(size, AUTHORS_SIZE) if protocol == "authors" and field_deg is None else size
    needed = PIXELS_PER_DEGREE if field_deg is None else 2 * max(FREQUENCIES_CPD)
    if side >= LEAST_FIELD_DEG * needed:
        per_degree = PIXELS_PER_DEGREE if field_deg is None else _pixels_per_degree(size, field_deg)
        bank = gabor_bank(
            side,
            wavelengths=wavelengths,
            pixels=pixels,
            pixels_per_degree=per_degree,
            channels=channels,
        )
        _check_drawn(bank, side / per_degree)
        return Shown(bank, "gabor", "cycles/degree", protocol)
    degrees = field_deg or 1.0  # without it, the image is the degree
    bank = grating_bank(
        size,
        wavelengths=wavelengths,
        pixels=pixels,
        frequencies_cpd=(np.geomspace(1, FASTEST * size, FREQUENCIES) / degrees).tolist(),
        orientations_deg=[18.0 * step for step in range(10)],
        phases_deg=[45.0 * step for step in range(8)],
        pixels_per_degree=size / degrees,
        channels=channels,
    )
    unit: Unit = "cycles/image" if field_deg is None else "cycles/degree"
    return Shown(bank, "grating", unit, protocol)


def _pixels_per_degree(size: int, field_deg: float) -> float:
    fastest = max(FREQUENCIES_CPD)
    most = size / (2 * fastest)
    if not LEAST_FIELD_DEG <= field_deg <= most:
        raise ValueError(
            f"field_deg={field_deg:g}: images of {size} pixels cannot show patches of 1 degree "
            f"and up to {fastest:g} cycles per degree over it; spread them over "
            f"{LEAST_FIELD_DEG:g} to {most:.3g} degrees, or leave it out"
        )
    return size / field_deg


def _check_drawn(bank: Bank, field_deg: float) -> None:
    """Refuse frequencies that in whole pixels are one, or stand for others of V1."""
    asked, drawn = bank.frequencies_cpd, bank.drawn_frequencies_cpd
    edges, _ = v1_cells()
    moved = torch.bucketize(asked, edges) != torch.bucketize(drawn, edges)
    merged = torch.isclose(drawn[:, None], drawn).sum(0) > 1
    if (moved | merged).any():
        place = int((moved | merged).nonzero()[0])
        what = "as another of the ten" if merged[place] else "in another bin of V1's cells"
        raise ValueError(
            f"field_deg={field_deg:g}: in whole pixels, {asked[place]:.3g} cycles per degree are "
            f"drawn as {drawn[place]:.3g}, {what}; choose protocol 'paper' or another width"
        )


def v1_cells() -> tuple[Tensor, Tensor]:
    """Edges of bins in cycles per degree, and how many V1 cells prefer which (De Valois 1982)."""
    table = devalois1982()
    edges = [*table["bin_left_cpd"], table["bin_right_cpd"].iloc[-1]]
    return (
        torch.tensor(edges, dtype=torch.float64),
        torch.tensor(table["count"].to_numpy(), dtype=torch.float64),
    )
