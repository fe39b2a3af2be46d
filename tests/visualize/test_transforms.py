import math

import pytest
import torch
from torch.testing import assert_close

from striate.visualize import TRANSFORMS, Jitter, Pad, Rotate, Scale
from striate.visualize.transforms import transformed
from truths import gaussian


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def picture(height=16, width=16, count=2):
    return gaussian(count, 3, height, width).sigmoid()


def smooth(height, width, turned=0.0, magnified=1.0):
    """Bumps off the centre, turned and magnified by formula; flat at the edges."""
    y = torch.arange(height, dtype=torch.float64)[:, None] - (height - 1) / 2
    x = torch.arange(width, dtype=torch.float64) - (width - 1) / 2
    angle = math.radians(turned)
    u = (x * math.cos(angle) - y * math.sin(angle)) / magnified
    v = (x * math.sin(angle) + y * math.cos(angle)) / magnified
    bump = torch.exp(-((u - 7) ** 2 + (v - 3) ** 2) / 18) - torch.exp(-((u + 4) ** 2 + v**2) / 18)
    return (0.5 + 0.4 * bump)[None, None]


def test_the_defaults_are_those_of_the_papers_tool():
    pad, jitter, scale, rotate, last = TRANSFORMS
    assert (pad, jitter, last) == (Pad(12), Jitter(8), Jitter(4))
    assert scale.factors == pytest.approx([0.9 + 0.02 * step for step in range(11)])
    assert sorted(set(rotate.angles_deg)) == list(range(-10, 11))
    assert [rotate.angles_deg.count(angle) for angle in (-10, 0, 7)] == [1, 6, 1]


def test_padding_is_grey():
    images = picture()
    padded = Pad(3)(images, seeded())
    assert padded.shape == (2, 3, 22, 22)
    assert torch.equal(padded[:, :, 3:-3, 3:-3], images)
    padded[:, :, 3:-3, 3:-3] = 0.5
    assert (padded == 0.5).all()


@pytest.mark.parametrize("pixels", [1, 2, 5, 8])
def test_jitter_shifts_by_every_step_about_zero(pixels):
    images, generator = picture(), seeded()
    steps = range(-(pixels // 2), pixels - pixels // 2)
    expected = torch.stack([shifted(images, down, right) for down in steps for right in steps])
    seen = set()
    for _ in range(15 * pixels**2):  # one shift of pixels² is missed by chance once in exp(15)
        (fits,) = (Jitter(pixels)(images, generator) == expected).flatten(1).all(1).nonzero()
        seen.add(fits.item())
    assert len(seen) == pixels**2


def shifted(images, down, right):
    """By writing each pixel where it goes."""
    height, width = images.shape[2:]
    moved = torch.full_like(images, 0.5)
    for row in range(max(0, -down), min(height, height - down)):
        for column in range(max(0, -right), min(width, width - right)):
            moved[:, :, row + down, column + right] = images[:, :, row, column]
    return moved


@pytest.mark.parametrize("size", [(64, 64), (56, 72), (65, 50)], ids=str)
@pytest.mark.parametrize("factor", [0.9, 1.04, 1.3])
def test_scale_magnifies_about_the_centre(size, factor):
    found = Scale((factor,))(smooth(*size), seeded())
    # Linear interpolation is off by at most |f''| / 4 = 0.4 / 9 / 4 for two axes.
    assert_close(found, smooth(*size, magnified=factor), rtol=0, atol=0.012)
    assert (found - smooth(*size)).abs().max() > 0.02


@pytest.mark.parametrize("size", [(64, 64), (56, 72), (65, 50)], ids=str)
@pytest.mark.parametrize("angle", [-10.0, 3.0, 30.0])
def test_rotate_turns_about_the_centre(size, angle):
    found = Rotate((angle,))(smooth(*size), seeded())
    assert_close(found, smooth(*size, turned=angle), rtol=0, atol=0.012)
    assert (found - smooth(*size)).abs().max() > 0.02


def test_a_quarter_turn_moves_whole_pixels():
    images = picture()
    found = Rotate((90.0,))(images, seeded())
    assert_close(found, torch.rot90(images, 1, (2, 3)), rtol=0, atol=1e-13)


def test_what_moves_in_is_grey():
    white = torch.ones(1, 1, 32, 32, dtype=torch.float64)
    small = Scale((0.5,))(white, seeded())
    assert (small[:, :, :7] == 0.5).all()
    assert_close(small[:, :, 9:-9, 9:-9], torch.ones(1, 1, 14, 14, dtype=torch.float64))
    corner = Rotate((45.0,))(white, seeded())[0, 0, 0, 0]
    assert corner == 0.5


def test_doing_nothing_changes_no_bit():
    images = picture()
    assert torch.equal(Scale((1.0,))(images, seeded()), images)
    assert torch.equal(Rotate((0.0,))(images, seeded()), images)
    assert torch.equal(transformed(images, (), seeded()), images)


@pytest.mark.parametrize("transform", [Scale((0.9, 1.1)), Rotate((-5.0, 5.0))], ids=repr)
def test_all_choices_are_drawn(transform):
    generator, images = seeded(), picture()
    drawn = torch.stack([transform(images, generator) for _ in range(40)])
    assert len(drawn.unique(dim=0)) == 2


@pytest.mark.parametrize("transform", TRANSFORMS, ids=repr)
def test_a_seed_settles_a_draw_and_the_batch_shares_it(transform):
    images = picture(count=3)
    for seed in range(5):
        together = transform(images, seeded(seed))
        alone = torch.cat([transform(image[None], seeded(seed)) for image in images])
        assert torch.equal(together, alone)


@pytest.mark.parametrize("size", [(16, 16), (15, 20), (4, 3)], ids=str)
def test_images_keep_their_size(size):
    images = picture(*size)
    assert transformed(images, TRANSFORMS, seeded()).shape == images.shape
    assert torch.equal(transformed(images, (Pad(5),), seeded()), images)


def test_images_made_smaller_get_a_grey_margin():
    images = picture()
    found = transformed(images, (lambda seen, _: seen[:, :, 2:-2, 3:-3],), seeded())
    assert torch.equal(found[:, :, 2:-2, 3:-3], images[:, :, 2:-2, 3:-3])
    assert (found[:, :, :2] == 0.5).all()
    assert (found[..., -3:] == 0.5).all()


@pytest.mark.parametrize("transform", TRANSFORMS, ids=repr)
def test_gradients_pass(transform):
    images = picture(5, 6, count=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda seen: transform(seen, seeded(3)), images)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: Pad(0), "pixels of Pad=0: give a whole number from 1 on"),
    (lambda: Jitter(-2), "pixels of Jitter=-2: give a whole number from 1 on"),
    (lambda: Scale(()), r"Scale\(factors=\(\)\): give positive numbers in a tuple, at least one"),
    (lambda: Scale((1.0, 0.0)), r"Scale\(factors=\(1.0, 0.0\)\): give positive numbers"),
    (lambda: Rotate((math.inf,)), r"Rotate\(angles_deg=\(inf,\)\): give finite numbers"),
    (lambda: Rotate((math.nan,)), r"Rotate\(angles_deg=\(nan,\)\): give finite numbers"),
])  # fmt: skip
def test_settings_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(("returned", "shown"), [
    (torch.zeros(1, 3, 16, 16), r"shape \(1, 3, 16, 16\)"), (torch.zeros(2), r"shape \(2,\)"),
    (None, "a NoneType"),
])  # fmt: skip
def test_a_transform_that_loses_images_is_named(returned, shown):
    def lossy(images, generator):
        return returned

    message = rf"transforms: <function .*lossy.*> made {shown} of images of shape \(2, 3, 16, 16\)"
    with pytest.raises(ValueError, match=message):
        transformed(picture(), (lossy,), seeded())
