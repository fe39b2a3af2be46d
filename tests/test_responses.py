from functools import partial

import numpy as np
import pytest
import torch

from striate.responses import Kernel, Responses
from truths import gaussian

NAN = torch.nan


def responses(tensor, stimuli="set"):
    return Responses(tensor, "cells", stimuli)


def ragged(seed=0, repeats=5, stimuli=5, units=4):
    tensor = gaussian(repeats, stimuli, units, seed=seed)
    lost = torch.rand(tensor.shape, generator=torch.Generator().manual_seed(seed + 1)) < 0.5
    return tensor.masked_fill(lost, NAN)


def halves_by_hand(tensor, orders):
    """Unit by unit, stimulus by stimulus, from a list of the repeats that there are."""
    _, stimuli, units = tensor.shape
    halves = np.full((2, stimuli, units), np.nan)
    for s in range(stimuli):
        for u in range(units):
            there = [tensor[r, s, u].item() for r in orders[s] if not tensor[r, s, u].isnan()]
            if len(there) >= 2:
                middle = len(there) // 2
                halves[:, s, u] = np.mean(there[:middle]), np.mean(there[middle:])
    return torch.from_numpy(halves)


def unchecked(noun, **fields):
    """Build it as without the run-time check of annotations that the tests switch on."""
    made = object.__new__(noun)
    for name, value in fields.items():
        object.__setattr__(made, name, value)
    made.__post_init__()
    return made


def equal(one, other):
    return torch.allclose(one, other, rtol=1e-12, atol=0, equal_nan=True)


def test_the_mean_is_over_what_was_recorded():
    tensor = torch.tensor([[[1.0, NAN], [5.0, NAN]], [[3.0, 7.0], [NAN, NAN]]])
    assert equal(responses(tensor).mean(), torch.tensor([[2.0, 7.0], [5.0, NAN]]))


def test_the_mean_of_one_repeat_is_no_copy():
    tensor = gaussian(1, 3, 2)
    assert responses(tensor).mean().data_ptr() == tensor.data_ptr()


def test_halves_keep_the_order_of_recording():
    tensor = ragged()
    expected = halves_by_hand(tensor, [range(5)] * 5)
    assert expected.isnan().any()
    assert not expected.isnan().all()
    assert equal(responses(tensor).halves(), expected)


def test_halves_of_five_repeats():
    tensor = torch.tensor([1.0, 2.0, 10.0, 20.0, 30.0])[:, None, None]
    assert responses(tensor).halves().flatten().tolist() == [1.5, 20.0]


@pytest.mark.parametrize("seed", [0, 1])
def test_drawn_halves_part_the_repeats_of_each_stimulus_alike_for_all_units(seed):
    """Each repeat is a power of two, so that a half tells which repeats are in it."""
    marks = (2.0 ** torch.arange(6))[:, None, None].expand(6, 40, 3).double()
    halves = responses(marks.contiguous()).halves(seed=seed) * 3
    assert torch.equal(halves.sum(0), torch.full((40, 3), 63.0).double())
    assert torch.equal(halves[..., :1].expand(2, 40, 3), halves)
    assert all(int(half).bit_count() == 3 for half in halves.flatten())
    assert len(set(halves[0, :, 0].tolist())) > 10  # of 20: each stimulus has its own draw


def test_the_seed_is_all_the_chance_there_is():
    given = responses(ragged())
    assert equal(given.halves(seed=3), given.halves(seed=3))
    assert not equal(given.halves(seed=3), given.halves(seed=4))


def test_drawn_halves_average_to_what_was_recorded():
    tensor = ragged(repeats=6)
    first, second = responses(tensor).halves(seed=1)
    count = (~tensor.isnan()).sum(0)
    total = first * (count // 2) + second * (count - count // 2)
    recorded = tensor.nansum(0).where(count >= 2, torch.nan)
    assert torch.allclose(total, recorded, equal_nan=True)


def test_precision_follows():
    given = responses(ragged().float())
    assert given.mean().dtype == given.halves(seed=0).dtype == torch.float32


@pytest.mark.parametrize(("tensor", "stimuli", "message"), [
    (torch.zeros(3, 2), "set", r"tensor has shape \(3, 2\) and dtype torch.float32; .*repeats, st"),
    (torch.zeros(1, 3, 0), "set", r"shape \(1, 3, 0\)"),
    (torch.zeros(1, 3, 2).long(), "set", "dtype torch.int64"),
    (torch.full((1, 3, 2), torch.inf), "set", "tensor holds infinities"),
    (torch.zeros(1, 3, 2), ("a", "b"), "stimuli holds 2 names for 3 stimuli"),
])  # fmt: skip
def test_what_is_not_responses_is_refused(tensor, stimuli, message):
    with pytest.raises(ValueError, match=message):
        unchecked(Responses, tensor=tensor, source="cells", stimuli=stimuli)


def test_one_repeat_has_no_halves():
    with pytest.raises(ValueError, match=r"'cells' has 1 repeat\(s\), .*: use mean\(\)"):
        responses(gaussian(1, 3, 2)).halves()
    alternating = torch.tensor([[[1.0, NAN]], [[NAN, 1.0]]])
    with pytest.raises(ValueError, match=r"has 2 repeat\(s\), and never two"):
        responses(alternating).halves(seed=0)


def kernel(build=Kernel, **changes):
    x = gaussian(4, 6)
    given = {
        "gram": x @ x.T, "units": 6, "varying": 5, "z_scored": False, "source": "net:layer",
        "stimuli": ("a", "b", "c", "d"), "cross": {"new": gaussian(2, 4)},
    }  # fmt: skip
    return build(**given | changes)


def test_a_kernel_holds_what_it_is_given():
    found = kernel()
    assert found.gram.shape == (4, 4)
    assert list(found.cross) == ["new"]
    assert kernel(cross={}).cross == {}


@pytest.mark.parametrize(("changes", "message"), [
    ({"gram": gaussian(4, 3)}, r"gram has shape \(4, 3\) .*\(stimuli, stimuli\) in float64"),
    ({"gram": torch.eye(4)}, "gram has shape .* and dtype torch.float32"),
    ({"gram": torch.full((4, 4), NAN).double()}, "gram holds values that are not finite"),
    ({"gram": gaussian(4, 4)}, "gram is not symmetric"),
    ({"cross": {"new": gaussian(2, 3)}}, r"cross\['new'\] has shape \(2, 3\) .*\(new, stimuli\)"),
    ({"units": 4}, "units=4, varying=5"),
    ({"units": 0, "varying": 0}, "there must be a unit"),
    ({"stimuli": ("a",)}, "stimuli holds 1 names for 4 stimuli"),
])  # fmt: skip
def test_what_is_not_a_kernel_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        kernel(partial(unchecked, Kernel), **changes)
