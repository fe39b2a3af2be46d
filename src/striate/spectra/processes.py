"""Sum and collect over the processes that share a batch, or over nobody."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
import torch.distributed as distributed
from torch import Tensor

Group = distributed.ProcessGroup | Literal["world"] | None


class Processes(NamedTuple):
    """What the spectrum of a batch needs to know of those who hold parts of it.

    Attributes
    ----------
    size
        How many there are.
    rows
        How many rows they hold together.
    add
        The sum over them of a tensor, the same to the last bit for all.
    gather
        All their rows, and which of them are mine.
    """

    size: int
    rows: Callable[[Tensor], int]
    add: Callable[[Tensor], Tensor]
    gather: Callable[[Tensor], tuple[Tensor, slice]]


ALONE = Processes(1, len, lambda share: share, lambda rows: (rows, slice(None)))


def together(group: Group) -> Processes:
    """Return the processes of `group`, each holding the rows of its own mini-batch.

    ``"world"`` are all there are when this is called: in a program that is not distributed, one.

    Raises
    ------
    ValueError
        If `group` is neither a group, ``"world"`` nor ``None``.
    """
    if isinstance(group, str) and group != "world":
        raise ValueError(f"group={group!r}; give a process group, 'world', or None")
    if group == "world":
        met = distributed.is_available() and distributed.is_initialized()
        group = distributed.group.WORLD if met else None
    if group is None or distributed.get_world_size(group) == 1:
        return ALONE

    def add(share: Tensor) -> Tensor:
        total = share.contiguous().clone()
        distributed.all_reduce(total, group=group)
        return total

    def number(rows: Tensor) -> int:
        return int(add(torch.tensor(len(rows), device=rows.device)))

    def gather(rows: Tensor) -> tuple[Tensor, slice]:
        size, rank = distributed.get_world_size(group), distributed.get_rank(group)
        counts = torch.zeros(size, dtype=torch.int64, device=rows.device)
        counts[rank] = len(rows)
        lengths: list[int] = add(counts).tolist()
        parts = [rows.new_empty(max(lengths), rows.shape[1]) for _ in lengths]
        mine = torch.nn.functional.pad(rows, (0, 0, 0, max(lengths) - len(rows)))
        distributed.all_gather(parts, mine.contiguous(), group=group)
        start = sum(lengths[:rank])
        held = torch.cat([part[:length] for part, length in zip(parts, lengths, strict=True)])
        return held, slice(start, start + lengths[rank])

    return Processes(distributed.get_world_size(group), number, add, gather)
