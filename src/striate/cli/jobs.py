"""Measure networks from the shell: each whole in one process, one or many at a time.

A process that measures a network is told how to get it, never given it: by the words of the
command it loads the network, its images and the recording itself.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.console import Console

from striate.cli.measuring import Watch, bar, silent, tell_aside
from striate.cli.sweeping import (
    Many,
    executor_for,
    failed_when,
    leave,
    leave_plan,
    planned,
    tell_plan,
)

if TYPE_CHECKING:  # the command line starts without torch
    from striate.study import Failed, Finished, Task


class Course(NamedTuple):
    """How what is asked of a network is done.

    Attributes
    ----------
    results
        The results folder.
    device
        Where the network is.
    watch
        Shows what is being done, by its name, and gives what is told how far it is.
    failed
        Hears of each task that failed; without it, errors are raised.
    retry_failed
        Whether what failed in an earlier run is done again.
    finished
        Hears of each task whose result is there.
    """

    results: Path
    device: str
    watch: Watch
    failed: "Callable[[Failed], None] | None" = None
    retry_failed: bool = True
    finished: "Callable[[Finished], None]" = lambda _: None


class Job(NamedTuple):
    """What is asked of one network.

    Attributes
    ----------
    tasks
        What determines the results it shall have.
    do
        Measures them, and returns the files to tell of.
    notes
        To be told before it begins, once for all networks.
    summaries
        What follows from the results: of the task of each, what is known before.
    """

    tasks: "Sequence[Task]"
    do: Callable[[Course], list[Path]]
    notes: tuple[str, ...] = ()
    summaries: "Sequence[Task]" = ()


class Report(NamedTuple):
    """What became of a job; `aside` are those finished for which damaged files were moved aside."""

    files: list[Path]
    failures: "list[Failed]"
    seconds: float
    aside: "Sequence[Finished]" = ()


# Gets a network and what is asked of it; made of what can travel between processes.
Prepare = Callable[[], Job]


def job_of(
    what: str,
    tasks: "Sequence[Task]",
    measure: Callable[..., Any],
    notes: tuple[str, ...] = (),
) -> Job:
    """Ask for `tasks`, each by ``measure(task, checkpoint, progress=...)``; `what` is its name."""

    def do(course: Course) -> list[Path]:
        from striate.study import run
        from striate.study.progress import noted
        from striate.study.run import checkpoint_of

        files: list[Path] = []
        with course.watch(what) as progress:
            for task in tasks:
                with noted(checkpoint_of(task, course.results), "batch", progress) as told:
                    finished = run(
                        partial(measure, progress=told),
                        [task],
                        directory=course.results,
                        explained={"device": course.device},
                        failed=course.failed,
                        retry_failed=course.retry_failed,
                    )
                    for one in finished:
                        course.finished(one)
                        files.append(one.path)
        return files

    return Job(tasks, do, notes)


def measure(
    jobs: Mapping[str, Prepare],
    results: Path,
    *,
    device: str,
    many: Many,
    tell: Callable[[Path, str], None],
) -> None:
    """Measure what is asked of each network, and print what came out.

    One network is measured in this process, whatever failed before is tried again, and its first
    error ends the command: one that is not of what was asked for is kept for ``striate status``.

    Parameters
    ----------
    jobs
        By the name of the network.
    results
        The results folder.
    device
        As it was asked for.
    many
        How many at a time, and where.
    tell
        Prints what is in a file, on lines that begin with its second argument.

    Raises
    ------
    ValueError
        If one of several cannot be measured, before any is.
    """
    if len(jobs) == 1 and many.cluster is None and not many.dry_run:
        (prepare,) = jobs.values()
        job = prepare()
        tell_notes([job.notes])
        for file in _alone(job, results, device):
            tell(file, "")
        return
    tasks, notes, summaries = {}, [], []
    for name, prepare in jobs.items():
        job = prepare()
        tasks[name] = job.tasks
        notes.append(job.notes)
        summaries += job.summaries
    tell_notes(notes)
    if many.dry_run:
        tell_plan([task for found in tasks.values() for task in found], results, many.cluster)
        return
    failures = measure_each(
        jobs, tasks, results, device=device, many=many, tell=tell, summaries=summaries
    )
    if failures:
        leave(failures, sum(map(len, tasks.values())), results)


def _alone(job: Job, results: Path, device: str) -> list[Path]:
    """Do a job in this process; of an error that nobody foresaw, keep what it stopped."""
    from striate.study import failures
    from striate.study.run import failure_of, is_done

    tell = partial(tell_aside, console=Console(stderr=True, highlight=False))
    if len(job.tasks) > 1 or job.summaries:
        leave_plan(job.tasks, results, job.summaries)
    try:
        return job.do(Course(results, device, bar, finished=tell))
    except (ValueError, OSError):  # told in one line, and for whoever typed the command to mend
        raise
    except Exception as error:
        left = [task for task in job.tasks if not is_done(task, results)]
        found = [failures.record(failure_of(task, results), task, error) for task in left]
        if not found:
            raise
        leave(found, len(job.tasks), results)


def measure_each(
    jobs: Mapping[str, Prepare],
    tasks: "Mapping[str, Sequence[Task]]",
    results: Path,
    *,
    device: str,
    many: Many,
    tell: Callable[[Path, str], None],
    summaries: "Sequence[Task]" = (),
) -> "list[Failed]":
    """Measure networks as `measure` does, where a failure stops nothing else; return failures."""
    if not jobs:
        return []
    folder = results if many.cluster is None else results.resolve()  # workers may stand elsewhere
    failures: list[Failed] = []
    found = _each(jobs, tasks, folder, device=device, many=many, summaries=summaries)
    for name, report in found:
        for file in report.files:
            tell(file, "" if len(jobs) == 1 else f"{name}\t")
        failures += report.failures
    return failures


def _each(
    jobs: Mapping[str, Prepare],
    tasks: "Mapping[str, Sequence[Task]]",
    results: Path,
    *,
    device: str,
    many: Many,
    summaries: "Sequence[Task]",
) -> Iterator[tuple[str, Report]]:
    """Yield what became of each network, and say it on standard error.

    An error that is of none of its measurements is raised when all other networks are done.
    """
    from striate.study import failures
    from striate.study.many import together
    from striate.study.progress import shown
    from striate.study.run import failure_of, is_done

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    every = [task for name in jobs for task in tasks[name]]
    there = {name for name in jobs if all(is_done(task, results) for task in tasks[name])}
    work = {
        name: partial(_worked, prepare, results, device, many.retry_failed, Path.cwd())
        for name, prepare in jobs.items()
    }
    wrong: list[Exception] = []
    with (
        planned(every, results, summaries) as begin,
        executor_for(many, len(work), results, console, device) as executor,
        shown(every, results, console, total=len(work)) as pace,
    ):
        begin()
        for name, outcome in together(work, executor):
            if isinstance(outcome, Report):
                report = outcome
            else:
                left = [task for task in tasks[name] if not is_done(task, results)]
                found = [failures.record(failure_of(one, results), one, outcome) for one in left]
                report = Report([], found, 0)
                if not left:
                    wrong.append(outcome)
                    console.print(f"{name}: {outcome}", markup=False)
            for one in report.aside:
                tell_aside(one, console)
            pace.count(now=name not in there)
            rest = f", {pace.left()}" if name not in there and pace.left() else ""
            line = f"{pace.known:4d}/{pace.total}  {name}  {_said(report, name in there)}{rest}"
            console.print(line, markup=False)
            yield name, report
    if wrong:
        raise wrong[0]


def _said(report: Report, there: bool) -> str:
    if report.failures:
        first = report.failures[0]
        return f"{failed_when(first)}: {first.error}"
    return "was there" if there else f"{report.seconds:.0f} s"


def _worked(
    prepare: Prepare, results: Path, device: str, retry_failed: bool, where: Path
) -> Report:
    """Do a job in the process of a worker, standing where the command was typed."""
    if Path.cwd() != where:
        try:
            os.chdir(where)
        except OSError as error:
            raise ValueError(
                f"a worker does not see the folder {where}, in which the command was typed"
            ) from error
    started, failures, finished = time.perf_counter(), list["Failed"](), list["Finished"]()
    files = prepare().do(
        Course(results, device, silent, failures.append, retry_failed, finished.append)
    )
    aside = [one for one in finished if one.aside is not None]
    return Report(files, failures, time.perf_counter() - started, aside)


def of_one(models: Sequence[str], **given: object) -> tuple[str, ...]:
    """Return each model once, and refuse what only one network can be `given`."""
    chosen = tuple(dict.fromkeys(models))
    for name, value in given.items():
        if value is not None and len(chosen) > 1:
            raise ValueError(
                f"--{name.replace('_', '-')} is for one network, and {len(chosen)} are named; "
                "type a command for each"
            )
    return chosen


def tell_notes(notes: Sequence[Sequence[str]]) -> None:
    """Print on standard error what several jobs note, each line once, and no empty ones."""
    for line in dict.fromkeys(line for lines in notes for line in lines if line):
        print(line, file=sys.stderr)
