"""Workers of a cluster are killed: every task is done, and to the same bits as one by one."""

import contextlib
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
from tiny_cells import grid, measured, slow, sweep

from striate.results import Score, load
from striate.study import clusters, run
from striate.study.claims import holder
from striate.study.clusters import cluster

pytestmark = [pytest.mark.reliability, pytest.mark.filterwarnings("default")]
WORKERS, SECONDS = 3, 6.0


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    """The bits of a sum depend on how many threads share it."""
    monkeypatch.setattr(os, "cpu_count", lambda: WORKERS)


class Killer(threading.Thread):
    """Kills the process that is at work on a task, one of them every so many seconds."""

    def __init__(self, folder, seconds):
        super().__init__(daemon=True)
        self.folder, self.seconds = folder, seconds
        self.kills, self.stop = 0, threading.Event()

    def run(self):
        chance = random.Random(0)
        while not self.stop.wait(self.seconds):
            at_work = [holder(lock) for lock in (self.folder / ".partial").glob("*.lock")]
            pids = sorted({one.pid for one in at_work if one is not None and one.pid})
            if pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(chance.choice(pids), signal.SIGKILL)
                    self.kills += 1


def swept(tasks, folder, how, seconds):
    """Do all tasks on local workers, killing one every so many seconds; return what became."""
    failed = []
    with cluster(
        "local", jobs=WORKERS, tasks=len(tasks), folder=folder, tell=lambda _: None
    ) as executor:
        killer = Killer(folder, seconds)
        if seconds:
            killer.start()
        started = time.monotonic()
        done = list(run(how, tasks, directory=folder, executor=executor, failed=failed.append))
        took = time.monotonic() - started
        killer.stop.set()
    return done, failed, killer.kills, took


def test_60_cells_are_done_while_a_worker_is_killed_every_few_seconds(tmp_path):
    tasks = grid(alphas=tuple(1 + n / 10 for n in range(20)), seeds=3)
    assert len(tasks) == 60
    sweep(tasks, tmp_path / "serial")
    folder = tmp_path / "killed"
    done, failed, kills, took = swept(tasks, folder, slow, SECONDS)
    print(f"\n60 cells, 3 workers: {took:.0f} s, {kills} workers killed, {len(failed)} failed")
    assert failed == []
    assert kills >= 5
    assert len(done) == 60
    assert measured(folder) == measured(tmp_path / "serial")
    assert {file.suffix for file in (folder / ".partial").iterdir()} <= {".lock", ".progress"}


def test_a_task_that_kills_its_workers_fails_alone(tmp_path, monkeypatch):
    sys.path.append(str(Path(__file__).parents[1] / "study"))
    import cluster_cells

    monkeypatch.setattr(clusters, "ALLOWED_FAILURES", 2)
    tasks = [{"study": "s", "label": f"t{n}", "number": n, "fatal": n == 2} for n in range(6)]
    done, failed, _, _ = swept(tasks, tmp_path, cluster_cells.fatal, 0)
    (failure,) = failed
    assert failure.task["label"] == "t2"
    assert failure.error.startswith("KilledWorker: ")
    others = sorted(done, key=lambda one: one.task["number"])
    assert [load(one.path) for one in others] == [
        [Score("number", float(number))] for number in (0, 1, 3, 4, 5)
    ]
