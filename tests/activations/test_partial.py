import json
import os
import re
import subprocess
import sys

import pytest
import torch
from networks import pictures
from safetensors import safe_open
from safetensors.torch import save_file
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


def test_what_is_left_of_other_layers_is_kept(tmp_path):
    """They are of an unfinished plan, which a plan of fewer layers is no part of."""
    expected, whole = run()
    run(tmp_path, stop=4 * EACH + 20)
    assert len(list(tmp_path.iterdir())) == 2
    others = {"new": NEW}
    kernels(network(), X, ["0"], z_scored=True, memory="1GB", others=others, partial=tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    found, shown = run(tmp_path)
    assert same(found, expected)
    assert shown < whole


def closed(function):
    """A module of which neither its weights nor its attributes tell what it does."""

    class Does(nn.Module):
        def forward(self, x):
            return function(x)

    return Does()


def with_first(factor, made):
    """A network that begins with a hidden factor, followed by what puts `made` into each layer."""
    model = network()
    model[0] = nn.Sequential(closed(lambda x: factor * x), model[0], closed(made))
    return model


def silent_at_first(x):
    """As maps whose first channels never respond."""
    return torch.cat([0 * x[:, :6], x[:, 6:]], 1)


def the_same_at_first(x):
    """As tokens, of which the first is that of the class: it does not depend on the image yet."""
    return torch.cat([0 * x[:, :6] + 0.5, x[:, 6:]], 1)


@pytest.mark.parametrize("made", [silent_at_first, the_same_at_first])
@pytest.mark.parametrize("images", [X, torch.cat([0 * X[:2], X[2:]])], ids=["", "black first"])
def test_sums_of_a_network_that_only_its_responses_tell_are_not_taken_up(tmp_path, made, images):
    run(tmp_path, stop=4 * EACH + 20, model=with_first(1.0, made), images=images)
    other = with_first(1.1, made)
    expected, whole = run(model=other, images=images)
    found, shown = run(tmp_path, model=other, images=images)
    assert same(found, expected)
    assert shown == whole


class Scaled:
    """A hook that changes what a model is shown."""

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, _, inputs):
        return (self.factor * inputs[0],)


@pytest.mark.parametrize("inside", [False, True])
def test_sums_of_another_normalisation_are_not_taken_up(tmp_path, inside):
    """Even by so little that the responses do not tell."""

    def shown(factor):
        model = network()
        (model[2] if inside else model).register_forward_pre_hook(Scaled(factor))
        return model

    run(tmp_path, stop=4 * EACH + 20, model=shown(1.0))
    expected, whole = run(model=shown(1.0 + 1e-6))
    found, again = run(tmp_path, model=shown(1.0 + 1e-6))
    assert again == whole
    assert same(found, expected)


def test_what_is_left_is_known_again_by_another_process(tmp_path):
    """Where a hook or an attribute is an object of its own, which lies elsewhere in memory."""

    def shown():
        model = network()
        model.register_forward_pre_hook(Scaled(0.5))
        model.register_forward_hook(lambda *_: None)
        model[1].note = Scaled(2)
        return model

    run(tmp_path, stop=4 * EACH + 20, model=shown())
    whole, (_, some) = run(model=shown())[1], run(tmp_path, model=shown())
    assert some < whole


SETS = """
from torch import nn
from striate.activations._partial import key

class Tagged(nn.Module):
    pass

model = nn.Sequential(Tagged())
words = {"relu", "gelu", "tanh", "silu"}
model[0].tags = words
each = {frozenset({word}) for word in words}
model[0].nested = {"kinds": [(frozenset(words), 1)], frozenset(words): each}
model[0].itself = [model[0].nested]
model[0].itself.append(model[0].itself)
print(key(model, {}))
model[0].tags = words | {"elu"}
print(key(model, {}))
"""


def test_a_set_among_attributes_is_the_same_in_every_process():
    """The order in which it lists text is drawn anew for each."""
    told = [
        subprocess.run(
            [sys.executable, "-c", SETS], env=os.environ | {"PYTHONHASHSEED": str(seed)},
            capture_output=True, text=True, check=True,
        ).stdout.split()
        for seed in (1, 2, 3)
    ]  # fmt: skip
    assert told[0] == told[1] == told[2]
    assert len(set(told[0])) == 2


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


def flipped(path):
    """Turn the sign of one number of the Gram matrix."""
    content = bytearray(path.read_bytes())
    header = int.from_bytes(content[:8], "little")
    first, _ = json.loads(content[8 : 8 + header])["0.gram"]["data_offsets"]
    content[8 + header + first + 8 * (20 * len(X) + 3) + 7] ^= 0x80
    path.write_bytes(content)


def rewritten(path, change):
    with safe_open(path, "pt") as file:
        tensors, said = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118
    change(tensors, said)
    save_file(tensors, path, said)


DAMAGE = {
    "a bit": flipped,
    "no witness": lambda path: rewritten(path, lambda tensors, _: tensors.pop("witness")),
    "more done": lambda path: rewritten(
        path,
        lambda _, said: said.update(numbers=said["numbers"].replace('"done": [8', '"done": [9')),
    ),
    "no checksum": lambda path: rewritten(path, lambda _, said: said.pop("sha256")),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_sums_that_are_not_as_they_were_written_are_not_taken_up(tmp_path, damage):
    run(tmp_path, stop=EACH + 20)
    (path,) = tmp_path.iterdir()
    before = path.read_bytes()
    damage(path)
    assert path.read_bytes() != before
    with pytest.raises(ValueError, match=rf"{path.name} is damaged .*; delete it to start afresh"):
        run(tmp_path)


def test_sums_under_the_name_of_another_layer_are_not_taken_up(tmp_path):
    run(tmp_path, stop=4 * EACH + 20)
    one, other = sorted(tmp_path.iterdir())
    one.write_bytes(other.read_bytes())
    with pytest.raises(ValueError, match="is damaged"):
        run(tmp_path)
