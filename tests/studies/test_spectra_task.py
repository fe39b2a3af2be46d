"""Spectra of a network as a task: what is measured is kept, whatever lies beside its sums."""

import pytest
import torch
from torch import nn

from striate import results
from striate.models import Network
from striate.studies import spectra
from striate.study import run
from striate.study.photographs import kernels_of_draws
from striate.study.run import checkpoint_of


def network():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(144, 30)).eval()
    return Network("net", model, 8, 8)


@pytest.fixture
def task_of():
    shown = spectra.pictures("digits", network())

    def make(protocol):
        how = {"protocol": protocol, "set_size": 100}
        return spectra.network_task(network(), shown, ["3"], **how), shown

    return make


def measured(task, shown, folder, progress=None):
    def measure(task, partial_file):
        return spectra.measure_network(
            task, partial_file, network=network(), shown=shown, progress=progress
        )

    (finished,) = run(measure, [task], directory=folder)
    return results.load(finished.path)


def test_a_file_beside_the_sums_does_not_cost_the_result(task_of, tmp_path):
    task, shown = task_of("paper")
    sums = checkpoint_of(task, tmp_path).with_suffix("")
    sums.mkdir(parents=True)
    (sums / "notes.txt").write_text("not ours")
    assert {one.name for one in measured(task, shown, tmp_path)} >= {"alpha", "alpha_first_set"}
    assert [file.name for file in sums.iterdir()] == ["notes.txt"]


def test_a_kill_before_the_result_is_written_costs_no_pass(task_of, tmp_path, monkeypatch):
    task, shown = task_of("paper")

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("striate.study.spectra.networks.spectra_of", killed)
        with pytest.raises(KeyboardInterrupt):
            measured(task, shown, tmp_path)
    sums = checkpoint_of(task, tmp_path).with_suffix("")
    assert list(sums.glob("kernel-*.safetensors"))
    told: list[int] = []
    found = measured(task, shown, tmp_path, progress=lambda done, of: told.append(done))
    assert told == []  # no image was shown again
    assert not sums.exists()
    assert found == measured(task, shown, tmp_path / "afresh")


@pytest.mark.parametrize(("protocol", "last"), [("paper", 30), ("authors", 29)])
def test_a_protocol_says_how_many_components_a_narrow_layer_has(task_of, tmp_path, protocol, last):
    found = measured(*task_of(protocol), tmp_path)
    fitted = {one.settings["ranks"] for one in found if one.name.startswith("alpha")}
    assert fitted == {f"10-{last}"}


def test_layers_left_out_are_told_in_a_few_lines():
    unrun, other = "does not run", [f"puts out shape {size}" for size in range(4)]
    left_out = {"a": unrun, "b": other[0], "c": unrun, "d": unrun, "e": other[1]}
    left_out |= {"f": other[2], "g": other[3]}
    assert spectra.notes_of(network(), left_out) == (
        "net: not read: a, c and 1 more; each does not run",
        "net: not read: b; it puts out shape 0",
        "net: not read: e; it puts out shape 1",
        "net: not read: f, g; each cannot be read either",
    )
    assert spectra.notes_of(network(), {}) == ()


def test_of_a_network_whose_layers_are_named_nothing_is_run():
    runs, model = [], network()
    model.model.register_forward_pre_hook(lambda *_: runs.append(1))
    assert list(spectra.chosen_layers(model, ["3", "0"]).places) == ["0", "3"]
    assert not runs
    assert list(spectra.chosen_layers(model, ["*"]).places) == ["0", "1", "2", "3"]
    assert runs


def test_what_was_taken_elsewhere_needs_no_draw_of_photographs(task_of, tmp_path):
    """Each draw goes through the photographs to see that they can be decoded."""
    task, shown = task_of("paper")
    whole = measured(task, shown, tmp_path)
    drawn: list[object] = []

    def order(count, seed):
        drawn.append((count, seed))
        return shown.order(count, seed)

    told = shown._replace(order=order)
    take, taken = spectra.take_of(task, told), {}
    assert drawn == []
    for layer, name, kernel in kernels_of_draws(
        network().model, told.pick, spectra.draws_of(task, told), ["3"], source="net"
    ):
        taken.setdefault(layer, {})[name] = take(name, kernel)
    assert len(drawn) == 3
    found = spectra.measure_network(
        task, tmp_path / "x.json", network=network(), shown=told, taken=lambda: taken
    )
    assert found == whole
    assert len(drawn) == 3
