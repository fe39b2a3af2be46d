"""The same tasks through dask.distributed: here, at an address, and in jobs of a pretended SLURM.

What is killed there, and how often, is in tests/reliability.
"""

import importlib.util
import os
import pickle
import signal
import sys
import textwrap
from functools import partial
from pathlib import Path

import cloudpickle
import cluster_cells
import pytest
from distributed import LocalCluster

from striate.results import load
from striate.studies import gerum2022
from striate.study import clusters, failures, run
from striate.study.clusters import check_cluster, cluster, slurm_script, slurm_settings
from typed import striate

pytestmark = pytest.mark.filterwarnings("default")  # of Dask, about its own affairs

FILE = """
jobs = 2
cpus = 3
memory = "2GB"
walltime = "00:10:00"
queue = "gpu"
directives = ["--gres=gpu:1"]
prologue = ["source env/bin/activate"]
"""


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    """What workers would take from here, were they not told otherwise."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def tasks(count, fatal=()):
    return [
        {"study": "s", "label": f"t{n}", "number": n, "fatal": n in fatal} for n in range(count)
    ]


def swept(which, folder, measure, todo, jobs=1, gpus=()):
    """Do `todo` on a cluster; return what was told, what was finished, and what failed."""
    told, failed = [], []
    with cluster(
        which, jobs=jobs, tasks=len(todo), folder=folder, tell=told.append, gpus=gpus
    ) as executor:
        finished = list(
            run(measure, todo, directory=folder, executor=executor, failed=failed.append)
        )
    return told, finished, failed


def scores(one):
    return {score.name: score.value for score in load(one.path)}


@pytest.mark.reliability
def test_local_workers_do_each_task_on_their_share_of_the_cores(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    told, finished, failed = swept("local", tmp_path, cluster_cells.threads, tasks(6), jobs=2)
    assert failed == []
    (dashboard,) = told
    assert dashboard.startswith("dashboard: http://")
    found = [scores(one) for one in finished]
    assert {one["torch"] for one in found} == {2}
    assert {one["libraries"] for one in found} == {2}
    assert os.getpid() not in {one["process"] for one in found}
    assert len({one["process"] for one in found}) <= 2
    assert {one.name for one in (tmp_path / ".partial").iterdir()} == set()


@pytest.mark.reliability
def test_local_workers_see_one_gpu_each(tmp_path):
    _, finished, failed = swept(
        "local", tmp_path, cluster_cells.sees, tasks(8), jobs=2, gpus=("3", "5")
    )
    assert failed == []
    assert {scores(one)["gpu"] for one in finished} == {3, 5}


@pytest.mark.reliability
def test_a_worker_that_dies_costs_its_task_no_more_than_its_time(tmp_path):
    todo = tasks(4, fatal=(1,))
    _, finished, failed = swept("local", tmp_path, cluster_cells.fatal_once, todo)
    assert failed == []
    assert sorted(scores(one)["number"] for one in finished) == [0, 1, 2, 3]


def test_workers_at_an_address_stay_and_must_see_the_folder(tmp_path, monkeypatch):
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0"
    ) as there:
        assert there.scheduler.allowed_failures < clusters.ALLOWED_FAILURES
        address = there.scheduler_address
        _, finished, _ = swept(address, tmp_path, cluster_cells.fatal_once, tasks(2))
        assert len(finished) == 2
        assert there.scheduler.allowed_failures == clusters.ALLOWED_FAILURES
        assert len(there.workers) == 1
        _, _, (failed,) = swept(address, tmp_path / "b", cluster_cells.failing, tasks(1))
        assert failed.error == "ArithmeticError: t0 has no root"
        assert "in failing" in failed.details
        assert list(failures.recorded(tmp_path / "b")) == [failed]
        monkeypatch.setattr(clusters, "_sees", lambda probe: False)
        with pytest.raises(ValueError, match=r"the workers inproc.* do not see .*must lie where"):
            swept(address, tmp_path, cluster_cells.fatal_once, tasks(1))


SBATCH = """\
#!{python}
import subprocess, sys
log = open({folder!r} + "/sbatch.log", "a")
log.write(open(sys.argv[1]).read())
log.close()
with open({folder!r} + "/job.out", "a") as out:
    job = subprocess.Popen(["bash", sys.argv[1]], stdout=out, stderr=out, start_new_session=True)
print("Submitted batch job", job.pid)
"""
SCANCEL = """\
#!{python}
import os, signal, sys
try:
    os.killpg(int(sys.argv[1]), signal.SIGTERM)
except ProcessLookupError:
    pass
"""


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """A batch system that starts every job at once, on this machine."""
    for name, text in (("sbatch", SBATCH), ("scancel", SCANCEL)):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(text.format(python=sys.executable, folder=str(tmp_path)))
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))  # where jobs find what to do
    file = tmp_path / "cluster.toml"
    file.write_text('jobs = 1\ncpus = 2\nmemory = "2GB"\nwalltime = "00:10:00"\n')
    return file


@pytest.mark.reliability
def test_jobs_of_slurm_do_the_tasks_on_the_cores_they_asked_for(slurm, tmp_path):
    _, finished, failed = swept(f"slurm:{slurm}", tmp_path / "r", cluster_cells.threads, tasks(2))
    assert failed == []
    assert {scores(one)["torch"] for one in finished} == {2}
    log = (tmp_path / "sbatch.log").read_text()
    assert log.count("#SBATCH --cpus-per-task=2") == 1


@pytest.mark.reliability
@pytest.mark.parametrize("which", ["slurm:{file}", "local --jobs 2"])
def test_networks_are_measured_in_jobs_of_slurm_and_by_local_workers(
    slurm, tmp_path, monkeypatch, which
):
    """Workers stand in the folder where the command was typed: the file of networks is there."""
    typed_in = tmp_path / "typed"
    typed_in.mkdir()
    monkeypatch.chdir(typed_in)
    Path("nets.py").write_text(
        "from striate.models import load\n"
        "def a(): return load('small/cnn-1x8', seed=1)\n"
        "def b(): return load('small/cnn-1x8', seed=2)\n"
    )
    words = (
        "measure tuning nets.py:a nets.py:b --layers conv1 --field-deg 2 --experiments 5 --draws 4"
    )
    status, alone, err = striate(f"{words} --results alone")
    assert status == 0, err
    status, out, err = striate(f"{words} --cluster {which.format(file=slurm)}")
    assert status == 0, err
    assert sorted(out.splitlines()) == sorted(alone.splitlines())
    assert "dashboard: http://" in err
    assert striate("status")[1] == "2 done, 0 running, 0 failed, 0 missing\n"


def test_the_script_for_slurm_says_what_the_file_says(tmp_path):
    (tmp_path / "c.toml").write_text(FILE)
    script = slurm_script(tmp_path / "c.toml")
    for line in (
        "#SBATCH -J striate",
        "#SBATCH -p gpu",
        "#SBATCH --cpus-per-task=3",
        "#SBATCH -t 00:10:00",
        "#SBATCH --gres=gpu:1",
        "source env/bin/activate",
        "export OMP_NUM_THREADS=3",
    ):
        assert line in script.splitlines()
    assert "--nthreads 1 " in script


def test_ctrl_c_means_what_it_meant_before(tmp_path):
    (tmp_path / "c.toml").write_text(FILE)
    sys.modules.pop("dask_jobqueue.runner", None)
    sys.modules.pop("dask_jobqueue.slurm", None)
    sys.modules.pop("dask_jobqueue", None)
    before = signal.getsignal(signal.SIGINT)
    slurm_script(tmp_path / "c.toml")
    assert "dask_jobqueue.runner" in sys.modules  # which answers to ctrl-C itself
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(("change", "said"), [
    ("jobs = 0", "jobs = 0; give 1 or more"),
    ("jobs = '2'", "jobs = '2'; give a int"),
    ("jobs = true", "jobs = True; give a int"),
    ("memory = 2", "memory = 2; give a str"),
    ("directives = [1]", r"directives = \[1\]; give a list of texts"),
    ("partition = 'gpu'", r"has \['partition'\]; it needs \('jobs', 'cpus', 'memory', 'walltime'"),
    ("jobs =", "is not TOML"),
])  # fmt: skip
def test_a_wrong_file_for_slurm_is_refused(tmp_path, change, said):
    key = change.partition(" ")[0]
    lines = [line for line in FILE.splitlines() if not line.startswith(f"{key} ")]
    (tmp_path / "c.toml").write_text("\n".join([*lines, change]))
    with pytest.raises(ValueError, match=rf"c\.toml.* {said}"):
        slurm_settings(tmp_path / "c.toml")


def test_a_file_for_slurm_that_says_too_little_or_is_not_there_is_refused(tmp_path):
    (tmp_path / "c.toml").write_text("jobs = 3\n")
    with pytest.raises(ValueError, match=r"c\.toml lacks \['cpus', 'memory', 'walltime'\]"):
        slurm_settings(tmp_path / "c.toml")
    with pytest.raises(ValueError, match=r"cluster='slurm:.*d\.toml': there is no such file"):
        slurm_settings(tmp_path / "d.toml")


@pytest.mark.parametrize(("which", "jobs", "said"), [
    ("somewhere", 1, "cluster='somewhere'; choose local, slurm:FILE, or an address"),
    ("tcp://node:8786", 2, "jobs=2 is for this machine; .*its workers are there"),
    ("slurm:c.toml", 2, "jobs=2 is for this machine; .*its file says how many"),
    ("slurm:c.toml", 1, "there is no such file"),
])  # fmt: skip
def test_what_cannot_be_a_cluster_is_refused_before_anything_is_started(which, jobs, said):
    with pytest.raises(ValueError, match=said):
        check_cluster(which, jobs=jobs)


def test_without_the_packages_it_is_said_how_to_get_them(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"needs distributed; type: pip install 'striate\[clus"):
        check_cluster("local", jobs=1)


def test_a_task_travels_as_names_and_settings(tmp_path):
    """Not as tensors: what goes out for a cell of the paper's grid on 60 000 images, in bytes."""
    (task, *_) = gerum2022.tasks(
        preset="quick", protocol="paper", data="digits", network="shallow_mlp", overrides={}
    )
    job = partial(
        sys.modules["striate.study.run"]._do,
        partial(gerum2022.measure, device="cpu"),
        directory=tmp_path,
        explained={"device": "cpu"},
        recorded=True,
    )
    sent = cloudpickle.dumps((job, task))
    assert len(sent) < 3000
    assert pickle.loads(sent)[1] == task


def test_the_file_in_the_documentation_is_accepted(tmp_path):
    page = Path(__file__).parents[2] / "docs" / "reliability.md"
    (example,) = [
        block.partition("```")[0]
        for block in page.read_text(encoding="utf-8").split("```toml\n")[1:]
    ]
    (tmp_path / "c.toml").write_text(textwrap.dedent(example))
    assert slurm_settings(tmp_path / "c.toml")["jobs"] >= 1
