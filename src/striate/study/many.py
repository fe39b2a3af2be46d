"""Do jobs that are more than one task each: a network's measurements share what they show it."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, Executor, Future, as_completed
from typing import TypeVar

from striate.study.run import STOPPING

T = TypeVar("T")


def together(
    jobs: Mapping[str, Callable[[], T]], executor: Executor | None
) -> Iterator[tuple[str, T | Exception]]:
    """Do all jobs, and yield for each, as it ends, what it returned or what stopped it.

    Parameters
    ----------
    jobs
        By name. An executor of other processes gets what can travel: functions, names, settings.
    executor
        Any `concurrent.futures.Executor`; without one, jobs are done here, in order.

    Raises
    ------
    OSError
        If a disk is full or cannot be written: the next job would meet that as well.
    BrokenExecutor
        If the executor has lost its workers.
    """
    if executor is None:
        for name, job in jobs.items():
            try:
                outcome: T | Exception = job()
            except Exception as error:
                outcome = _of_one(error)
            yield name, outcome
        return
    futures: dict[Future[T], str] = {executor.submit(job): name for name, job in jobs.items()}
    try:
        for future in as_completed(futures):
            error = future.exception()
            if error is None:
                yield futures[future], future.result()
            elif isinstance(error, Exception):
                yield futures[future], _of_one(error)
            else:
                raise error
    finally:
        for future in futures:
            future.cancel()


def _of_one(error: Exception) -> Exception:
    """Return an error that is of one job; raise one that all will meet."""
    every = isinstance(error, OSError) and error.errno in STOPPING
    if every or isinstance(error, BrokenExecutor):
        raise error
    return error
