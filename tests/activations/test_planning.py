import re
from math import ceil

import pytest

from striate.activations import Slice, plan
from striate.activations._planning import BLOCK, parse_memory

NETWORKS = {
    "one narrow": {"a": 10},
    "one wide": {"a": 5 * BLOCK + 17},
    "shrinking": {"a": 100_000, "b": 50_000, "c": 20_000, "d": 512},
    "many narrow": {f"l{index}": 100 + index for index in range(30)},
    "wide last": {"a": 3, "b": 70_000},
}


def gram(stimuli, others=0):
    return 8 * stimuli * (stimuli + others)


@pytest.mark.parametrize("itemsize", [2, 4, 8])
@pytest.mark.parametrize("memory", ["60MB", "80MB", "200MB", "10GB"])
@pytest.mark.parametrize("units", NETWORKS.values(), ids=NETWORKS)
def test_every_unit_once_and_no_pass_above_the_budget(units, memory, itemsize):
    stimuli, others, overhead = 300, 20, 10_000_000
    passes = plan(
        units, stimuli=stimuli, memory=memory, others=others, itemsize=itemsize, overhead=overhead
    )
    reached = dict.fromkeys(units, 0)
    begun = set()
    for now in passes:
        held = 0
        for part in now.slices:
            assert part.start == reached[part.layer]
            assert part.stop % BLOCK == 0 or part.stop == units[part.layer]
            reached[part.layer] = part.stop
            begun.add(part.layer)
            held += stimuli * (part.stop - part.start) * itemsize
        held += overhead + len(begun) * gram(stimuli, others)
        assert held <= now.memory <= parse_memory(memory)
        assert now.memory <= held + 200_000 + 16 * sum(p.stop - p.start for p in now.slices)
        order = [list(units).index(part.layer) for part in now.slices]
        assert order == sorted(set(order))
    assert reached == units


@pytest.mark.parametrize("passes", [1, 2, 3, 7])
def test_there_are_no_more_passes_than_need_be(passes):
    """Blocks of equal size, of which so many fit: the least number is a division."""
    stimuli, blocks, fit = 100, 14, ceil(14 / passes)
    units = {"a": 5 * BLOCK, "b": (blocks - 5) * BLOCK}
    block = BLOCK * (4 * stimuli + 16)
    budget = 2 * gram(stimuli) + fit * block
    assert len(plan(units, stimuli=stimuli, memory=budget)) == passes


def test_a_byte_less_is_a_pass_more():
    stimuli, block = 100, BLOCK * (4 * 100 + 16)
    budget = gram(stimuli) + 2 * block
    assert len(plan({"a": 4 * BLOCK}, stimuli=stimuli, memory=budget)) == 2
    assert len(plan({"a": 4 * BLOCK}, stimuli=stimuli, memory=budget - 1)) == 4


def test_a_pass_may_hold_the_end_of_one_layer_and_the_next():
    budget = 2 * gram(10) + 2 * BLOCK * (4 * 10 + 16)
    passes = plan({"a": 3 * BLOCK, "b": 100}, stimuli=10, memory=budget)
    assert [now.slices for now in passes] == [
        (Slice("a", 0, 2 * BLOCK),),
        (Slice("a", 2 * BLOCK, 3 * BLOCK), Slice("b", 0, 100)),
    ]


def test_what_is_done_is_not_done_again():
    units, done = {"a": 3 * BLOCK, "b": 100, "c": 7}, {"a": BLOCK, "b": 100}
    (now,) = plan(units, stimuli=10, memory="1GB", done=done)
    assert now.slices == (Slice("a", BLOCK, 3 * BLOCK), Slice("c", 0, 7))
    assert now.memory >= 3 * gram(10)  # what was summed before is in memory as well
    assert plan(units, stimuli=10, memory="1GB", done=units) == []


def test_layers_may_be_kept_in_types_of_their_own():
    wide = plan({"a": 100, "b": 100}, stimuli=64, memory="1GB", itemsize={"a": 2, "b": 8})
    assert wide[0].memory == 2 * gram(64) + 100 * 64 * 10 + 200 * 16


@pytest.mark.parametrize("units", NETWORKS.values(), ids=NETWORKS)
def test_the_memory_that_is_asked_for_is_enough_and_less_is_not(units):
    with pytest.raises(ValueError, match=r"memory=1000 does not hold one block of layer") as told:
        plan(units, stimuli=2816, memory=1000, overhead=5_000_000)
    (enough,) = re.findall(r"give memory='(\d+)MB' or more", str(told.value))
    assert plan(units, stimuli=2816, memory=f"{enough}MB", overhead=5_000_000)
    with pytest.raises(ValueError, match="or fewer layers or stimuli"):
        plan(units, stimuli=2816, memory=f"{int(enough) - 1}MB", overhead=5_000_000)


@pytest.mark.parametrize(("memory", "size"), [
    ("4GB", 4 * 10**9), ("512MB", 512 * 10**6), ("1.5 GB", 1_500_000_000), ("2GiB", 2**31),
    ("3kb", 3000), ("100B", 100), (12345, 12345), (" 1TB ", 10**12), ("1MIB", 2**20),
])  # fmt: skip
def test_sizes(memory, size):
    assert parse_memory(memory) == size


@pytest.mark.parametrize("memory", ["", "4", "GB", "4 apples", "-1GB", "0GB", 0, -5, True, "4PB"])
def test_what_is_no_size_is_refused(memory):
    with pytest.raises(ValueError, match=r"memory=.* is not a size; give e.g. '4GB'"):
        plan({"a": 1}, stimuli=2, memory=memory)
