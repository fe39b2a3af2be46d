import itertools

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from striate.activations import collect
from striate.tuning import (
    PHASES_DEG,
    PHASES_ONCE_DEG,
    gabor,
    gabor_bank,
    grating,
    grating_bank,
)
from striate.tuning import drawing as drawing_module

AUTHORS = {"wavelengths": "floor", "pixels": "8bit"}
PAPER = {"wavelengths": "exact", "pixels": "float"}
SMALL = {
    "frequencies_cpd": [1.0, 2.0, 4.0],
    "orientations_deg": [0.0, 45.0],
    "phases_deg": [0.0, 90.0, 180.0, 270.0],
    "pixels_per_degree": 8.0,
}


def small(size=12, **more):
    return gabor_bank(size, **{**SMALL, **PAPER, **more})


def test_kongs_whole_set():
    bank = gabor_bank(224, **AUTHORS)
    assert bank.shape == (10, 10, 10)
    assert bank.images.shape == (1000, 1, 224, 224)
    total = 0
    for first in range(0, 1000, 50):
        total += int((bank.images[first : first + 50].double() * 255).round().sum())
    assert total == 6372853369


def test_kongs_effective_frequencies():
    bank = gabor_bank(224, **AUTHORS)
    # protocols/kong.md §6, three digits printed.
    cycles = [2.517, 3.5, 5.091, 7.226, 10.182, 14.933, 20.364, 32.0, 44.8, 56.0]
    drawn = bank.drawn_frequencies_cpd * 6.4
    assert_close(drawn, torch.tensor(cycles, dtype=torch.float64), rtol=0, atol=6e-4)
    exact = gabor_bank(224, **PAPER)
    assert_close(exact.drawn_frequencies_cpd, exact.frequencies_cpd)
    assert torch.equal(bank.frequencies_cpd, exact.frequencies_cpd)


def test_orientations_change_slowest_and_phases_fastest():
    bank, plain = small((12, 9)), grating_bank((12, 9), **SMALL, **PAPER)
    every = itertools.product(
        SMALL["orientations_deg"], SMALL["frequencies_cpd"], SMALL["phases_deg"]
    )
    for index, (angle, frequency, phase) in enumerate(every):
        what = {"orientation_deg": angle, "frequency_cpd": frequency, "phase_deg": phase}
        what |= {"pixels_per_degree": 8.0, **PAPER}
        assert torch.equal(bank.images[index][0], gabor((12, 9), **what))
        assert torch.equal(plain.images[index][0], grating((12, 9), **what))
    assert index + 1 == len(bank.images) == len(plain.images) == 24


@pytest.mark.parametrize("part", [slice(3, 7), slice(20, 40), slice(5, 5), slice(None, None, 5)])
def test_a_slice_is_that_of_the_whole_set(part):
    images = small(channels=3).images
    whole = images[:]
    assert whole.shape == images.shape == (24, 3, 12, 12)
    assert torch.equal(images[part], whole[part])
    assert torch.equal(images[-1], whole[-1])
    assert torch.equal(torch.stack(list(images)), whole)


@pytest.mark.usefixtures("unchecked_types")  # of numpy's arrays
@pytest.mark.parametrize(
    "index",
    [
        [0, 1],
        [5, -1, 5],
        torch.tensor([23, 2]),
        np.array([4, 0]),
        torch.arange(24) % 5 == 0,
        np.arange(24) > 20,
        [True] * 2 + [False] * 22,
        slice(None, None, -1),
        slice(20, 2, -7),
        slice(2, 20, -1),
    ],
    ids=str,
)
def test_several_places_are_several_images(index):
    images = small(channels=3).images
    if isinstance(index, slice):
        places = [*range(24)][index]
    else:
        places = np.arange(24)[np.asarray(index)].tolist()
    whole = [*images]
    expected = torch.stack([whole[place] for place in places]) if places else images[5:5]
    assert torch.equal(images[index], expected)


@pytest.mark.usefixtures("unchecked_types")
def test_an_index_of_several_axes_is_refused():
    images = small().images
    for index in ([[0, 1], [2, 3]], None, True):
        with pytest.raises(ValueError, match="has 2 axes; give an int, a slice, or one axis of pl"):
            images[index]
    with pytest.raises(IndexError):
        images[24]


def test_channels_show_the_same():
    images, gray = small(channels=3).images[:], small().images[:]
    assert all(torch.equal(images[:, channel], gray[:, 0]) for channel in range(3))


def test_few_images_are_drawn_at_a_time(monkeypatch):
    whole, drawn = small().images[:], []
    plain = drawing_module.Drawing._patches

    def counted(self, *arguments):
        drawn.append(len(arguments[0]))
        return plain(self, *arguments)

    monkeypatch.setattr(drawing_module.Drawing, "_patches", counted)
    monkeypatch.setattr(drawing_module, "AT_A_TIME", 5 * 144)
    assert torch.equal(small().images[:], whole)
    assert drawn == [5, 5, 5, 5, 4]


def test_activations_take_the_images_as_they_are():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 2, 12), nn.Flatten())
    images = small(channels=3).images
    responses = collect(net, images, "0", batch_size=7)["0"].mean()
    assert_close(responses, net(images[:]).detach())


def test_phases_without_the_double_end():
    bank = gabor_bank(16, **PAPER, phases_deg=PHASES_ONCE_DEG)
    assert bank.shape == (10, 10, 9)
    assert bank.phases_deg.tolist() == list(range(0, 360, 40))
    assert list(PHASES_DEG) == [*PHASES_ONCE_DEG, 360.0]


BAD = [
    ({"frequencies_cpd": [1.0, 4.5]}, "frequencies_cpd holds 4.5 cycles per degree, but 8 pixels"),
    ({"frequencies_cpd": []}, r"frequencies_cpd has shape \(0,\) in torch.float64; give one axis"),
    (
        {"orientations_deg": torch.zeros(2, 2)},
        r"orientations_deg has shape \(2, 2\) in torch.float",
    ),
    (
        {"orientations_deg": ["0", "90"]},
        r"orientations_deg=\['0', '90'\]: give one axis of numbers",
    ),
    ({"phases_deg": [0.0, float("inf")]}, "phases_deg holds inf; give finite degrees"),
    ({"channels": 0}, "channels=0: give a whole number from 1 on"),
]


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize(("wrong", "message"), BAD, ids=[str(wrong) for wrong, _ in BAD])
def test_a_bank_that_cannot_be_drawn_is_refused(wrong, message):
    for make in (gabor_bank, grating_bank):
        with pytest.raises(ValueError, match=message):
            make(12, **{**SMALL, **PAPER, **wrong})
