"""``striate measure predictivity``, as typed."""

import numpy as np
import pytest
from PIL import Image

from striate import results
from typed import captured as striate

TINY = """\
import torch
from torch import nn
from striate.models import Network

def net(seed=0):
    torch.manual_seed(seed)
    layers = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5)
    return Network("tiny", nn.Sequential(*layers), 8, 8)

def other():
    return net(1)
"""


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """Two networks in a file, a folder of photographs, and a recording of two populations."""
    rng = np.random.default_rng(0)
    (tmp_path / "tiny.py").write_text(TINY)
    (tmp_path / "photos").mkdir()
    for number in range(40):
        pixels = rng.integers(0, 256, (9, 11, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{number}.png")
    signal = rng.normal(size=(60, 7))
    np.savez(
        tmp_path / "v1.npz",
        responses_a=(signal + 0.3 * rng.normal(size=(4, 60, 7)) + 5).astype("float32"),
        responses_b=(signal + 0.3 * rng.normal(size=(4, 60, 7)) + 5).astype("float32"),
        images=rng.integers(0, 256, (60, 10, 10), dtype=np.uint8),
        image_ids=np.arange(60) // 5,
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


ASKED = "--recording v1.npz --images photos --layers 1,3 --memory 100MB --splits 3"


def test_predictivity_is_measured_once_for_each_size_and_kind_of_split(lab, capsys, monkeypatch):
    words = f"measure predictivity tiny.py:net {ASKED} --stimulus-deg 2,4 --grouped both"
    status, out, err = striate(capsys, monkeypatch, words)
    assert status == 0, err
    assert "4 repeats x 60 stimuli x 14 units" in err
    names = {line.split("\t")[0] for line in out.splitlines()}
    assert {"predictivity", "v1_layer", "v1_layer_nested", "feve", "ceiling"} <= names
    lines = [line.split("\t") for line in out.splitlines()]
    shown = [line[3] for line in lines if line[:2] == ["predictivity", "1"]]
    assert shown == ["2°, movies together", "2°", "4°, movies together", "4°"]
    files = {path: path.stat().st_mtime_ns for path in (lab / "results" / "predictivity").iterdir()}
    tasks = [results.read_record(path)["task"] for path in files if path.suffix == ".json"]
    assert {(task["stimulus_deg"], task["grouped"]) for task in tasks} == {
        (2.0, "movie"), (2.0, "none"), (4.0, "movie"), (4.0, "none"),
    }  # fmt: skip
    assert striate(capsys, monkeypatch, words)[1] == out
    assert {path: path.stat().st_mtime_ns for path in files} == files
    assert not list((lab / "results" / ".partial").glob("*"))


def test_neurons_that_are_left_out_are_told_before_they_are_missed(lab, capsys, monkeypatch):
    held = dict(np.load("v1.npz"))
    held["responses_a"][:, 7, 3] = np.nan
    held["responses_a"][:, :, 2] = 5  # of what does not vary, nothing repeats
    np.savez("v1.npz", **held)
    words = f"measure predictivity tiny.py:net {ASKED} --stimulus-deg 4 --population a --dry-run"
    status, _, err = striate(capsys, monkeypatch, words)
    assert status == 0, err
    assert "1 of 7 neurons is left out: not recorded with every stimulus; leave out the mis" in err
    assert "1 of 7 neurons is left out: without a reliable signal, a reliability above 0" in err
    words = words.replace("--population a", "--population b")
    assert "left out" not in striate(capsys, monkeypatch, words)[2]


def test_every_option_reaches_the_task(lab, capsys, monkeypatch):
    words = (
        f"measure predictivity tiny.py:net {ASKED} --stimulus-deg 1.5 --field-deg 3 --crop-px 6 "
        "--population b --protocol authors --regression ridge --lambdas 1,100 --seed 4 "
        "--results elsewhere --batch-size 7 --minimum-reliability 0.25"
    )
    status, _, err = striate(capsys, monkeypatch, words)
    assert status == 0, err
    (path,) = (lab / "elsewhere" / "predictivity").glob("*.json")
    task = results.read_record(path)["task"]
    expected = {
        "stimulus_deg": 1.5, "field_deg": 3.0, "crop_px": 6, "population": "b", "seed": 4,
        "protocol": "authors", "regression": "ridge", "lambdas": "1 100", "splits": 3,
        "layers": "1 3", "grouped": "none", "images": 40, "pca": 39, "against": None,
        "minimum_reliability": 0.25,
    }  # fmt: skip
    assert {name: task[name] for name in expected} == expected
    assert "x 7 units" in task["recording"]


def test_two_networks_are_compared(lab, capsys, monkeypatch):
    asked = f"{ASKED} --stimulus-deg 4"
    assert striate(capsys, monkeypatch, f"measure predictivity tiny.py:other {asked}")[0] == 0
    (path,) = (lab / "results" / "predictivity").glob("*.json")
    words = f"measure predictivity tiny.py:net {asked} --against {path}"
    status, out, err = striate(capsys, monkeypatch, words)
    assert status == 0, err
    assert out.splitlines()[-1].startswith("difference\t")
    wrong = f"measure predictivity tiny.py:net {asked} --protocol consistent --against {path}"
    status, out, err = striate(capsys, monkeypatch, wrong)
    assert (status, out) == (2, "")
    assert "was measured with protocol='paper', and this is 'consistent'" in err


def test_each_neuron_may_have_a_penalty_of_its_own(lab, capsys, monkeypatch):
    words = f"measure predictivity tiny.py:net {ASKED} --stimulus-deg 4 --per-neuron"
    status, out, err = striate(capsys, monkeypatch, words)
    assert (status, out) == (2, "")
    assert "--per-neuron chooses penalties of ridge; add --regression ridge" in err
    assert striate(capsys, monkeypatch, f"{words} --regression ridge")[0] == 0
    (path,) = (lab / "results" / "predictivity").glob("*.json")
    assert results.read_record(path)["task"]["regression"] == "ridge per neuron"


def test_partial_least_squares_may_have_other_components(lab, capsys, monkeypatch):
    words = f"measure predictivity tiny.py:net {ASKED} --stimulus-deg 4"
    status, out, err = striate(capsys, monkeypatch, f"{words} --components 33")
    assert (status, out) == (2, "")
    assert "components=33: the part to train on within a split's train part has 33 stimuli" in err
    assert striate(capsys, monkeypatch, f"{words} --components 7")[0] == 0
    (path,) = (lab / "results" / "predictivity").glob("*.json")
    assert results.read_record(path)["task"]["components"] == 7


@pytest.mark.parametrize(("more", "said"), [
    ("--lambdas 5,6", "--lambdas '5,6' are penalties of ridge; add --regression ridge"),
    ("--regression ridge --components 7", "--components 7 are of partial least squares; leave it"),
    ("--seed=-1", "seed=-1: give a whole number from 0 on"),
    ("--minimum-reliability 0.9999", "no neuron's reliability exceeds minimum_reliability=0.9999"),
])  # fmt: skip
def test_what_would_be_ignored_or_fail_later_is_refused(lab, capsys, monkeypatch, more, said):
    words = f"measure predictivity tiny.py:net {ASKED} --stimulus-deg 4 {more}"
    status, out, err = striate(capsys, monkeypatch, words)
    assert (status, out) == (2, "")
    assert said in err
    assert not (lab / "results").exists()


@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_a_damaged_result_is_measured_again(lab, capsys, monkeypatch, suffix):
    words = f"measure predictivity tiny.py:net {ASKED} --stimulus-deg 4,5"
    status, out, _ = striate(capsys, monkeypatch, words)
    assert status == 0
    path = min((lab / "results" / "predictivity").glob(f"*{suffix}"))
    if suffix == ".json":
        path.write_text(path.read_text()[:100])
    else:
        path.unlink()
    status, again, err = striate(capsys, monkeypatch, words)
    assert status == 0, err
    assert again == out
    assert "was damaged" in err
