import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from runs import (
    EPOCHS,
    Augmented,
    Following,
    Run,
    network,
    numbered,
    resumable,
    same,
    shaped,
    untimed,
)
from safetensors.torch import load_file
from torch import nn

from striate.training import checkpoint, cosine, loop, standard, train
from truths import IMAGE

TASK = {"beta": 0.5, "target": 2.0, "label": "x"}


def stopped(checkpoint, after, **settings):
    """Train some epochs and walk away."""
    run = resumable(checkpoint, **settings)
    for _ in range(after):
        next(run.epochs)
    run.epochs.close()
    return run


@pytest.fixture(scope="module")
def straight():
    return Run(objective=shaped()).finish()


@pytest.mark.parametrize("after", [1, 2, 5])
def test_a_run_that_was_stopped_ends_with_the_same_bits(tmp_path, straight, after):
    checkpoint = tmp_path / "deep" / "run.json"
    first = stopped(checkpoint, after, task=TASK)
    assert not same(first.state(), straight.state())
    resumed = resumable(checkpoint, task=TASK).finish()
    assert same(resumed.state(), straight.state())
    assert untimed(resumed.history) == untimed(straight.history)
    assert len(straight.history) == EPOCHS


@pytest.mark.parametrize("after", [1, 3, 5])
def test_a_penalty_that_follows_its_layer_goes_on_where_it_was(tmp_path, after):
    """Its basis, how many blocks it needs, and the step of its schedule are in the checkpoint."""
    straight = Following().finish()
    assert straight.penalty.tracker.basis is not None
    assert straight.penalty.step == 2 * EPOCHS
    settings = {"checkpoint": tmp_path / "run.json", "checkpoint_seconds": 0.0}
    first = Following(**settings)
    for _ in range(after):
        next(first.epochs)
    first.epochs.close()
    resumed = Following(**settings).finish()
    assert same(resumed.state(), straight.state())
    assert untimed(resumed.history) == untimed(straight.history)


class Centring(nn.Module):
    """Takes off a running mean that its ``state_dict`` leaves out."""

    mean: torch.Tensor

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(IMAGE), persistent=False)

    def forward(self, x):
        if self.training:
            self.mean.mul_(0.9).add_(0.1 * x.mean(0))
        return x - self.mean


class Counted(torch.optim.SGD):
    """Counts its steps, in numbers of Python, and goes the further the more there were."""

    def step(self, closure=None):
        for group in self.param_groups:
            for parameter in group["params"]:
                state = self.state[parameter]
                state["count"] = state.get("count", 0) + 1
                state["factor"] = state.get("factor", 1.0) * 1.1
                parameter.grad *= state["count"] * state["factor"]
        return super().step(closure)


def test_buffers_that_are_not_saved_and_numbers_of_the_optimiser_go_on_where_they_were(tmp_path):
    def run(**settings):
        model = nn.Sequential(Centring(), *network())
        optimizer = Counted(model.parameters(), lr=1e-3)
        images, labels = numbered()
        found = train(
            model, images, labels, objective=standard, optimizer=optimizer,
            epochs=4, batch_size=20, seed=0, **settings,
        )  # fmt: skip
        return model, optimizer, found

    settings = {"checkpoint": tmp_path / "run.json", "checkpoint_seconds": 0.0}
    straight, counted, epochs = run()
    list(epochs)
    first = run(**settings)[2]
    next(first), next(first)
    first.close()
    resumed, recounted, epochs = run(**settings)
    list(epochs)
    assert same(resumed.state_dict(), straight.state_dict())
    assert torch.equal(resumed[0].mean, straight[0].mean)
    assert straight[0].mean.abs().max() > 0
    assert recounted.state_dict()["state"] == counted.state_dict()["state"]


class Caching(nn.Module):
    """Has buffers that are made, or made anew, by the batch, and a view of one number."""

    def __init__(self):
        super().__init__()
        self.register_buffer("grid", None, persistent=False)
        self.register_buffer("seen", torch.zeros(1), persistent=False)
        self.register_buffer("scale", torch.full((1,), 0.5).expand(4), persistent=False)

    def forward(self, x):
        self.grid = torch.ones_like(x[:1])
        self.seen = torch.arange(len(x))
        return x * self.grid * self.scale[0]


def test_buffers_that_are_made_anew_do_not_hinder_a_resumed_run(tmp_path):
    images, labels = numbered()

    def run():
        model = nn.Sequential(Caching(), *network())
        return model, train(
            model, images, labels, objective=standard, epochs=3, batch_size=20, seed=0,
            optimizer=torch.optim.SGD(model.parameters(), lr=1e-3),
            checkpoint=tmp_path / "run.json", checkpoint_seconds=0.0,
        )  # fmt: skip

    first = run()[1]
    next(first), next(first)
    first.close()
    resumed, epochs = run()
    assert resumed[0].grid is not None
    assert len(list(epochs)) == 3


def test_a_buffer_that_is_saved_under_another_name_is_saved():
    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.BatchNorm1d(3)

        def state_dict(self, *given, **named):
            return self.inner.state_dict(*given, **named)

    assert checkpoint.unsaved(Outer()) == {}


class Extra(nn.Linear):
    def get_extra_state(self):
        return {"seen": 3}

    def set_extra_state(self, state):
        pass


@pytest.mark.parametrize(("layer", "message"), [
    (Extra(32, 3), "the state_dict of Sequential holds 1._extra_state, a dict; files of weights"),
    (nn.LazyLinear(3), r"1.weight of Sequential has no shape yet \(a lazy layer\); show the model"),
])  # fmt: skip
def test_a_state_that_no_file_holds_is_refused_before_training(tmp_path, layer, message):
    model, (images, labels) = nn.Sequential(nn.Flatten(), layer), numbered()
    optimizer = torch.optim.SGD(network().parameters(), lr=1e-3)
    settings = {
        "objective": standard, "optimizer": optimizer, "epochs": 1, "batch_size": 20, "seed": 0
    }  # fmt: skip
    with pytest.raises(ValueError, match=message):
        train(model, images, labels, checkpoint=tmp_path / "run.json", **settings)
    assert not list(tmp_path.iterdir())


def test_a_penalty_that_is_not_in_the_checkpoint_is_missed(tmp_path):
    """Why `alongside` is there: the run goes another way, and a checkpoint without is refused."""
    settings = {"checkpoint": tmp_path / "run.json", "checkpoint_seconds": 0.0}
    first = Following(alongside=False, **settings)
    for _ in range(3):
        next(first.epochs)
    first.epochs.close()
    with pytest.raises(RuntimeError, match=r"Missing key.*0\.step"):
        Following(**settings)
    resumed = Following(alongside=False, **settings).finish()
    assert not same(resumed.state(), Following().finish().state())


HALVES = [None, torch.bfloat16, torch.float16]


@pytest.mark.parametrize("precision", HALVES, ids=str)
@pytest.mark.parametrize("after", [1, 4])
def test_chance_replays_rates_and_a_perturbation_go_on_where_they_were(tmp_path, after, precision):
    straight = Augmented(precision=precision).finish()
    settings = {
        "checkpoint": tmp_path / "run.json",
        "checkpoint_seconds": 0.0,
        "precision": precision,
    }
    first = Augmented(**settings)
    for _ in range(after):
        next(first.epochs)
    first.epochs.close()
    resumed = Augmented(**settings).finish()
    assert same(resumed.state(), straight.state())
    assert untimed(resumed.history) == untimed(straight.history)
    assert resumed.free.perturbation.abs().max() > 0


def test_a_perturbation_that_is_forgotten_is_missed(tmp_path):
    settings = {"checkpoint": tmp_path / "run.json", "checkpoint_seconds": 0.0}
    first = Augmented(alongside=False, **settings)
    for _ in range(3):
        next(first.epochs)
    first.epochs.close()
    resumed = Augmented(alongside=False, **settings).finish()
    assert not same(resumed.state(), Augmented().finish().state())


def test_a_scale_of_the_loss_is_in_the_checkpoint(tmp_path):
    """It would start at 65536 again, and lose the first steps once more."""

    def overflowing(model, images, labels):
        step = standard(model, images, labels)
        return step._replace(loss=1e35 * step.loss)

    settings = {
        "objective": overflowing,
        "precision": torch.float16,
        "checkpoint": tmp_path / "run.json",
        "checkpoint_seconds": 0.0,
    }
    first = Run(**settings)
    next(first.epochs)
    first.epochs.close()
    tensors = load_file(tmp_path / "run-1.safetensors")
    assert tensors["scaler.scale"].item() == 2.0 ** (16 - 3)  # halved in each of three steps
    resumed = Run(**settings)
    next(resumed.epochs)
    next(resumed.epochs)
    resumed.epochs.close()
    assert load_file(tmp_path / "run-2.safetensors")["scaler.scale"].item() == 2.0 ** (16 - 6)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_plain_descent_resumes(tmp_path, momentum):
    """Without momentum the optimiser has nothing to remember, and yet its rates fall."""

    def run(checkpoint, epochs):
        net = network()
        sgd = torch.optim.SGD(net.parameters(), lr=0.3, momentum=momentum, weight_decay=1e-3)
        found = train(
            net, *numbered(), objective=standard, optimizer=sgd, epochs=4, batch_size=20, seed=0,
            schedule=cosine(4), checkpoint=checkpoint, checkpoint_seconds=0.0,
        )  # fmt: skip
        for _ in range(epochs):
            next(found)
        found.close()
        return net.state_dict()

    straight = run(None, 4)
    run(tmp_path / "run.json", 2)
    assert same(run(tmp_path / "run.json", 4), straight)


def test_epochs_done_are_yielded_again_as_they_were(tmp_path):
    checkpoint = tmp_path / "run.json"
    run = resumable(checkpoint)
    before = [next(run.epochs) for _ in range(3)]
    again = resumable(checkpoint)
    assert [next(again.epochs) for _ in range(3)] == before  # seconds, too


def test_a_run_whose_epochs_are_all_done_yields_them_and_trains_no_more(tmp_path):
    run = resumable(tmp_path / "run.json")
    before = [next(run.epochs) for _ in range(3)]
    again = resumable(tmp_path / "run.json", epochs=3).finish()
    assert again.history == before
    assert same(again.state(), run.state())


def test_stopped_and_resumed_many_times(tmp_path, straight):
    for after in range(1, EPOCHS):
        stopped(tmp_path / "run.json", after)
    assert same(resumable(tmp_path / "run.json").finish().state(), straight.state())


def test_only_the_newest_weights_are_kept_and_none_of_a_neighbour_are_lost(tmp_path):
    neighbour = tmp_path / "other-3.safetensors"
    neighbour.write_bytes(b"")
    stopped(tmp_path / "run.json", 4)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "other-3.safetensors",
        "run-4.safetensors",
        "run.json",
    ]


def test_a_checkpoint_waits_for_its_time(tmp_path):
    Run(checkpoint=tmp_path / "run.json", checkpoint_seconds=3600.0).finish()
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_waits_for_its_time_since_the_last_one(tmp_path, monkeypatch):
    """By a clock on which an epoch takes 4 seconds. After the last there is nothing to resume."""
    now = 0.0

    def evaluate(_model, _epoch):
        nonlocal now
        now += 4
        return []

    clock = SimpleNamespace(monotonic=lambda: now, perf_counter=lambda: now)
    monkeypatch.setattr(loop, "time", clock)
    run = Run(checkpoint=tmp_path / "run.json", checkpoint_seconds=8.0, evaluate=evaluate)
    there = [[path.stem for path in tmp_path.glob("*.safetensors")] for _ in run.epochs]
    assert there == [[], ["run-2"], ["run-2"], ["run-4"], ["run-4"], ["run-4"]]


def test_nobody_elses_random_numbers_matter_to_a_resumed_run(tmp_path, straight):
    stopped(tmp_path / "run.json", 2)
    torch.manual_seed(31)
    assert same(resumable(tmp_path / "run.json").finish().state(), straight.state())


@pytest.mark.parametrize("task", [TASK | {"beta": 0.6}, TASK | {"more": 1}, {}], ids=str)
def test_a_checkpoint_of_other_settings_is_refused(tmp_path, task):
    stopped(tmp_path / "run.json", 2, task=TASK)
    fresh = Run()
    before = {name: value.clone() for name, value in fresh.state().items()}
    images, labels = numbered()
    with pytest.raises(ValueError, match=r"run\.json belongs to a run with other settings"):
        train(
            fresh.model, images, labels, objective=standard, optimizer=fresh.optimizer,
            epochs=EPOCHS, batch_size=6, seed=5, checkpoint=tmp_path / "run.json", task=task,
        )  # fmt: skip
    assert same(fresh.state(), before)


def test_a_checkpoint_beyond_the_end_is_refused(tmp_path):
    stopped(tmp_path / "run.json", 4)
    with pytest.raises(ValueError, match=r"run\.json is at epoch 4 already, beyond epochs=3"):
        resumable(tmp_path / "run.json", epochs=3)


def cut(path):
    path.write_bytes(path.read_bytes()[:-40])


def change_a_number(path):
    record = json.loads(path.read_text())
    record["results"][0]["value"] += 0.1
    path.write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("file", "damage", "says"),
    [
        ("run.json", cut, r"run\.json is not a result file"),
        ("run.json", change_a_number, r"run\.json is damaged: its checksum does not match"),
        ("run-2.safetensors", cut, r"run\.json: its weights, run-2\.safetensors, are damaged"),
        ("run-2.safetensors", Path.unlink, r"run\.json has lost its weights, run-2\.safetensors"),
    ],
)
def test_a_damaged_checkpoint_is_refused_by_name(tmp_path, file, damage, says):
    stopped(tmp_path / "run.json", 2)
    damage(tmp_path / file)
    with pytest.raises(ValueError, match=says):
        resumable(tmp_path / "run.json")


# Trains in children of its own, killing each after a moment it draws, until one gets to the end.
KILLER = """
import os, random, signal, sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
from safetensors.torch import save_file
import scipy.linalg  # once for all children
from runs import Augmented, Run, resumable, untimed
warm = Run().optimizer  # loads half of torch, also once
for parameter in warm.param_groups[0]["params"]:
    parameter.grad = torch.zeros_like(parameter)
warm.step()
checkpoint, draw, kills = Path(sys.argv[1]), random.Random(0), 0
while True:
    child = os.fork()
    if child == 0:
        if sys.argv[2] == "augmented":
            run = Augmented(checkpoint=checkpoint, checkpoint_seconds=0.0).finish()
        else:
            run = resumable(checkpoint).finish()
        save_file(run.state(), checkpoint.with_name("end.safetensors"))
        checkpoint.with_name("history").write_text(repr(untimed(run.history)))
        os._exit(0)
    # Longer and longer, so that the slowest machine gets there.
    time.sleep(draw.uniform(0, 0.01 * (kills + 2)))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if status == 0:
        break
    kills += 1
print(kills)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills children that it forks")
@pytest.mark.parametrize("kind", ["shaped", "augmented"])
def test_killed_at_any_moment_a_run_still_ends_with_the_same_bits(tmp_path, straight, kind):
    if kind == "augmented":
        straight = Augmented().finish()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", KILLER, str(tmp_path / "run.json"), kind]
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=120, check=True
    )
    assert int(done.stdout) >= 3  # children killed
    assert same(load_file(tmp_path / "end.safetensors"), straight.state())
    assert (tmp_path / "history").read_text() == repr(untimed(straight.history))


def test_the_helpers_here_can_tell_two_runs_apart(straight):
    other = Run(objective=shaped(), seed=6).finish()
    assert not same(other.state(), straight.state())
    assert untimed(other.history) != untimed(straight.history)


def test_a_checkpoint_that_is_removed_leaves_no_write_that_was_killed(tmp_path):
    stopped(tmp_path / "run.json", 2)
    (weights,) = tmp_path.glob("*.safetensors")
    for name in (weights.name, "run.json", "other.json"):
        (tmp_path / f".{name}.wf90g6v4").write_bytes(b"half of it")
    checkpoint.remove(tmp_path / "run.json")
    assert [file.name for file in tmp_path.iterdir()] == [".other.json.wf90g6v4"]


def dropping(checkpoint=None, epochs=4, seed=5, stop=4):
    """Train a network that draws from torch's own generator, and stop after some epochs."""
    *hidden, output = network()
    model = torch.nn.Sequential(*hidden, torch.nn.Dropout(0.5), output)
    adam = torch.optim.Adam(model.parameters(), lr=0.01)
    settings = {"epochs": epochs, "batch_size": 20, "seed": seed}
    settings |= {"checkpoint": checkpoint, "checkpoint_seconds": 0.0}
    run = train(model, *numbered(), objective=standard, optimizer=adam, **settings)
    for _ in itertools.islice(run, stop):
        torch.rand(7)  # as others may in between
    return model.state_dict()


def test_what_the_network_draws_follows_from_the_seed_and_the_epoch(tmp_path):
    straight = dropping()
    assert not same(dropping(tmp_path / "x.json", stop=2), straight)
    assert same(dropping(tmp_path / "x.json"), straight)
    assert not same(dropping(seed=6), straight)


def test_who_trains_beside_others_leaves_their_random_numbers_alone():
    run = Run(epochs=1)
    before = torch.get_rng_state()
    run.finish()
    assert torch.equal(torch.get_rng_state(), before)
