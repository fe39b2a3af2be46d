"""The window of the power spectrum, and where the spectrum begins."""

import math

import pytest
import torch

from striate.visualize import peak_frequency
from truths import gaussian


def rows(cycles, size=64):
    """Horizontal stripes."""
    there = torch.arange(size, dtype=torch.float64)[:, None] / size
    return torch.cos(2 * math.pi * cycles * there).expand(1, 1, size, size)


def slow_peak(image, lowest):
    """Frequency of the strongest sinusoid, by sums over the pixels."""
    height, width = image.shape
    x, y = torch.arange(height).double()[:, None], torch.arange(width).double()
    window = (torch.sin(math.pi * (x + 0.5) / height) * torch.sin(math.pi * (y + 0.5) / width)) ** 2
    faded = window * (image - (window * image).sum() / window.sum())
    best = (-1.0, 0.0)
    for i in range(-2 * height, 2 * height):  # quarters of a cycle per side
        for j in range(2 * width + 1):
            cycles = math.hypot(i / height, j / width) / 4 * max(height, width)
            if cycles >= lowest:
                phase = 2 * math.pi * (i * x / height + j * y / width) / 4
                power = (faded * phase.cos()).sum() ** 2 + (faded * phase.sin()).sum() ** 2
                best = max(best, (power.item(), cycles))
    return best[1]


@pytest.mark.parametrize(("height", "width"), [(7, 7), (6, 9), (9, 6)])
def test_the_peak_of_any_image_is_that_of_the_slow_way(height, width):
    noise = gaussian(12, 1, height, width, seed=3)
    expected = [slow_peak(image, 1.0) for image in noise[:, 0]]
    assert peak_frequency(noise).frequency_cpi.tolist() == pytest.approx(expected)


@pytest.mark.parametrize("flip", [(2,), (3,), (2, 3)], ids=str)
def test_a_mirrored_image_has_the_mirrored_peak(flip):
    noise = gaussian(12, 1, 9, 7, seed=1)
    one, other = peak_frequency(noise), peak_frequency(noise.flip(flip))
    torch.testing.assert_close(other.frequency_cpi, one.frequency_cpi)
    # Of the finest stripes that pixels show, either of two mirrored orientations is right.
    from_vertical = [(each.orientation_deg - 90).abs() for each in (one, other)]
    torch.testing.assert_close(*from_vertical)


def test_a_bright_frame_is_no_shading():
    """Less its plain mean, which the frame lifts, the image would fade from below to zero."""
    image = rows(6).clone()
    image[..., [0, -1], :] = image[..., :, [0, -1]] = 100.0
    assert peak_frequency(image).frequency_cpi.item() == 6


def test_the_lowest_frequency_is_one_that_counts():
    image = rows(4) + 0.5 * rows(9)
    for lowest, expected in ((3.75, 4.0), (4.0, 4.0), (8.0, 9.0)):
        assert peak_frequency(image, lowest_cpi=lowest).frequency_cpi.item() == expected
