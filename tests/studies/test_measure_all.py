"""All measurements of a network: the files each has alone, one row about them, nothing twice."""

import shutil
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from striate.datasets import Recording, images
from striate.models import Network, fingerprint
from striate.models.zoo import ZOO
from striate.report.kong2021.found import found as sets_of
from striate.report.kong2021.summaries import SHARED, STEPS_OF, USUAL
from striate.report.section import read
from striate.responses import Responses
from striate.results import Score, load, paths, read_record
from striate.studies import kong2021, predictivity, robustness, spectra, tuning
from striate.studies.kong2021 import Cortex, Plan, Shown
from striate.studies.kong2021 import plan as plans
from striate.studies.kong2021.shown import few
from striate.studies.kong2021.summary import summarised
from striate.study import failures, path_of, run
from striate.study.plans import is_part
from striate.study.predictivity import Regression, population_of
from truths import gaussian

kong2021_measuring = sys.modules["striate.studies.kong2021.measuring"]
SIZE, IMAGES, STIMULI = 36, 60, 48
PLAN = Plan(
    sets=2, set_size=44, experiments=20, draws=9, splits=3, attacked=12, lambdas=(1.0, 100.0)
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Sixty pictures in three classes."""
    root, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for number in range(IMAGES):
        place = root / f"class{number % 3}"
        place.mkdir(exist_ok=True)
        waves = rng.normal(size=(SIZE, SIZE, 3)).cumsum(0).cumsum(1)
        pixels = np.interp(waves, (waves.min(), waves.max()), (0, 255)).astype(np.uint8)
        Image.fromarray(pixels).save(place / f"{number:02d}.png")
    return root


def small(seed=0):
    generator = torch.Generator().manual_seed(seed)
    model = nn.Sequential(
        nn.Conv2d(3, 12, 5, 2), nn.ReLU(), nn.Conv2d(12, 16, 3, 2), nn.ReLU(), nn.Flatten(),
        nn.LazyLinear(3),
    )  # fmt: skip
    model(torch.zeros(1, 3, SIZE, SIZE))
    for weight in model.parameters():
        nn.init.normal_(weight, std=0.2, generator=generator)
    return Network("nets/small.py:net", model.eval(), SIZE, SIZE)


def recorded(seed=0):
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(STIMULI, 1, 20, 20, generator=generator)
    quarters = nn.functional.avg_pool2d(images, 10).flatten(1).double()
    signal = (quarters - quarters.mean(0)) / quarters.std(0)
    trials = signal.repeat(1, 2) + 0.5 * gaussian(3, STIMULI, 8, seed=seed + 1)
    names = tuple(f"movie {number // 4}" for number in range(STIMULI))
    return Recording(
        Responses(trials, f"file.npz: sha256 {seed}", "noise"),
        images, torch.arange(STIMULI), ("every trial recorded",), names,
    )  # fmt: skip


@contextmanager
def silent(_):
    yield lambda done, of: None


def shown(folder, cortex=True):
    seen = Cortex(recorded(), 4.0, grouped="movie") if cortex else None
    return Shown(str(folder), cortex=seen, field_deg=6.0)


def measured(folder, out, *, plan=PLAN, network=None, cortex=True, watch=silent, **about):
    subject = kong2021.subject(network or small(), layers=["1", "3"], **about)
    return kong2021.measure_all(
        subject, shown(folder, cortex), plan, out, watch=watch, memory="500MB", batch_size=16
    )


def cells(path):
    """Numbers of a row by name and regression; what is missing with its reason."""
    made = {}
    for score in load(path):
        about = score.settings
        if score.name == "missing":
            made[about["quantity"], about["regression"]] = about["reason"]
        else:
            made[score.name, about.get("regression", "")] = score.value
    return made


@pytest.fixture(scope="module")
def whole(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole")
    told = []

    @contextmanager
    def watch(what):
        told.append(what)
        yield lambda done, of: told.append((what, done, of))

    return out, measured(folder, out, watch=watch), told


def test_a_row_has_every_cell_and_names_its_files(whole):
    out, path, _ = whole
    found = cells(path)
    assert set(found) == {
        ("clean_accuracy", ""), ("accuracy_Linf", ""), ("accuracy_L2", ""), ("accuracy_L1", ""),
        ("adversarial_accuracy", ""), ("predictivity", "pls"), ("predictivity_nested", "pls"),
        ("predictivity", "ridge"), ("predictivity_nested", "ridge"), ("alpha", "pls"),
        ("frequency_score", "pls"), ("alpha", "ridge"), ("frequency_score", "ridge"),
    }  # fmt: skip
    task = read_record(path)["task"]
    for step in kong2021.STEPS:
        assert (out / task[step]).is_file()
    assert (task["study"], task["entry"], task["robust"], task["quick"]) == (
        "kong2021", None, None, False,
    )  # fmt: skip
    assert len(list(paths(out))) == len(kong2021.STEPS) + 1
    assert not list((out / ".partial").rglob("*.safetensors"))
    mean = np.mean([found[f"accuracy_{norm}", ""] for norm in ("Linf", "L2", "L1")])
    assert found["adversarial_accuracy", ""] == pytest.approx(mean)


def test_each_image_crosses_the_network_once_for_spectra_and_predictivity(whole):
    _, _, told = whole
    shows = [one for one in told if one[0] == "spectra" and len(one) == 3]
    assert shows[-1][1:] == (IMAGES + STIMULI, IMAGES + STIMULI)


def test_the_files_are_those_that_each_measurement_has_alone(whole, folder, tmp_path):
    out, path, _ = whole
    network, recording = small(), recorded()
    pictures = spectra.pictures(str(folder), network)
    task = spectra.network_task(
        network, pictures, ["1", "3"], protocol="paper", sets=2, set_size=44
    )
    alone = path_of(task, tmp_path)
    list(run(
        lambda *given: spectra.measure_network(*given, network=network, shown=pictures),
        [task], directory=tmp_path,
    ))  # fmt: skip
    assert_same(load(alone), load(path_of(task, out)))
    (way,) = predictivity.presentations((4.0,), size=SIZE, protocol="paper", field_deg=6.0)
    for mapped in (Regression("pls"), Regression("ridge", lambdas=(1.0, 100.0))):
        task = predictivity.network_task(
            network, recording, pictures, ["1", "3"], presentation=way, regression=mapped,
            grouped="movie", splits=3,
        )  # fmt: skip
        features = predictivity.shared_features(
            [task], [way], network=network, recording=recording, pictures=pictures
        )
        list(run(
            lambda *given, features=features, mapped=mapped: predictivity.measure_network(
                *given, folder=tmp_path, network=network, recording=recording, features=features,
                neurons=population_of(recording.responses), regression=mapped,
            ),
            [task], directory=tmp_path,
        ))  # fmt: skip
        assert_same(load(path_of(task, tmp_path)), load(path_of(task, out)))
    task = tuning.network_task(network, ["1", "3"], field_deg=6.0, experiments=20, draws=9)
    assert path_of(task, out).is_file()
    attacked = robustness.labelled(str(folder), network, count=12, batch_size=16)
    task = robustness.network_task(network, attacked, robustness.attacks_of("paper"))
    assert path_of(task, out).is_file()
    assert cells(path)["predictivity", "pls"] > 0


def assert_same(ours, theirs):
    assert [(one.name, dict(one.settings)) for one in ours] == [
        (one.name, dict(one.settings)) for one in theirs
    ]
    for one, other in zip(ours, theirs, strict=True):
        for field in ("value", "y", "error"):
            values = getattr(one, field, None), getattr(other, field, None)
            if values[0] is not None:
                np.testing.assert_allclose(*values, rtol=2e-5, atol=1e-7)


def test_the_row_holds_what_the_files_say_of_the_layer_most_like_v1(whole):
    out, path, _ = whole
    task, found = read_record(path)["task"], cells(path)
    for regression in ("pls", "ridge"):
        (best,) = (one for one in load(out / task[regression]) if one.name == "v1_layer")
        assert found["predictivity", regression] == best.value
        for step, name in (("spectra", "alpha"), ("tuning", "frequency_score")):
            (there,) = (
                one
                for one in load(out / task[step])
                if one.name == name and one.settings["layer"] == best.settings["layer"]
            )
            assert found[name, regression] == there.value


def test_what_is_there_is_not_measured_again(whole, folder):
    out, path, _ = whole
    written = {each: each.stat().st_mtime_ns for each in out.rglob("*.*") if each.is_file()}
    told = []

    @contextmanager
    def watch(what):
        told.append(what)
        yield lambda done, of: told.append((what, done))

    assert measured(folder, out, watch=watch) == path
    assert {each: each.stat().st_mtime_ns for each in out.rglob("*.*") if each.is_file()} == written
    assert told == list(kong2021.STEPS)  # and no image was shown


def test_a_run_that_was_stopped_goes_on_and_ends_alike(whole, folder, tmp_path):
    _, path, _ = whole

    @contextmanager
    def stopped(what):
        if what == "tuning":
            raise KeyboardInterrupt
        yield lambda done, of: None

    with pytest.raises(KeyboardInterrupt):
        measured(folder, tmp_path, watch=stopped)
    assert [each.parent.name for each in paths(tmp_path)] == ["spectra"]
    again = measured(folder, tmp_path)
    assert again.name == path.name
    assert_same(load(again), load(path))


def hears(folder, out, failed, *, again=False, plan=PLAN):
    return kong2021.measure_all(
        kong2021.subject(small(), layers=["1", "3"]), shown(folder), plan, out, watch=silent,
        memory="500MB", batch_size=16, failed=failed.append, retry_failed=again,
    )  # fmt: skip


def test_a_measurement_that_fails_is_a_reason_and_the_others_go_on(
    whole, folder, tmp_path, monkeypatch
):
    """It is recorded, not tried again unless that is asked for, and then the row is whole."""
    _, path, _ = whole
    tried, failed = [], []

    def broken(*_, **__):
        tried.append(True)
        raise ArithmeticError("no root")

    with monkeypatch.context() as patch:
        patch.setattr(tuning, "measure_network", broken)
        found = cells(hears(folder, tmp_path, failed))
        assert found["frequency_score", "pls"] == "ArithmeticError: no root"
        assert isinstance(found["alpha", "pls"], float)
        (failure,) = failed
        assert failure.task["study"] == "tuning"
        assert list(failures.recorded(tmp_path)) == [failure]
        assert cells(hears(folder, tmp_path, failed)) == found
        assert (len(tried), len(failed)) == (1, 2)
    assert_same(load(hears(folder, tmp_path, failed, again=True)), load(path))
    assert list(failures.recorded(tmp_path)) == []


def test_photographs_that_cannot_be_shown_fail_what_looks_at_them_and_once(
    folder, tmp_path, monkeypatch
):
    tried, failed = [], []

    def broken(*_, **__):
        tried.append(True)
        raise ValueError("memory='1 byte' is not enough")

    monkeypatch.setattr(kong2021_measuring, "shared_kernels", broken)
    found = cells(hears(folder, tmp_path, failed))
    assert len(tried) == 1
    assert [failure.task["study"] for failure in failed] == ["spectra", *["predictivity"] * 2]
    reason = "memory='1 byte' is not enough"
    assert found["predictivity", "ridge"] == found["alpha", ""] == reason
    assert isinstance(found["adversarial_accuracy", ""], float)
    with pytest.raises(ValueError, match=reason):  # of one network it is raised before any work
        measured(folder, tmp_path / "one")
    assert not (tmp_path / "one").exists()


def test_of_what_is_damaged_the_images_are_shown_again(whole, folder, tmp_path):
    out, path, _ = whole
    shutil.copytree(out, tmp_path / "copy")
    row = tmp_path / "copy" / path.relative_to(out)
    damaged = tmp_path / "copy" / read_record(path)["task"]["pls"]
    damaged.write_bytes(damaged.read_bytes()[:100])
    heard = []
    subject = kong2021.subject(small(), layers=["1", "3"])
    assert row == kong2021.measure_all(
        subject, shown(folder), PLAN, tmp_path / "copy", watch=silent, memory="500MB",
        batch_size=16, finished=heard.append,
    )  # fmt: skip
    assert [one.path.parent.name for one in heard] == [
        "spectra", "tuning", "predictivity", "predictivity", "robustness", "kong2021",
    ]  # fmt: skip
    moved = {one.path: one.aside for one in heard if one.aside is not None}
    assert list(moved) == [damaged]
    assert moved[damaged].is_file()
    assert_same(load(damaged), load(out / read_record(path)["task"]["pls"]))


def test_without_a_recording_the_layer_has_the_highest_frequency_score(folder, tmp_path):
    network = small()
    subject = kong2021.subject(network, layers=["1", "3"])
    path = kong2021.measure_all(
        subject, Shown(str(folder), field_deg=2.0), PLAN._replace(without=("robustness",)),
        tmp_path, watch=silent,
    )  # fmt: skip
    found = cells(path)
    assert found["predictivity", "pls"] == "no recording was given"
    assert found["clean_accuracy", ""] == "left out of this run"
    tuned = load(tmp_path / read_record(path)["task"]["tuning"])
    scores = [one.value for one in tuned if one.name == "frequency_score"]
    assert found["frequency_score", ""] == max(scores)
    assert isinstance(found["alpha", ""], float)


def test_what_a_network_cannot_show_has_its_reason(folder, tmp_path):
    """Two outputs for three classes: no attack. No degrees: no frequency score."""
    network = small()
    network.model[5] = nn.Linear(network.model[5].in_features, 2)
    subject = kong2021.subject(network, layers=["1", "3"])
    seen = Shown(str(folder), cortex=Cortex(recorded(), 4.0))
    plan = PLAN._replace(without=("ridge",))
    path = kong2021.measure_all(subject, seen, plan, tmp_path, watch=silent)
    found = cells(path)
    assert "3 classes and the network 2 outputs" in found["adversarial_accuracy", ""]
    assert "give --field-deg" in found["frequency_score", "pls"]
    assert isinstance(found["alpha", "pls"], float)


def test_few_photographs_are_a_draw_with_a_name_of_its_own(folder):
    network = small()
    some, other = (few(str(folder), network, 20, seed=seed) for seed in (0, 1))
    assert some.available == 20
    assert some.name != other.name
    every = list(some.order(None, None))
    assert set(other.order(None, None)) != set(every)
    assert len(set(every)) == 20
    assert set(some.order(5, 3)) < set(every)
    assert list(some.order(5, 3)) == list(some.order(9, 3))[:5]
    assert few(str(folder), network, 99, seed=0).name == spectra.pictures(str(folder), network).name


def test_quick_is_less_of_everything_and_says_so(folder, tmp_path):
    quick = Plan(without=("tuning",)).shortened()
    assert quick.quick
    assert quick.without == ("tuning", "ridge")
    assert (quick.photographs, quick.layers, quick.splits, quick.attacked) == (300, 6, 5, 40)
    path = measured(folder, tmp_path, plan=quick._replace(sets=2, attacked=5, splits=2))
    assert read_record(path)["task"]["quick"] is True
    assert all(score.settings["quick"] for score in load(path))


def test_layers_are_spread_evenly_and_those_of_the_paper_where_they_are():
    model = nn.Sequential(*(nn.Linear(2, 2) for _ in range(12)))
    network = Network("net.py:f", model, 2, 2)
    assert kong2021.subject(network, layers=["**"], most=4).layers == ("0", "4", "7", "11")
    assert kong2021.subject(network, layers=["**"], most=1).layers == ("0",)
    assert len(kong2021.subject(network).layers) == 11  # all but the last
    alexnet = nn.Module()
    alexnet.features = nn.Sequential(*(nn.Conv2d(1, 1, 1) for _ in range(13)))
    alexnet.classifier = nn.Sequential(*(nn.Linear(1, 1) for _ in range(7)))
    for name in ("kong2021/alexnet", "kong2021/alexnet, mine", "torchvision/alexnet"):
        named = Network(name, alexnet, 224, 224)
        assert kong2021.subject(named).layers == ZOO["alexnet"].layers
    assert (
        kong2021.subject(Network("kong2021/alexnet, mine", alexnet, 224, 224)).entry
        == (ZOO["alexnet"])
    )


@pytest.mark.parametrize(("given", "message"), [
    ({"stands_for": "resnet51"}, "stands_for='resnet51' is none of the 40 networks; see"),
    ({"stands_for": "alexnet", "robust": True}, "alexnet is not one of the robust networks"),
    ({"stands_for": "igr_robust_resnet50", "robust": False}, "is one of the robust networks"),
    ({"layers": ["7"]}, "layers='7' fits no layer|not a layer|fits"),
])  # fmt: skip
def test_a_subject_that_is_none_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        kong2021.subject(small(), **given)


@pytest.mark.parametrize(("change", "message"), [
    ({"protocol": "text"}, "protocol='text'; choose paper or authors"),
    ({"without": ("tunning",)}, "without='tunning'; choose of spectra, tuning, pls, ridge"),
    ({"attacked": 1}, "attacked=1: give a whole number from 2 on"),
    ({"splits": 0}, "splits=0: give a whole number from 1 on"),
    ({"splits": 2.0}, "splits=2.0: give a whole number from 1 on"),
    ({"sets": 0}, "sets=0: give a whole number from 1 on"),
    ({"set_size": 1}, "set_size=1: give a whole number from 2 on"),
    ({"experiments": 0}, "experiments=0: give a whole number from 1 on"),
    ({"draws": -1}, "draws=-1: give a whole number from 1 on"),
    ({"lambdas": (1.0, -1.0)}, "lambdas=.* give positive numbers"),
    ({"lambdas": (float("nan"),)}, "lambdas=.* give positive numbers"),
    ({"without": kong2021.STEPS}, "leaves nothing to measure"),
    ({"photographs": 10}, "photographs=10: give a whole number from 50 on"),
])  # fmt: skip
def test_a_plan_that_is_none_is_refused(change, message, folder, tmp_path):
    with pytest.raises(ValueError, match=message):
        measured(folder, tmp_path, plan=PLAN._replace(**change))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("change", "message"), [
    ({"field_deg": -1.0}, "field_deg=-1.0: give degrees of visual angle, above 0"),
    ({"field_deg": float("nan")}, "field_deg=nan: give degrees of visual angle, above 0"),
    ({"images": "nowhere"}, "folder='nowhere' is not a folder"),
    ({"classes": Path("none.json")}, "classes='none.json' is no file"),
    ({"images": "digits", "classes": Path(__file__)}, "the classes of digits are known"),
])  # fmt: skip
@pytest.mark.parametrize("cortex", [True, False])
def test_what_nothing_can_be_shown_is_refused_and_nothing_written(
    change, message, cortex, folder, tmp_path
):
    """It is wrong for every network, so it is no reason in the row of one."""
    seen = shown(folder, cortex)._replace(**change)
    with pytest.raises(ValueError, match=message):
        kong2021.measure_all(
            kong2021.subject(small(), layers=["1"]), seen, PLAN, tmp_path, watch=silent
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("change", "message"), [
    ({"grouped": "nonsense"}, "grouped='nonsense'; choose one of none, movie"),
    ({"crop_px": -5}, "crop_px=-5: give the side"),
    ({"crop_px": 21}, "21"),  # of 20 pixels
    ({"stimulus_deg": 7.0}, "stimulus_deg=7 does not fit into field_deg=6"),
    ({"recording": recorded()._replace(images=None)}, "comes without its images"),
    ({"recording": recorded()._replace(image_ids=None)}, "does not name what its images stem from"),
])  # fmt: skip
def test_a_recording_that_cannot_be_shown_so_is_refused_and_nothing_written(
    change, message, folder, tmp_path
):
    seen = shown(folder)
    seen = seen._replace(cortex=seen.cortex._replace(**change))
    with pytest.raises(ValueError, match=message):
        kong2021.measure_all(
            kong2021.subject(small(), layers=["1"]), seen, PLAN, tmp_path, watch=silent
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("given", "message"), [
    ({"seed": -1}, "seed=-1: give a whole number from 0 on"),
    ({"batch_size": 0}, "batch_size=0: give a whole number from 1 on"),
    ({"memory": "0"}, "memory='0' is not a size"),
    ({"memory": "-1GB"}, "memory='-1GB' is not a size"),
])  # fmt: skip
def test_numbers_that_are_none_are_refused_and_nothing_written(given, message, folder, tmp_path):
    """Also where what would have used them is left out."""
    plan = PLAN._replace(without=("spectra", "pls", "ridge", "robustness"))
    with pytest.raises(ValueError, match=message):
        kong2021.measure_all(
            kong2021.subject(small(), layers=["1"]), shown(folder), plan, tmp_path,
            watch=silent, **given,
        )  # fmt: skip
    assert not list(tmp_path.iterdir())


def test_without_a_recording_more_is_needed_than_predictivity(folder, tmp_path):
    plan = PLAN._replace(without=("spectra", "tuning", "robustness"))
    with pytest.raises(ValueError, match="leaves nothing to measure, for there is no recording"):
        measured(folder, tmp_path, plan=plan, cortex=False)
    assert not list(tmp_path.iterdir())


def test_a_row_has_the_settings_that_it_is_compared_by(whole):
    _, path, _ = whole
    task = read_record(path)["task"]
    assert plans.USUAL == USUAL  # of rows that do not say
    said = {name: task.get(name, USUAL[name]) for name in USUAL}
    said |= {name: task[name] for name in (*STEPS_OF, *SHARED) if name not in USUAL}
    assert {name: said[name] for name in PLAN.settings()} == {
        "sets": 2, "set_size": 44, "experiments": 20, "draws": 9, "splits": 3, "attacked": 12,
        "lambdas": "1 100", "per_neuron": False,
    }  # fmt: skip
    assert said["photographs"] == IMAGES
    assert (said["field_deg"], said["crop_px"], said["grouped"]) == (6.0, None, "movie")


def test_a_row_knows_photographs_by_what_they_are_and_not_by_how_a_network_takes_them(folder):
    network = kong2021.subject(small(), layers=["1"])
    larger = network._replace(network=network.network._replace(size=SIZE // 2))
    rows = [
        kong2021.planned(one, shown(folder), PLAN, batch_size=16, seed=0).row
        for one in (network, larger)
    ]
    assert rows[0]["pictures"] != rows[1]["pictures"]
    assert rows[0]["photographs_sha256"] == rows[1]["photographs_sha256"] == images(folder).content


def test_what_is_known_of_a_row_before_is_part_of_it(whole, folder):
    """So that a plan may have it."""
    _, path, _ = whole
    subject = kong2021.subject(small(), layers=["1", "3"])
    before = kong2021.planned(subject, shown(folder), PLAN, batch_size=16, seed=0).row
    assert is_part(before, read_record(path)["task"])
    assert not any(step in before for step in kong2021.STEPS)


def test_the_report_reads_of_a_row_how_stimuli_were_split(whole):
    """Not what a test plants, but what the study writes."""
    out, _, _ = whole
    (together,) = sets_of([one for one in read(out) if one.task["study"] == "kong2021"])
    assert together.grouped() is True
    free = together._replace(settings={**together.settings, "grouped": "none"})
    assert free.grouped() is False


def test_a_row_tells_which_network_it_is(whole, folder):
    out, path, _ = whole
    results = {step: load(out / read_record(path)["task"][step]) for step in kong2021.STEPS}
    about = {"model": "m", "entry": "alexnet"}
    made = summarised(results, {}, about)
    assert all(one.settings["entry"] == "alexnet" for one in made)
    # A layer too narrow for an exponent leaves a hole with a reason.
    thin = {**results, "spectra": [one for one in results["spectra"] if one.name != "alpha"]}
    missing = [one for one in summarised(thin, {}, about) if one.name == "missing"]
    assert [one.settings["quantity"] for one in missing] == ["alpha", "alpha"]
    assert "too few directions" in missing[0].settings["reason"]


def test_of_several_strengths_the_weakest_of_each_norm_stands_in_the_row():
    """The authors' code measures three in each; the mean is over the weakest."""
    strengths = {"Linf": (0.01, 0.001, 0.1), "L2": (0.5, 2.0), "L1": (40.0,)}
    attacked = [
        Score("adversarial_accuracy", 1 / (1 + eps), settings={"norm": norm, "eps": eps})
        for norm, several in strengths.items()
        for eps in several
    ]
    others = [Score("clean_accuracy", 0.9), Score("mean_adversarial_accuracy", 0.5)]
    left_out = {step: "left out" for step in kong2021.STEPS if step != "robustness"}
    made = summarised({"robustness": [*attacked, *others]}, left_out, {})
    row = {one.name: one for one in made if one.name != "missing"}
    for norm, eps in (("Linf", 0.001), ("L2", 0.5), ("L1", 40.0)):
        assert row[f"accuracy_{norm}"].settings["eps"] == eps
        assert row[f"accuracy_{norm}"].value == 1 / (1 + eps)
    assert row["adversarial_accuracy"].value == 0.5


def test_sums_of_other_images_that_were_left_are_kept_and_stop_nothing(folder, tmp_path):
    network = small()
    sums = tmp_path / ".partial" / f"kong2021-{fingerprint(network.model)[:12]}-0123456789ab"
    sums.mkdir(parents=True)
    (sums / "kernel-of-another-plan.safetensors").write_bytes(b"half of it")
    path = measured(folder, tmp_path, plan=PLAN._replace(without=("tuning", "ridge", "robustness")))
    assert ("alpha", "pls") in cells(path)
    assert [file.name for file in sums.iterdir()] == ["kernel-of-another-plan.safetensors"]
