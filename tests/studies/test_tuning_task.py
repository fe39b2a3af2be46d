"""Tuning as a task: named by all that moves its numbers, and done once."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from striate import results
from striate.models import Network
from striate.results import layers_of, load, load_arrays, read_record
from striate.studies import tuning
from striate.studies.spectra import Pictures
from striate.study import path_of, run
from striate.tuning import gabor


def small(channels=3, size=32, seed=0):
    torch.manual_seed(seed)
    layers = nn.Conv2d(channels, 4, 5, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(6)
    model = nn.Sequential(*layers)
    model(torch.zeros(1, channels, size, size))
    return Network("nets/small.py:net", model.eval(), size, size)


def photographs(count=24, size=32):
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(count, 3, size, size, generator=generator)

    def order(number, seed):
        order.asked.append((number, seed))
        return range(count)[:number]

    order.asked = []
    return Pictures("noise 123", count, order, lambda rows: images[list(rows)])


def done(network, folder, *, pictures=None, field_deg=None, **words):
    task = tuning.network_task(network, ["1"], pictures=pictures, field_deg=field_deg, **words)

    def measure(task, partial_file):
        return tuning.measure_network(
            task, partial_file, network=network, pictures=pictures, field_deg=field_deg
        )

    (finished,) = run(measure, [task], directory=folder)
    return finished


def test_a_task_is_measured_once_with_its_arrays_beside_it(tmp_path):
    first = done(small(), tmp_path, experiments=10)
    assert first.path.parent == tmp_path / "tuning"
    assert first.path.name.startswith("tuning-small.py-net-")
    assert first.seconds is not None
    written = {path: path.stat().st_mtime_ns for path in first.path.parent.iterdir()}
    assert {path.suffix for path in written} == {".json", ".npz"}
    again = done(small(), tmp_path, experiments=10)
    assert (again.path, again.seconds) == (first.path, None)
    assert {path: path.stat().st_mtime_ns for path in first.path.parent.iterdir()} == written
    arrays = load_arrays(first.path)
    assert arrays["1/frequency_tuning"].shape == (4, 16)
    assert arrays["1/selected"].dtype == bool
    for result in load(first.path):
        assert result.settings["model"] == "nets/small.py:net"
        assert result.settings["model_sha256"] == first.task["model_sha256"]
        assert result.settings["pictures"] is None
        assert result.source == "nets/small.py:net"


def test_two_runs_leave_the_same_bytes(tmp_path):
    one, two = (done(small(), tmp_path / name, experiments=10) for name in "ab")
    assert load(one.path) == load(two.path)
    assert read_record(one.path)["arrays"] == read_record(two.path)["arrays"]


def test_planted_filters_are_in_the_file_with_their_published_score(tmp_path):
    """All at 20 cycles per 6.4 degrees: V1's distribution is then 0.4950 like theirs."""
    planted = 20 / 6.4
    filters = torch.stack([
        gabor(
            71, frequency_cpd=planted, orientation_deg=angle, phase_deg=phase, sigma_deg=0.4,
            wavelengths="exact", pixels="float",
        )
        for angle in (0.0, 57.5, 115.0) for phase in (0.0, 90.0)
    ])  # fmt: skip
    conv = nn.Conv2d(3, 6, 71, stride=40, padding=35, bias=False)
    conv.weight.data = (filters - 0.5)[:, None].expand(-1, 3, -1, -1) / 100
    network = Network("planted", nn.Sequential(conv, nn.ReLU()).eval(), 160, 160)
    finished = done(network, tmp_path)
    found = {one.name: one for one in load(finished.path)}
    assert round(found["frequency_score"].value, 4) == 0.4950
    assert found["frequency_score"].error == pytest.approx(0, abs=1e-12)
    cycles = planted * 160 / 35
    assert found["median_log2_frequency"].value == pytest.approx(np.log2(cycles))
    arrays = load_arrays(finished.path)
    np.testing.assert_allclose(arrays["1/preferred_cpd"], planted, rtol=1e-6)
    apart = arrays["1/preferred_orientation_deg"] - np.repeat([0, 57.5, 115], 2)
    assert np.abs((apart + 90) % 180 - 90).max() < 3


CHANGES = [
    {"seed": 1}, {"experiments": 11}, {"draws": 9}, {"optimal": 1},
    {"pictures": photographs()}, {"protocol": "authors"}, {"field_deg": 6.4},
    {"field_deg": 8.0}, {"layers": ["0", "1"]},
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_what_moves_a_number_moves_the_name(change):
    network = small(size=224)
    asked = {"layers": ["1"], "experiments": 10}
    before = tuning.network_task(network, **asked)
    after = tuning.network_task(network, **asked | change)
    same = change == {"field_deg": 6.4}  # of 224 pixels, 35 per degree
    assert (path_of(before, Path()) == path_of(after, Path())) == same


def test_another_network_is_another_task():
    tasks = [tuning.network_task(small(seed=seed), ["1"]) for seed in (0, 1, 0)]
    names = [path_of(task, Path()).name for task in tasks]
    assert names[0] == names[2] != names[1]


def test_photographs_are_drawn_as_the_task_says(tmp_path):
    pictures = photographs()
    finished = done(small(), tmp_path, pictures=pictures, experiments=10)
    assert pictures.order.asked == [(None, None)]  # all there are
    assert (finished.task["set_size"], finished.task["available"]) == (24, 24)
    by_rank = [one for one in load(finished.path) if one.name == "frequency_by_rank"]
    assert {one.settings["ranks"] for one in by_rank} == {"1-12"}
    assert all(one.settings["pictures"] == "noise 123" for one in by_rank)
    assert not list((tmp_path / ".partial").glob("*"))


def test_of_many_photographs_one_set_is_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr("striate.studies.tuning.networks.SET_SIZE", 20)
    pictures = photographs()
    finished = done(small(), tmp_path, pictures=pictures, experiments=10, seed=5)
    assert pictures.order.asked == [(20, 5)]
    assert finished.task["set_size"] == 20


def test_a_network_that_sees_no_colour_is_shown_none(tmp_path):
    network = small(channels=1)
    assert tuning.planes_of(network) == 1
    assert tuning.planes_of(small()) == 3
    arrays = load_arrays(done(network, tmp_path, experiments=10).path)
    with torch.no_grad():
        stimuli = torch.from_numpy(arrays["stimuli"] / 255.0).float()[:, None]
        assert network.model(stimuli).shape == (5, 6)
    assert np.isfinite(arrays["1/preferred_cycles_per_image"]).all()


def test_a_network_of_two_colours_is_refused():
    with pytest.raises(ValueError, match=r"images of shape \(3, 32, 32\) do not pass through"):
        tuning.planes_of(small(channels=2))


def test_an_interrupted_measurement_leaves_no_result(tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("striate.study.tuning.networks.channel_tuning", interrupted)
        with pytest.raises(KeyboardInterrupt):
            done(small(), tmp_path, experiments=10)
    assert list(results.paths(tmp_path)) == []
    assert done(small(), tmp_path, experiments=10).seconds is not None


@pytest.mark.parametrize(("asked", "message"), [
    ({"protocol": "text"}, "protocol='text'; choose one of paper, authors"),
    ({"protocol": "authors"}, "protocol='authors' is of patches of 224 pixels"),
    ({"experiments": 0}, "experiments=0: give a whole number from 1 on"),
    ({"draws": 0}, "draws=0: give a whole number from 1 on"),
    ({"optimal": -1}, "optimal=-1: give a whole number from 0 on"),
    ({"seed": -1}, "seed=-1: give a whole number from 0 on"),
    ({"temperature": 0.0}, "temperature=0.0: give a positive, finite number"),
    ({"field_deg": 0.0}, "field_deg=0: give a positive number of degrees"),
])  # fmt: skip
def test_what_cannot_be_measured_is_refused_before_any_work(asked, message):
    with pytest.raises(ValueError, match=message):
        tuning.network_task(small(), ["1"], **asked)


def test_a_layer_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="layers='conv' fits no layer"):
        tuning.network_task(small(), ["conv"])


def test_patches_and_photographs_of_two_sizes_are_refused():
    with pytest.raises(ValueError, match=r"shows patches of 224 pixels to nets/small\.py:net"):
        tuning.network_task(
            small(size=299), ["1"], protocol="authors", pictures=photographs(size=299)
        )


def test_the_temperature_of_optimal_stimuli_moves_the_name_where_there_are_some():
    for optimal, count in ((0, 1), (1, 2)):
        tasks = (
            tuning.network_task(small(), ["1"], optimal=optimal, temperature=temperature)
            for temperature in (1.0, 2.0)
        )
        assert len({path_of(task, Path()).name for task in tasks}) == count


def test_the_bound_on_rounding_names_results_of_other_precisions_only():
    tasks = []
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        network = small()
        network.model.to(dtype)
        tasks.append(tuning.network_task(network, ["1"]))
    assert ["rounding" in task for task in tasks] == [False, True, True]


def test_a_layer_may_have_a_space_in_its_name(tmp_path):
    model = nn.Sequential()
    model.add_module("conv 1", nn.Conv2d(3, 4, 5))
    model.add_module("act", nn.ReLU())
    network = Network("spaced", model.eval(), 32, 32)
    task = tuning.network_task(network, ["conv 1", "act"])
    assert task["layers"] == "conv\\ 1 act"
    assert layers_of(task) == ["conv 1", "act"]
    measured = tuning.measure_network(task, tmp_path / "sums.json", network=network)
    layers = [one.settings["layer"] for one in measured.results if one.name == "responsive"]
    assert layers == ["conv 1", "act"]
