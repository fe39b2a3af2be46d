import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from striate.tuning import FREQUENCIES_CPD, ORIENTATIONS_DEG, PHASES_DEG, gabor, grating

EXACT = {"wavelengths": "exact", "pixels": "float", "dtype": torch.float64}
AUTHORS = {"wavelengths": "floor", "pixels": "8bit"}
ONE = {"frequency_cpd": 3.0, "orientation_deg": 30.0, "phase_deg": 50.0}


def slow(height, width, frequency, angle, phase, per_degree, sigma, gamma):
    """The formula, pixel by pixel."""
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    image = np.empty((height, width))
    for i in range(height):
        for j in range(width):
            x, y = (i - (height - 1) // 2) / per_degree, (j - (width - 1) // 2) / per_degree
            across, along = x * cos + y * sin, -x * sin + y * cos
            envelope = math.exp(-(across**2 + gamma**2 * along**2) / (2 * sigma**2))
            wave = math.cos(2 * math.pi * frequency * across + math.radians(phase))
            image[i, j] = 0.5 + 0.5 * envelope * wave
    return torch.from_numpy(image)


@pytest.mark.parametrize("size", [(9, 9), (8, 8), (7, 12), (12, 7), (1, 6)], ids=str)
@pytest.mark.parametrize("angle", [0.0, 57.5, 90.0, 172.5])
@pytest.mark.parametrize(("frequency", "phase", "gamma"), [(0.4, 0.0, 1.0), (2.3, 80.0, 0.5)])
def test_every_pixel_is_that_of_the_formula(size, angle, frequency, phase, gamma):
    image = gabor(
        size, frequency_cpd=frequency, orientation_deg=angle, phase_deg=phase,
        pixels_per_degree=5.0, sigma_deg=0.7, gamma=gamma, **EXACT,
    )  # fmt: skip
    expected = slow(*size, frequency, angle, phase, 5.0, 0.7, gamma)
    # Phases are a few turns, rounded at 1e-16 each.
    assert_close(image, expected, rtol=0, atol=1e-14)
    plain = grating(
        size, frequency_cpd=frequency, orientation_deg=angle, phase_deg=phase,
        pixels_per_degree=5.0, **EXACT,
    )  # fmt: skip
    assert_close(plain, slow(*size, frequency, angle, phase, 5.0, 1e9, 1.0), rtol=0, atol=1e-14)


# protocols/kong.md §6: of orientation, frequency and phase what the authors' code draws in 8 bits.
GOLDEN = [
    ((0.0, 2.5, 0.0), (64, 255, 6418607), {(111, 111): 255, (111, 131): 235, (131, 111): 144}),
    ((57.5, 10.0, 80.0), (2, 253, 6372519), {(111, 111): 149, (111, 131): 235, (131, 111): 101}),
    ((172.5, 56.0, 90.0), (0, 254, 6372354), {(111, 111): 127, (111, 131): 216, (131, 111): 98}),
]


@pytest.mark.parametrize(("what", "summary", "pixels"), GOLDEN)
def test_kongs_pixels(what, summary, pixels):
    angle, cycles, phase = what
    image = gabor(
        224, frequency_cpd=cycles / 6.4, orientation_deg=angle, phase_deg=phase, **AUTHORS
    )
    assert image.dtype == torch.float32
    levels = (image.double() * 255).round().long()
    assert_close(image, levels.to(torch.uint8) / 255, rtol=0, atol=0)  # what a file would hold
    assert (levels.min().item(), levels.max().item(), levels.sum().item()) == summary
    assert {place: levels[place].item() for place in pixels} == pixels
    assert levels[0, 0] == 127


def test_kongs_parameters():
    cycles = [2.5, 3.5, 5, 7.1, 10, 14.1, 20, 28.3, 40, 56]
    assert np.allclose(np.array(FREQUENCIES_CPD) * 6.4, cycles, rtol=1e-15)
    assert np.allclose(ORIENTATIONS_DEG, np.linspace(0, 172.5, 10), rtol=1e-15)
    assert np.allclose(PHASES_DEG, np.linspace(0, 360, 10), rtol=1e-15)


def drawn(angle=0.0, phase=0.0, size=32, frequency=1.0, **more):
    settings = {"pixels_per_degree": 8.0, **EXACT, **more}
    return grating(
        size, frequency_cpd=frequency, orientation_deg=angle, phase_deg=phase, **settings
    )


def test_orientation_is_that_of_the_stripes_counterclockwise_from_horizontal():
    flat, upright, rising = drawn(0.0), drawn(90.0), drawn(45.0)
    near = {"rtol": 0, "atol": 1e-14}
    assert_close(flat, flat[:, :1].expand(-1, 32), **near)
    assert_close(upright, upright[:1].expand(32, -1), **near)
    assert_close(rising[1:, :-1], rising[:-1, 1:], **near)  # one up and one to the right
    assert flat.std(0).min() > 0.3


def test_a_half_turn_of_phase_reverses_contrast_and_a_whole_one_does_nothing():
    assert_close(drawn(20.0, 180.0), 1 - drawn(20.0), rtol=0, atol=1e-14)
    first, last = (
        gabor(224, frequency_cpd=2.2, orientation_deg=57.5, phase_deg=phase, **AUTHORS)
        for phase in (0.0, 360.0)
    )
    assert torch.equal(first, last)


def test_pixels_per_degree_is_resolution():
    fine = drawn(57.5, 30.0, size=64, pixels_per_degree=16.0)
    assert_close(fine[1::2, 1::2], drawn(57.5, 30.0), rtol=0, atol=1e-13)  # centres 31 and 15


@pytest.mark.parametrize(("frequency", "lower"), [(2.0, 2.0), (3.0, 4.0), (1.2, 8 / 6)])
def test_floored_wavelengths_are_whole_pixels(frequency, lower):
    floored = drawn(frequency=frequency, wavelengths="floor")
    assert_close(floored, drawn(frequency=lower), rtol=0, atol=1e-13)


def test_a_wavelength_that_rounding_made_too_short_by_a_hair_is_whole():
    hair = drawn(frequency=2.0 * (1 + 1e-7), wavelengths="floor")
    assert_close(hair, drawn(frequency=2.0), rtol=0, atol=1e-13)


@pytest.mark.parametrize("canvas", [17, 18, (16, 21)], ids=str)
@pytest.mark.parametrize("size", [(16, 13), 15], ids=str)
@pytest.mark.parametrize(("pixels", "grey"), [("float", 0.5), ("8bit", 127 / 255)])
def test_a_canvas_is_gray_around_the_patch_in_its_middle(canvas, size, pixels, grey):
    settings = {**ONE, **EXACT, "pixels": pixels, "pixels_per_degree": 8.0}
    image = gabor(size, canvas=canvas, **settings)
    whole, patch = gabor(canvas, **settings), gabor(size, **settings)
    top, left = ((c - 1) // 2 - (p - 1) // 2 for c, p in zip(image.shape, patch.shape, strict=True))
    window = (slice(top, top + patch.shape[0]), slice(left, left + patch.shape[1]))
    assert torch.equal(image[window], patch)
    assert torch.equal(whole[window], patch)
    outside = torch.ones_like(image, dtype=torch.bool)
    outside[window] = False
    assert image.shape == whole.shape
    assert set(image[outside].tolist()) == {grey}


def test_inception_has_the_choice_that_the_docstring_says():
    first = {"frequency_cpd": 1.0, "orientation_deg": 0.0, "phase_deg": 0.0, **EXACT}
    larger, denser = grating(299, **first), grating(299, pixels_per_degree=299 / 6.4, **first)
    patched = grating(224, canvas=299, **first)
    # Bright stripes down the middle column: 8.54, 6.4 and 6.4 degrees of one each.
    bright = [
        int(((image[1:-1, 149] > image[:-2, 149]) & (image[1:-1, 149] >= image[2:, 149])).sum())
        for image in (larger, denser, patched)
    ]
    assert bright == [9, 7, 7]
    assert patched[:38].unique().tolist() == [0.5]
    assert patched[38, 149] != 0.5


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32], ids=str)
@pytest.mark.parametrize("pixels", ["float", "8bit"])
def test_pixels_are_within_0_and_1_in_any_type(dtype, pixels):
    image = drawn(30.0, dtype=dtype, pixels=pixels)
    assert image.dtype == dtype
    assert image.min() >= 0
    assert image.max() <= 1
    step = 1 / 255 if pixels == "8bit" else 0  # rounded down, never up
    assert_close(image.double(), drawn(30.0) - step / 2, rtol=0, atol=step / 2 + 2**-8)


def test_the_frequency_of_nyquist_is_the_last_to_be_drawn():
    assert_close(drawn(frequency=4.0)[:, 0], torch.tensor([0.0, 1.0] * 16).double())
    message = (
        r"frequency_cpd holds 4\.1 cycles per degree, but 8 pixels per degree show at most 4 "
        r"\(Nyquist\); lower it, or draw at 8\.2 pixels per degree"
    )
    with pytest.raises(ValueError, match=message):
        drawn(frequency=4.1)


BAD = [
    ({"size": 0}, "size=0: give a whole number from 1 on"),
    ({"size": (4, 2.5)}, "size 2.5=2.5: give a whole number from 1 on"),
    ({"size": (4, 4, 4)}, r"size=\(4, 4, 4\): give height and width in pixels, or one for both"),
    ({"canvas": (40, 31)}, r"canvas=\(40, 31\) is smaller than size=32; it holds what is drawn"),
    ({"frequency_cpd": 0.0}, "frequency_cpd holds 0; give positive cycles per degree"),
    ({"frequency_cpd": -1.0}, "frequency_cpd holds -1; give positive cycles per degree"),
    ({"orientation_deg": math.inf}, "orientation_deg holds inf; give finite degrees"),
    ({"phase_deg": math.nan}, "phase_deg holds numbers that are NaN"),
    ({"pixels_per_degree": 0.0}, "pixels_per_degree=0.0: give a positive, finite number$"),
    ({"sigma_deg": -1.0}, "sigma_deg=-1.0: give a positive, finite number of degrees"),
    ({"gamma": math.inf}, "gamma=inf: give a positive, finite number"),
    ({"wavelengths": "round"}, r"wavelengths='round'; choose 'exact' \(as asked\) or 'floor' \(in"),
    ({"pixels": "16bit"}, r"pixels='16bit'; choose 'float' \(as computed\) or '8bit' \(in 256 lev"),
    ({"dtype": torch.int64}, "dtype=torch.int64; give a type of floating point"),
]


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize(("wrong", "message"), BAD, ids=[str(wrong) for wrong, _ in BAD])
def test_what_cannot_be_drawn_is_refused(wrong, message):
    arguments = {"size": 32, **ONE, **EXACT, **wrong}
    with pytest.raises(ValueError, match=message):
        gabor(arguments.pop("size"), **arguments)
    if not wrong.keys() & {"sigma_deg", "gamma"}:
        arguments = {"size": 32, **ONE, **EXACT, **wrong}
        with pytest.raises(ValueError, match=message):
            grating(arguments.pop("size"), **arguments)


def test_an_envelope_whose_variance_is_no_number_is_refused():
    with pytest.raises(ValueError, match=r"sigma_deg=1e-170: of .* whose square is no number"):
        gabor(
            8, frequency_cpd=1.0, orientation_deg=0.0, phase_deg=0.0, wavelengths="exact",
            pixels="float", sigma_deg=1e-170,
        )  # fmt: skip
