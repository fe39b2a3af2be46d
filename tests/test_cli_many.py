"""Several networks by one command: in other processes, with failures, and as if one by one."""

import json
import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from striate import results
from striate.cli import jobs
from striate.cli.sweeping import Many
from striate.studies import spectra
from striate.study import clusters, plans
from striate.study.many import together
from typed import striate

NETS = """\
import torch
from torch import nn
from striate.models import Network

def made(seed):
    generator = torch.Generator().manual_seed(seed)
    layers = nn.Conv2d(3, 6, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(294, 3)
    model = nn.Sequential(*layers)
    for weight in model.parameters():
        nn.init.normal_(weight, std=0.2, generator=generator)
    return Network(f"net-{seed}", model, 16, 16)

def one(): return made(1)
def two(): return made(2)
def three(): return made(3)
"""
SPECTRA = "--images photos --layers 1 --sets 2 --set-size 40"
EACH = {
    "spectrum": SPECTRA,
    "tuning": "--layers 1 --field-deg 2 --experiments 5 --draws 3",
    "predictivity": "--images photos --recording v1.npz --stimulus-deg 4,5 --layers 1 --splits 2",
    "robustness": "--images photos --n 6 --norm Linf --epsilons 0.01",
}


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("many"), np.random.default_rng(0)
    (folder / "nets.py").write_text(NETS)
    for number in range(60):
        place = folder / "photos" / f"class{number % 3}"
        place.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (18, 20, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(place / f"{number}.png")
    signal = rng.normal(size=(60, 7))
    np.savez(
        folder / "v1.npz",
        responses_a=(signal + 0.3 * rng.normal(size=(4, 60, 7)) + 5).astype("float32"),
        images=rng.integers(0, 256, (60, 10, 10), dtype=np.uint8),
    )
    return folder


@pytest.fixture
def lab(material, tmp_path, monkeypatch):
    shutil.copytree(material, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


def values(folder):
    """What lies in each file."""
    return {path.relative_to(folder): results.load(path) for path in results.paths(Path(folder))}


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("what", EACH)
def test_several_networks_are_measured_as_one_by_one(what):
    words = EACH[what]
    told = []
    for name in ("one", "two"):
        status, out, err = striate(f"measure {what} nets.py:{name} {words} --results alone")
        assert status == 0, err
        told += [f"nets.py:{name}\t{line}" for line in out.splitlines()]
    status, out, err = striate(
        f"measure {what} nets.py:one nets.py:two nets.py:one {words} --results r"
    )
    assert status == 0, err
    assert out.splitlines() == told
    assert values("r") == values("alone")
    assert "   1/2  nets.py:one  " in err
    assert "   2/2  nets.py:two  " in err
    count = len(list(results.paths(Path("r"))))
    assert striate("status --results r")[1] == f"{count} done, 0 running, 0 failed, 0 missing\n"
    status, again, err = striate(f"measure {what} nets.py:one nets.py:two {words} --results r")
    assert (status, again) == (0, out)
    assert err.count("was there") == 2


@pytest.mark.usefixtures("lab")
def test_networks_are_measured_in_other_processes():
    """Two workers, three networks, all measurements: the row of each."""
    shared = (
        f"measure all {SPECTRA.partition('--sets')[0]} --quick --attacked 3 --splits 2 "
        "--recording v1.npz --stimulus-deg 4 --field-deg 6 --memory 200MB"
    )
    three = "nets.py:one nets.py:two nets.py:three"
    status, out, err = striate(f"{shared} {three} --jobs 2 --results r")
    assert status == 0, err
    assert "   3/3  nets.py:" in err
    starts = {line.split("\t")[0] for line in out.splitlines()}
    assert starts == {"nets.py:one", "nets.py:two", "nets.py:three"}
    assert "responses_a" in err or "v1.npz" in err
    rows = [path for path in results.paths(Path("r")) if path.parent.name == "kong2021"]
    assert len(rows) == 3
    status, told, _ = striate("status --all --results r")  # rows are planned like measurements
    count = len(list(results.paths(Path("r"))))
    assert told.splitlines()[-1] == f"{count} done, 0 running, 0 failed, 0 missing"
    assert "in no plan" not in told
    Path("gone").mkdir()
    rows[0].rename("gone/row.json")
    assert "\tfollows from its measurements\n" in striate("status --results r")[1]
    Path("gone/row.json").rename(rows[0])
    assert {results.read_record(row)["provenance"]["device"] for row in rows} == {"cpu"}
    status, alone, _ = striate(f"{shared} nets.py:three --results alone")
    assert status == 0
    mine = [line for line in out.splitlines() if line.startswith("nets.py:three")]
    assert mine == [f"nets.py:three\t{line}" for line in alone.splitlines()]


@pytest.fixture
def broken(monkeypatch):
    """Networks on whose spectra a measurement fails."""
    names, measured = set(), spectra.measure_network

    def measure(task, *given, network, **more):
        if network.name in names:
            raise ArithmeticError(f"no [red]root[/red] for {network.name}")
        return measured(task, *given, network=network, **more)

    monkeypatch.setattr(spectra, "measure_network", measure)
    return names


@pytest.mark.usefixtures("lab")
def test_a_network_that_fails_stops_no_other_and_is_told_to_the_end(broken):
    broken.add("nets.py:one")
    words = f"measure spectrum nets.py:one nets.py:two {SPECTRA}"
    status, out, err = striate(words)
    assert status == 1
    line = "ArithmeticError: no [red]root[/red] for nets.py:one"
    assert f"   1/2  nets.py:one  failed: {line}" in err
    assert {line.split("\t")[0] for line in out.splitlines()} == {"nets.py:two"}
    assert "1 of 2 failed; all else is done:" in err
    status, out, _ = striate("status")
    assert status == 1
    assert line in out
    assert out.endswith("1 done, 0 running, 1 failed, 0 missing\n")
    broken.clear()
    status, _, err = striate(words)  # it may be the fault of the task
    assert status == 1
    assert re.search(r"1/2  nets\.py:one  failed at 20.{14} UTC, not tried again: Arithm", err)
    assert striate(f"{words} --retry-failed")[0] == 0
    assert striate("status")[1] == "2 done, 0 running, 0 failed, 0 missing\n"


def test_a_network_that_is_lost_fails_in_all_its_measurements(lab):
    """When its process fails before any of them: here its file has changed since."""
    words = f"measure predictivity nets.py:one nets.py:two {EACH['predictivity']}"
    loaded = jobs._worked

    def worked(prepare, *given):
        (lab / "nets.py").write_text(NETS.replace("def one(): return made(1)", ""))
        return loaded(prepare, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "_worked", worked)
        status, _, err = striate(words)
    assert status == 1
    assert "2 of 4 failed; all else is done:" in err
    assert err.count("has no function 'one'") >= 2
    status, out, _ = striate("status")
    assert out.endswith("2 done, 0 running, 2 failed, 0 missing\n")


def test_what_is_wrong_with_a_network_that_is_done_is_told_when_the_others_are(lab):
    words = f"measure spectrum nets.py:one nets.py:two {SPECTRA}"
    assert striate(f"measure spectrum nets.py:one {SPECTRA}")[0] == 0
    loaded = jobs._worked

    def worked(prepare, *given):
        (lab / "nets.py").write_text(NETS.replace("def one(): return made(1)", ""))
        return loaded(prepare, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "_worked", worked)
        status, out, err = striate(words)
    assert status == 2
    assert "has no function 'one'" in err.splitlines()[-1]
    assert {line.split("\t")[0] for line in out.splitlines()} == {"nets.py:two"}
    assert striate("status")[1] == "2 done, 0 running, 0 failed, 0 missing\n"


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("more", ["", "--jobs 2", "--cluster local --jobs 2"])
def test_networks_of_the_table_of_which_none_can_be_had_are_told(more):
    status, out, err = striate(
        f"run kong2021 --model vgg11=nets.py:four --model vgg13=nets.py:five --images photos {more}"
    )
    assert (status, out) == (1, "")
    assert err.splitlines()[-1] == "not measured: vgg11, vgg13"
    status, out, _ = striate("status")
    assert status == 1
    first, second, counts = out.splitlines()
    assert first.startswith("absent\tkong2021/kong2021-absent-vgg11\tmodel='nets.py:four'")
    assert "has no function 'five'" in second
    assert counts == "0 done, 0 running, 0 failed, 0 missing, 2 absent"


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("networks", ["nets.py:one", "nets.py:one nets.py:two"])
def test_damaged_results_that_are_moved_aside_are_told(networks):
    words = f"measure spectrum {networks} {SPECTRA}"
    assert striate(words)[0] == 0
    files = list(results.paths(Path("results")))
    for file in files:
        file.write_bytes(file.read_bytes()[:100])
    status, _, err = striate(words)
    assert status == 0
    for file in files:
        assert f"{file.name} was damaged, and is now {file}.damaged-1" in err


@pytest.mark.usefixtures("lab")
def test_an_error_of_one_network_that_nobody_foresaw_is_kept_and_tried_again(broken):
    broken.add("nets.py:one")
    words = f"measure spectrum nets.py:one {SPECTRA}"
    status, out, err = striate(words)
    assert (status, out) == (1, "")
    line = "ArithmeticError: no [red]root[/red] for nets.py:one"
    assert err.splitlines()[-3:-1] == [
        "1 of 1 failed; all else is done:",
        f"  spectrum-nets.py-one: {line}",
    ]
    status, out, _ = striate("status")
    assert status == 1
    assert line in out
    broken.clear()
    assert striate(words)[0] == 0
    assert striate("status")[1] == "1 done, 0 running, 0 failed, 0 missing\n"


@pytest.mark.usefixtures("lab")
def test_the_summary_of_each_network_is_in_the_plan():
    part = {"study": "s", "label": "row", "model": "a"}
    task = {"study": "s", "label": "t"}

    def prepare():
        return jobs.job_of("t", [task], lambda *_, progress: [])._replace(summaries=[part])

    jobs.measure(
        {"a": prepare, "b": prepare}, Path("r"), device="cpu", many=Many(), tell=lambda *_: None
    )
    (plan,) = plans.left(Path("r"))
    assert plan.summaries == [part, part]


@pytest.mark.usefixtures("lab")
def test_a_start_that_never_happened_leaves_no_plan(monkeypatch):
    @contextmanager
    def nowhere(*_, **__):
        raise ValueError("no scheduler of Dask answers there")
        yield

    monkeypatch.setattr(clusters, "cluster", nowhere)
    words = f"measure spectrum nets.py:one nets.py:two {SPECTRA}"
    status, _, err = striate(f"{words} --cluster tcp://127.0.0.1:1")
    assert (status, err.splitlines()[-1]) == (2, "error: no scheduler of Dask answers there")
    assert list(plans.left(Path("results"))) == []
    assert not Path("results", plans.FOLDER).exists()


@pytest.mark.usefixtures("lab")
def test_a_dry_run_says_what_would_be_done():
    words = f"measure predictivity nets.py:one nets.py:two {EACH['predictivity']}"
    status, out, _ = striate(f"{words} --dry-run")
    assert status == 0
    lines = out.splitlines()
    assert [line.split("\t")[0] for line in lines] == ["to do"] * 4
    assert ["one" in line for line in lines] == [True, True, False, False]
    assert not Path("results").exists()
    Path("c.toml").write_text('jobs = 9\ncpus = 4\nmemory = "2GB"\nwalltime = "1:00:00"\n')
    for command in (f"{words} --dry-run", "run kong2021 --images x --model alexnet --dry-run"):
        status, out, _ = striate(f"{command} --cluster slurm:c.toml")
        assert status == 0
        assert "#SBATCH --cpus-per-task=4" in out


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize(("words", "said"), [
    ("nets.py:one nets.py:two --weights nets.py", "--weights is for one network, and 2 are named"),
    ("nets.py:one nets.py:four", "has no function 'four'"),
    ("nets.py:one --jobs 0", "jobs=0; at least one network at a time"),
    ("nets.py:one --cluster here", "cluster='here'; choose local, slurm:FILE, or an address"),
])  # fmt: skip
def test_what_cannot_be_is_refused_before_any_network_is_measured(words, said):
    status, out, err = striate(f"measure spectrum {words} {SPECTRA}")
    assert (status, out) == (2, "")
    assert said in err.splitlines()[-1]
    assert not Path("results").exists()


def test_a_worker_stands_where_the_command_was_typed(tmp_path, monkeypatch):
    seen = []

    def prepare():
        seen.append(Path.cwd())
        return jobs.Job([], lambda course: [course.results])

    (tmp_path / "typed").mkdir()
    monkeypatch.chdir(tmp_path)
    found = jobs._worked(prepare, tmp_path / "r", "cpu", False, tmp_path / "typed")
    assert seen == [tmp_path / "typed"]
    assert found.files == [tmp_path / "r"]
    with pytest.raises(ValueError, match=r"does not see the folder .*gone, in which the command"):
        jobs._worked(prepare, tmp_path, "cpu", False, tmp_path / "gone")


def fails(error):
    raise error


@pytest.mark.parametrize("elsewhere", [False, True])
def test_jobs_together_end_in_what_they_return_or_what_stopped_them(elsewhere):
    wrong, full = ValueError("wrong"), OSError(28, "No space left on device")
    work = {"a": lambda: 1, "b": lambda: fails(wrong), "c": lambda: 3}
    with ThreadPoolExecutor(1) as pool:
        executor = pool if elsewhere else None
        assert dict(together(work, executor)) == {"a": 1, "b": wrong, "c": 3}
        for stopping in (full, BrokenProcessPool("lost"), KeyboardInterrupt()):
            with pytest.raises(type(stopping)):
                list(together({"d": lambda error=stopping: fails(error), **work}, executor))


def test_a_network_travels_as_words(lab, monkeypatch):
    """What a worker is sent of it, in bytes: neither weights nor images."""
    import cloudpickle

    sent = []
    monkeypatch.setattr(
        "striate.study.many.together",
        lambda work, _: (sent.append(len(cloudpickle.dumps(job))) or (name, job())
                         for name, job in work.items()),
    )  # fmt: skip
    assert striate(f"measure robustness nets.py:one nets.py:two {EACH['robustness']}")[0] == 0
    assert len(sent) == 2
    assert max(sent) < 3000
    assert json.loads(next((lab / "results" / ".plans").glob("*.json")).read_text())["tasks"]
    assert os.environ.get("CUDA_VISIBLE_DEVICES") is None


AWKWARD = """
class Awkward(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.relu, self.split = nn.Conv2d(3, 6, 3, 2), nn.ReLU(), Split()
        self.spare, self.head = nn.Linear(2, 2), nn.Linear(294, 30)

    def forward(self, x):
        half, _ = self.split(self.relu(self.conv(x)).flatten(1))
        return self.relu(self.head(half))

class Split(nn.Module):
    def forward(self, x):
        return x, x.argsort(1)

def awkward():
    torch.manual_seed(0)
    return Network("awkward", Awkward(), 16, 16)
"""
READ = ["conv", "relu@1", "relu@2", "split[0]", "head"]
UNREAD = "awkward: not read: spare; it does not run in a forward pass"


@pytest.mark.parametrize(("words", "layers"), [
    ("measure spectrum nets.py:awkward --images photos --sets 2 --set-size 40", READ),
    ("measure tuning nets.py:awkward --field-deg 2 --experiments 5 --draws 3", READ),
    ("measure predictivity nets.py:awkward --images photos --recording v1.npz --stimulus-deg 4 "
     "--splits 2", READ),
    ("compare nets.py:awkward v1.npz --ranks 2-6", READ),
    ("measure all nets.py:awkward --images photos --quick --without robustness,tuning "
     "--layers re*,spare*,head", ["relu@1", "relu@2", "head"]),
], ids=["spectrum", "tuning", "predictivity", "compare", "all"])  # fmt: skip
def test_a_glob_stands_for_all_that_can_be_read_of_a_network(words, layers, lab):
    (lab / "nets.py").write_text(NETS + AWKWARD)
    status, _, err = striate(words)
    assert status == 0
    assert err.count(UNREAD) == 1
    records = [json.loads(path.read_text()) for path in results.paths(lab / "results")]
    told = {one["task"]["layers"] for one in records if "layers" in one["task"]}
    assert told == {" ".join(layers)}


def test_a_layer_that_is_named_has_to_be_there(lab):
    (lab / "nets.py").write_text(NETS + AWKWARD)
    shown = "--images photos --sets 2 --set-size 40"
    status, _, err = striate(f"measure spectrum nets.py:awkward {shown} --layers relu,spare")
    assert status == 2
    assert "layer 'relu' runs 2 time(s) in one forward pass; choose 'relu@1' or 'relu@2'" in err
    assert not (lab / "results").exists()


def test_the_layers_are_listed_with_the_names_that_read_them(lab):
    odd = AWKWARD.replace("half, _ = ", "self.rank(x); half, _ = ")
    odd = odd.replace("self.spare, ", "self.rank, self.spare, ").replace(
        "= nn.Linear(2, 2), ", "= Rank(), nn.Linear(2, 2), "
    )
    rank = "class Rank(nn.Module):\n    def forward(self, x): return x.flatten(1).argsort(1)\n"
    (lab / "nets.py").write_text(NETS + rank + odd)
    status, out, _ = striate("models layers nets.py:awkward")
    assert status == 0
    found = {line.split("\t")[0]: line.split("\t")[2:] for line in out.splitlines()}
    assert found == {
        "conv": ["6×7×7", "294", ""],
        "relu": ["6×7×7", "294", "ran 2 times: relu@1, relu@2"],
        "split": ["–", "–", "split[0]"],
        "rank": ["768", "768", "cannot be read"],
        "spare": ["–", "–", "does not run"],
        "head": ["30", "30", ""],
    }


def test_the_layers_of_a_network_without_parameters_are_listed(lab):
    fixed = """
class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("bank", torch.ones(2, 3, 5, 5))
        self.relu = nn.ReLU()
    def forward(self, x):
        return self.relu(nn.functional.conv2d(x, self.bank)).mean((2, 3))

def fixed():
    return Network("fixed", Fixed(), 16, 16)
"""
    (lab / "nets.py").write_text(NETS + fixed)
    status, out, _ = striate("models layers nets.py:fixed")
    assert status == 0
    assert out.split("\t") == ["relu", "ReLU", "2×12×12", "288", "\n"]
