"""Several tasks at a time on one machine, without a fight over cores and without orphans."""

import importlib
import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from threading import Thread

import torch
from threadpoolctl import threadpool_limits


@contextmanager
def workers(jobs: int) -> Iterator[Executor | None]:
    """Yield processes that share the cores fairly; none for a single job.

    An error, ctrl-C included, ends them at once, and so does the end of the parent, however it
    came about. The number of threads each may use is the cores over `jobs`; results agree bit for
    bit between runs of equal thread count only.

    Parameters
    ----------
    jobs
        How many.
    """
    if jobs == 1:
        yield None
        return
    threads = max(1, (os.cpu_count() or 1) // jobs)
    pool = ProcessPoolExecutor(
        jobs, multiprocessing.get_context("spawn"), initializer=_settle_worker, initargs=(threads,)
    )
    try:
        yield pool
    except BaseException:
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _settle_worker(threads: int) -> None:
    importlib.import_module("scipy.linalg")  # the pool of threads it brings is to be limited, too
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent answers ctrl-C
    threadpool_limits(threads)
    torch.set_num_threads(threads)
    Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    """End this worker when the command is gone, however it went: nobody waits for its result."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
