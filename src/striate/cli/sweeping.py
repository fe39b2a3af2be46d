"""Do many tasks from the shell: where, how far they are, and what became of each."""

import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

if TYPE_CHECKING:  # the command line starts without torch
    from striate.results import Setting
    from striate.study import Failed, Task

Jobs = Annotated[int, typer.Option(help="tasks done at a time, each on its share of the cores")]
Cluster = Annotated[
    str | None, typer.Option(help="local | slurm:FILE | address of a Dask scheduler")
]
RetryFailed = Annotated[
    bool, typer.Option("--retry-failed", help="do again what failed in an earlier run")
]


def check_where(jobs: int, cluster: str | None) -> None:
    """Refuse numbers of jobs and clusters that cannot be, before anything is loaded."""
    if jobs < 1:
        raise ValueError(f"jobs={jobs}; at least one network is trained at a time")
    if cluster is not None:
        from striate.study.clusters import check_cluster

        check_cluster(cluster, jobs=jobs)


def tell_plan(tasks: Sequence["Task"], results: Path, *, cluster: str | None) -> None:
    """Print what is done and what is to do, and the script that SLURM would be given."""
    from striate.study import path_of
    from striate.study.clusters import slurm_script

    for task in tasks:
        done = path_of(task, results).exists()
        print(f"{'done' if done else 'to do'}\t{task['label']}")
    if cluster is not None and cluster.startswith("slurm:"):
        print(slurm_script(Path(cluster.removeprefix("slurm:"))))


def sweep(
    measure: Callable[..., Any],
    tasks: Sequence["Task"],
    results: Path,
    *,
    jobs: int,
    cluster: str | None,
    retry_failed: bool,
    explained: Mapping[str, "Setting"],
) -> None:
    """Do every task that is not done, and say on standard error what becomes of each.

    The plan is left in the results folder, for ``striate status``. Exit status 1 if a task failed,
    with a line for each.
    """
    from striate.study import plans
    from striate.study import run as run_tasks
    from striate.study.progress import shown

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    plans.leave(tasks, results, command=shlex.join(["striate", *sys.argv[1:]]))
    failures: list[Failed] = []
    with (
        _executor(jobs, cluster, len(tasks), results, console) as executor,
        shown(tasks, results, console) as pace,
    ):

        def tell(label: object, what: str, *, now: bool) -> None:
            pace.count(now=now)
            left = f", {pace.left()}" if now and pace.left() else ""
            line = f"{pace.known:4d}/{pace.total}  {label}  {what}{left}"
            console.print(line, markup=False)

        def failed(failure: "Failed") -> None:
            failures.append(failure)
            tell(failure.task["label"], f"failed: {failure.error}", now=True)

        for task, path, seconds, aside in run_tasks(
            measure,
            tasks,
            directory=results,
            executor=executor,
            explained=explained,
            failed=failed,
            retry_failed=retry_failed,
        ):
            if aside is not None:
                console.print(f"{path.name} was damaged, and is now {aside}", markup=False)
            what = "was there" if seconds is None else f"{seconds:.0f} s"
            tell(task["label"], what, now=seconds is not None)
    if failures:
        _leave(failures, len(tasks), results)


def _leave(failures: Sequence["Failed"], total: int, results: Path) -> None:
    print(f"{len(failures)} of {total} failed; all else is done:", file=sys.stderr)
    for failure in failures:
        print(f"  {failure.task['label']}: {failure.error}", file=sys.stderr)
    print(
        f"details: {results / '.failed'}; the same command with --retry-failed does them again",
        file=sys.stderr,
    )
    raise typer.Exit(1)


@contextmanager
def _executor(
    jobs: int, cluster: str | None, tasks: int, results: Path, console: Console
) -> Iterator[Executor | None]:
    from striate.study.clusters import cluster as workers_of
    from striate.study.workers import workers

    if cluster is None:
        with workers(min(jobs, tasks)) as executor:
            yield executor
        return
    with workers_of(
        cluster, jobs=jobs, tasks=tasks, folder=results, tell=console.print
    ) as executor:
        yield executor
