"""What is a unit and what a stimulus, against loops that place every number by hand."""

import inspect

import pytest
import torch
from torch.testing import assert_close

from striate.spectra import SpectralPenalty, arrange, check_units
from truths import gaussian

ALL = ["flat", "channels", "features", "centre"]


def slow_flat(x):
    return [[number for number in image.reshape(-1).tolist()] for image in x]


def slow_channels(x):
    rows = []
    for image in x:
        positions = image.reshape(len(image), -1)
        for position in range(positions.shape[1]):
            rows.append([channel[position].item() for channel in positions])
    return rows


def slow_features(x):
    if x.ndim == 2:
        return x.tolist()
    return [row for part in x for row in slow_features(part)]


def slow_centre(x):
    rows = []
    for image in x:
        row = []
        for channel in image:
            while channel.ndim:
                channel = channel[len(channel) // 2]
            row.append(channel.item())
        rows.append(row)
    return rows


SLOW = {
    "flat": slow_flat, "channels": slow_channels, "features": slow_features, "centre": slow_centre
}  # fmt: skip
# dense; tokens or a sequence of channels; maps with an even and an odd side; volumes
OUTPUTS = [(6, 5), (3, 4, 5), (3, 4, 5, 6), (2, 3, 2, 3, 4)]


@pytest.mark.parametrize("units", ALL)
@pytest.mark.parametrize("shape", OUTPUTS, ids=str)
def test_every_number_lies_where_the_loops_put_it(units, shape):
    x = gaussian(*shape)
    expected = torch.tensor(SLOW[units](x), dtype=x.dtype)
    assert torch.equal(arrange(x, units), expected)


@pytest.mark.parametrize("units", ["channels", "centre"])
def test_maps_of_square_images_with_channels_last_are_told(units):
    maps = gaussian(2, 6, 6, 5)
    with pytest.raises(
        ValueError, match=r"\(2, 6, 6, 5\) have channels on their last axis; give un"
    ):
        arrange(maps, units)
    assert arrange(maps.movedim(-1, 1), units).shape[1] == 5
    assert arrange(maps, "features").shape == (72, 5)
    square = gaussian(2, 6, 6, 6)
    assert torch.equal(arrange(square, "channels"), square.movedim(1, -1).flatten(0, -2))


@pytest.mark.parametrize("units", ALL)
def test_a_dense_layer_is_what_it_is(units):
    x = gaussian(6, 5)
    assert torch.equal(arrange(x, units), x)


@pytest.mark.parametrize("units", ALL)
@pytest.mark.parametrize("solver", ["exact", "subspace"])
def test_a_penalty_and_its_gradient_are_those_of_the_arrangement(units, solver):
    maps = gaussian(40, 8, 5, 9).requires_grad_()
    settings = {"alpha": 2.0, "beta": 0.7, "ranks": (2, 7), "solver": solver}
    (found,) = torch.autograd.grad(SpectralPenalty(units=units, **settings)(maps), maps)

    flat = torch.tensor(SLOW[units](maps.detach()), dtype=torch.float64).requires_grad_()
    (expected,) = torch.autograd.grad(SpectralPenalty(**settings)(flat), flat)
    # The gradient is carried back to where each number came from.
    places = torch.arange(maps.numel(), dtype=torch.float64).reshape(maps.shape)
    carried = torch.zeros(maps.numel(), dtype=torch.float64)
    carried[torch.tensor(SLOW[units](places)).long().flatten()] = expected.flatten()
    assert_close(found.flatten(), carried, rtol=1e-9, atol=1e-15)


def test_channels_need_fewer_images_than_ranks():
    maps = gaussian(3, 12, 5, 5)
    settings = {"alpha": 1.0, "beta": 1.0, "ranks": (2, 10)}
    SpectralPenalty(units="channels", **settings)(maps)
    with pytest.raises(ValueError, match=r"a batch of 3 with 300 units has 2"):
        SpectralPenalty(units="flat", **settings)(maps)
    with pytest.raises(ValueError, match=r"a batch of 180 with 5 units has 5"):
        SpectralPenalty(units="features", **settings)(maps)


def test_a_word_that_names_no_arrangement_is_refused():
    with pytest.raises(ValueError, match="units='pixels'; choose one of 'flat', 'channels', 'feat"):
        inspect.unwrap(check_units)("pixels")  # past the tests' type checks
