"""Do each task of a study once: skip what exists, write what is new, lose at most one in flight.

A task is a mapping of settings that determines its result and nothing else; its file is named by
their hash. So the same command picks up where it was stopped, on any machine that sees the folder.
"""

import importlib.metadata
import os
import platform
import resource
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, as_completed
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from striate import results
from striate.results import Result, Setting
from striate.training import checkpoint as checkpoints


class Measured(NamedTuple):
    """What a task measured, where some of it is too long for JSON."""

    results: list[Result]
    arrays: Mapping[str, np.ndarray]


Task = Mapping[str, Setting]
# (task, path its checkpoint may use) -> what it measured
Measure = Callable[[Task, Path], list[Result] | Measured]


class Finished(NamedTuple):
    """A task whose result file exists, and the seconds it took now (None: it was there before)."""

    task: Task
    path: Path
    seconds: float | None


def path_of(task: Task, directory: Path) -> Path:
    """Return where the result of `task` lies: ``<study>/<label>-<hash>.json`` under `directory`.

    Raises
    ------
    ValueError
        If the task lacks the settings ``study`` and ``label``.
    """
    if not {"study", "label"} <= task.keys():
        raise ValueError(f"a task needs settings 'study' and 'label', this has {sorted(task)}")
    return (
        directory / str(task["study"]) / f"{task['label']}-{results.digest(dict(task))[:12]}.json"
    )


def run(
    measure: Measure,
    tasks: Sequence[Task],
    *,
    directory: Path,
    executor: Executor | None = None,
    explained: Mapping[str, Setting] | None = None,
) -> Iterator[Finished]:
    """Do every task that has no result yet, yielding each as it is finished.

    Parameters
    ----------
    measure
        ``(task, checkpoint path) -> results``, or `Measured` if there are arrays; pure, and
        importable by name if an executor runs it in another process.
    tasks
        What to do.
    directory
        The results folder.
    executor
        Any `concurrent.futures.Executor`; without one, tasks run here, in order.
    explained
        What does not determine results but explains them, e.g. the device; kept beside them.

    Yields
    ------
    finished
        Those found done come first.
    """
    missing = []
    for task in tasks:
        if path_of(task, directory).exists():
            yield Finished(task, path_of(task, directory), None)
        else:
            missing.append(task)
    if executor is None:
        for task in missing:
            yield _do(measure, task, directory, explained or {})
        return
    futures: list[Future[Finished]] = [
        executor.submit(_do, measure, task, directory, explained or {}) for task in missing
    ]
    try:
        for future in as_completed(futures):
            yield future.result()
    finally:
        for future in futures:
            future.cancel()


def _do(
    measure: Measure, task: Task, directory: Path, explained: Mapping[str, Setting]
) -> Finished:
    path = path_of(task, directory)
    unfinished = directory / ".partial" / path.name
    started = time.perf_counter()
    found = measure(task, unfinished)
    seconds = time.perf_counter() - started
    measured = found if isinstance(found, Measured) else Measured(found, {})
    results.save(
        path,
        measured.results,
        task=task,
        provenance={**_provenance(seconds), **explained},
        arrays=measured.arrays,
    )
    checkpoints.remove(unfinished)
    return Finished(task, path, seconds)


def _provenance(seconds: float) -> dict[str, Setting]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "seconds": round(seconds, 3),
        "peak_memory_mb": round(usage.ru_maxrss / 1024),
        "striate": importlib.metadata.version("striate"),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "threads": torch.get_num_threads(),
        "revision": _git_revision(),
    }


def _git_revision() -> str | None:
    """Return the commit this package runs from, if it runs from a checkout."""
    try:
        asked = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=5,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout.strip() or None
