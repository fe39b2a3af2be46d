import re

import pytest
import torch
from networks import pictures
from torch import nn

from striate.activations import kernels

X = pictures(40, size=20)
NEW = pictures(5, size=20, seed=2)
LAYERS = ["0", "1", "4"]
EACH = 45  # images in a pass


class Gain(nn.Module):
    """Does to its input what no weight of it tells."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return self.factor * x + x.square()


def network(seed=0, factor=1.0):
    generator = torch.Generator().manual_seed(seed)
    model = nn.Sequential(
        nn.Conv2d(3, 60, 3, padding=1), Gain(factor), nn.MaxPool2d(4), nn.Flatten(),
        nn.Linear(1500, 10),
    )  # fmt: skip
    for weight in model.parameters():
        nn.init.normal_(weight, std=0.1, generator=generator)
    return model


class Stopped(Exception):
    pass


def least():
    """A budget in which a pass holds one block of 8192 units, or a little more."""
    with pytest.raises(ValueError, match="does not hold") as told:
        kernels(network(), X, LAYERS, z_scored=True, memory=1, others={"new": NEW})
    return re.findall(r"memory='(\d+MB)' or more", str(told.value))[0]


def run(folder=None, stop=None, model=None, memory=None, images=X, others=None, **more):
    """Sum kernels; return them and the images shown in all, or stop after so many."""
    told = [(0, 0)]

    def progress(done, of):
        told.append((done, of))
        if stop is not None and done >= stop:
            raise Stopped

    try:
        found = kernels(
            model or network(), images, LAYERS,
            memory=memory or least(), partial=folder, progress=progress,
            others={"new": NEW} if others is None else others, **{"z_scored": True} | more,
        )  # fmt: skip
    except Stopped:
        found = None
    return found, told[-1][0]


def same(one, two):
    return all(
        torch.equal(one[name].gram, two[name].gram)
        and torch.equal(one[name].cross["new"], two[name].cross["new"])
        and one[name].varying == two[name].varying
        for name in LAYERS
    )


@pytest.mark.parametrize("memory", [None, "1GB"])
@pytest.mark.parametrize(("passes", "files"), [(0, 0), (1, 1), (3, 1), (4, 2), (5, 2)])
def test_a_run_goes_on_after_its_last_pass_within_any_budget(tmp_path, passes, files, memory):
    expected, whole = run()
    assert whole >= 6 * EACH  # of two layers in three blocks, and one in another
    run(tmp_path, stop=passes * EACH + 20)
    assert len(list(tmp_path.iterdir())) == files
    found, shown = run(tmp_path, memory=memory)
    assert same(found, expected)
    assert shown == (EACH if memory else whole - passes * EACH)
    assert list(tmp_path.iterdir()) == []


def test_a_finished_run_leaves_nothing_and_keeps_the_files_of_others(tmp_path):
    (tmp_path / "other.safetensors").write_text("of somebody else")
    run(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["other.safetensors"]


def test_a_write_that_was_killed_leaves_nothing_once_the_plan_is_done(tmp_path):
    run(tmp_path, stop=EACH + 20)
    (kept,) = tmp_path.iterdir()
    (tmp_path / f".{kept.name}.wf90g6v4").write_bytes(b"half of it")
    expected, _ = run()
    assert same(run(tmp_path)[0], expected)
    assert list(tmp_path.iterdir()) == []


OTHERWISE = {
    "weights": {"model": network(seed=1)},
    "code": {"model": network(factor=3.0)},
    "images": {"images": X.flip(0)},
    "others": {"others": {"new": NEW.flip(0)}},
    "z_scored": {"z_scored": False},
    "dtype": {"dtype": torch.bfloat16},
}


@pytest.mark.parametrize("changes", OTHERWISE.values(), ids=OTHERWISE)
def test_sums_of_another_task_are_not_taken_up(tmp_path, changes):
    run(tmp_path, stop=4 * EACH + 20)  # of the second layer, the first block
    expected, _ = run(memory="1GB", **changes)
    found, _ = run(tmp_path, memory="1GB", **changes)
    assert same(found, expected)


def test_a_damaged_file_is_named(tmp_path):
    run(tmp_path, stop=EACH + 20)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match=rf"{path.name} is damaged .*; delete it to start afresh"):
        run(tmp_path)
