"""``striate measure robustness``, as typed."""

import shlex
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from striate import results
from typed import captured as striate

TINY = """\
import time
import torch
from torch import nn
from striate.models import Network

class Slow(nn.Module):
    def forward(self, images):
        time.sleep(0.004)
        return images

def net(seed=0):
    torch.manual_seed(seed)
    return Network("tiny", nn.Sequential(nn.Flatten(), nn.Linear(192, 3)), 8, 8)

def other():
    return net(1)

def two():
    return Network("two", nn.Sequential(nn.Flatten(), nn.Linear(192, 2)), 8, 8)

def wide():
    return Network("wide", nn.Sequential(nn.Flatten(), nn.Linear(2352, 3)), 28, 28)

def slow():
    torch.manual_seed(0)
    return Network("slow", nn.Sequential(Slow(), nn.Flatten(), nn.Linear(192, 3)), 8, 8)
"""


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """Networks in a file, and photographs of three classes."""
    rng = np.random.default_rng(0)
    (tmp_path / "tiny.py").write_text(TINY)
    for name in "abc":
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(10):
            pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_papers_attacks_are_made_and_told(lab, capsys, monkeypatch):
    words = "measure robustness tiny.py:net --images photos"
    status, out, err = striate(capsys, monkeypatch, words)
    assert status == 0, err
    names = [line.split("\t")[0] for line in out.splitlines()]
    three = ["adversarial_accuracy"] * 3
    assert names == ["clean_accuracy", *three, "mean_adversarial_accuracy"]
    assert "\tL1 40\t" in out
    (path,) = (lab / "results" / "robustness").glob("*.json")
    written = path.stat().st_mtime_ns
    assert striate(capsys, monkeypatch, words)[1] == out
    assert path.stat().st_mtime_ns == written


def test_every_option_reaches_the_task(lab, capsys, monkeypatch):
    (lab / "classes.json").write_text('{"a": 2, "b": 1, "c": 0}')
    words = "measure robustness tiny.py:other --images photos --norm L2 --epsilons 0.15"
    words = f"{words} --norm Linf --epsilons 1/255 --protocol authors --seed 3"
    status, _, err = striate(capsys, monkeypatch, words)
    assert status == 0, err
    (rival,) = (lab / "results" / "robustness").glob("*.json")
    status, out, err = striate(
        capsys,
        monkeypatch,
        "measure robustness tiny.py:net --images photos --n 20 --seed 3 --classes classes.json "
        "--norm L2 --epsilons 0,0.15,0.3 --norm Linf --epsilons 0,1/255 --geometry exact "
        f"--verdict --verdict-eps 0.15 --verdict-eps 1/255 --verdict-n 10 --restarts 1 --queries 5 "
        f"--baseline {rival} --surrogate tiny.py:other --passbands --passband-filter gaussian "
        "--cutoffs 1,2 --precision bfloat16 --batch-size 7 --results elsewhere --protocol authors",
    )
    assert status == 0, err
    (path,) = (lab / "elsewhere" / "robustness").glob("*.json")
    task = results.read_record(path)["task"]
    expected = {
        "images": 20, "seed": 3, "epsilons_Linf": repr(1 / 255), "epsilons_L2": "0.15 0.3",
        "epsilons_L1": None, "geometry": "exact", "judged": f"Linf={1 / 255!r} L2=0.15",
        "judged_images": 10, "restarts": 1, "queries": 5, "surrogate": "tiny.py:other",
        "filter": "gaussian", "cutoffs": "1.0 2.0", "precision": "bfloat16", "batch_size": 7,
        "protocol": "authors", "attack_wrong": True,
    }  # fmt: skip
    assert {name: task[name] for name in expected} == expected
    assert task["baseline"].startswith("tiny.py:other ")
    assert task["classes_sha256"] is not None
    lines = out.splitlines()
    assert len([line for line in lines if line.startswith("verdict\t")]) == 2
    assert len([line for line in lines if line.startswith("sign\t")]) == 12
    assert len([line for line in lines if line.startswith("accuracy_low_pass\t")]) == 2
    assert any(line.startswith("probe\tL2 0.15 transfer\t") for line in lines)
    verdict = next(one for one in results.load(path) if one.name == "verdict")
    assert verdict.settings["baseline"] is not None
    assert "no baseline was given" not in out


def test_the_line_of_a_verdict_says_that_no_baseline_was_given(lab, capsys, monkeypatch):
    words = "measure robustness tiny.py:net --images photos --norm Linf --epsilons 0.1,0.2"
    more = "--verdict --verdict-eps 0.2 --verdict-n 10 --restarts 1 --queries 5"
    status, out, err = striate(capsys, monkeypatch, f"{words} {more}")
    assert status == 0, err
    (line,) = [line for line in out.splitlines() if line.startswith("verdict\tLinf 0.2\t")]
    assert line.endswith("; no baseline was given")


def test_a_killed_run_goes_on_where_it_was(lab):
    words = "measure robustness tiny.py:slow --images photos --batch-size 3"
    command = [sys.executable, "-m", "striate.cli", *shlex.split(words), "--results"]
    running = subprocess.Popen([*command, "cut"])
    partial, deadline = lab / "cut" / ".partial", time.monotonic() + 60
    while len(list(partial.glob("*.safetensors"))) < 2:
        assert running.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.004)
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert not (lab / "cut" / "robustness").exists()
    for folder in ("cut", "whole"):
        subprocess.run([*command, folder], check=True, capture_output=True)
    cut, whole = (
        results.read_record(next((lab / folder / "robustness").glob("*.json")))
        for folder in ("cut", "whole")
    )
    assert cut["results"] == whole["results"]
    assert cut["arrays"] == whole["arrays"]
    assert not list(partial.iterdir())


@pytest.mark.parametrize(("options", "message"), [
    ("--epsilons 0.1", "--epsilons of which norm? give --norm Linf, L2 or L1"),
    ("--norm L2 --norm L2", "--norm L2 L2: give each once"),
    ("--norm L2 --norm L1 --epsilons 1", "--norm is given 2 times and --epsilons 1"),
    ("--norm L2 --epsilons 1/0", "--epsilons '1/0': give numbers with commas, e.g. 0,1/255,8/255"),
    ("--norm L2 --epsilons much", "--epsilons 'much': give numbers with commas"),
    ("--norm L3", "norm='L3'; choose one of Linf, L2, L1"),
    ("--baseline x.json", "--baseline is for a verdict; give --verdict too"),
    ("--surrogate-weights x.pt", "--surrogate-weights of which network? give --surrogate"),
    ("--cutoffs 1,2", "--cutoffs is for passbands; give --passbands too"),
    ("--passband-filter ideal", "--passband-filter is for passbands; give --passbands too"),
    ("--restarts 3", "--restarts is for a verdict; give --verdict too"),
    ("--queries 3", "--queries is for a verdict; give --verdict too"),
    ("--verdict --verdict-eps 0.1", "--verdict-eps is given 1 times and --norm 0"),
    ("--norm L2 --epsilons 0.05,0.1 --verdict --verdict-eps 0.1,0.05",
     "--verdict-eps '0.1,0.05': give one strength for each --norm"),
    ("--norm L2 --epsilons 0", "epsilons of L2 are 0 alone; give at least one strength above 0"),
    ("--verdict --surrogate tiny.py:two",
     "surrogate answers one image with [1, 2], and the model that is judged with [1, 3]"),
    ("--verdict --surrogate tiny.py:wide",
     "surrogate='tiny.py:wide' takes 28×28 pixels and tiny.py:net 8×8; give one of the same"),
    ("--verdict --restarts 0", "restarts=0: give a whole number from 1 on"),
    ("--geometry dense", "geometry='dense'; choose paper or exact"),
    ("--precision half", "precision='half'; choose one of float32, bfloat16, float16"),
])  # fmt: skip
def test_a_mistake_costs_one_line_and_no_file(lab, capsys, monkeypatch, options, message):
    words = f"measure robustness tiny.py:net --images photos {options}"
    status, out, err = striate(capsys, monkeypatch, words)
    assert (status, out) == (2, "")
    assert err.startswith(f"error: {message}")
    assert err.count("\n") == 1
    assert not (lab / "results").exists()
