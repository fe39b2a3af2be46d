"""The baselines of examples/v1_baselines.py are what their names say."""

import math
from pathlib import Path

import pytest
import torch

from striate.activations import collect
from striate.models import load

FILE = Path(__file__).parents[2] / "examples" / "v1_baselines.py"


def grating(wavelength, turned_deg, phase_deg, contrast=1.0):
    line = torch.arange(224, dtype=torch.float32)
    y, x = torch.meshgrid(line, line, indexing="ij")
    angle, phase = math.radians(turned_deg), math.radians(phase_deg)
    wave = torch.cos(2 * math.pi / wavelength * (x * math.cos(angle) + y * math.sin(angle)) + phase)
    return (0.5 + 0.5 * contrast * wave).clamp(0, 1).expand(3, -1, -1)


def energies(*images):
    """Of a position in the middle: images × wavelengths × orientations."""
    network = load(f"{FILE}:gabor_energy")
    found = collect(network.model, torch.stack(images), "energy")["energy"].mean()
    return found.reshape(len(images), 4, 8, 28, 28)[..., 14, 14]


@pytest.mark.parametrize("scale", range(4))
@pytest.mark.parametrize("orientation", [0, 3])
def test_energy_is_largest_at_its_own_frequency_and_orientation(scale, orientation):
    shown = grating(4 * 2**scale, 22.5 * orientation, 30)
    found = energies(shown)[0]
    assert found.argmax() == 8 * scale + orientation
    # A grating of amplitude 1/2 leaves an energy of 1/4 at each wavelength.
    assert found.max().item() == pytest.approx(0.25, rel=0.05)


def test_energy_does_not_mind_the_phase_and_is_of_the_square_of_contrast():
    base, turned, faint = energies(
        grating(16, 45, 0), grating(16, 45, 90), grating(16, 45, 0, contrast=0.5)
    )[:, 2, 2]
    assert turned.item() == pytest.approx(base.item(), rel=0.02)
    assert faint.item() == pytest.approx(base.item() / 4, rel=1e-3)


def test_energy_of_uniform_light_is_nothing():
    assert energies(torch.full((3, 224, 224), 0.7)).abs().max() < 1e-9


def test_pixels_are_averages_of_grey():
    network = load(f"{FILE}:pixels")
    images = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    found = collect(network.model, images, "pixels")["pixels"].mean().reshape(2, 56, 56)
    expected = images[:, :, 8:12, 20:24].mean((1, 2, 3))
    assert torch.allclose(found[:, 2, 5], expected, atol=1e-6)
