import itertools
import pickle

import numpy as np
import pytest
import torch
from runs import Run, same
from scipy.ndimage import gaussian_filter
from torch.nn.functional import interpolate

from striate.training import (
    blurred,
    composed,
    cosine,
    cropped,
    curriculum,
    dropped,
    flipped,
    noisy,
    resized_crop,
    sigma_at,
)
from striate.training.chance import generator_at
from striate.training.crops import DRAWS, random_window

MANY = 4000


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(count=3, height=9, width=14, channels=2):
    return torch.rand(count, channels, height, width, dtype=torch.float64, generator=generator(7))


@pytest.mark.parametrize("sigma", [0.2, 1.0, 2.5, 7.0])
def test_blur_is_scipys(sigma):
    """Also where the Gaussian, cut off at 4 σ, is wider than the image: σ = 7 on 9 × 14."""
    images = pictures()
    expected = gaussian_filter(images.numpy(), (0, 0, sigma, sigma), mode="reflect", truncate=4.0)
    torch.testing.assert_close(
        blurred(images, sigma), torch.from_numpy(expected), rtol=0, atol=1e-14
    )


def test_blur_loses_no_light_and_none_is_none():
    images = pictures().float()
    means = blurred(images, 3.0).mean((2, 3))
    torch.testing.assert_close(means, images.mean((2, 3)), rtol=1e-6, atol=0)
    assert blurred(images, 0.0) is images
    assert blurred(images, 3.0).dtype == torch.float32


@pytest.mark.parametrize("sigma", [0.5, 1.7, 2.0])
def test_blur_leaves_saturated_images_within_pixels(sigma):
    """Rounding would lift them above 1, and an attack on them refuse what is no pixel."""
    images = torch.rand(40, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    images[:, :, 4:] = 1.0
    found = blurred(images, sigma)
    assert found.max() <= 1
    assert found.min() >= images.min()
    assert torch.equal(blurred(images[3:5], sigma), found[3:5])  # whatever is beside an image
    assert blurred(images[:0], sigma).shape == images[:0].shape
    constant = torch.ones(1, 1, 9, 9, requires_grad=True)
    blurred(constant, sigma).sum().backward()
    torch.testing.assert_close(constant.grad, torch.ones(1, 1, 9, 9))


def test_the_blur_of_each_epoch():
    def sigmas(kind):
        return [sigma_at(kind, sigma=4.0, epochs=5, epoch=epoch) for epoch in range(1, 7)]

    assert sigmas("coarse to fine") == [4, 3, 2, 1, 0, 0]
    assert sigmas("fine to coarse") == [0, 1, 2, 3, 4, 4]
    assert sigmas("constant") == [4] * 6
    images = pictures()
    shown = curriculum("coarse to fine", sigma=4.0, epochs=5)
    for epoch, sigma in ((1, 4.0), (3, 2.0), (5, 0.0)):
        assert torch.equal(shown(images, epoch, generator()), blurred(images, sigma))
    assert torch.equal(
        curriculum("constant", sigma=2.0, epochs=1)(images, 1, generator()), blurred(images, 2.0)
    )


def test_noise_has_its_size_and_stays_within_pixels():
    grey = torch.full((4, 3, 60, 60), 0.5)
    noise = noisy(0.05)(grey, 1, generator()) - 0.5
    count = noise.numel()
    # Five standard errors of a mean, and of a standard deviation, of Gaussian numbers.
    assert abs(noise.mean()) < 5 * 0.05 / count**0.5
    assert abs(noise.std() / 0.05 - 1) < 5 / (2 * count) ** 0.5
    extreme = noisy(3.0)(grey, 1, generator())
    assert extreme.min() == 0
    assert extreme.max() == 1
    assert torch.equal(noisy(0.0)(grey, 1, generator()), grey)


def test_a_crop_is_a_shift_with_black_beyond_and_each_is_as_likely():
    image = torch.arange(1.0, 7.0).reshape(1, 1, 2, 3)
    shifts = {}
    for down in range(3):
        for across in range(3):
            whole = torch.zeros(4, 5)
            whole[1:3, 1:4] = image[0, 0]
            shifts[down, across] = whole[down : down + 2, across : across + 3]
    found = cropped(1)(image.expand(MANY, -1, -1, -1), 1, generator())
    counts = [(found[:, 0] == shift).all((1, 2)).sum().item() for shift in shifts.values()]
    assert sum(counts) == MANY
    # Five standard deviations of a binomial number with p = 1/9.
    assert max(abs(count - MANY / 9) for count in counts) < 5 * (MANY * 8 / 81) ** 0.5
    assert torch.equal(cropped(0)(image, 1, generator()), image)


def test_half_of_the_images_are_flipped_left_to_right():
    image = pictures(1)
    found = flipped()(image.expand(MANY, -1, -1, -1), 1, generator())
    turned = (found == image.flip(-1)).all((1, 2, 3))
    assert ((found == image).all((1, 2, 3)) ^ turned).all()
    assert abs(turned.sum().item() - MANY / 2) < 5 * (MANY / 4) ** 0.5


def test_a_resized_crop_is_the_window_enlarged():
    images = pictures(20, 23, 31)
    found = resized_crop()(images, 1, generator(3))
    draws = torch.rand(20, DRAWS, dtype=torch.float64, generator=generator(3))
    for image, row, given in zip(images, draws, found, strict=True):
        top, left, height, width = random_window(23, 31, row)
        part = image[:, top : top + height, left : left + width]
        wanted = interpolate(part[None], (23, 31), mode="bilinear", align_corners=False)[0]
        torch.testing.assert_close(given, wanted, rtol=0, atol=1e-12)


def test_the_law_of_the_window():
    """In a large image nothing is drawn again: log ratio and area are uniform and independent."""
    side = 3000
    draws = torch.rand(MANY, DRAWS, dtype=torch.float64, generator=generator(1)).tolist()
    windows = np.array([random_window(side, side, row, scale=(0.08, 0.5)) for row in draws])
    top, left, height, width = windows.T
    area = (height * width / side**2 - 0.08) / 0.42
    ratio = (np.log(width / height) / np.log(4 / 3) + 1) / 2
    down, across = top / (side - height), left / (side - width)
    # Means and variances of uniform numbers, within five standard errors and a pixel's rounding.
    for uniform in (area, ratio, down, across):
        assert abs(uniform.mean() - 1 / 2) < 5 / (12 * MANY) ** 0.5 + 1e-3
        assert abs(uniform.var() - 1 / 12) < 5 / (180 * MANY) ** 0.5 + 1e-3
    correlations = np.corrcoef([area, ratio, down, across]) - np.eye(4)
    assert np.abs(correlations).max() < 5 / MANY**0.5


def test_windows_lie_within_and_what_never_fits_is_the_centre():
    draws = torch.rand(500, DRAWS, dtype=torch.float64, generator=generator(2))
    for height, width in ((5, 7), (1, 1), (40, 9)):
        for row in draws:
            top, left, tall, wide = random_window(height, width, row)
            assert 0 <= top <= top + tall <= height
            assert 0 <= left <= left + wide <= width
            assert min(tall, wide) > 0
    row = draws[0]
    whole = {"scale": (1.0, 1.0)}
    assert random_window(10, 100, row, **whole) == (0, 43, 10, 13)
    assert random_window(100, 10, row, **whole) == (43, 0, 13, 10)
    assert random_window(10, 11, [0.999, 0.999, 0.0, 0.0] * 10, **whole) == (0, 0, 10, 11)


def test_only_tries_that_fail_are_drawn_again():
    fails, fits = [0.99, 0.99, 0.5, 0.5], [0.0, 0.5, 0.5, 0.5]
    expected = random_window(20, 20, fits * 10)
    assert random_window(20, 20, fails * 9 + fits) == expected
    assert random_window(20, 20, fails * 10) == (0, 0, 20, 20)


def test_composed_is_one_after_the_other_from_one_source():
    images = pictures()
    source = generator(4)
    expected = flipped()(noisy(0.1)(images, 2, source), 2, source)
    found = composed(noisy(0.1), flipped())(images, 2, generator(4))
    assert torch.equal(found, expected)
    assert composed()(images, 1, generator()) is images


def test_what_is_done_to_images_can_be_sent_to_other_processes():
    everything = composed(
        curriculum("fine to coarse", sigma=1.0, epochs=3),
        cropped(2), flipped(), resized_crop(), noisy(0.1),
    )  # fmt: skip
    images = pictures()
    again = pickle.loads(pickle.dumps(everything))
    assert torch.equal(again(images, 2, generator()), everything(images, 2, generator()))
    assert pickle.loads(pickle.dumps(dropped((2,))))(3) == 0.1


def test_the_loop_gives_each_batch_its_epoch_and_its_own_chance():
    seen = {}

    def inputs(images, epoch, source):
        assert images.shape[1:] == (2, 4, 4)
        seen.setdefault(epoch, []).append(torch.rand(4, generator=source))
        return images

    plain = Run(epochs=3).finish()
    run = Run(inputs=inputs, epochs=3).finish()
    assert same(run.state(), plain.state())  # drawing for inputs leaves the order alone
    assert {epoch: len(draws) for epoch, draws in seen.items()} == {1: 3, 2: 3, 3: 3}
    drawn = torch.cat([draw for draws in seen.values() for draw in draws])
    assert len(drawn.unique()) == len(drawn)
    first = {epoch: list(draws) for epoch, draws in seen.items()}
    for seed, alike in ((5, True), (6, False)):
        seen.clear()
        Run(inputs=inputs, epochs=3, seed=seed).finish()
        pairs = zip(first[2], seen[2], strict=True)
        assert all(torch.equal(one, two) == alike for one, two in pairs)


def test_each_use_and_place_in_a_training_has_random_numbers_of_its_own():
    """Or dropout would draw what the crops of the first batch drew."""
    places = [
        {"use": use, "seed": seed, "epoch": epoch, "batch": batch, "rank": rank}
        for use in ("taking", "inputs", "network")
        for seed, epoch, batch, rank in itertools.product(range(3), repeat=4)
    ]
    drawn = {torch.rand(4, generator=generator_at(**place)).numpy().tobytes() for place in places}
    assert len(drawn) == len(places)


def test_the_learning_rate_falls_after_its_epochs():
    schedule = dropped((25, 45, 65))
    rates = [schedule(epoch) for epoch in (1, 25, 26, 45, 46, 65, 66, 80)]
    assert rates == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001], rel=1e-12)
    assert dropped(())(1000) == 1
    assert [cosine(4)(epoch) for epoch in (1, 3, 5, 9)] == pytest.approx([1, 0.5, 0, 0], abs=1e-15)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: blurred(pictures(), -1.0), r"sigma=-1\.0: give a number of pixels from 0 to"),
        (lambda: blurred(pictures(), 1e9), r"sigma=1000000000\.0: give a number of pixels from 0"),
        (lambda: curriculum("constant", sigma=1.1e4, epochs=3), r"sigma=11000\.0: give a number"),
        (lambda: curriculum("constant", sigma=-2.0, epochs=3), r"sigma=-2\.0: give a number"),
        (
            lambda: curriculum("coarse to fine", sigma=1.0, epochs=1),
            "epochs=1: 'coarse to fine' needs at least 2",
        ),
        (lambda: curriculum("constant", sigma=1.0, epochs=0), "epochs=0: 'constant' needs at"),
        (lambda: noisy(float("nan")), "noise of sd=nan: give a finite number"),
        (lambda: noisy(-1.0), r"noise of sd=-1\.0: give a finite number, 0 or more"),
        (lambda: cropped(-1), "padding=-1: give a number of pixels"),
        (lambda: resized_crop(scale=(0.5, 1.5)), r"scale=\(0\.5, 1\.5\): give the least"),
        (lambda: resized_crop(ratio=(2.0, 1.0)), r"ratio=\(2\.0, 1\.0\): give the least"),
        (lambda: dropped((3, 3)), r"drops=\(3, 3\): give epochs from 1 on"),
        (lambda: dropped((0,)), r"drops=\(0,\): give epochs from 1 on"),
        (lambda: dropped((1,), factor=0.0), r"factor=0\.0: a learning rate falls"),
        (lambda: cosine(0), "epochs=0: need at least one"),
    ],
    ids=range(15),
)
def test_settings_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_kind_that_is_none_is_refused():
    """By its own check, where nothing checks types."""
    with pytest.raises(ValueError, match="kind='sharp'; choose one of 'coarse to fine', "):
        curriculum.__wrapped__("sharp", sigma=1.0, epochs=3)


def test_a_window_reaches_every_place_down_to_the_last_row_and_column():
    """A quarter of 20 × 24, square: 11 × 11 pixels, which fit ten times down and 14 across."""
    for top in range(10):
        for left in range(14):
            draws = [0.5, 0.5, (top + 0.5) / 10, (left + 0.5) / 14] * 10
            window = random_window(20, 24, draws, scale=(0.25, 0.25), ratio=(1.0, 1.0))
            assert window == (top, left, 11, 11)


def test_a_window_may_be_as_high_or_as_wide_as_the_image():
    draws = [0.5, 0.5, 0.999, 0.999] * 10
    half = {"scale": (0.5, 0.5), "ratio": (1.0, 1.0)}
    assert random_window(10, 20, draws, **half) == (0, 10, 10, 10)
    assert random_window(20, 10, draws, **half) == (10, 0, 10, 10)
