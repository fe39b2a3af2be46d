"""Several processes on one network: what ``torchrun`` starts, and what stays alone without it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature
from typing import Any, NamedTuple

import torch
import torch.distributed as distributed
from torch import nn
from torch.nn.parallel import DistributedDataParallel


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


def first() -> bool:
    """Tell whether this process is the one that writes."""
    alone = not (distributed.is_available() and distributed.is_initialized())
    return alone or distributed.get_rank() == 0
