"""Carry out a plan: show the images, keep some units, add their products to the sums."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from striate.activations._collect import Progress
from striate.activations._forward import Outputs, Take, forward, home, not_finite
from striate.activations._images import Stimuli
from striate.activations._partial import Store
from striate.activations._planning import BLOCK, MOMENTS, Pass, Slice, block_bytes, cut, plan
from striate.activations._sums import (
    Block,
    Sum,
    add_product,
    add_square,
    settle,
    working_memory,
)
from striate.layers import Place

Blocks = list[tuple[Slice, Block]]


@dataclass(frozen=True)
class Work:
    """What is to be summed: layers of a model, over images, and over others times these.

    `outputs` are in the order of the forward pass; `raw` names those of `others` whose responses
    are not standardised.
    """

    model: nn.Module
    shown: Stimuli
    others: Mapping[str, Stimuli]
    places: Mapping[str, Place]
    outputs: Mapping[str, Outputs]
    z_scored: bool
    dtype: torch.dtype | None
    raw: frozenset[str] = frozenset()

    def kept(self, layer: str) -> torch.dtype:
        """Type in which the activations of a layer are kept."""
        return self.dtype or self.outputs[layer].dtype

    def device(self) -> torch.device:
        """Where activations are kept and summed."""
        return home(self.model)

    def nothing(self) -> Sum:
        """Return the sums of a layer of which nothing is summed yet."""

        def zeros(rows: int) -> Tensor:
            shape = (rows, self.shown.count)
            return torch.zeros(shape, dtype=torch.float64, device=self.device())

        cross = {name: zeros(some.count) for name, some in self.others.items()}
        return Sum(zeros(self.shown.count), cross)


@dataclass
class _Counter:
    """Images shown, of all that are to be shown."""

    of: int
    progress: Progress | None
    shown: int = 0

    def add(self, images: int) -> None:
        self.shown += images
        if self.progress is not None:
            self.progress(self.shown, self.of)


def summed(
    work: Work, memory: str | int, progress: Progress | None, store: Store | None
) -> dict[str, Sum]:
    """Make the plan, or one of what `store` lacks, and carry it out.

    Raises
    ------
    ValueError
        If `memory` is not enough, a response is not finite, or a stored sum is damaged.
    """
    totals: dict[str, Sum] = {}
    for layer, outputs in work.outputs.items():
        left = store.read(layer, outputs, work.device()) if store else None
        if left is not None:
            totals[layer] = left
    passes = _plan(work, memory, totals, saved=store is not None)
    room = max((_bytes(work, cut_up) for cut_up in map(_blocks, passes)), default=0)
    buffer = torch.empty(room, dtype=torch.uint8, device=work.device())
    images = work.shown.count + sum(some.count for some in work.others.values())
    counter = _Counter(len(passes) * images, progress)
    for now in passes:
        _carry_out(work, now, totals, buffer, counter)
        if store is not None:
            for layer in {part.layer for part in now.slices}:
                store.write(layer, totals[layer], work.outputs[layer])
    return totals


def _plan(work: Work, memory: str | int, totals: Mapping[str, Sum], *, saved: bool) -> list[Pass]:
    itemsize = {layer: work.kept(layer).itemsize for layer in work.outputs}
    count, others = work.shown.count, sum(some.count for some in work.others.values())
    batch = work.shown.batch_size
    overhead = max(
        working_memory(count, batch, min(BLOCK, outputs.units), itemsize[layer])
        for layer, outputs in work.outputs.items()
    )
    # What is written lies in memory twice, as numbers and as the content of a file.
    overhead += 2 * 8 * count * (count + others) if saved else 0
    return plan(
        {layer: outputs.units for layer, outputs in work.outputs.items()},
        stimuli=count,
        memory=memory,
        others=others,
        itemsize=itemsize,
        overhead=overhead,
        done={layer: total.done for layer, total in totals.items()},
    )


def _blocks(now: Pass) -> list[Slice]:
    return [block for part in now.slices for block in cut(part)]


def _bytes(work: Work, blocks: list[Slice]) -> int:
    count = work.shown.count
    return sum(block_bytes(block, count, work.kept(block.layer).itemsize) for block in blocks)


def _carry_out(
    work: Work, now: Pass, totals: dict[str, Sum], buffer: Tensor, counter: _Counter
) -> None:
    blocks = _laid_out(work, now, buffer)
    for first, batch in _numbered(work.shown):
        takes = {
            layer: (work.places[layer], _keeping(parts, first)) for layer, parts in blocks.items()
        }
        forward(work.model, batch, takes)
        counter.add(len(batch))
    for layer, parts in blocks.items():
        if layer not in totals:
            totals[layer] = work.nothing()
        _add(work, parts, totals[layer])
    for name, some in work.others.items():
        for first, batch in _numbered(some):
            takes = {
                layer: (
                    work.places[layer],
                    _adding(parts, totals[layer].cross[name], first, raw=name in work.raw),
                )
                for layer, parts in blocks.items()
            }
            forward(work.model, batch, takes)
            counter.add(len(batch))


def _laid_out(work: Work, now: Pass, buffer: Tensor) -> dict[str, Blocks]:
    """Give each block of units its place in the buffer, which serves all passes.

    Memory touched for the first time is slow, and what is freed is not always given back.
    """
    count, begin = work.shown.count, 0
    blocks: dict[str, Blocks] = {}
    for part in _blocks(now):
        dtype, width = work.kept(part.layer), part.stop - part.start
        end = begin + block_bytes(part, count, dtype.itemsize)
        values = buffer[begin : begin + count * width * dtype.itemsize].view(dtype)
        mean, scale = buffer[end - MOMENTS * width : end].view(torch.float64).view(2, width)
        block = Block(values.view(count, width), mean, scale)
        blocks.setdefault(part.layer, []).append((part, block))
        begin = end
    return blocks


def _numbered(some: Stimuli) -> Iterator[tuple[int, Tensor]]:
    """Give batches, each with the number of images before it."""
    first = 0
    for batch in some.batches():
        yield first, batch
        first += len(batch)


def _keeping(blocks: Blocks, first: int) -> Take:
    def keep(rows: Tensor) -> None:
        for (_, start, stop), block in blocks:
            block.values[first : first + len(rows)] = rows[:, start:stop]

    return keep


def _add(work: Work, blocks: Blocks, total: Sum) -> None:
    """Standardise units of a layer, and add their products to its Gram matrix."""
    for part, block in blocks:
        varying = settle(block, z_scored=work.z_scored)
        if not block.mean.isfinite().all():
            raise ValueError(not_finite(part.layer, block.values.dtype))
        add_square(total.gram, block.standardised())
        total.done, total.varying = part.stop, total.varying + varying


def _adding(blocks: Blocks, cross: Tensor, first: int, *, raw: bool) -> Take:
    def add(rows: Tensor) -> None:
        for (_, start, stop), block in blocks:
            some = rows[:, start:stop]
            new = block.unchanged(some) if raw else block.apply(some)
            add_product(cross[first : first + len(rows)], new, block.standardised())

    return add
