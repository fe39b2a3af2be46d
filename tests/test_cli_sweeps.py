"""Sweeps from the shell: failures, damage, status, and what can be done with the results."""

import json
import os
from contextlib import contextmanager
from pathlib import Path

import pytest
import xarray as xr

from striate import results
from striate.studies import gerum2022
from striate.study import clusters, path_of, plans
from typed import striate

GRID = (
    "run gerum2022 --alphas 1,2 --betas 0,1 --epochs 1 --train-images 120 --batch-size 60 "
    "--ranks 2-20 --epsilons 0,0.1 --attack-images 20"
)
LABELS = [
    "shallow_mlp-digits-beta0-seed1234",
    "shallow_mlp-digits-beta1-alpha1-seed1234",
    "shallow_mlp-digits-beta1-alpha2-seed1234",
]


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    monkeypatch.delenv("STRIATE_DATA", raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def quick(monkeypatch):
    """Cells that take no time; those whose target is in `fails` fail."""
    fails = set()

    def measure(task, checkpoint, *, device):
        if task["target"] in fails:
            raise ArithmeticError(f"no [red]root[/red] for {task['target']}")
        value = 1.0 if task["target"] is None else task["target"]
        return [results.Score("alpha", value, settings={**task, "on": "test"})]

    monkeypatch.setattr(gerum2022, "measure", measure)
    return fails


def test_a_failure_stops_nothing_and_is_told_to_the_end(quick):
    quick.add(1.0)
    status, out, err = striate(GRID)
    assert (status, out) == (1, "")
    line = "ArithmeticError: no [red]root[/red] for 1.0"
    assert f"   2/3  {LABELS[1]}  failed: {line}" in err
    assert f"   3/3  {LABELS[2]}  0 s" in err
    assert err.splitlines()[-3:] == [
        "1 of 3 failed; all else is done:",
        f"  {LABELS[1]}: {line}",
        "details: results/.failed; the same command with --retry-failed does them again",
    ]
    assert len(list(results.paths(Path("results")))) == 2

    status, out, _ = striate("status")
    assert status == 1
    failed, counts = out.splitlines()
    assert failed.startswith(f"failed\tgerum2022/{LABELS[1]}\t{line} (20")
    assert counts == "2 done, 0 running, 1 failed, 0 missing"

    quick.clear()
    status, _, err = striate(GRID)  # it may be the fault of the task
    assert status == 1
    assert f"{LABELS[1]}  failed at 20" in err
    assert f"UTC, not tried again: {line}" in err
    status, _, err = striate(f"{GRID} --retry-failed")
    assert status == 0
    assert err.count("was there") == 2
    status, out, _ = striate("status")
    assert (status, out) == (0, "3 done, 0 running, 0 failed, 0 missing\n")


@pytest.mark.usefixtures("quick")
def test_a_damaged_result_is_told_moved_and_done_again():
    striate(GRID)
    first, *_ = results.paths(Path("results"))
    good = results.load(first)
    first.write_bytes(first.read_bytes()[:100])
    status, out, _ = striate("results verify results")
    assert status == 1
    assert out.splitlines()[-1] == "2 sound, 1 damaged"
    assert f"damaged\t{first}\t{first} is not a result file" in out
    status, _, err = striate(GRID)
    assert status == 0
    assert f"{first.name} was damaged, and is now {first}.damaged-1" in err
    assert results.load(first) == good
    status, out, _ = striate("results verify results")
    assert status == 0
    assert out == f"moved aside\t{first}.damaged-1\n3 sound, 0 damaged\n"


@pytest.mark.parametrize("where", ["linked", "linked/deeper"])
@pytest.mark.parametrize("words", [GRID, "measure spectrum nets.py:net --images digits"])
def test_a_folder_of_results_behind_a_link_to_nowhere_is_refused(where, words):
    Path("linked").symlink_to("/scratch/gone")
    status, _, err = striate(f"{words} --results {where}")
    assert status == 2
    assert f"--results {where}: linked is a link to /scratch/gone, which does not exist" in err


def test_a_result_of_a_newer_version_is_not_called_damaged(tmp_path):
    path = tmp_path / "s" / "new.json"
    results.save(path, [results.Score("alpha", 1.0)], task={"study": "s"}, provenance={})
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 2}))
    status, out, _ = striate(f"results verify {tmp_path}")
    assert status == 1
    assert out == (
        f"not read\t{path}\t{path} has format 2, this version reads 1; upgrade striate\n"
        "0 sound, 0 damaged, 1 not read\n"
    )


@pytest.mark.usefixtures("quick")
def test_a_dry_run_knows_that_a_damaged_result_will_be_done_again():
    striate(GRID)
    first, *_ = results.paths(Path("results"))
    first.write_bytes(first.read_bytes()[:100])
    told = striate(f"{GRID} --dry-run")[1].splitlines()
    assert sorted(line.split("\t")[0] for line in told) == ["done", "done", "to do"]
    (again,) = [line.split("\t")[1] for line in told if line.startswith("to do")]
    assert first.name.startswith(again)


@pytest.mark.usefixtures("quick")
def test_what_is_missing_is_known_from_the_plan():
    striate(GRID)
    (plan,) = plans.left(Path("results"))
    assert plan.command == f"striate {GRID}"
    path_of(plan.tasks[2], Path("results")).unlink()
    status, out, _ = striate("status")
    assert status == 0
    assert out == (
        f"missing\tgerum2022/{LABELS[2]}\tnot begun\n2 done, 0 running, 0 failed, 1 missing\n"
    )
    status, out, _ = striate("status --all --json")
    assert [json.loads(line)["state"] for line in out.splitlines()] == ["done", "done", "missing"]
    assert json.loads(out.splitlines()[0])["label"] == LABELS[0]


@pytest.mark.usefixtures("quick")
def test_what_is_forgotten_is_told_and_the_same_command_plans_it_again():
    striate(GRID)
    (plan,) = plans.left(Path("results"))
    path_of(plan.tasks[2], Path("results")).unlink()
    status, out, err = striate("status --forget 'gerum2022/*alpha2*'")
    assert (status, out) == (0, "2 done, 0 running, 0 failed, 0 missing\n")
    assert err == f"forgotten\tgerum2022/{LABELS[2]}\n"
    assert striate("status --forget 'gerum2022/*'")[0] == 2
    assert striate(GRID)[0] == 0
    assert striate("status")[1] == "3 done, 0 running, 0 failed, 0 missing\n"


@pytest.mark.usefixtures("quick")
def test_results_are_merged_and_exported():
    striate(f"{GRID} --results one")
    striate(f"{GRID.replace('1,2', '2,3')} --results two")
    status, out, err = striate("results merge one two all")
    assert (status, out, err) == (0, "4 copied, 2 were there\n", "")
    assert striate("status --results all")[1] == "4 done, 0 running, 0 failed, 0 missing\n"
    status, out, _ = striate("results export all --to all.csv")
    assert (status, out) == (0, "all.csv\n")
    assert len(Path("all.csv").read_text().splitlines()) == 5
    assert striate("results export all --to all.nc")[0] == 0
    with xr.open_dataset("all.nc", engine="h5netcdf") as found:
        assert sorted(found["value"].values) == [1, 1, 2, 3]


@pytest.mark.usefixtures("quick")
def test_a_merge_tells_what_it_did_not_copy():
    for folder in ("one", "two"):
        striate(f"{GRID} --results {folder}")
    first, second, third = results.paths(Path("one"))
    first.write_text("{}")
    record = results.read_record(second)
    results.save(second, [], task=record["task"], provenance=record["provenance"])
    third.with_name(third.name.replace("alpha2", "alpha9")).write_bytes(third.read_bytes())
    (Path("two") / third.relative_to("one")).write_text("damaged")
    status, out, err = striate("results merge one two")
    assert status == 1
    assert out == "2 copied, 0 were there\n"
    told = [line.split("\t")[:2] for line in err.splitlines()]
    kept = Path("two") / third.relative_to("one")
    assert told == [
        ["not copied", str(first)],
        ["other numbers", str(second)],
        ["moved aside", f"{kept}.damaged-1"],
    ]


@pytest.mark.parametrize(("words", "said"), [
    ("status --results nowhere", "no results folder at nowhere; `striate run"),
    ("results verify nowhere", "no results folder at nowhere"),
    ("table --results .", "no results of gerum2022 in .; run `striate run gerum2022 --results .`"),
    ("table --claims --results .", "no results of gerum2022 in .; run `striate run"),
    ("results merge nowhere", "merge needs SOURCE… DESTINATION: at least two folders"),
    ("results merge nowhere here", "no results folder at nowhere"),
    ("results merge . file", "--results file is a file; name a folder"),
    ("results export . --to all.csv", "no results in .; there is nothing to export"),
    ("results export . --to all.xls", "file='all.xls' ends in none of .csv, .parquet, .nc"),
    (f"{GRID} --jobs 0", "jobs=0; at least one"),
    (f"{GRID} --cluster here", "cluster='here'; choose local, slurm:FILE, or an address"),
    (f"{GRID} --cluster slurm:file", "file is not TOML"),
    (f"{GRID} --cluster slurm:gone.toml", "there is no such file"),
    (f"{GRID} --cluster slurm:.", "cluster='slurm:.' cannot be read (Is a directory); name a TOML"),
    ("status --results . --forget a", "--forget 'a' fits nothing that is failed or missing; give"),
    (f"{GRID} --cluster tcp://a:1 --jobs 2", "jobs=2 is for this machine; of the cluster"),
])  # fmt: skip
def test_a_wrong_word_costs_one_line_and_leaves_nothing(words, said):
    Path("file").write_text("= [")
    status, out, err = striate(words)
    assert (status, out) == (2, "")
    assert err.splitlines()[-1].startswith("error: ")
    assert said in err
    assert os.listdir() == ["file"]  # noqa: PTH208


def test_a_dry_run_shows_the_script_for_slurm():
    Path("c.toml").write_text('jobs = 9\ncpus = 4\nmemory = "2GB"\nwalltime = "1:00:00"\n')
    status, out, _ = striate(f"{GRID} --cluster slurm:c.toml --dry-run")
    assert status == 0
    assert out.splitlines()[:3] == [f"to do\t{label}" for label in LABELS]
    assert "#SBATCH --cpus-per-task=4" in out
    assert not Path("results").exists()


@pytest.mark.usefixtures("quick")
def test_a_full_disk_stops_the_sweep_and_the_same_command_goes_on(monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(results.files, "_temporary", full)
        status, out, err = striate(GRID)
    assert (status, out) == (2, "")
    assert err.splitlines()[-1] == "error: [Errno 28] No space left on device"
    assert striate(GRID)[0] == 0
    assert striate("results verify results")[1] == "3 sound, 0 damaged\n"


@pytest.mark.parametrize("before", [False, True])
def test_a_start_that_never_happened_leaves_no_plan(quick, monkeypatch, before):
    """But a plan that was there stays."""
    quick.add(1.0)
    if before:
        assert striate(GRID)[0] == 1

    @contextmanager
    def nowhere(*_, **__):
        raise ValueError("no scheduler of Dask answers there")
        yield

    monkeypatch.setattr(clusters, "cluster", nowhere)
    for network in ("", "--network deep_mlp"):
        status, _, err = striate(f"{GRID} {network} --cluster tcp://127.0.0.1:1")
        assert (status, err.splitlines()[-1]) == (2, "error: no scheduler of Dask answers there")
    assert len(list(plans.left(Path("results")))) == before
    counts = "2 done, 0 running, 1 failed" if before else "0 done, 0 running, 0 failed"
    assert striate("status")[1].splitlines()[-1] == f"{counts}, 0 missing"


@pytest.mark.usefixtures("quick")
def test_a_plan_stays_where_a_run_stops_after_its_start(monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(results, "save", full)
    assert striate(GRID)[0] == 2
    assert striate("status")[1].splitlines()[-1] == "0 done, 0 running, 0 failed, 3 missing"


@pytest.mark.usefixtures("quick")
def test_a_folder_called_like_a_result_stops_nothing():
    assert striate(GRID)[0] == 0
    Path("results/x.json").mkdir()
    for words in ("status", "table", "results verify results"):
        assert striate(words)[0] == 0
