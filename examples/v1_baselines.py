"""What a model of V1 should beat: pixels, and the energy model of complex cells.

To measure as ``examples/v1_baselines.py:pixels`` and ``examples/v1_baselines.py:gabor_energy``.
Neither learns anything. Energies are those of Adelson & Bergen 1985: a pair of Gabor filters a
quarter of a cycle apart, squared and summed, as of a complex cell that does not mind the phase.
"""

import math
from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional

from striate.models import Network

SIZE = 224  # pixels
WAVELENGTHS = (4, 8, 16, 32)  # pixels; 8.75 to 1.1 cycles per degree where 35 pixels are one
ORIENTATIONS = 8
SPACING = 8  # pixels between the positions at which energies are averaged


class Luminance(nn.Module):
    """The mean over colours."""

    def forward(self, images: Tensor) -> Tensor:
        """Return one channel."""
        return images.mean(1, keepdim=True)


class Energy(nn.Module):
    """The energy at several orientations of one wavelength, averaged around each position.

    The envelope is as wide as V1's: a standard deviation of half a wavelength, 1.4 octaves. A
    grating of full contrast at the filter's own frequency and orientation has the same energy at
    each wavelength; so have, on average, the octaves of natural images.
    """

    even: Tensor
    odd: Tensor

    def __init__(self, wavelength: int) -> None:
        super().__init__()
        self.step = max(1, wavelength // 4)
        even, odd = _quadrature(wavelength)
        self.register_buffer("even", even)
        self.register_buffer("odd", odd)

    def forward(self, grey: Tensor) -> Tensor:
        """Return (images, orientations, positions, positions)."""
        around = self.even.shape[-1] // 2
        padded = functional.pad(grey, (around, around, around, around), mode="replicate")
        pair = [functional.conv2d(padded, each, stride=self.step) for each in (self.even, self.odd)]
        return functional.avg_pool2d(pair[0].square() + pair[1].square(), SPACING // self.step)


class GaborEnergy(nn.Module):
    """Energies at all wavelengths, side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.luminance = Luminance()
        self.bank = nn.ModuleList(Energy(wavelength) for wavelength in WAVELENGTHS)
        self.energy = nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        """Return (images, wavelengths × orientations, positions, positions)."""
        grey = self.luminance(images)
        return self.energy(torch.cat([filters(grey) for filters in self.bank], 1))


def pixels() -> Network:
    """Grey levels, averaged over 4 × 4 pixels: the layer ``pixels``."""
    layers = OrderedDict[str, nn.Module](luminance=Luminance(), pixels=nn.AvgPool2d(4))
    return Network("pixels", nn.Sequential(layers), 256, SIZE)


def gabor_energy() -> Network:
    """Energies at 4 wavelengths, 8 orientations and 28 × 28 positions: the layer ``energy``."""
    return Network("gabor_energy", GaborEnergy(), 256, SIZE)


def _quadrature(wavelength: int) -> tuple[Tensor, Tensor]:
    """Cosine and sine filters (orientations, 1, side, side), blind to uniform light."""
    sd = wavelength / 2
    reach = math.ceil(2.5 * sd)
    line = torch.arange(-reach, reach + 1, dtype=torch.float64)
    y, x = torch.meshgrid(line, line, indexing="ij")
    envelope = torch.exp(-(x.square() + y.square()) / (2 * sd**2))
    angles = torch.arange(ORIENTATIONS, dtype=torch.float64)[:, None, None] * math.pi / ORIENTATIONS
    phase = 2 * math.pi / wavelength * (x * angles.cos() + y * angles.sin())
    even, odd = envelope * phase.cos(), envelope * phase.sin()
    # The cosine's mean is not zero by itself.
    even -= envelope * even.sum((1, 2), keepdim=True) / envelope.sum()
    gain = (even * phase.cos()).sum((1, 2), keepdim=True)
    return (even / gain)[:, None].float(), (odd / gain)[:, None].float()
