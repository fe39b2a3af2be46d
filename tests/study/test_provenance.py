import re
import subprocess
from datetime import UTC, datetime

import pytest
import torch

from striate import results
from striate.study import run
from striate.study.provenance import Meter, revision

TASK = {"study": "s", "label": "one", "seed": 7}


@pytest.fixture(autouse=True)
def afresh():
    revision.cache_clear()
    yield
    revision.cache_clear()


def test_a_result_says_with_what_when_and_at_what_cost_it_was_made(tmp_path):
    def measure(task, checkpoint):
        torch.ones(30_000_000).sum()
        return []

    explained = {"device": "cpu"}
    (finished,) = run(measure, [TASK], directory=tmp_path, explained=explained)
    found = results.read_record(finished.path)["provenance"]
    assert {"striate", "torch", "numpy", "scipy", "scikit-learn", "python"} <= found.keys()
    assert {"machine", "threads", "revision"} <= found.keys()
    assert (found["device"], found["seed"]) == ("cpu", 7)
    assert found["seconds"] == finished.seconds > 0
    began = datetime.fromisoformat(found["started"])
    assert 0 <= (datetime.now(UTC) - began).total_seconds() < 60
    assert found["peak_memory_mb"] > 110


def test_the_peak_of_memory_is_that_of_the_task_alone():
    before = Meter().provenance(TASK)["peak_memory_mb"]
    meter = Meter()
    if meter.whole_process:
        pytest.skip("this kernel does not count anew")
    torch.ones(100_000_000).sum()  # 400 MB
    assert meter.provenance(TASK)["peak_memory_mb"] > before + 300
    assert Meter().provenance(TASK)["peak_memory_mb"] < before + 200


def test_without_a_kernel_that_counts_anew_the_peak_is_that_of_the_process(monkeypatch):
    def refused(*_, **__):
        raise PermissionError

    monkeypatch.setattr("pathlib.Path.write_text", refused)
    meter = Meter()
    assert meter.whole_process
    assert meter.provenance(TASK)["peak_memory_mb"] > 50


GPUS = {0: ("first", 2**20), 1: ("second", 3 * 2**20)}


@pytest.mark.parametrize(("device", "gpu"), [
    ("cuda:1", 1), ("cuda:0", 0), ("cuda", 0), ("cpu", 0),
])  # fmt: skip
def test_of_several_gpus_the_one_that_computes_is_described(tmp_path, monkeypatch, device, gpu):
    """There is none here: what stands in for torch's answers knows two, of which 0 is current."""

    def number(device=None):
        return 0 if device is None else int(device.removeprefix("cuda:"))

    reset = []
    answers = {
        "is_initialized": lambda: True,
        "get_device_name": lambda device=None: GPUS[number(device)][0],
        "max_memory_allocated": lambda device=None: GPUS[number(device)][1],
        "reset_peak_memory_stats": lambda device=None: reset.append(number(device)),
    }
    for name, answer in answers.items():
        monkeypatch.setattr(torch.cuda, name, answer)
    (finished,) = run(lambda *_: [], [TASK], directory=tmp_path, explained={"device": device})
    found = results.read_record(finished.path)["provenance"]
    assert reset == [gpu]
    assert (found["gpu"], found["peak_gpu_memory_mb"]) == (GPUS[gpu][0], gpu * 2 + 1)


@pytest.mark.parametrize(("answers", "expected"), [
    ({"rev-parse": "abc1234\n", "status": ""}, "abc1234"),
    ({"rev-parse": "abc1234\n", "status": " M results.py\n"}, "abc1234+"),
    ({"rev-parse": "", "status": ""}, None),
], ids=["clean", "changed", "no checkout"])  # fmt: skip
def test_the_revision_says_whether_files_were_changed(monkeypatch, answers, expected):
    def git(words, **_):
        return subprocess.CompletedProcess(words, 0, stdout=answers[words[1]])

    monkeypatch.setattr(subprocess, "run", git)
    assert revision() == expected


def test_the_revision_is_that_of_this_checkout():
    assert revision() is None or re.fullmatch(r"[0-9a-f]{7,}\+?", revision())


def test_without_git_there_is_no_revision(monkeypatch):
    def missing(*_, **__):
        raise FileNotFoundError

    monkeypatch.setattr(subprocess, "run", missing)
    assert revision() is None
