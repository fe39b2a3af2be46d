"""Do each task of a study once: skip what exists, write what is new, lose only what is in flight.

A task is a mapping of settings that determines its result and nothing else; its file is named by
their hash. So the same command picks up where it was stopped, on any machine that sees the folder,
and several at once share the work.
"""

import errno
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, as_completed
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from striate import results
from striate.activations import remove_partial
from striate.results import Result, Setting
from striate.results.given import as_path
from striate.study import failures
from striate.study.claims import PARTIAL, claim
from striate.study.clusters import was_killed
from striate.study.failures import Failed
from striate.study.provenance import Meter
from striate.training import checkpoint as checkpoints


class Measured(NamedTuple):
    """What a task measured, where some of it is too long for JSON."""

    results: list[Result]
    arrays: Mapping[str, np.ndarray]


Task = Mapping[str, Setting]
# (task, path its checkpoint may use) -> what it measured
Measure = Callable[[Task, Path], list[Result] | Measured]


class Finished(NamedTuple):
    """A task whose result file exists.

    Attributes
    ----------
    task
        Its settings.
    path
        Where its result lies.
    seconds
        What it took now; None if it was there before, or another run did it.
    aside
        Where a damaged result, or checkpoint, in its place has been moved.
    """

    task: Task
    path: Path
    seconds: float | None
    aside: Path | None = None


class Busy(NamedTuple):
    """A task that another run is at work on."""

    task: Task


# What the next task would meet as well: it stops a run, where other errors are of one task.
STOPPING = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}
PAUSE_SECONDS = 1.0  # before it is asked again if another run has finished


def path_of(task: Task, directory: str | Path) -> Path:
    """Return where the result of `task` lies: ``<study>/<label>-<hash>.json`` under `directory`.

    Raises
    ------
    ValueError
        If the task lacks the settings ``study`` and ``label``.
    """
    if not {"study", "label"} <= task.keys():
        raise ValueError(f"a task needs settings 'study' and 'label', this has {sorted(task)}")
    name = f"{task['label']}-{results.digest(dict(task))[:12]}.json"
    return as_path("directory", directory) / str(task["study"]) / name


def checkpoint_of(task: Task, directory: Path) -> Path:
    """Return where an unfinished `task` keeps how far it is; its lock lies beside it."""
    return directory / PARTIAL / path_of(task, directory).name


def lock_of(task: Task, directory: Path) -> Path:
    """Return the file that is locked while somebody works on `task`."""
    return checkpoint_of(task, directory).with_suffix(".lock")


def failure_of(task: Task, directory: Path) -> Path:
    """Return where it is kept why `task` failed."""
    return directory / failures.FOLDER / path_of(task, directory).name


def run(
    measure: Measure,
    tasks: Sequence[Task],
    *,
    directory: str | Path,
    executor: Executor | None = None,
    explained: Mapping[str, Setting] | None = None,
    failed: Callable[[Failed], None] | None = None,
    retry_failed: bool = False,
) -> Iterator[Finished]:
    """Do every task that has no sound result yet, yielding each as it is finished.

    What another run in the same folder is at work on is left to it, and waited for at the end.

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
    failed
        Hears of each task that failed, and the rest goes on; the failure is kept in the folder.
        Without it the first error of a task is raised. A full disk is raised in any case.
    retry_failed
        Do again what failed in an earlier run; otherwise `failed` hears of it once more.

    Yields
    ------
    finished
        Those found done come first.
    """
    directory = as_path("directory", directory)
    missing = []
    for task in tasks:
        earlier = failures.read(failure_of(task, directory)) if failed else None
        if is_done(task, directory):
            remove_partial(checkpoint_of(task, directory).with_suffix(""))  # a kill may leave it
            yield Finished(task, path_of(task, directory), None)
        elif failed and earlier and not retry_failed:
            failed(earlier._replace(earlier=True))
        else:
            missing.append(task)
    recorded = failed is not None
    job = partial(_do, measure, directory=directory, explained=explained or {}, recorded=recorded)
    while missing:
        busy = []
        for outcome in _outcomes(job, missing, executor, directory if recorded else None):
            if isinstance(outcome, Busy):
                busy.append(outcome.task)
            elif isinstance(outcome, Finished):
                yield outcome
            elif failed:
                failed(outcome)
        if len(busy) == len(missing):
            time.sleep(PAUSE_SECONDS)
        missing = busy


Outcome = Finished | Failed | Busy


def _outcomes(
    job: Callable[[Task], Outcome],
    tasks: Sequence[Task],
    executor: Executor | None,
    recorded: Path | None,
) -> Iterator[Outcome]:
    """Yield what becomes of each task; `recorded` is where it is kept if its workers died of it."""
    if executor is None:
        yield from map(job, tasks)
        return
    futures: dict[Future[Outcome], Task] = {executor.submit(job, task): task for task in tasks}
    try:
        for future in as_completed(futures):
            task, error = futures[future], future.exception()
            if error is not None and recorded and was_killed(error):
                yield failures.record(failure_of(task, recorded), task, error)
            else:
                yield future.result()
    finally:
        for future in futures:
            future.cancel()


def is_done(task: Task, directory: Path) -> bool:
    """Say whether `task` has a sound result in the results folder `directory`."""
    try:
        results.check(path_of(task, directory))
    except (FileNotFoundError, results.DamagedError):
        return False
    return True


def _do(
    measure: Measure,
    task: Task,
    *,
    directory: Path,
    explained: Mapping[str, Setting],
    recorded: bool,
) -> Outcome:
    path, unfinished = path_of(task, directory), checkpoint_of(task, directory)
    with ExitStack() as held:
        try:
            ours = held.enter_context(claim(lock_of(task, directory), str(task["study"])))
        except PermissionError as error:  # a lock that another user left
            if not recorded:
                raise
            return failures.record(failure_of(task, directory), task, error)
        if not ours:
            return Busy(task)
        if is_done(task, directory):  # by now
            return Finished(task, path, None)
        aside = results.set_aside(path) if path.exists() else None
        meter = Meter(explained.get("device"))
        try:
            found, lost = _measured(measure, task, unfinished)
        except Exception as error:
            stopping = isinstance(error, OSError) and error.errno in STOPPING
            if not recorded or stopping:
                raise
            return failures.record(failure_of(task, directory), task, error)
        measured = found if isinstance(found, Measured) else Measured(found, {})
        about = meter.provenance(task)
        results.save(
            path,
            measured.results,
            task=task,
            provenance={**about, **explained},
            arrays=measured.arrays,
        )
        checkpoints.remove(unfinished)
        remove_partial(unfinished.with_suffix(""))  # sums of a measurement
        failure_of(task, directory).unlink(missing_ok=True)
        return Finished(task, path, about["seconds"], aside or lost)


def _measured(
    measure: Measure, task: Task, unfinished: Path
) -> tuple[list[Result] | Measured, Path | None]:
    """Do `task`; if its checkpoint is damaged, afresh, and say where that has been moved."""
    try:
        return measure(task, unfinished), None
    except results.DamagedError as error:
        ours = error.file is not None and error.file.parent == unfinished.parent
        if not ours or not str(error.file).startswith(str(unfinished.with_suffix(""))):
            raise
    aside = results.set_aside(unfinished)
    return measure(task, unfinished), aside
