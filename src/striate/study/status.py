"""How far the sweeps of a folder are: each task done, running, failed or missing, and why."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from striate import results
from striate.study import failures, plans
from striate.study.claims import holder
from striate.study.progress import Far, duration, told
from striate.study.run import Task, checkpoint_of, failure_of, lock_of, path_of

State = Literal["done", "running", "failed", "missing"]
STATES: tuple[State, ...] = ("done", "running", "failed", "missing")


class Status(NamedTuple):
    """Where one task stands.

    Attributes
    ----------
    study, label
        Which task; a result without a plan has its folder and name here.
    state
        Whether it is done, running, failed or missing. Whether what is done is sound is for
        `striate.results.verify`, or the next run.
    reason
        Of what is not done: how far it is, what went wrong, or why nothing is there.
    """

    study: str
    label: str
    state: State
    reason: str


def status(directory: Path) -> Iterator[Status]:
    """Yield where each task of each plan in `directory` stands, then results without a plan.

    Raises
    ------
    ValueError
        If `directory` does not exist, or a plan in it is damaged.
    """
    found = set(results.paths(directory))
    planned: set[Path] = set()
    for plan in plans.left(directory):
        for task in plan.tasks:
            path = path_of(task, directory)
            if path not in planned:
                planned.add(path)
                state, reason = _stands(task, directory, done=path in found)
                yield Status(str(task["study"]), str(task["label"]), state, reason)
    for failed in failures.recorded(directory):
        path = path_of(failed.task, directory)
        if path not in planned | found:
            study, label = str(failed.task["study"]), str(failed.task["label"])
            yield Status(study, label, "failed", _why(failed))
    for path in sorted(found - planned):
        folder = path.parent.relative_to(directory).as_posix()
        yield Status(folder, path.stem.rpartition("-")[0] or path.stem, "done", "in no plan")


def _stands(task: Task, directory: Path, *, done: bool) -> tuple[State, str]:
    if done:
        return "done", ""
    at_work = holder(lock_of(task, directory))
    far = told(checkpoint_of(task, directory))
    if at_work:
        since = duration(time.time() - at_work.since)
        how_far = f"{f'{far} {far.text}'.rstrip()}, " if far else ""
        return "running", f"{how_far}for {since}, process {at_work.pid} on {at_work.host}"
    failed = failures.read(failure_of(task, directory))
    if failed:
        return "failed", _why(failed)
    return "missing", _missing(task, directory, far)


def _why(failed: failures.Failed) -> str:
    often = "" if failed.attempts == 1 else f", {failed.attempts} attempts"
    return f"{failed.error} ({failed.at}{often})"


def _missing(task: Task, directory: Path, far: Far | None) -> str:
    path = path_of(task, directory)
    aside = sorted(path.parent.glob(f"{path.name}.damaged-*")) if path.parent.is_dir() else []
    if checkpoint_of(task, directory).exists():
        how_far = f" after {far}" if far else ""
        return f"stopped{how_far}; its checkpoint is kept"
    if os.path.lexists(lock_of(task, directory)):
        return "stopped before its first checkpoint"
    if aside:
        return f"its result was damaged, and is now {aside[-1].name}"
    return "not begun"
