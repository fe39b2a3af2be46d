"""How far the sweeps of a folder are: what is done, running, failed, missing, absent, and why."""

import fnmatch
import glob
import os
import time
from collections.abc import Container, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from striate import results
from striate.study import failures, plans
from striate.study.claims import PARTIAL, Holder, holder
from striate.study.progress import Far, duration, told
from striate.study.run import Task, checkpoint_of, failure_of, lock_of, path_of

State = Literal["done", "running", "failed", "missing", "absent"]
STATES: tuple[State, ...] = ("done", "running", "failed", "missing", "absent")
ABSENT = "absent"  # the kind of a record of what could not be had


class Status(NamedTuple):
    """Where one task stands.

    Attributes
    ----------
    study, label
        Which task; a result without a plan has its folder and name here.
    state
        Whether it is done, running, failed or missing; absent is what could not be had to be
        measured. Whether what is done is sound is for `striate.results.verify`, or the next run.
    reason
        Of what is not done: how far it is, what went wrong, or why nothing is there.
    """

    study: str
    label: str
    state: State
    reason: str


def status(directory: Path) -> Iterator[Status]:
    """Yield where each task of each plan in `directory` stands, then what runs or is without one.

    Raises
    ------
    ValueError
        If `directory` does not exist, or a plan in it is damaged.
    """
    for _, one in _standing(directory):
        yield one


def forget(directory: Path, pattern: str) -> list[str]:
    """Drop what is missing or failed from the plans, and why it failed; results stay.

    Whoever does not mean to go on with a sweep need not be told of it. The same command plans it
    again, and goes on from checkpoints.

    Parameters
    ----------
    directory
        The results folder.
    pattern
        A glob, which ``study/label`` of a task is to fit.

    Returns
    -------
    names
        ``study/label`` of each.

    Raises
    ------
    ValueError
        As `status`; and if nothing that is missing or failed fits.
    """
    gone = {
        path: f"{one.study}/{one.label}"
        for path, one in _standing(directory)
        if one.state in ("failed", "missing")
        and fnmatch.fnmatchcase(f"{one.study}/{one.label}", pattern)
    }
    if not gone:
        raise ValueError(
            f"--forget {pattern!r} fits nothing that is failed or missing; give a glob of "
            "STUDY/LABEL as `striate status` lists them, e.g. 'gerum2022/*'"
        )
    plans.drop(directory, gone)
    for path in gone:
        (directory / failures.FOLDER / path.name).unlink(missing_ok=True)
    return list(gone.values())


def _standing(directory: Path) -> Iterator[tuple[Path, Status]]:
    """Yield where each task stands, and where its result lies or would lie."""
    found = set(results.paths(directory))
    planned: set[Path] = set()
    every = list(plans.left(directory))
    for plan in every:
        for task in plan.tasks:
            path = path_of(task, directory)
            if path not in planned:
                planned.add(path)
                state, reason = _stands(task, directory, done=path in found)
                yield path, Status(str(task["study"]), str(task["label"]), state, reason)
    labelled = _by_label(found - planned)
    for part in {path_of(p, directory): p for plan in every for p in plan.summaries}.values():
        study, label = str(part["study"]), str(part["label"])
        made = [
            path
            for path in labelled.get((directory / study, label), [])
            if plans.is_part(part, _task_at(path))
        ]
        planned |= set(made)
        state, reason = ("done", "") if made else ("missing", "follows from its measurements")
        yield path_of(part, directory), Status(study, label, state, reason)
    alone = list(_alone(directory, {path.name for path in planned}))
    yield from alone
    planned |= {path for path, _ in alone}
    for failed in failures.recorded(directory):
        path = path_of(failed.task, directory)
        if path not in planned | found:
            study, label = str(failed.task["study"]), str(failed.task["label"])
            yield path, Status(study, label, "failed", _why(failed))
    yield from _loose(sorted(found - planned), found, directory)


def _alone(directory: Path, planned: Container[str]) -> Iterator[tuple[Path, Status]]:
    """Yield the measurements that run without a plan, as those of one network do."""
    for lock in sorted((directory / PARTIAL).glob("*.lock")):
        path, at_work = lock.with_suffix(".json"), holder(lock)
        if at_work and path.name not in planned:
            said = _running(at_work, told(path))
            result = directory / at_work.study / path.name
            yield result, Status(at_work.study, _label_of(path), "running", said)


def _loose(
    loose: Sequence[Path], found: Iterable[Path], directory: Path
) -> Iterator[tuple[Path, Status]]:
    """Yield where results without a plan stand; of what could not be had, why not at last."""
    absent = {path: reason for path in loose if (reason := _absent(path, found)) is not None}
    last = {_told_of(path): path for path in sorted(absent, key=_written)}
    for path in loose:
        if path in absent and last[_told_of(path)] != path:
            continue  # it was asked for again, and there is another reason now
        folder = path.parent.relative_to(directory).as_posix()
        state: State = "absent" if path in absent else "done"
        yield path, Status(folder, _label_of(path), state, absent.get(path, "in no plan"))


def _told_of(path: Path) -> tuple[Path, str]:
    """Return what says that two records are of the same thing that could not be had."""
    return path.parent, str(_task_at(path).get("entry"))


def _written(path: Path) -> tuple[str, int]:
    """Order records by when they were written."""
    started = results.read_record(path)["provenance"].get("started")
    return str(started or ""), path.stat().st_mtime_ns


def _by_label(paths: Iterable[Path]) -> dict[tuple[Path, str], list[Path]]:
    found: dict[tuple[Path, str], list[Path]] = {}
    for path in sorted(paths):
        found.setdefault((path.parent, _label_of(path)), []).append(path)
    return found


def _label_of(path: Path) -> str:
    return path.stem.rpartition("-")[0] or path.stem


def _task_at(path: Path) -> Task:
    """Return the task of a result; no settings if it is damaged, which is for others to tell."""
    try:
        return results.read_record(path)["task"]
    except (ValueError, FileNotFoundError):
        return {}


def _absent(path: Path, found: Iterable[Path]) -> str | None:
    """Say why what a record is of could not be had; None if it could, then or since."""
    task = _task_at(path)
    if task.get("kind") != ABSENT:
        return None
    beside = (_task_at(other) for other in found if other.parent == path.parent and other != path)
    since = any(
        one.get("kind") != ABSENT and one.get("entry") == task.get("entry") for one in beside
    )
    return None if since else str(task.get("reason"))


def _stands(task: Task, directory: Path, *, done: bool) -> tuple[State, str]:
    if done:
        return "done", ""
    at_work = holder(lock_of(task, directory))
    far = told(checkpoint_of(task, directory))
    if at_work:
        return "running", _running(at_work, far)
    failed = failures.read(failure_of(task, directory))
    if failed:
        return "failed", _why(failed)
    return "missing", _missing(task, directory, far)


def _running(at_work: Holder, far: Far | None) -> str:
    since = duration(time.time() - at_work.since)
    how_far = f"{f'{far} {far.text}'.rstrip()}, " if far else ""
    return f"{how_far}for {since}, process {at_work.pid} on {at_work.host}"


def _why(failed: failures.Failed) -> str:
    often = "" if failed.attempts == 1 else f", {failed.attempts} attempts"
    return f"{failed.error} ({failed.at}{often})"


def _missing(task: Task, directory: Path, far: Far | None) -> str:
    path = path_of(task, directory)
    there = path.parent.glob(f"{glob.escape(path.name)}.damaged-*")
    aside = sorted(there, key=lambda one: (len(one.name), one.name))  # 10 after 9
    if checkpoint_of(task, directory).exists():
        how_far = f" after {far}" if far else ""
        return f"stopped{how_far}; goes on from its last checkpoint"
    if os.path.lexists(lock_of(task, directory)):
        return "stopped before its first checkpoint"
    if aside:
        return f"its result was damaged, and is now {aside[-1].name}"
    return "not begun"
