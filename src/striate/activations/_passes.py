"""Carry out a plan: show the images, keep some units, add their products to the sums."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import torch
from jaxtyping import Int64
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
Sums = dict[str, Sum]  # of a layer, by view


class View(NamedTuple):
    """Which of the images one kernel is of, and how its units are standardised.

    Attributes
    ----------
    z_scored
        Whether each unit is divided by its standard deviation over these images.
    rows
        Which images, counted from 0, each once; all in order, if None.
    """

    z_scored: bool
    rows: Int64[Tensor, " some"] | None = None

    def count(self, shown: int) -> int:
        """Count its images, of so many that are shown."""
        return shown if self.rows is None else len(self.rows)


@dataclass(frozen=True)
class Work:
    """What is to be summed: layers of a model, over views of images, and over others times these.

    `outputs` are in the order of the forward pass; others are multiplied with the last view; `raw`
    names those of them whose responses are not standardised.
    """

    model: nn.Module
    shown: Stimuli
    others: Mapping[str, Stimuli]
    places: Mapping[str, Place]
    outputs: Mapping[str, Outputs]
    views: Mapping[str, View]
    dtype: torch.dtype | None
    raw: frozenset[str] = frozenset()

    def kept(self, layer: str) -> torch.dtype:
        """Type in which the activations of a layer are kept."""
        return self.dtype or self.outputs[layer].dtype

    def device(self) -> torch.device:
        """Where activations are kept and summed."""
        return home(self.model)

    def units(self) -> dict[str, int]:
        """Count the units of each layer."""
        return {layer: outputs.units for layer, outputs in self.outputs.items()}

    def last(self) -> str:
        """Name the view that others are multiplied with."""
        return list(self.views)[-1]

    def counts(self) -> dict[str, int]:
        """Count the images of each view."""
        return {name: view.count(self.shown.count) for name, view in self.views.items()}

    def bytes(self) -> int:
        """Count the bytes of the sums of one layer."""
        counts, others = self.counts(), sum(some.count for some in self.others.values())
        return 8 * (sum(n * n for n in counts.values()) + counts[self.last()] * others)

    def nothing(self) -> Sums:
        """Return the sums of a layer of which nothing is summed yet."""

        def zeros(rows: int, columns: int) -> Tensor:
            return torch.zeros((rows, columns), dtype=torch.float64, device=self.device())

        counts = self.counts()
        sums = {name: Sum(zeros(count, count)) for name, count in counts.items()}
        for name, some in self.others.items():
            sums[self.last()].cross[name] = zeros(some.count, counts[self.last()])
        return sums


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
) -> dict[str, Sums]:
    """Make the plan, or one of what `store` lacks, and carry it out.

    Raises
    ------
    ValueError
        If `memory` is not enough, a response is not finite, or a stored sum is damaged.
    """
    totals: dict[str, Sums] = {}
    for layer, outputs in work.outputs.items():
        left = store.read(layer, outputs, work.device()) if store else None
        if left is not None:
            totals[layer] = left
    passes = planned(work, memory, totals, saved=store is not None)
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


def planned(
    work: Work, memory: str | int, totals: Mapping[str, Sums], *, saved: bool
) -> list[Pass]:
    """Plan what `totals` lack, if these are `saved` after each pass.

    Raises
    ------
    ValueError
        If `memory` is not enough.
    """
    itemsize = {layer: work.kept(layer).itemsize for layer in work.outputs}
    count, others = work.shown.count, sum(some.count for some in work.others.values())
    batch = work.shown.batch_size
    # Where there are several views, or one of a part, its responses are copied.
    whole = len(work.views) == 1 and work.views[work.last()].rows is None
    copied = 0 if whole else max(work.counts().values())
    overhead = max(
        working_memory(count, batch, min(BLOCK, outputs.units), itemsize[layer])
        + copied * min(BLOCK, outputs.units) * itemsize[layer]
        for layer, outputs in work.outputs.items()
    )
    # What is written lies in memory twice, as numbers and as the content of a file.
    overhead += 2 * work.bytes() if saved else 0
    return plan(
        work.units(),
        stimuli=count,
        memory=memory,
        others=others,
        itemsize=itemsize,
        overhead=overhead,
        done={layer: sums[work.last()].done for layer, sums in totals.items()},
        sums=work.bytes(),
    )


def _blocks(now: Pass) -> list[Slice]:
    return [block for part in now.slices for block in cut(part)]


def _bytes(work: Work, blocks: list[Slice]) -> int:
    count = work.shown.count
    return sum(block_bytes(block, count, work.kept(block.layer).itemsize) for block in blocks)


def _carry_out(
    work: Work, now: Pass, totals: dict[str, Sums], buffer: Tensor, counter: _Counter
) -> None:
    blocks, units = _laid_out(work, now, buffer), work.units()
    for first, batch in _numbered(work.shown):
        takes = {
            layer: (work.places[layer], _keeping(parts, first)) for layer, parts in blocks.items()
        }
        forward(work.model, batch, takes, units)
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
                    _adding(
                        parts, totals[layer][work.last()].cross[name], first, raw=name in work.raw
                    ),
                )
                for layer, parts in blocks.items()
            }
            forward(work.model, batch, takes, units)
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


def _add(work: Work, blocks: Blocks, totals: Sums) -> None:
    """Standardise units of a layer, and add their products to the Gram matrix of each view.

    The last view works in the memory of the responses themselves, and is left standardised.
    """
    for part, block in blocks:
        for name, view in work.views.items():
            if name != work.last():
                every = torch.arange(len(block.values)) if view.rows is None else view.rows
                _square(part, block.of(every.to(block.values.device)), totals[name], view)
        last = work.views[work.last()]
        if last.rows is not None:
            block.narrow(last.rows.to(block.values.device))
        _square(part, block, totals[work.last()], last)


def _square(part: Slice, block: Block, total: Sum, view: View) -> None:
    varying = settle(block, z_scored=view.z_scored)
    if not block.mean.isfinite().all():
        raise ValueError(not_finite(part.layer, block.values.dtype))
    if not torch.finfo(torch.float64).tiny <= block.power * block.power < inf:
        raise ValueError(
            f"layer {part.layer!r} puts out values that vary by about {block.power:.1g}, whose "
            "squares float64 does not hold; z-score its units"
        )
    add_square(total.gram, block.standardised(), block.power)
    total.done, total.varying = part.stop, total.varying + varying


def _adding(blocks: Blocks, cross: Tensor, first: int, *, raw: bool) -> Take:
    def add(rows: Tensor) -> None:
        for (_, start, stop), block in blocks:
            some = rows[:, start:stop]
            new = block.unchanged(some) if raw else block.apply(some)
            z = block.standardised()
            add_product(cross[first : first + len(rows)], new, z, block.power)

    return add
