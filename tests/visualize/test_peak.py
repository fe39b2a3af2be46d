import inspect
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from striate.visualize import peak_frequency
from truths import gaussian


def grating(height, width, frequency_cpi, orientation_deg, phase=0.0):
    """Kong et al.'s convention: x counts rows, and 0 degrees varies along x."""
    x = torch.arange(height, dtype=torch.float64)[:, None]
    y = torch.arange(width, dtype=torch.float64)
    angle = math.radians(orientation_deg)
    along = (x * math.cos(angle) + y * math.sin(angle)) / max(height, width)
    return torch.cos(2 * math.pi * frequency_cpi * along + phase)[None, None]


def apart(first, second):
    """Between two orientations, in degrees."""
    return abs((first - second + 90) % 180 - 90)


@given(
    st.floats(3, 20), st.floats(0, 179.99), st.floats(0, 6.28),
    st.sampled_from([(48, 48), (49, 64), (64, 45)]),
)  # fmt: skip
def test_a_grating_is_found(frequency, orientation, phase, size):
    shorter = min(size) / max(size)
    found = peak_frequency(0.5 + 0.1 * grating(*size, frequency, orientation, phase))
    # Half a step of the finer grid along each axis, the axes being as long as the sides; where
    # few cycles are seen, the mirrored frequency pulls by at most another half step.
    step = 0.25 / shorter
    assert found.frequency_cpi.item() == pytest.approx(frequency, abs=step)
    radius = math.degrees(math.asin(min(1, step / frequency)))
    assert apart(found.orientation_deg.item(), orientation) <= radius


def test_orientations_are_those_of_the_gabors():
    rows, columns = grating(32, 32, 4, 0), grating(32, 32, 4, 90)
    assert (rows == rows[..., :1]).all()  # horizontal stripes
    found = peak_frequency(torch.cat([rows, columns, grating(32, 32, 4, 135)]))
    assert found.orientation_deg.tolist()[:2] == [0, 90]
    assert found.orientation_deg[2].item() == pytest.approx(135, abs=4)


def test_the_stronger_of_two_gratings_is_found_in_whatever_plane():
    weak, strong = 0.3 * grating(64, 64, 12, 30), 0.4 * grating(64, 64, 6, 120)
    found = peak_frequency(torch.cat([weak + 0.9, strong, 0 * weak], 1))
    assert found.frequency_cpi.item() == pytest.approx(6, abs=0.25)
    assert apart(found.orientation_deg.item(), 120) < 3


def test_mean_contrast_and_shading_do_not_count():
    image = grating(64, 64, 7, 60)
    plain = peak_frequency(image)
    assert peak_frequency(3 + 0.01 * image) == plain
    shaded = 5 * torch.linspace(-1, 1, 64, dtype=torch.float64) + image
    assert peak_frequency(shaded, lowest_cpi=4.0) == plain


def test_each_image_by_itself():
    images = gaussian(3, 1, 24, 24)
    together = peak_frequency(images)
    for index, image in enumerate(images):
        alone = peak_frequency(image[None])
        assert [part[index] for part in together] == [part[0] for part in alone]


@pytest.mark.parametrize(("images", "message"), [
    (None, "images is a NoneType; give floating point, images × planes × height × width"),
    (torch.zeros(3, 8, 8), r"images is torch.float32 of shape \(3, 8, 8\); give"),
    (torch.zeros(1, 3, 8, 8, dtype=torch.uint8), r"images is torch.uint8 of shape"),
    (torch.zeros(1, 3, 8, 3), r"images has shape \(1, 3, 8, 3\); need at least 4 × 4 pixels"),
    (torch.full((1, 1, 8, 8), math.nan), "images holds pixels that are not finite"),
    (torch.cat([gaussian(1, 3, 8, 8), torch.ones(1, 3, 8, 8)]), "image 1 is blank"),
])  # fmt: skip
def test_images_without_a_peak_are_refused(images, message):
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(peak_frequency)(images)


@pytest.mark.parametrize("lowest", [0.0, -1.0, 16.5, math.nan])
def test_frequencies_that_pixels_cannot_show_are_refused(lowest):
    message = f"lowest_cpi={lowest}: images of 32 × 24 pixels show frequencies above 0, up to 16 "
    with pytest.raises(ValueError, match=message):
        peak_frequency(gaussian(1, 1, 32, 24), lowest_cpi=lowest)
