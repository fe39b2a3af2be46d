"""The same tasks through dask.distributed: here, at an address, and in jobs of a pretended SLURM.

What is killed there, and how often, is in tests/reliability.
"""

import importlib.util
import os
import pickle
import shlex
import signal
import subprocess
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
from striate.study.clusters import check_cluster, cluster
from striate.study.slurm import slurm_script, slurm_settings
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
    monkeypatch.setattr(clusters, "cores", lambda: 4)
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
SQUEUE = """\
#!{python}
"""  # nothing is in the queue
SCANCEL = """\
#!{python}
import os, signal, sys
try:
    os.killpg(int(sys.argv[1]), signal.SIGTERM)
except ProcessLookupError:
    pass
"""


def installed(program, text):
    program.parent.mkdir(exist_ok=True)
    program.write_text(text)
    program.chmod(0o755)


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """A batch system that starts every job at once, on this machine."""
    for name, text in (("sbatch", SBATCH), ("scancel", SCANCEL), ("squeue", SQUEUE)):
        installed(tmp_path / "bin" / name, text.format(python=sys.executable, folder=str(tmp_path)))
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


@pytest.mark.parametrize(("sbatch", "said"), [
    ("echo sbatch: error: no partition >&2; exit 1", "SLURM takes no job: .*error: no partition"),
    ("echo nothing", "SLURM takes no job: Could not parse job id"),
    ("echo Submitted batch job 7", "all jobs of SLURM ended before one became a worker: 7; read"),
])  # fmt: skip
def test_jobs_that_are_refused_or_end_at_once_are_told_and_not_waited_for(
    slurm, tmp_path, monkeypatch, capfd, sbatch, said
):
    installed(tmp_path / "bin" / "sbatch", f"#!/bin/sh\n{sbatch}\n")
    monkeypatch.setattr("striate.study.slurm.ASK_SECONDS", 0.1)
    with pytest.raises(ValueError, match=said):
        swept(f"slurm:{slurm}", tmp_path / "r", cluster_cells.threads, tasks(2))
    assert "Traceback" not in capfd.readouterr().err


def test_without_sbatch_jobs_of_slurm_are_shown_and_not_begun(slurm, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match="there is no sbatch on this machine; type the command wh"):
        check_cluster(f"slurm:{slurm}", jobs=1)
    check_cluster(f"slurm:{slurm}", jobs=1, submits=False)
    status, _, err = striate(f"run gerum2022 --cluster slurm:{slurm} --results {tmp_path / 'r'}")
    assert status == 2
    assert "there is no sbatch" in err
    assert not (tmp_path / "r").exists()
    status, out, _ = striate(f"run gerum2022 --cluster slurm:{slurm} --dry-run")
    assert status == 0
    assert "#SBATCH" in out


HOSTILE = 'a "b" `c` \\d  e'  # a name of a folder that shells and sbatch read otherwise


def test_what_has_spaces_and_quotes_is_one_word_of_the_script(tmp_path, monkeypatch):
    """As a shell reads the command, and sbatch, which knows quotes too, its directives."""
    monkeypatch.setattr(sys, "executable", f"/{HOSTILE} $HOME/python")
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    (tmp_path / "c.toml").write_text(
        f"{FILE}\nlog_directory = '{tmp_path}/{HOSTILE}'\n"
        f"local_directory = '~/$SLURM_JOB_ID/{HOSTILE}'\n"
    )
    script = slurm_script(tmp_path / "c.toml")
    (command,) = [line for line in script.splitlines() if "dask_worker" in line]
    command = command.replace("<scheduler>", "s").replace("<worker>", "w")
    echo = ["bash", "-c", f"printf '%s\\n' {command}"]
    words = subprocess.run(echo, capture_output=True, text=True, check=True).stdout.splitlines()
    assert words[0] == f"/{HOSTILE} $HOME/python"
    assert words[words.index("--local-directory") + 1] == f"{Path.home()}/12/{HOSTILE}"
    directives = [shlex.split(line)[1:] for line in script.splitlines() if line[:8] == "#SBATCH "]
    assert ["-o", f"{tmp_path}/{HOSTILE}/striate-%J.out"] in directives
    assert ["-e", f"{tmp_path}/{HOSTILE}/striate-%J.err"] in directives
    assert not (tmp_path / HOSTILE).exists()  # showing a script makes no folder


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
    ("jobs = '2'", "jobs = '2'; give a whole number"),
    ("jobs = true", "jobs = True; give a whole number"),
    ("memory = 2", "memory = 2; give a text"),
    ("memory = ''", "memory = ''; give a number with its unit"),
    ("memory = '16'", "memory = '16'; give a number with its unit"),
    ("walltime = ''", "walltime = ''; give minutes, hours:minutes:seconds or days-hours"),
    ("walltime = '8 hours'", "walltime = '8 hours'; give minutes, hours"),
    ("queue = ''", "queue = ''; give a name without spaces"),
    ("queue = 'gpu long'", "queue = 'gpu long'; give a name without spaces"),
    ("account = ' '", "account = ' '; give a name without spaces"),
    ("python = ''", "python = ''; give a text of one line that is not empty"),
    (r'log_directory = "a\nb"', r"log_directory = 'a\\nb'; give a text of one line"),
    ("directives = ['']", r"directives = \[''\]; give options of sbatch"),
    ("directives = ['gpu']", r"directives = \['gpu'\]; give options of sbatch"),
    (r'directives = ["-x\necho"]', r"directives = \['-x\\necho'\]; give options of sbatch"),
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


@pytest.mark.parametrize("said", [
    "memory = '512 MB'", "memory = '1.5T'", "memory = '16GiB'", "walltime = '90'",
    "walltime = '1:30'", "walltime = '1-12'", "walltime = '2-00:30:00'", "prologue = ['']",
])  # fmt: skip
def test_what_slurm_can_read_is_accepted(tmp_path, said):
    key = said.partition(" ")[0]
    lines = [line for line in FILE.splitlines() if not line.startswith(f"{key} ")]
    (tmp_path / "c.toml").write_text("\n".join([*lines, said]))
    assert key in slurm_settings(tmp_path / "c.toml")


def test_a_file_for_slurm_that_says_too_little_or_is_not_there_is_refused(tmp_path):
    (tmp_path / "c.toml").write_text("jobs = 3\n")
    with pytest.raises(ValueError, match=r"c\.toml lacks \['cpus', 'memory', 'walltime'\]"):
        slurm_settings(tmp_path / "c.toml")
    with pytest.raises(ValueError, match=r"cluster='slurm:.*d\.toml': there is no such file"):
        slurm_settings(tmp_path / "d.toml")
    with pytest.raises(ValueError, match=r"cannot be read \(Is a directory\); name a TOML file"):
        slurm_settings(tmp_path)


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
