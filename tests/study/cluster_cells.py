"""What workers of a cluster are given to do; they import it by name."""

import os
import signal
import time

import threadpoolctl
import torch

from striate.results import Score


def threads(task, checkpoint):
    """How many threads a task may use, of torch and of the libraries it has loaded."""
    torch.ones(300, 300) @ torch.ones(300, 300)
    pools = [pool["num_threads"] for pool in threadpoolctl.threadpool_info()]
    return [
        Score("torch", float(torch.get_num_threads())),
        Score("libraries", float(max(pools, default=1))),
        Score("process", float(os.getpid())),
    ]


def fatal_once(task, checkpoint):
    """Kill the worker, unless that has been done."""
    if task["fatal"] and not checkpoint.exists():
        checkpoint.write_text("was here")
        os.kill(os.getpid(), signal.SIGKILL)
    checkpoint.unlink(missing_ok=True)
    return [Score("number", float(task["number"]))]


def fatal(task, checkpoint):
    """Kill the worker, however often it is tried."""
    if task["fatal"]:
        os.kill(os.getpid(), signal.SIGKILL)
    return [Score("number", float(task["number"]))]


def failing(task, checkpoint):
    raise ArithmeticError(f"{task['label']} has no root")


def gpu(_):
    """Which process this is, and which GPU it sees; long enough for the other to be asked too."""
    time.sleep(0.5)
    return os.getpid(), os.environ.get("CUDA_VISIBLE_DEVICES")


def sees(task, checkpoint):
    """Which GPU a task sees, by its number."""
    return [Score("gpu", float(gpu(task)[1]))]
