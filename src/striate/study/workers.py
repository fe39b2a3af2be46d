"""Several tasks at a time on one machine, without a fight over cores and without orphans."""

import importlib
import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.sharedctypes import Synchronized
from threading import Thread

import joblib
import torch
from threadpoolctl import threadpool_limits

GPUS = "CUDA_VISIBLE_DEVICES"
# Where libraries read how many threads they may start.
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@contextmanager
def workers(jobs: int, *, gpus: Sequence[str] = ()) -> Iterator[Executor | None]:
    """Yield processes that share the cores fairly; none for a single job.

    An error, ctrl-C included, ends them at once, and so does the end of the parent, however it
    came about. The number of threads each may use is the cores over `jobs`; results agree bit for
    bit between runs of equal thread count only.

    Parameters
    ----------
    jobs
        How many.
    gpus
        As `gpus_for` names them: each process sees one, in turn, and calls it ``cuda``.
    """
    if jobs == 1:
        yield None
        return
    threads, spawning = max(1, cores() // jobs), multiprocessing.get_context("spawn")
    started, others = spawning.Value("i", 0), set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(
        jobs, spawning, initializer=_settle_worker, initargs=(threads, started, tuple(gpus))
    )
    try:
        yield pool
    except BaseException:
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def cores() -> int:
    """Count the cores that this process may use, which a batch system or container may limit."""
    return joblib.cpu_count()


def gpus_for(device: str) -> tuple[str, ...]:
    """Name the GPUs that workers may share for `device`: all that are seen here for ``cuda``.

    A device with a number, ``cuda:1``, is that one for all workers.
    """
    if device != "cuda":
        return ()
    named = os.environ.get(GPUS)
    if named is not None:
        return tuple(name.strip() for name in named.split(",") if name.strip())
    return tuple(str(number) for number in range(torch.cuda.device_count()))


def _settle_worker(threads: int, started: Synchronized, gpus: Sequence[str]) -> None:
    importlib.import_module("scipy.linalg")  # the pool of threads it brings is to be limited, too
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent answers ctrl-C
    threadpool_limits(threads)
    torch.set_num_threads(threads)
    if gpus:  # before CUDA is asked for anything, after which it would not look
        with started.get_lock():
            turn: int = started.value
            os.environ[GPUS] = gpus[turn % len(gpus)]
            started.value += 1
    Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    """End this worker when the command is gone, however it went: nobody waits for its result."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
