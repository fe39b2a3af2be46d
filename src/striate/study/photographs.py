"""Kernels of several draws of photographs, each photograph shown as few times as may be."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from striate.activations import Images, Progress, View, kernels_of_views
from striate.responses import Kernel

# Draws share passes where that lengthens the longest of them by a quarter at most: a pass over
# images of which each draw has a few would keep fewer units, and there would be more passes.
SLACK = 1.25


class Drawn(NamedTuple):
    """Which photographs a kernel is of, and whether its units are z-scored."""

    rows: Sequence[int]
    z_scored: bool


# What is drawn, by name, to the kernels of it, each with its layer and the name of its draw.
Show = Callable[[Mapping[str, Drawn]], Iterable[tuple[str, str, Kernel]]]


def kernels_of_draws(
    model: nn.Module,
    pick: Callable[[Sequence[int]], Images],
    draws: Mapping[str, Drawn],
    layers: str | Sequence[str],
    *,
    crossed: str | None = None,
    others: Mapping[str, Images] | None = None,
    raw: Collection[str] = (),
    memory: str | int = "4GB",
    batch_size: int = 32,
    source: str | None = None,
    progress: Progress | None = None,
    partial: Path | None = None,
) -> Iterator[tuple[str, str, Kernel]]:
    """Show photographs once for all draws that have most of them in common.

    Draws that have not are shown one after the other, each within the whole of `memory`: so take
    of a kernel what is needed, and let it go before asking for the next.

    Parameters
    ----------
    model
        Takes pixels in [0, 1].
    pick
        Gives the photographs of such numbers.
    draws
        By name.
    layers, raw, memory, batch_size, source, progress
        As in `striate.activations.kernels`.
    partial
        Likewise, and sums stay there: a run that is stopped later finds those of all draws.
    crossed, others
        Other stimuli by name, and the draw that they are multiplied with.

    Yields
    ------
    layer, draw, kernel
        Of the layers in their order for one draw or several, then for the next.

    Raises
    ------
    ValueError
        As `kernels`; if others are given without a draw, or a draw without others.
    """
    if (crossed in draws) != bool(others):
        raise ValueError(f"crossed={crossed!r}: name a draw where there are others, and only then")
    for group in shared(draws):
        # The one that others are multiplied with comes last.
        names = sorted(group, key=lambda name: name == crossed)
        rows = list(dict.fromkeys(row for name in names for row in draws[name].rows))
        made = kernels_of_views(
            model,
            pick(rows),
            layers,
            {name: _view(draws[name], rows) for name in names},
            others=others if crossed in names else None,
            raw=raw if crossed in names else (),
            memory=memory,
            batch_size=batch_size,
            source=source,
            progress=progress,
            partial=partial,
            keep_partial=True,
        )
        for layer in list(made):
            kernels = made.pop(layer)
            for name in list(kernels):
                yield layer, name, kernels.pop(name)


def shared(draws: Mapping[str, Drawn]) -> list[list[str]]:
    """Group draws that are had together: the longest first, and with it what it nearly holds."""
    groups: list[tuple[list[str], set[int], int]] = []
    for name in sorted(draws, key=lambda name: -len(draws[name].rows)):
        rows = set(draws[name].rows)
        for number, (names, union, longest) in enumerate(groups):
            if len(union | rows) <= SLACK * longest:
                groups[number] = ([*names, name], union | rows, longest)
                break
        else:
            groups.append(([name], rows, len(rows)))
    return [names for names, _, _ in groups]


def _view(drawn: Drawn, rows: Sequence[int]) -> View:
    if list(drawn.rows) == list(rows):
        return View(drawn.z_scored)
    place = {row: index for index, row in enumerate(rows)}
    return View(drawn.z_scored, torch.tensor([place[row] for row in drawn.rows]))
