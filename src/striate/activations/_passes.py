"""Carry out a plan: show the images, keep some units, add their products to the sums."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor, nn

from striate.activations._collect import Progress
from striate.activations._forward import Outputs, Take, forward, home, not_finite
from striate.activations._images import Stimuli
from striate.activations._partial import Store
from striate.activations._planning import BLOCK, MOMENTS, Pass, Slice, block_bytes, cut, plan
from striate.activations._sums import (
    Standardised,
    Sum,
    add_product,
    add_square,
    scaling,
    standardise,
    working_memory,
)
from striate.layers import Place

Sums = dict[str, Sum]  # of a layer, by view


class Room(NamedTuple):
    """The memory of a block of units: what they put out, and their means and scales."""

    part: Slice
    raw: Float[Tensor, "stimuli units"]
    moments: Float64[Tensor, "2 units"]


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
    rooms, units = _laid_out(work, now, buffer), work.units()
    for first, batch in _numbered(work.shown):
        keep = {layer: (work.places[layer], _keeping(mine, first)) for layer, mine in rooms.items()}
        forward(work.model, batch, keep, units)
        counter.add(len(batch))
    for layer in rooms.keys() - totals.keys():
        totals[layer] = work.nothing()
    references = {
        layer: [(room.part, _add(work, room, totals[layer])) for room in mine]
        for layer, mine in rooms.items()
    }
    for name, some in work.others.items():
        raw = name in work.raw
        for first, batch in _numbered(some):
            rows = slice(first, first + len(batch))
            multiply = {
                layer: (
                    work.places[layer],
                    _multiplying(mine, totals[layer][work.last()].cross[name][rows], raw=raw),
                )
                for layer, mine in references.items()
            }
            forward(work.model, batch, multiply, units)
            counter.add(len(batch))


def _laid_out(work: Work, now: Pass, buffer: Tensor) -> dict[str, list[Room]]:
    """Give each block of units its place in the buffer, which serves all passes.

    Memory touched for the first time is slow, and what is freed is not always given back.
    """
    count, begin = work.shown.count, 0
    rooms: dict[str, list[Room]] = {}
    for part in _blocks(now):
        dtype, width = work.kept(part.layer), part.stop - part.start
        end = begin + block_bytes(part, count, dtype.itemsize)
        raw = buffer[begin : begin + count * width * dtype.itemsize].view(dtype)
        moments = buffer[end - MOMENTS * width : end].view(torch.float64)
        room = Room(part, raw.view(count, width), moments.view(2, width))
        rooms.setdefault(part.layer, []).append(room)
        begin = end
    return rooms


def _numbered(some: Stimuli) -> Iterator[tuple[int, Tensor]]:
    """Give batches, each with the number of images before it."""
    first = 0
    for batch in some.batches():
        yield first, batch
        first += len(batch)


def _keeping(rooms: list[Room], first: int) -> Take:
    def keep(rows: Tensor) -> None:
        for (_, start, stop), raw, _ in rooms:
            raw[first : first + len(rows)] = rows[:, start:stop]

    return keep


def _add(work: Work, room: Room, totals: Sums) -> Standardised:
    """Standardise a block of units, and add their products to the Gram matrix of each view.

    Returns them as in the last view, which takes over their memory.
    """
    *others, last = work.views
    for name in others:
        rows = work.views[name].rows
        copied = room.raw.clone() if rows is None else room.raw[rows.to(room.raw.device)]
        copy = Room(room.part, copied, torch.empty_like(room.moments))
        _square(copy, totals[name], z_scored=work.views[name].z_scored)
    rows = work.views[last].rows
    if rows is not None:
        room.raw[: len(rows)] = room.raw[rows.to(room.raw.device)]
        room = room._replace(raw=room.raw[: len(rows)])
    return _square(room, totals[last], z_scored=work.views[last].z_scored)


def _square(room: Room, total: Sum, *, z_scored: bool) -> Standardised:
    """Standardise in the memory of the raw responses, and add their products to a Gram matrix."""
    found = scaling(room.raw, z_scored=z_scored, out=room.moments)
    if not found.mean.isfinite().all():
        raise ValueError(not_finite(room.part.layer, room.raw.dtype))
    if not torch.finfo(torch.float64).tiny <= found.power * found.power < inf:
        raise ValueError(
            f"layer {room.part.layer!r} puts out values that vary by about {found.power:.1g}, "
            "whose squares float64 does not hold; z-score its units"
        )
    block = standardise(room.raw, found)
    add_square(total.gram, block.values(), found.power)
    total.done, total.varying = room.part.stop, total.varying + found.varying
    return block


def _multiplying(blocks: list[tuple[Slice, Standardised]], cross: Tensor, *, raw: bool) -> Take:
    def multiply(rows: Tensor) -> None:
        for (_, start, stop), block in blocks:
            some, found = rows[:, start:stop], block.scaling
            new = found.unchanged(some) if raw else found.apply(some)
            add_product(cross, new, block.values(), found.power)

    return multiply
