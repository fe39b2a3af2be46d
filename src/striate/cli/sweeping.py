"""Do many tasks from the shell: where, how far they are, and what became of each."""

import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, NoReturn

import typer
from rich.console import Console

from striate.cli.measuring import tell_aside

if TYPE_CHECKING:  # the command line starts without torch
    from striate.study import Failed, Task


class Many(NamedTuple):
    """How many networks at a time, and where.

    Attributes
    ----------
    jobs
        Processes of this machine.
    cluster
        As `striate.study.clusters.cluster` takes it; this machine alone if None.
    retry_failed
        Whether what failed in an earlier run is done again.
    dry_run
        Whether it is only said what would be done.
    """

    jobs: Annotated[
        int,
        typer.Option(help="networks at a time, each in a process with its share of cores and GPUs"),
    ] = 1
    cluster: Annotated[
        str | None, typer.Option(help="local | slurm:FILE | address of a Dask scheduler")
    ] = None
    retry_failed: Annotated[
        bool,
        typer.Option(
            "--retry-failed",
            help="do again what failed in an earlier run; one network that is measured alone "
            "always is",
        ),
    ] = False
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="say what would be done, and leave")
    ] = False

    def check(self) -> None:
        """Refuse numbers of jobs and clusters that cannot be, before anything is loaded."""
        if self.jobs < 1:
            raise ValueError(f"jobs={self.jobs}; at least one network at a time")
        if self.cluster is not None:
            from striate.study.clusters import check_cluster

            check_cluster(self.cluster, jobs=self.jobs, submits=not self.dry_run)


def tell_plan(tasks: Sequence["Task"], results: Path, cluster: str | None) -> None:
    """Print what is done and what is to do, and the script that SLURM would be given."""
    from striate.study.run import is_done

    for task in tasks:
        print(f"{'done' if is_done(task, results) else 'to do'}\t{task['label']}")
    tell_script(cluster)


def tell_script(cluster: str | None) -> None:
    """Print the script that SLURM would be given, if it would."""
    from striate.study.slurm import slurm_script

    if cluster is not None and cluster.startswith("slurm:"):
        print(slurm_script(Path(cluster.removeprefix("slurm:"))))


def sweep(
    measure: Callable[..., Any],
    tasks: Sequence["Task"],
    results: Path,
    *,
    many: Many,
    device: str,
) -> None:
    """Do every task that is not done, and say on standard error what becomes of each.

    The plan is left in the results folder, for ``striate status``. Exit status 1 if a task failed,
    with a line for each.
    """
    from striate.study import run as run_tasks
    from striate.study.progress import shown

    results = results if many.cluster is None else results.resolve()  # workers may stand elsewhere
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    failures: list[Failed] = []
    with (
        planned(tasks, results) as begin,
        executor_for(many, len(tasks), results, console, device) as executor,
        shown(tasks, results, console) as pace,
    ):
        begin()

        def tell(label: object, what: str, *, now: bool) -> None:
            pace.count(now=now)
            left = f", {pace.left()}" if now and pace.left() else ""
            line = f"{pace.known:4d}/{pace.total}  {label}  {what}{left}"
            console.print(line, markup=False)

        def failed(failure: "Failed") -> None:
            failures.append(failure)
            told = f"{failed_when(failure)}: {failure.error}"
            tell(failure.task["label"], told, now=not failure.earlier)

        for finished in run_tasks(
            measure,
            tasks,
            directory=results,
            executor=executor,
            explained={"device": device},
            failed=failed,
            retry_failed=many.retry_failed,
        ):
            tell_aside(finished, console)
            seconds = finished.seconds
            what = "was there" if seconds is None else f"{seconds:.0f} s"
            tell(finished.task["label"], what, now=seconds is not None)
    if failures:
        leave(failures, len(tasks), results)


def failed_when(failure: "Failed") -> str:
    """Say whether a task failed now, or had failed before and was not tried again."""
    if not failure.earlier:
        return "failed"
    return f"failed at {failure.at[:16].replace('T', ' ')} UTC, not tried again"


def leave_plan(tasks: Sequence["Task"], results: Path, summaries: Sequence["Task"] = ()) -> Path:
    """Write down in the results folder what this command is to do, for ``striate status``."""
    from striate.study import plans

    command = shlex.join(["striate", *sys.argv[1:]])
    return plans.leave(tasks, results, command=command, summaries=summaries)


@contextmanager
def planned(
    tasks: Sequence["Task"], results: Path, summaries: Sequence["Task"] = ()
) -> Iterator[Callable[[], None]]:
    """Leave a plan, and take it back if it is new and nothing is begun.

    That is where an error ends the block before what is yielded was called: of a cluster that never
    was, nothing is missing.
    """
    from striate.study import plans

    begun: list[bool] = []
    folder = results / plans.FOLDER
    there, before = folder.exists(), set(folder.glob("*.json"))
    plan = leave_plan(tasks, results, summaries)
    try:
        yield partial(begun.append, True)
    except Exception:
        if not begun and plan not in before:
            plan.unlink(missing_ok=True)
            if not there:
                with suppress(OSError):  # another start has left one meanwhile
                    folder.rmdir()
        raise


def leave(failures: Sequence["Failed"], total: int, results: Path) -> NoReturn:
    """Say what failed, and end with exit status 1."""
    print(f"{len(failures)} of {total} failed; all else is done:", file=sys.stderr)
    for failure in failures:
        print(f"  {failure.task['label']}: {failure.error}", file=sys.stderr)
    print(
        f"details: {results / '.failed'}; the same command with --retry-failed does them again",
        file=sys.stderr,
    )
    raise typer.Exit(1)


@contextmanager
def executor_for(
    many: Many, tasks: int, results: Path, console: Console, device: str
) -> Iterator[Executor | None]:
    """Yield what does so many things, here or elsewhere; None if they are done in this process."""
    from striate.study.clusters import cluster
    from striate.study.workers import gpus_for, workers

    if many.cluster is None:
        with workers(min(many.jobs, tasks), gpus=gpus_for(device)) as executor:
            yield executor
        return
    with cluster(
        many.cluster,
        jobs=many.jobs,
        tasks=tasks,
        folder=results,
        tell=console.print,
        gpus=gpus_for(device),
    ) as executor:
        yield executor
