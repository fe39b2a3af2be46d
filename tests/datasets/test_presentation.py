"""How a recording's images are shown: where they lie, how large, and what surrounds them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from striate.activations import collect
from striate.datasets import CADENA2019, STRINGER2019, Presentation, Presented, present


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(1, 256, shape, dtype=np.uint8)


def margins(shown):
    """Black rows above and below, black columns left and right."""
    there = (shown != 0).any(0).any(0)
    rows, columns = np.flatnonzero(there.any(1)), np.flatnonzero(there.any(0))
    size = shown.shape[-1]
    return rows[0], size - 1 - rows[-1], columns[0], size - 1 - columns[-1]


@pytest.mark.parametrize(("size", "field", "expected"), [
    (224, 6.4, (92, 92, 92, 92)),
    (299, 299 / 35, (129, 130, 129, 130)),
])  # fmt: skip
def test_the_paddings_of_the_papers_networks(size, field, expected):
    shown = present(noise(2, 140, 140), replace(CADENA2019, field_deg=field), size=size)
    assert shown.shape == (2, 3, size, size)
    assert shown.dtype == torch.float32
    assert margins(shown.numpy()) == expected


def test_pixels_are_those_of_the_authors_steps():
    """Cut 80, resize to 40 by Pillow, pad with zeros: written out."""
    images = noise(3, 140, 140)
    expected = np.zeros((3, 224, 224), np.float32)
    for canvas, image in zip(expected, images, strict=True):
        square = Image.fromarray(image[30:110, 30:110])
        canvas[92:132, 92:132] = np.asarray(square.resize((40, 40), Image.BILINEAR)) / 255.0
    shown = present(images, CADENA2019, size=224).numpy()
    for channel in range(3):
        np.testing.assert_allclose(shown[:, channel], expected, atol=1e-7)


def test_pixels_in_unit_range_are_taken_for_the_8_bits_they_stem_from():
    images = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    whole = Presentation(stimulus_deg=4.0, field_deg=4.0)
    as_read = torch.from_numpy(images).float().div(255)[:, None]
    for given in (images, as_read, as_read.numpy(), as_read.double()):
        shown = present(given, whole, size=16)
        assert torch.equal((shown[0, 0] * 255).round().byte(), torch.from_numpy(images[0]))


@pytest.mark.parametrize(("levels", "expected"), [
    (np.arange(256) * 0.999, np.arange(256)), (np.arange(255) + 0.4, np.arange(255)),
    (np.arange(255) + 0.6, np.arange(1, 256)),
], ids=["a thousandth below", "above", "below"])  # fmt: skip
def test_pixels_between_levels_of_8_bits_are_rounded_to_the_nearest(levels, expected):
    whole = Presentation(stimulus_deg=4.0, field_deg=4.0)
    canvas = np.zeros((1, 16, 16))
    canvas.reshape(-1)[: len(levels)] = levels / 255
    # Of the first, level 255 stands at 254.745, and so on down: all nearer to their own.
    shown = present(canvas, whole, size=16)
    found = (shown[0, 0] * 255).flatten()[: len(levels)]
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize(("stimulus", "field", "width"), [
    (6.4, 6.4, 224), (3.2, 6.4, 112), (1.14, 6.4, 40), (1.14, 2.28, 112), (0.001, 6.4, 1),
])  # fmt: skip
def test_degrees_are_pixels(stimulus, field, width):
    presentation = Presentation(stimulus, field)
    assert presentation.width_px(224) == width
    shown = present(noise(1, 50, 50), presentation, size=224).numpy()
    rows = (shown[0, 0] != 0).any(1)
    assert rows.sum() == width


def test_what_is_not_square_keeps_its_shape_and_is_centred():
    shown = present(noise(1, 40, 100), Presentation(2.0, 4.0), size=101).numpy()
    top, bottom, left, right = margins(shown)
    assert (left, right) == (25, 26)  # 50 of 101
    assert (top, bottom) == (40, 41)  # 20 of 101
    mouse = present(noise(1, 68, 270), STRINGER2019, size=224)
    assert margins(mouse.numpy()) == (78, 78, 62, 62)


def test_the_part_of_the_mouse_screen_is_not_resized():
    images = noise(1, 68, 270)
    shown = present(images, STRINGER2019, size=224)
    expected = torch.from_numpy(images[0, :, 50:150]).float() / 255
    assert torch.equal(shown[0, 1, 78:146, 62:162], expected)


def test_the_surround_and_the_channels_are_what_is_asked_for():
    presentation = Presentation(2.0, 4.0, surround=0.25)
    shown = present(noise(2, 8, 8), presentation, size=16, channels=1)
    assert shown.shape == (2, 1, 16, 16)
    shown[:, :, 4:12, 4:12] = 0.25
    assert (shown == 0.25).all()
    colours = noise(2, 3, 8, 8)
    shown = present(colours, Presentation(4.0, 4.0), size=8)
    assert torch.equal(shown, torch.from_numpy(colours).float() / 255)


def test_an_odd_rest_is_cut_as_torchvision_cuts():
    images = noise(1, 7, 8)
    shown = present(images, Presentation(1.0, 1.0, crop_px=4), size=4)
    # (7 - 4) / 2 = 1.5, to the even 2; (8 - 4) / 2 = 2.
    assert torch.equal(shown[0, 0], torch.from_numpy(images[0, 2:6, 2:6]).float() / 255)


@pytest.mark.parametrize(("height", "width", "top", "left"), [
    (5, 7, 0, 2), (7, 5, 2, 0), (9, 11, 2, 4), (6, 6, 1, 1),
])  # fmt: skip
def test_half_a_pixel_goes_to_the_even_side(height, width, top, left):
    images = noise(1, height, width)
    shown = present(images, Presentation(1.0, 1.0, crop_px=4), size=4)
    expected = torch.from_numpy(images[0, top : top + 4, left : left + 4])
    assert torch.equal((shown[0, 0] * 255).round().byte(), expected)


@pytest.mark.parametrize(("given", "message"), [
    ({"stimulus_deg": 0.0}, "stimulus_deg=0.0: give degrees of visual angle, above 0"),
    ({"stimulus_deg": float("nan")}, "stimulus_deg=nan"),
    ({"field_deg": -1.0}, "field_deg=-1.0"),
    ({"stimulus_deg": 7.0}, "stimulus_deg=7 does not fit into field_deg=6.4; give the degrees"),
    ({"surround": 128.0}, r"surround=128.0: give a grey level in \[0, 1\]"),
    ({"crop_px": 0}, "crop_px=0: give the side of a square in pixels, or"),
    ({"crop_px": (-1, 0, 5, 5)}, r"crop_px=\(-1, 0, 5, 5\)"),
])  # fmt: skip
def test_no_presentation_is_made_of_nonsense(given, message):
    with pytest.raises(ValueError, match=message):
        Presentation(**{"stimulus_deg": 2.0, "field_deg": 6.4} | given)


WHOLE = Presentation(2.0, 2.0)


def test_images_by_slices_are_those_at_once():
    images = noise(7, 20, 20)
    shown = Presented(images, Presentation(2.0, 4.0), 16)
    assert len(shown) == 7
    parts = [shown[first : first + 3] for first in range(0, 7, 3)]
    assert [len(part) for part in parts] == [3, 3, 1]
    assert torch.equal(torch.cat(parts), present(images, shown.presentation, size=16))
    flat = torch.nn.Sequential(torch.nn.Flatten())
    seen = collect(flat, shown, "0", batch_size=2)["0"].mean()
    assert torch.equal(seen, torch.cat(parts).flatten(1))


def test_shown_images_are_a_sequence():
    shown = Presented(noise(3, 20, 20), Presentation(2.0, 4.0), 16)
    at_once = shown[:]
    assert [torch.equal(shown[place], at_once[place]) for place in (0, 2, -1, -3)] == [True] * 4
    assert torch.equal(torch.stack(list(shown)), at_once)
    for place in (3, -4):
        with pytest.raises(IndexError):
            shown[place]


def test_what_is_shown_is_single_precision_whatever_the_default():
    torch.set_default_dtype(torch.float64)
    try:
        assert present(noise(1, 8, 8), WHOLE, size=8).dtype == torch.float32
    finally:
        torch.set_default_dtype(torch.float32)


def test_slices_refuse_what_present_refuses():
    with pytest.raises(ValueError, match="size=0"):
        Presented(noise(2, 8, 8), WHOLE, 0)[:1]


@pytest.mark.parametrize(("images", "how", "size", "message"), [
    (noise(1, 20, 20), Presentation(2.0, 2.0, 30), 8, "crop_px=30 is not within images of 20×20"),
    (noise(1, 20, 20), Presentation(2.0, 2.0, (0, 9, 5, 12)), 8, r"crop_px=\(0, 9, 5, 12\) is not"),
    (noise(1, 40, 20), WHOLE, 8, "images of 40×20 pixels, 2 degrees wide, are higher than"),
    (noise(20, 20), WHOLE, 8, r"images has shape \(20, 20\)"),
    (noise(1, 2, 20, 20), WHOLE, 8, r"images has shape \(1, 2, 20, 20\)"),
    (noise(0, 20, 20), WHOLE, 8, r"images has shape \(0, 20, 20\)"),
    (noise(1, 20, 20) / 1.0, WHOLE, 8, r"images is float64 from \d"),
    (np.full((1, 20, 20), np.nan), WHOLE, 8, "images is float64 from nan to nan"),
    (noise(1, 20, 20).astype(int), WHOLE, 8, "images is int64"),
    (noise(1, 20, 20), WHOLE, 0, "size=0: give a whole number from 1 on"),
])  # fmt: skip
def test_what_cannot_be_shown_is_refused(images, how, size, message):
    with pytest.raises(ValueError, match=message):
        present(images, how, size=size)


def test_colours_are_not_shown_to_a_network_that_sees_none():
    with pytest.raises(ValueError, match="images has 3 channels, the network takes 1"):
        present(noise(1, 3, 8, 8), WHOLE, size=8, channels=1)
    with pytest.raises(ValueError, match="channels=0"):
        present(noise(1, 8, 8), WHOLE, size=8, channels=0)
