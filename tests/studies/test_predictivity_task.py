"""Predictivity as a task: named by all that moves its numbers, photographs shared by sizes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from striate import results
from striate.datasets import Presentation, Recording, present
from striate.models import Network
from striate.responses import Responses
from striate.results import load, load_arrays, read_record
from striate.studies import predictivity
from striate.studies.spectra import Pictures
from striate.study import path_of, run
from striate.study.predictivity import PROTOCOLS, Regression, layer_features, population_of
from truths import gaussian

SIZE, STIMULI = 16, 48
PLS = Regression("pls", 4)


def small(channels=3, seed=0):
    torch.manual_seed(seed)
    layers = nn.Conv2d(channels, 5, 4, 2), nn.ReLU(), nn.Flatten(), nn.LazyLinear(6)
    model = nn.Sequential(*layers)
    model(torch.zeros(1, channels, SIZE, SIZE))
    return Network("nets/small.py:net", model.eval(), SIZE, SIZE)


def photographs(count=40, channels=3):
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(count, channels, SIZE, SIZE, generator=generator)

    def order(number, seed):
        order.asked.append((number, seed))
        return range(count)[:number]

    order.asked = []
    return Pictures("noise 123", count, order, lambda rows: images[list(rows)])


def recorded(seed=0, named=True):
    """Eight neurons that see the mean of a quarter of the image each, and noise."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(STIMULI, 1, 20, 20, generator=generator)
    quarters = nn.functional.avg_pool2d(images, 10).flatten(1).double()
    signal = (quarters - quarters.mean(0)) / quarters.std(0)
    trials = signal.repeat(1, 2) + 0.5 * gaussian(3, STIMULI, 8, seed=seed + 1)
    names = tuple(f"movie {number // 6}" for number in range(STIMULI))
    return Recording(
        Responses(trials, f"file.npz: sha256 {seed}", "noise"),
        images, torch.arange(STIMULI), ("every trial recorded",), names if named else None,
    )  # fmt: skip


def task_of(network=None, recording=None, pictures=None, layers=("1", "3"), **words):
    words = {"presentation": Presentation(2.0, 4.0), "regression": PLS, "splits": 3} | words
    return predictivity.network_task(
        network or small(), recording or recorded(), pictures or photographs(), layers, **words
    )


def done(folder, *, degrees=(2.0,), network=None, recording=None, pictures=None, **words):
    network, recording = network or small(), recording or recorded()
    pictures = pictures or photographs()
    ways = [Presentation(each, 4.0) for each in degrees]
    tasks = [
        task_of(network, recording, pictures, presentation=each, **words) for each in ways
    ]  # fmt: skip
    regression = words.get("regression", PLS)
    features = predictivity.shared_features(
        tasks, ways, network=network, recording=recording, pictures=pictures, memory="500MB"
    )

    def measure(task, partial_file):
        return predictivity.measure_network(
            task, partial_file, folder=folder, network=network, recording=recording,
            features=features, neurons=population_of(recording.responses),
            regression=regression, against=words.get("against"),
        )  # fmt: skip

    return list(run(measure, tasks, directory=folder))


def test_a_task_is_measured_once_and_says_all_that_moves_it(tmp_path):
    (first,) = done(tmp_path)
    assert first.path.parent == tmp_path / "predictivity"
    assert first.path.name.startswith("predictivity-small.py-net-file.npz-")
    written = {path: path.stat().st_mtime_ns for path in first.path.parent.iterdir()}
    assert {path.suffix for path in written} == {".json", ".npz"}
    (again,) = done(tmp_path)
    assert (again.path, again.seconds) == (first.path, None)
    assert {path: path.stat().st_mtime_ns for path in first.path.parent.iterdir()} == written
    for result in load(first.path):
        told = result.settings
        assert result.source == "nets/small.py:net"
        assert told["model_sha256"] == first.task["model_sha256"]
        assert (told["stimulus_deg"], told["field_deg"], told["crop_px"]) == (2.0, 4.0, None)
        assert (told["recording"], told["population"]) == ("file.npz: sha256 0", None)
        assert (told["protocol"], told["regression"], told["components"]) == ("paper", "pls", 4)
        assert (told["grouped"], told["splits"], told["images"]) == ("none", 3, 40)
        assert (told["neurons"], told["dropped"], told["stimuli"]) == (8, 0, STIMULI)
    by_layer = [one for one in load(first.path) if one.name == "predictivity"]
    assert [(one.settings["layer"], one.settings["pca"]) for one in by_layer] == [
        ("1", 39), ("3", 6),
    ]  # fmt: skip
    arrays = load_arrays(first.path)
    assert arrays["1/noise_corrected"].shape == (3, 8)
    assert arrays["1/noise_corrected"].dtype == np.float32
    assert arrays["kept"].dtype == bool
    assert not list((tmp_path / ".partial").glob("*"))


def test_two_runs_leave_the_same_bytes(tmp_path):
    (one,), (two,) = (done(tmp_path / name) for name in "ab")
    assert load(one.path) == load(two.path)
    assert read_record(one.path)["arrays"] == read_record(two.path)["arrays"]


CHANGES = [
    {"seed": 1}, {"splits": 4}, {"protocol": "authors"}, {"protocol": "consistent"},
    {"grouped": "movie"}, {"regression": Regression("ridge")}, {"regression": Regression("pls", 5)},
    {"regression": Regression("ridge", lambdas=(1.0,))},
    {"regression": Regression("ridge", select="neuron")}, {"layers": ["1"]}, {"population": "a"},
    {"presentation": Presentation(2.5, 4.0)}, {"presentation": Presentation(2.0, 5.0)},
    {"presentation": Presentation(2.0, 4.0, 10)},
    {"presentation": Presentation(2.0, 4.0, surround=0.5)}, {"minimum_reliability": 0.1},
    {"regression": Regression("ridge", lambdas=(1234567.0,))},
    {"regression": Regression("ridge", lambdas=(1234568.0,))},
    {"pictures": photographs(39)}, {"recording": recorded(1)}, {"network": small(seed=1)},
]  # fmt: skip


def test_what_moves_a_number_moves_the_name():
    paths = [path_of(task_of(**change), Path()) for change in [{}, *CHANGES]]
    assert len(set(paths)) == 1 + len(CHANGES)
    assert path_of(task_of(), Path()) == paths[0]


def test_settings_that_move_nothing_are_not_in_the_name():
    """So results from before there was a choice keep theirs."""
    plain = task_of()
    assert not {"minimum_reliability", "reliability"} & plain.keys()
    assert task_of(regression=Regression("ridge"))["lambdas"] == "0.01 0.1 1 10"
    recording = recorded()
    trials = recording.responses.tensor.clone()
    trials[2, :, 3:] = torch.nan  # fewer, but as many for each stimulus
    even = recording._replace(responses=replace(recording.responses, tensor=trials))
    assert path_of(task_of(recording=even), Path()) == path_of(plain, Path())
    trials[1, 5:9, 3] = torch.nan  # and a single one
    uneven = recording._replace(responses=replace(recording.responses, tensor=trials))
    assert task_of(recording=uneven)["reliability"] == "covariance of halves"
    trials[:, 4, 3] = torch.nan  # of a neuron that lacks a stimulus, and so is not predicted
    assert path_of(task_of(recording=uneven), Path()) == path_of(plain, Path())


def test_sizes_share_the_photographs_and_are_what_they_are_alone(tmp_path):
    pictures = photographs()
    together = done(tmp_path / "together", degrees=(1.0, 2.0, 4.0), pictures=pictures)
    assert pictures.order.asked == [(None, None)]
    values = []
    for finished in together:
        (alone,) = done(tmp_path / "alone", degrees=(finished.task["stimulus_deg"],))
        assert alone.path.name == finished.path.name
        ours, theirs = (
            [one.value for one in load(each.path) if one.name == "predictivity"]
            for each in (finished, alone)
        )
        assert ours == pytest.approx(theirs, abs=1e-4)  # float32 products in other batches
        values.append(ours)
    assert len({tuple(each) for each in values}) == 3


def test_features_are_those_of_the_stimuli_as_presented(tmp_path):
    """That the network sees what `present` makes, and a larger image is predicted from better."""
    network, recording, pictures = small(), recorded(), photographs()
    way = Presentation(2.0, 4.0)
    task = task_of(network, recording, pictures)
    features = predictivity.shared_features(
        [task], [way], network=network, recording=recording, pictures=pictures
    )(task, tmp_path / "sums", None)
    shown = present(recording.images, way, size=SIZE)
    assert (shown[:, :, :4] == 0).all()
    expected = layer_features(
        network.model, pictures.draw(None, None), {"x": shown}, ["1", "3"],
        protocol=PROTOCOLS["paper"],
    )  # fmt: skip
    for layer, values in features.items():
        assert torch.equal(values, expected[layer]["x"])


def test_grouped_splits_do_not_profit_from_siblings(tmp_path):
    """Frames of one movie are alike, and each movie has a response of its own."""
    recording = recorded()
    movies = torch.arange(STIMULI) // 6
    images = recording.images[movies * 6] * 0.8 + recording.images * 0.2
    trials = gaussian(8, 8, seed=3)[movies] + 0.2 * gaussian(3, STIMULI, 8, seed=4)
    recording = recording._replace(
        images=images, responses=replace(recording.responses, tensor=trials)
    )
    scores = {}
    for grouped in ("movie", "none"):
        (finished,) = done(tmp_path, recording=recording, grouped=grouped, splits=10)
        scores[grouped] = next(one for one in load(finished.path) if one.name == "v1_layer").value
    # Of two movies held out nothing is known; of three frames held out, their siblings are.
    assert scores["none"] > 0.5
    assert scores["movie"] < 0.3


def test_a_result_is_compared_without_measuring_again(tmp_path):
    (theirs,) = done(tmp_path, network=small(seed=1))
    rival = predictivity.read_rival(theirs.path)
    pictures = photographs()
    (alone,) = done(tmp_path, pictures=pictures)
    (compared,) = done(tmp_path, pictures=pictures, against=rival)
    assert len(pictures.order.asked) == 1
    *same, gap = load(compared.path)
    assert same == load(alone.path)
    assert load_arrays(compared.path).keys() == load_arrays(alone.path).keys()
    assert gap.name == "difference"
    digits = read_record(theirs.path)["sha256"][:12]
    assert gap.settings["against"] == f"nets/small.py:net {digits}" == compared.task["against"]
    (elsewhere,) = done(tmp_path / "elsewhere", against=rival)
    assert load(elsewhere.path) == load(compared.path)


def test_a_damaged_result_is_measured_again_to_be_compared(tmp_path):
    (theirs,) = done(tmp_path, network=small(seed=1))
    rival = predictivity.read_rival(theirs.path)
    (alone,) = done(tmp_path)
    expected = load(alone.path)
    alone.path.with_suffix(".npz").unlink()
    assert predictivity.measured_alone(alone.task, tmp_path) is None
    pictures = photographs()
    (compared,) = done(tmp_path, pictures=pictures, against=rival)
    assert len(pictures.order.asked) == 1
    assert load(compared.path)[:-1] == expected


def test_networks_measured_by_other_photographs_or_draws_are_not_compared(tmp_path):
    (theirs,) = done(tmp_path, network=small(seed=1))
    rival = predictivity.read_rival(theirs.path)
    for asked, said in (
        ({"pictures": photographs(39)}, "images=40, and this is 39"),
        ({"pictures": photographs()._replace(name="others")}, "pictures='noise 123', and this is"),
        ({"seed": 3}, "seed=0, and this is 3"),
        ({"minimum_reliability": 0.2}, "minimum_reliability=None, and this is 0.2"),
    ):
        with pytest.raises(ValueError, match=said):
            task_of(against=rival, **asked)


def test_a_network_that_sees_no_colour_is_shown_none(tmp_path):
    pictures = photographs(channels=1)
    (finished,) = done(tmp_path, network=small(channels=1), pictures=pictures)
    assert any(one.name == "v1_layer" for one in load(finished.path))


def test_colour_that_a_network_does_not_see_is_refused_before_any_work():
    recording = recorded()
    colour = recording._replace(images=recording.images.expand(-1, 3, -1, -1))
    with pytest.raises(ValueError, match=r"^images has 3 channels, the network takes 1$"):
        task_of(small(channels=1), colour, photographs(channels=1))
    assert path_of(task_of(recording=colour), Path()) == path_of(task_of(), Path())


def test_of_many_photographs_so_many_are_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr("striate.studies.predictivity.networks.PHOTOGRAPHS", 20)
    pictures = photographs()
    (finished,) = done(tmp_path, pictures=pictures, seed=5)
    assert pictures.order.asked == [(20, 5)]
    assert (finished.task["images"], finished.task["pca"]) == (20, 19)


def test_an_interrupted_measurement_leaves_no_result(tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("striate.studies.predictivity.networks.network_predictivity", interrupted)
        with pytest.raises(KeyboardInterrupt):
            done(tmp_path)
    assert list(results.paths(tmp_path)) == []
    assert done(tmp_path)[0].seconds is not None


@pytest.mark.parametrize(("asked", "message"), [
    ({"protocol": "text"}, "protocol='text'; choose one of paper, authors, consistent"),
    ({"grouped": "category"}, "grouped='category'; choose one of none, movie"),
    ({"grouped": "movie", "recording": recorded(named=False)}, "does not name what its images"),
    ({"splits": 0}, "splits=0: give a whole number from 1 on"),
    ({"layers": ["conv"]}, "layers='conv' fits no layer"),
    ({"recording": recorded()._replace(images=None)}, "file.npz: sha256 0 comes without its im"),
    ({"presentation": Presentation(2.0, 4.0, 30)}, "crop_px=30 is not within images of 20×20"),
    ({"pictures": photographs(2)}, "2 photographs of noise 123: give at least 3"),
    ({"regression": Regression("pls", 0)}, "components=0"),
    ({"regression": Regression("pls", 27)},
     "components=27: .* has 27 stimuli; give at most 26"),
    ({"seed": -1}, "seed=-1: give a whole number from 0 on"),
    ({"minimum_reliability": 1.0}, "minimum_reliability=1.0: give a reliability to exceed, from 0"),
])  # fmt: skip
def test_what_cannot_be_measured_is_refused_before_any_work(asked, message):
    with pytest.raises(ValueError, match=message):
        task_of(**asked)


@pytest.mark.parametrize(("degrees", "message"), [
    ([2.0, 2.0], r"stimulus_deg=\(2.0, 2.0\): give each width once"),
    ([], r"stimulus_deg=\(\)"),
    ([8.0], "stimulus_deg=8 does not fit into field_deg=6.4"),
])  # fmt: skip
def test_widths_that_cannot_be_shown_are_refused(degrees, message):
    with pytest.raises(ValueError, match=message):
        predictivity.presentations(degrees, size=224, protocol="paper")


def test_the_field_is_the_protocols_unless_it_is_given():
    for protocol, given, expected in (
        ("paper", None, 6.4), ("authors", None, 299 / 35), ("authors", 5.0, 5.0)
    ):  # fmt: skip
        (way,) = predictivity.presentations(
            [1.14], size=299, protocol=protocol, field_deg=given, crop_px=80
        )
        assert way == Presentation(1.14, expected, 80)


def test_a_rival_is_a_result_of_this_study(tmp_path):
    with pytest.raises(ValueError, match="is no file; name a result"):
        predictivity.read_rival(tmp_path / "nowhere.json")
    results.save(tmp_path / "a.json", [], task={}, provenance={})
    with pytest.raises(ValueError, match=r"against='.*a.json': holds no predictivity"):
        predictivity.read_rival(tmp_path / "a.json")
    (finished,) = done(tmp_path, splits=2)
    with pytest.raises(ValueError, match="was measured with splits=2, and this is 3"):
        task_of(against=predictivity.read_rival(finished.path))


def test_pictures_that_may_be_on_both_sides_of_a_split_are_told():
    there = recorded()
    images = there.images.clone()
    images[[7, 13]] = there.images[1]  # movies 0, 1 and 2
    images[3] = there.images[2]  # both of movie 0
    twice = there._replace(images=images)
    assert predictivity.alike_across(there, "none") == ()
    (told,) = predictivity.alike_across(twice, "none")
    assert told.startswith(
        "2 images stand for 5 stimuli: with --grouped none the same picture may be"
    )
    (told,) = predictivity.alike_across(twice, "movie")
    assert told.startswith("1 image stands for 3 stimuli: ")
    images[[7, 13]] = there.images[[7, 13]]
    assert predictivity.alike_across(there._replace(images=images), "movie") == ()
