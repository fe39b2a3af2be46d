"""``striate measure all`` and ``striate run kong2021``, as typed."""

import re

import numpy as np
import pytest
from PIL import Image

from striate.cli.everything import tell_row
from striate.cli.measuring import tell_scores
from striate.results import Score, load, paths, read_record, save
from striate.study.status import status
from typed import captured as striate

TINY = """\
import torch
from torch import nn
from striate.models import Network

def net(seed=0):
    generator = torch.Generator().manual_seed(seed)
    layers = nn.Conv2d(3, 6, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(294, 3)
    model = nn.Sequential(*layers)
    for weight in model.parameters():
        nn.init.normal_(weight, std=0.2, generator=generator)
    return Network("tiny", model, 16, 16)

def alexnet():
    made = net()
    model = nn.Module()
    model.features = nn.Sequential(*(nn.Conv2d(3, 3, 1) for _ in range(13)))
    model.classifier = nn.Sequential(nn.Flatten(), *(nn.Linear(768, 768) for _ in range(6)))
    model.forward = lambda pixels: model.classifier(model.features(pixels))
    return made._replace(model=model)
"""


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """A file of networks, photographs in three classes, and a recording."""
    rng = np.random.default_rng(0)
    (tmp_path / "tiny.py").write_text(TINY)
    for number in range(60):
        place = tmp_path / "photos" / f"class{number % 3}"
        place.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (18, 20, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(place / f"{number}.png")
    signal = rng.normal(size=(60, 7))
    np.savez(
        tmp_path / "v1.npz",
        responses_a=(signal + 0.3 * rng.normal(size=(4, 60, 7)) + 5).astype("float32"),
        images=rng.integers(0, 256, (60, 10, 10), dtype=np.uint8),
        image_ids=np.arange(60) // 5,
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


ASKED = (
    "--images photos --recording v1.npz --stimulus-deg 4 --field-deg 6 --grouped movie "
    "--attacked 6 --splits 2 --memory 200MB --without tuning"
)

GIVEN = "--images photos --recording v1.npz --stimulus-deg 4"


def test_all_is_measured_and_told_in_one_row(lab, capsys, monkeypatch):
    words = f"measure all tiny.py:net {ASKED} --lambdas 1,100 --per-neuron --robust --layers '1,3'"
    status, out, err = striate(capsys, monkeypatch, words)
    assert status == 0, err
    told = {line.split("\t")[0] for line in out.splitlines()}
    assert {"clean_accuracy", "adversarial_accuracy", "predictivity", "alpha"} <= told
    assert "frequency_score\tpls" in out
    assert "left out of this run" in out
    row = next(iter((lab / "results" / "kong2021").glob("*.json")))
    task = read_record(row)["task"]
    assert str(row.relative_to(lab)) in err
    assert (task["robust"], task["entry"], task["layers"]) == (True, None, "1 3")
    ridge = read_record(lab / "results" / task["ridge"])["task"]
    assert (ridge["regression"], ridge["lambdas"]) == ("ridge per neuron", "1 100")
    assert ridge["grouped"] == "movie"
    files = {path: path.stat().st_mtime_ns for path in paths(lab / "results")}
    assert striate(capsys, monkeypatch, words)[1] == out
    assert {path: path.stat().st_mtime_ns for path in paths(lab / "results")} == files


def test_what_is_left_of_all_measurements_of_one_network_is_missing(lab, capsys, monkeypatch):
    """A kill ends the command between two of them; a Ctrl-C is what a test can do of that."""
    from striate.studies import kong2021

    words = f"measure all tiny.py:net {ASKED} --layers 1"

    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(kong2021, "measure_all", stop)
        assert striate(capsys, monkeypatch, words)[0] == 130
    told = [(one.study, one.state) for one in status(lab / "results")]
    assert told == [
        ("spectra", "missing"), ("predictivity", "missing"), ("predictivity", "missing"),
        ("robustness", "missing"), ("kong2021", "missing"),
    ]  # fmt: skip
    assert striate(capsys, monkeypatch, words)[0] == 0
    assert {one.state for one in status(lab / "results")} == {"done"}


def test_both_ends_of_an_interval_are_told_if_they_are_not_equally_far(tmp_path, capsys):
    """Of 40 images none is right: half the exact interval would reach below 0."""
    about = {"error": "exact, half the 95 % interval"}
    none = Score("adversarial_accuracy", 0.0, 0.044, "net", {**about, "low": 0.0, "high": 0.088})
    even = Score("clean_accuracy", 0.5, 0.1, "net", {**about, "low": 0.4, "high": 0.6})
    row = tmp_path / "row.json"
    save(row, [none, even, Score("alpha", 1.0, 0.02, "net", about)], task={}, provenance={})
    tell_row(row, "")
    tell_scores(row)
    values = [line.split("\t")[2].strip() for line in capsys.readouterr().out.splitlines()]
    assert values == ["0.000 (0.000 to 0.088)", "0.500 ± 0.100", "1.000 ± 0.020"] * 2


def test_the_maps_are_those_asked_for(lab, capsys, monkeypatch):
    """And a row of the usual ones has the name it had before there was a choice."""
    asked = f"{GIVEN} --field-deg 6 --splits 2 --without spectra,tuning,robustness --layers 1"
    more = "--components 3 --minimum-reliability 0.978"  # which some neurons do not exceed
    assert striate(capsys, monkeypatch, f"measure all tiny.py:net {asked} {more}")[0] == 0
    (row,) = (lab / "results" / "kong2021").glob("*.json")
    task = read_record(row)["task"]
    assert (task["components"], task["minimum_reliability"]) == (3, 0.978)
    for step in ("pls", "ridge"):
        mapped = read_record(lab / "results" / task[step])["task"]
        assert mapped["minimum_reliability"] == 0.978
        words = f"measure predictivity tiny.py:net {GIVEN} --field-deg 6 --splits 2 --layers 1"
        words += f" --regression {step} --minimum-reliability 0.978 --results alone"
        words += " --components 3" if step == "pls" else ""
        assert striate(capsys, monkeypatch, words)[0] == 0
        together, alone = (load(lab / folder / task[step]) for folder in ("results", "alone"))
        assert [(one.name, one.value) for one in together if isinstance(one, Score)] == [
            (one.name, one.value) for one in alone if isinstance(one, Score)
        ]
    assert read_record(lab / "results" / task["pls"])["task"]["components"] == 3
    usual = "--components 25 --minimum-reliability 0"
    assert striate(capsys, monkeypatch, f"measure all tiny.py:net {asked} {usual}")[0] == 0
    (other,) = set((lab / "results" / "kong2021").glob("*.json")) - {row}
    assert not {"components", "minimum_reliability"} & set(read_record(other)["task"])


def test_networks_of_the_table_are_measured_by_any_way_to_load_them(lab, capsys, monkeypatch):
    """Two cannot be; the others are measured, and the exit status says so."""
    words = (
        f"run kong2021 {ASKED},ridge,robustness --quick --model alexnet=tiny.py:alexnet "
        "--model vgg11=tiny.py:nothing --model vgg13=tiny.py:net"
    )
    assert striate(capsys, monkeypatch, f"{words} --dry-run")[1] == (
        "alexnet\ttiny.py:alexnet\t7 layers of the table; tiny.py:alexnet not looked at\n"
        "vgg11\ttiny.py:nothing\t7 layers of the table; tiny.py:nothing not looked at\n"
        "vgg13\ttiny.py:net\t7 layers of the table; tiny.py:net not looked at\n"
    )
    status, _, err = striate(capsys, monkeypatch, words)
    assert status == 1
    assert "vgg11: model='tiny.py:nothing'" in err
    assert "vgg13: layers='features.4' fits no layer" in err  # it is no VGG
    assert "not measured: vgg11, vgg13" in err
    assert "next: striate report" in err
    rows = list((lab / "results" / "kong2021").glob("kong2021-tiny*.json"))
    tasks = [read_record(path)["task"] for path in rows]
    assert {(task["entry"], task["robust"], task["quick"]) for task in tasks} == {
        ("alexnet", False, True)
    }
    assert {"predictivity", "alpha", "missing"} <= {score.name for score in load(rows[0])}
    assert striate(capsys, monkeypatch, "report")[0] == 0
    page = " ".join((lab / "results" / "report" / "report.html").read_text().split())
    assert re.search(
        r"vgg13 could not be measured: layers=&#39;features.4&#39; fits no layer", page
    )
    assert re.search(r"vgg11 could not be measured: model=", page)


def test_if_no_network_can_be_had_the_command_the_status_and_the_page_say_so(
    lab, capsys, monkeypatch
):
    words = "run kong2021 --images photos --quick --model vgg11=tiny.py:nothing --results r"
    status, _, err = striate(capsys, monkeypatch, words)
    assert status == 1
    assert "not measured: vgg11" in err
    assert "1 absent" in striate(capsys, monkeypatch, "status --results r")[1]
    assert striate(capsys, monkeypatch, "report --results r")[0] == 0
    page = " ".join((lab / "r" / "report" / "report.html").read_text().split())
    assert "vgg11 could not be measured: model=" in page
    assert "Over the 40 published networks" in page


def test_the_rows_of_networks_are_in_their_plan(lab, capsys, monkeypatch):
    """So that what ``striate status`` counts adds up."""
    words = (
        "run kong2021 --images photos --quick --field-deg 6 --without spectra,robustness "
        "--model alexnet=tiny.py:alexnet --results r"
    )
    assert striate(capsys, monkeypatch, words)[0] == 0
    told = striate(capsys, monkeypatch, "status --results r")[1]
    assert told == "2 done, 0 running, 0 failed, 0 missing\n"
    (row,) = (lab / "r" / "kong2021").glob("*.json")
    row.unlink()
    told = striate(capsys, monkeypatch, "status --results r")[1]
    assert "1 done, 0 running, 0 failed, 1 missing" in told
    assert "kong2021/kong2021-tiny.py-alexnet" in told


@pytest.mark.parametrize(("words", "message"), [
    ("measure all tiny.py:net --images photos --stimulus-deg 4", "--stimulus-deg is of a record"),
    ("measure all tiny.py:net --images photos --recording v1.npz", "--recording without --stim"),
    ("measure all tiny.py:net --images photos --without all", "without='all'; choose of spectra"),
    ("measure all tiny.py:net --images photos --attacked 1", "attacked=1: give a whole number"),
    ("measure all tiny.py:net --images nowhere", "folder='nowhere' is not a folder"),
    ("measure all tiny.py:net --images photos --stands-for net", "stands_for='net' is none of the"),
    ("measure all tiny.py:net --images photos --splits 5", "--splits is of a recording; give"),
    ("measure all tiny.py:net --images photos --per-neuron", "--per-neuron is of a recording"),
    ("measure all tiny.py:net --images photos --grouped movie", "--grouped is of a recording"),
    ("measure all tiny.py:net --images photos --crop-px 8", "--crop-px is of a recording; give"),
    (f"measure all tiny.py:net {GIVEN} --quick --lambdas 1", "--lambdas is of ridge, which --q"),
    (f"measure all tiny.py:net {GIVEN} --quick --per-neuron", "--per-neuron is of ridge, which"),
    (f"measure all tiny.py:net {GIVEN} --without ridge --lambdas 1", "of ridge, which --without"),
    ("measure all tiny.py:net --images photos --components 3", "--components is of a recording; g"),
    ("measure all tiny.py:net --images photos --minimum-reliability 0", "reliability is of a rec"),
    (f"measure all tiny.py:net {GIVEN} --without pls --components 3", "--components is of pls, wh"),
    (f"measure all tiny.py:net {GIVEN} --components 0", "components=0: give a whole number from 1"),
    (f"measure all tiny.py:net {GIVEN} --components 47", "components=47: the part to train on wit"),
    (f"measure all tiny.py:net {GIVEN} --minimum-reliability 1", "minimum_reliability=1.0: give a"),
    (f"measure all tiny.py:net {GIVEN} --grouped stem", "grouped='stem'; choose one of none, mov"),
    (f"measure all tiny.py:net {GIVEN} --field-deg=nan", "field_deg=nan: give degrees of visual"),
    (f"measure all tiny.py:net {GIVEN} --seed=-1", "seed=-1: give a whole number from 0 on"),
    (f"measure all tiny.py:net {GIVEN} --batch-size 0", "batch_size=0: give a whole number from 1"),
    (f"measure all tiny.py:net {GIVEN} --memory 0", "memory='0' is not a size; give e.g."),
    (
        f"run kong2021 {GIVEN} --model alexnet=tiny.py:net --seed=-1",
        "seed=-1: give a whole number from 0 on",
    ),
    (
        "run kong2021 --images nowhere --model alexnet=tiny.py:net",
        "folder='nowhere' is not a folder",
    ),
    ("run kong2021 --images photos --model all=tiny.py:net", "one network is not all of them; giv"),
    (
        "run kong2021 --images photos --model alexnet=tiny.py:net --model alexnet=tiny.py:alexnet",
        "alexnet is tiny.py:net already; measure one of the two by `striate measure all tiny.py:a",
    ),
    ("run kong2021 --images photos --model alexnet=", "say what loads it, as in alexnet=nets.py:"),
    (
        "run kong2021 --images photos --model alexnet --weights-folder nowhere",
        "--weights-folder nowhere is not a folder",
    ),
    (
        "run kong2021 --images photos --model alexnet --weights-folder photos",
        "photos has no NAME.safetensors of a network that is asked for, e.g. alexnet.safetensors",
    ),
    ("run kong2021 --images photos --model tiny", "'tiny' is none of the 40; see `striate models"),
    ("run kong2021 --images photos --model all --protocol text", "protocol='text'; choose paper"),
])  # fmt: skip
def test_what_cannot_be_measured_is_refused_before_any_work(
    lab, capsys, monkeypatch, words, message
):
    status, out, err = striate(capsys, monkeypatch, words)
    assert (status, out) == (2, "")
    assert message in err
    assert not (lab / "results").exists()


def test_what_is_asked_for_goes_before_quick(lab, capsys, monkeypatch):
    words = f"measure all tiny.py:net {GIVEN} --field-deg 6 --quick --without tuning --layers 1"
    asked = {"--attacked 9 --splits 3": (9, 3), "": (40, 5)}
    for more, expected in asked.items():
        assert striate(capsys, monkeypatch, f"{words} {more} --results r{len(more)}")[0] == 0
        (row,) = (lab / f"r{len(more)}" / "kong2021").glob("*.json")
        task = read_record(row)["task"]
        assert (task["attacked"], task["splits"], task["quick"]) == (*expected, True)
        mapped = read_record(row.parent.parent / task["pls"])["task"]
        assert mapped["splits"] == expected[1]


def test_a_row_that_is_named_goes_before_all_of_them(capsys, monkeypatch, lab):
    """Whichever stands first."""
    for models in ("--model all --model alexnet=a.py:b", "--model alexnet=a.py:b --model all"):
        out = striate(capsys, monkeypatch, f"run kong2021 --images x {models} --dry-run")[1]
        loads = dict(line.split("\t")[:2] for line in out.splitlines())
        assert len(loads) == 25
        assert loads["alexnet"] == "a.py:b"
        assert loads["vgg11"] == "kong2021/vgg11"


def test_all_of_the_table_are_those_that_torchvision_brings(capsys, monkeypatch, lab):
    out = striate(capsys, monkeypatch, "run kong2021 --images x --model all --dry-run")[1]
    names = [line.split("\t")[0] for line in out.splitlines()]
    assert len(names) == 25
    assert not any("robust" in name or "simclr" in name for name in names)
