"""Images from Fourier coefficients, as the sums they are."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from striate.visualize.fourier import SPREAD, pixels, random_start

SIZES = [(6, 6), (5, 7), (4, 9), (8, 3), (2, 2)]
# kong.md §9; the longest of its columns is the first.
MATRIX = np.array([[0.26, 0.09, 0.02], [0.27, 0, -0.05], [0.27, -0.09, 0.03]])
LONGEST = (0.26**2 + 2 * 0.27**2) ** 0.5


def slow_pixels(coefficients, width):
    """Add up one wave after the other, each with its complex conjugate where there is one."""
    parts = coefficients.numpy()
    latents, height, half = parts.shape[:3]
    plane = np.zeros((latents, height, width))
    y, x = np.arange(height)[:, None], np.arange(width)
    for latent, row, column in np.ndindex(latents, height, half):
        down = (row if row < (height + 1) // 2 else row - height) / height
        across = column / width
        scale = 1 / max(np.hypot(down, across), 1 / max(height, width))
        real, imaginary = scale * parts[latent, row, column]
        wave = np.exp(2j * np.pi * (down * y + across * x)) * (real + 1j * imaginary)
        twins = 1 if column == 0 or 2 * column == width else 2
        plane[latent] += twins * wave.real / np.sqrt(height * width)
    plane /= 4
    if latents == 3:
        plane = np.einsum("pl,lhw->phw", MATRIX / LONGEST, plane)
    return 1 / (1 + np.exp(-plane))


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("colour", ["colour", "grey"])
def test_pixels_are_sigmoids_of_sums_of_waves(size, colour):
    start = 30 * random_start([3, 4], colour, *size)
    found = pixels(start, size[1], 3)
    for image, coefficients in zip(found, start, strict=True):
        expected = torch.from_numpy(slow_pixels(coefficients, size[1]))
        assert_close(image, expected.expand_as(image), rtol=0, atol=1e-13)
    assert found.std() > 0.02


def test_the_start_is_normal_and_depends_on_the_seed_alone():
    start = random_start([7, 8], "colour", 64, 64)
    # Of 25 344 numbers: the standard error of their mean is SPREAD / 159, of their spread 0.0044.
    assert start.mean().abs() < 4 * SPREAD / 159
    assert start.std().item() == pytest.approx(SPREAD, rel=4 * 0.0044)
    assert_close(random_start([8], "colour", 64, 64)[0], start[1], rtol=0, atol=0)
    assert not torch.equal(start[0], start[1])


def test_the_first_images_are_nearly_grey():
    images = pixels(random_start([0], "colour", 128, 128), 128, 3)
    assert (images - 0.5).abs().max() < 0.05
