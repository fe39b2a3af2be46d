"""Several processes on one network: what ``torchrun`` starts, and what stays alone without it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from inspect import signature
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.distributed as distributed
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from striate.results import DamagedError, Result
from striate.study import Task
from striate.training.processes import present

Training = Callable[[Task, Path], list[Result]]
# How long the others wait for word of the first process, which may wait for another run's end.
PATIENCE = timedelta(days=7)


class Joined(NamedTuple):
    """One process among those that train together.

    Attributes
    ----------
    rank
        Which it is, from 0 on. The first writes.
    device
        Where it computes.
    """

    rank: int
    device: str


def processes() -> int:
    """Count the processes that ``torchrun`` started to train together; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1")) if _started() else 1


def _started() -> bool:
    # Set by torchrun, whether or not there is more than one.
    return "LOCAL_RANK" in os.environ and distributed.is_available()


@contextmanager
def joined(device: str) -> Iterator[Joined]:
    """Join the other processes that ``torchrun`` started, if it did, while the block runs.

    Parameters
    ----------
    device
        ``"cpu"`` or ``"cuda"``, of which each process then takes its own; alone, any.

    Raises
    ------
    ValueError
        If several processes are to share one device of several.
    """
    if not _started():
        yield Joined(0, device)
        return
    if device not in ("cpu", "cuda"):
        raise ValueError(f"device={device!r}: each process takes its own of torchrun's; give cuda")
    if device == "cuda":
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        # NCCL sends what is no tensor by way of the current GPU, which would be 0 for all.
        torch.cuda.set_device(device)
    backend = "nccl" if device.startswith("cuda") else "gloo"
    distributed.init_process_group(backend)
    try:
        yield Joined(distributed.get_rank(), device)
    finally:
        # From there gloo of torch 2.6 does not always return: it did not in 5 of some 40 runs on a
        # busy machine, and all 25 ended that left it to the end of the process.
        if backend != "gloo" or torch.__version__ >= "2.7":  # as versions, not as text
            distributed.destroy_process_group()


def wrapped(model: nn.Module, device: str) -> nn.Module:
    """Return what the loop is to train: of several processes, the wrapped network."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return model
    places = None if device == "cpu" else [device]
    # Objectives with several passes need the averages of batch-norm left alone between them. Since
    # torch 2.13 that has another name, under which they are the first process's at the start: they
    # are the same in all of them there.
    known = signature(DistributedDataParallel).parameters
    alone = "forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers"
    given: dict[str, Any] = {"device_ids": places, alone: False}
    return DistributedDataParallel(model, **given)


@contextmanager
def led(measure: Training) -> Iterator[Training]:
    """Yield what the first process calls instead of `measure`, so that all do it together.

    The others `follow`. Whether, and how often, is known to the first alone: what is done already
    is left, what another run is at work on is waited for, and a damaged checkpoint is set aside.
    """
    agreed, inside = _words(), list[bool]()

    def together(task: Task, checkpoint: Path) -> list[Result]:
        agreed(True)
        inside.append(True)
        found = measure(task, checkpoint)
        inside.clear()
        return found

    try:
        yield together
    finally:
        if not inside:  # else the others are in the midst of it, and torchrun stops them
            agreed(False)


def follow(measure: Training, task: Task, checkpoint: Path) -> None:
    """Do what the first process does, as often as it does, until it needs this one no more."""
    agreed = _words()
    while agreed(False):
        try:
            measure(task, checkpoint)
        except DamagedError as error:
            # Of a checkpoint, which all refuse together, the first decides what becomes.
            if error.file is None or error.file.parent != checkpoint.parent:
                raise


def first() -> bool:
    """Tell whether this process is the one that writes."""
    return present().rank == 0


def _words() -> Callable[[bool], bool]:
    """Return what all call at the same time, to hear what the first of them gives."""
    if present().size == 1:
        return bool
    group: Any = distributed.new_group(timeout=PATIENCE)

    def heard(word: bool) -> bool:
        values = [word]
        distributed.broadcast_object_list(values, src=0, group=group)
        return values[0]

    return heard
