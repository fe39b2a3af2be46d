"""Images that channels like best: the climb, and where it must end."""

import inspect
import math

import pytest
import torch
from nets import SIZE, conv, seeded
from torch import nn
from torch.nn.functional import log_softmax
from torch.testing import assert_close

from striate.visualize import TRANSFORMS, optimal_stimulus, peak_frequency
from striate.visualize.fourier import pixels, random_start
from striate.visualize.optimum import log_probability
from striate.visualize.transforms import transformed
from truths import gaussian


def found(model, layer, channels, *, seed=0, **options):
    options = {"size": SIZE, "steps": 5, "generator": seeded(seed), **options}
    return optimal_stimulus(model, layer, channels, **options)


def slow(net, channel, start, chance, *, steps, rate, temperature, planes):
    """One image, by the formulae of the objective and of Adam."""
    variable, first, second = start, torch.zeros_like(start), torch.zeros_like(start)
    for step in range(1, steps + 1):
        variable = variable.detach().requires_grad_()
        image = transformed(pixels(variable, SIZE, planes), TRANSFORMS, chance)
        means = net[:2](image).sum((2, 3))[0] / 81 / temperature
        (means[channel].exp() / means.exp().sum()).log().backward()
        first = 0.9 * first + 0.1 * variable.grad
        second = 0.999 * second + 0.001 * variable.grad**2
        change = first / (1 - 0.9**step) / ((second / (1 - 0.999**step)).sqrt() + 1e-8)
        variable = variable + rate * change
    return pixels(variable.detach(), SIZE, planes)


@pytest.mark.parametrize(("colour", "temperature"), [("colour", 1.0), ("grey", 0.3)])
def test_the_climb_is_that_of_the_formulae(colour, temperature):
    net, options = conv(), {"steps": 6, "learning_rate": 0.1, "temperature": temperature}
    images = found(net, "1", [2, 4], colour=colour, **options).images
    seeds = torch.randint(2**62, (6,), generator=seeded()).tolist()
    for image, channel in zip(images, (2, 4), strict=True):
        start = random_start([seeds[channel]], colour, SIZE, SIZE)
        expected = slow(
            net, channel, start, seeded(seeds[-1]),
            steps=6, rate=0.1, temperature=temperature, planes=3,
        )  # fmt: skip
        # Adam divides by the root of squares: rounding of 1e-16 grows to 1e-8 at worst.
        assert_close(image[None], expected, rtol=0, atol=1e-8)
        assert (expected - pixels(start, SIZE, 3)).abs().max() > 0.05


def test_two_opposed_units_want_black_and_white():
    """For units w and -w, log p rises with w · x: white where w is positive, black elsewhere."""
    weights = gaussian(1, SIZE * SIZE)
    dense = nn.Linear(SIZE * SIZE, 2, bias=False).double()
    dense.weight.data = torch.cat([weights, -weights])
    options = {"steps": 400, "learning_rate": 0.2, "colour": "grey", "planes": 1, "transforms": ()}

    def fraction(temperature):
        """Of what can be had over mid-grey, and the images."""
        best = found(
            nn.Sequential(nn.Flatten(), dense), "1", [0, 1], temperature=temperature, **options
        )
        return best.activation / (weights.abs().sum() / 2 - weights.sum() / 2 * signs), best.images

    signs = torch.tensor([-1, 1])
    had, images = fraction(50.0)
    assert (had > 0.98).all()
    strong = weights[0].abs() > 0.5
    for image, wanted in zip(images.flatten(1), (weights[0] > 0, weights[0] < 0), strict=True):
        assert torch.equal((image > 0.5)[strong], wanted[strong])
    # Activations of ±100 leave nothing to climb for where T = 1.
    assert (fraction(1.0)[0] < 0.6).all()


ANGLES = [22.5 * step for step in range(8)]
WAVES = [16.0, 11.3, 8.0, 5.66]  # half an octave apart
SIDE, PLANTED_SIZE = 21, 48


def gabors(wavelength, angle_deg, side=SIDE):
    """Kong et al.'s convention, half a wavelength wide; mean 0, length 1."""
    place = torch.arange(side) - (side - 1) / 2
    x, y = place[:, None], place
    angle = math.radians(angle_deg)
    envelope = torch.exp(-(x**2 + y**2) / (2 * (wavelength / 2) ** 2))
    wave = torch.cos(2 * math.pi * (x * math.cos(angle) + y * math.sin(angle)) / wavelength)
    gabor = envelope * (wave - (envelope * wave).sum() / envelope.sum())
    return gabor / gabor.norm()


def planted():
    """A rectified layer of 32 filters; frequency and orientation of each."""
    filters = [(wave, angle) for wave in WAVES for angle in ANGLES]
    layer = nn.Conv2d(1, len(filters), SIDE, bias=False)
    layer.weight.data = 2 * torch.stack([gabors(*each) for each in filters])[:, None]
    wavelengths, angles = torch.tensor(filters).T
    return nn.Sequential(layer, nn.ReLU()), PLANTED_SIZE / wavelengths, angles


def close(images, frequencies, angles):
    peaks = peak_frequency(images)
    octaves = (peaks.frequency_cpi / frequencies).log2().abs()
    degrees = ((peaks.orientation_deg - angles + 90) % 180 - 90).abs()
    return (octaves <= 0.5) & (degrees <= 15)


@pytest.mark.parametrize("seed", [0, 1])
def test_planted_filters_are_seen_in_their_optimal_stimuli(seed):
    """At least 29 of 32; with seeds 0 to 6 it was 31 or 32, with 7 it was 29."""
    model, frequencies, angles = planted()
    options = {"colour": "grey", "planes": 1, "size": PLANTED_SIZE, "seed": seed}
    best = found(model, "1", range(32), steps=100, **options)
    assert close(best.images, frequencies, angles).sum() >= 0.9 * 32
    # Its image makes a channel the strongest, and no other image makes it stand out as much.
    certainty = log_softmax(model(best.images).mean((2, 3)), 1)
    for axis in (0, 1):
        assert (certainty.argmax(axis) == torch.arange(32)).sum() >= 0.9 * 32
    # Neither the start nor another filter's image would do.
    first = found(model, "1", range(32), steps=1, transforms=(), **options)
    assert close(first.images, frequencies, angles).sum() < 8
    assert close(best.images.roll(11, 0), frequencies, angles).sum() < 8


@pytest.mark.parametrize("layer", ["1", "4"])
def test_objective_and_activation_are_those_of_the_images(layer):
    net = conv()
    best = found(net, layer, [2, 0], temperature=0.2)
    outputs = net[:2](best.images).mean((2, 3)) if layer == "1" else net(best.images)
    activation = torch.stack([outputs[0, 2], outputs[1, 0]])
    assert_close(best.activation, activation, rtol=0, atol=1e-12)
    expected = log_softmax(outputs / 0.2, 1)
    assert_close(best.objective, torch.stack([expected[0, 2], expected[1, 0]]), rtol=0, atol=1e-12)


def test_the_images_get_better_and_stay_images():
    best = found(conv(), "1", range(5), steps=60, transforms=())
    assert best.images.shape == (5, 3, SIZE, SIZE)
    assert best.history.shape == (5, 60)
    assert 0 <= best.images.min() < best.images.max() <= 1
    assert (best.history.diff(dim=1) > 0).double().mean() > 0.9
    assert (best.objective >= best.history[:, -1]).all()
    assert not best.images.requires_grad


def test_each_channel_climbs_alone():
    net = conv()
    together = found(net, "1", [3, 1, 4], steps=20)
    for index, channel in enumerate([3, 1, 4]):
        alone = found(net, "1", [channel], steps=20)
        for name in together._fields:
            many, one = getattr(together, name)[index], getattr(alone, name)[0]
            assert_close(many, one, rtol=0, atol=1e-7)
    batches = found(net, "1", [3, 1, 4], steps=20, batch=2)
    assert_close(batches.images, together.images, rtol=0, atol=1e-7)


def test_a_seed_settles_every_bit():
    net = conv(dtype=torch.float32)
    first, again, other = (found(net, "1", [0, 2], seed=seed) for seed in (3, 3, 4))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first.images, other.images)
    generator = seeded(3)
    found(net, "1", [0], generator=generator)
    state = generator.get_state()
    found(net, "1", [0, 1, 2], steps=2, generator=(another := seeded(3)))
    assert torch.equal(state, another.get_state())  # what is drawn does not depend on the task


@pytest.mark.parametrize("size", [(9, 14), 13, (12, 30)], ids=str)
@pytest.mark.parametrize("colour", ["colour", "grey"])
def test_images_of_any_size_in_colour_and_grey(size, colour):
    images = found(conv(), "1", [0], size=size, colour=colour).images
    assert images.shape == (1, 3, *((size, size) if isinstance(size, int) else size))
    assert (images == images[:, :1]).all() == (colour == "grey")


def test_progress_counts_all_steps():
    seen = []
    found(conv(), "1", range(5), steps=3, batch=2, progress=lambda *step: seen.append(step))
    assert seen == [(done, 9) for done in range(1, 10)]


def test_transforms_are_the_callers():
    shapes = []

    def mirrored(images, generator):
        shapes.append(tuple(images.shape))
        return images.flip(3)

    net = conv()
    flipped = found(net, "1", [1], transforms=[mirrored]).images
    assert shapes == 5 * [(1, 3, SIZE, SIZE)]
    assert not torch.equal(flipped, found(net, "1", [1], transforms=()).images)


@pytest.mark.parametrize("gap", [-50.0, -3.0, 0.0, 3.0, 12.0, 60.0])
def test_a_channel_that_is_all_but_certain_still_has_a_gradient(gap):
    means = torch.tensor([[gap, 0.0, -1.0], [0.5, 2.0, 1.0]], requires_grad=True)
    value = log_probability(means, [0, 1])
    value.sum().backward()
    exact = means.detach().double().requires_grad_()
    expected = log_softmax(exact, 1)[[0, 1], [0, 1]]
    assert_close(value.double(), expected, rtol=1e-6, atol=1e-15)
    expected.sum().backward()
    beaten = math.exp(-gap) * (1 + math.exp(-1)) if gap > 0 else None
    own = means.grad[0, 0].item()
    wanted = beaten / (1 + beaten) if beaten else exact.grad[0, 0].item()
    assert own == pytest.approx(wanted, rel=1e-5)
    assert own > 0
    assert means.grad.sum(1).abs().max() < 1e-6


def test_enormous_activations_are_no_nan():
    net = conv(dtype=torch.float32)
    net[0].weight.data *= 1e4
    net[1] = nn.Identity()
    best = found(net, "0", [0, 1], steps=20)
    assert all(part.isfinite().all() for part in best)


BAD = {
    "channel -1": ({"channels": [-1]}, "channels: layer '1' has 5, counted from 0 to 4, and no -1"),
    "channel 5": ({"channels": [0, 5]}, "channels: layer '1' has 5, counted from 0 to 4, and no 5"),
    "channel 1.0": ({"channels": [1.0]}, "counted from 0 to 4, and no 1.0"),
    "channels": ({"channels": []}, "channels=\\[\\]: name at least one"),
    "size 1": ({"size": 1}, "size=1: give a side, or height and width, in pixels from 2 on"),
    "sizes": ({"size": (8, 8, 8)}, "size=\\(8, 8, 8\\): give a side, or height and width"),
    "size 8.0": ({"size": (8.0, 8)}, "size=\\(8.0, 8\\): give a side, or height and width"),
    "steps": ({"steps": 0}, "steps=0: give a whole number from 1 on"),
    "steps 2.5": ({"steps": 2.5}, "steps=2.5: give a whole number from 1 on"),
    "batch": ({"batch": 0}, "batch=0: give a whole number from 1 on"),
    "planes": ({"planes": 0}, "planes=0: give a whole number from 1 on"),
    "rate": ({"learning_rate": 0.0}, "learning_rate=0.0: give a positive, finite number"),
    "rate nan": ({"learning_rate": math.nan}, "learning_rate=nan: give a positive, finite number"),
    "temperature": ({"temperature": -1.0}, "temperature=-1.0: give a positive, finite number"),
    "colour": ({"colour": "gray"}, "colour='gray'; choose 'colour' or 'grey'"),
    "one plane": ({"planes": 1}, "planes=1: coloured images have 3; for a model that takes 1"),
    "transform": ({"transforms": TRANSFORMS[0]}, "transforms=Pad\\(pixels=12\\): give functions"),
    "transforms": ({"transforms": (1,)}, "transforms=\\(1,\\): give functions of \\(images, gener"),
    "generator": ({"generator": 0}, "generator is a int; give torch.Generator\\(\\).manual_seed"),
    "model": ({"model": torch.tanh}, "model is a builtin.*; give a torch.nn.Module"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_arguments_out_of_range_are_refused(case):
    options, message = BAD[case]
    given = {
        "model": conv(), "layer": "1", "channels": [0], "size": SIZE, "generator": seeded(),
        **options,
    }  # fmt: skip
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(optimal_stimulus)(**given)


class InPlace(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, pixels):
        return self.conv(pixels.sub_(0.45).div_(0.25))


def test_a_model_may_normalise_its_input_in_place():
    found = optimal_stimulus(
        InPlace(), "conv", [0], size=8, steps=3, generator=torch.Generator().manual_seed(0)
    )
    assert 0 <= found.images.min() < found.images.max() <= 1


@pytest.mark.parametrize("temperature", [1e-40, 1e-38])
def test_a_temperature_that_activations_cannot_be_divided_by_is_named(temperature):
    net = nn.Conv2d(3, 4, 3)
    nn.init.constant_(net.bias, 100.0)
    with pytest.raises(ValueError, match=f"temperature={temperature}: "):
        optimal_stimulus(
            nn.Sequential(net), "0", [0], size=8, steps=1, temperature=temperature,
            generator=torch.Generator().manual_seed(0),
        )  # fmt: skip
