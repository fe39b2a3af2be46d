"""Neuron by neuron: what one network predicts against what another does."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from striate.report.drawing import clipped, evenly, letters, part_of, rows, switch_off
from striate.report.figures import BLUE, INK, MUTED, WIDTH, Plate, stem
from striate.report.predictivity.drawing import conditions, panels
from striate.report.predictivity.findings import of_pairs
from striate.report.predictivity.found import Together
from striate.report.predictivity.pairs import Labels, Pair, both_averaged, pairs
from striate.report.predictivity.words import degrees, methods_of, signed, splits_name
from striate.report.words import listed

MOST = 6  # panels
FEW = 4  # pairs that have a figure each
MOST_PAIRS, COLUMNS = 20, 4
CLAIM = (
    "In both ResNets compared, networks trained to be robust predict neurons better than the same "
    "networks trained as usual (p < 0.01, bootstrap over neurons)."
)


def neurons_plates(together: Together, bases: Labels = (), most: int = FEW) -> list[Plate]:
    """Draw each pair of networks whose neurons were saved, in a panel per assumed display size.

    Of more pairs than `most`, there is a panel each in one figure. `bases` are as for `pairs`.
    """
    by_names: dict[tuple[str, str], list[Pair]] = {}
    for pair in pairs(together, bases):
        if both_averaged(pair.first, pair.second) is not None:
            by_names.setdefault((pair.first.label, pair.second.label), []).append(pair)
    if len(by_names) > most:
        return [_many(together, [_shown(mine) for mine in by_names.values()])]
    return [_plate(together, names, _shown(mine)) for names, mine in by_names.items()]


def _many(together: Together, there: Sequence[Sequence[Pair]]) -> Plate:
    """Draw a panel per pair, of the size at which most pairs were shown images."""
    sizes = [pair.first.display for mine in there for pair in mine]
    common = max(dict.fromkeys(sizes), key=sizes.count)
    every = [min(mine, key=lambda pair: pair.first.display != common) for mine in there]
    chosen = evenly(every, MOST_PAIRS)
    columns = min(COLUMNS, len(chosen))
    lines = -(-len(chosen) // columns)
    figure = Figure(figsize=(WIDTH, 0.5 + 2.05 * lines), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True)
    switch_off(grid.flat[len(chosen) :])
    tables = [_rows(pair.first.label, pair) for pair in every]
    numbers = pd.concat(tables, ignore_index=True)
    low, high = _limits(numbers)
    for place, (axes, pair) in enumerate(zip(grid.flat, chosen, strict=False)):
        _draw(axes, _rows("", pair), pair, size=5.6)
        axes.plot([low, high], [low, high], color=MUTED, linewidth=1, zorder=1, label="_identity")
        axes.set(xlim=(low, high), ylim=(low, high))
        against = f"{clipped(pair.first.label, 27)}\nagainst {clipped(pair.second.label, 22)}"
        axes.set_title(against, fontsize=6.6)
        if place + columns >= len(chosen):
            axes.tick_params(labelbottom=True)
    figure.supxlabel("noise-corrected correlation, second network", fontsize=8.5)
    figure.supylabel("first network", fontsize=8.5)
    found = of_pairs(together, every)
    first = every[0].first
    kind = splits_name(first.settings.get("grouped"))
    return Plate(
        stem("predictivity-neurons", together.label),
        f"Neuron by neuron, {len(every)} pairs of networks: {together.label}",
        CLAIM,
        tuple(found),
        "As Fig. 5 of Kong et al. 2021, left, a panel per pair. Each dot is a neuron: its "
        "noise-corrected correlation averaged over splits, by the best layer of each network. "
        f"Above the line the first network predicts it better. {_about_difference(every)}Protocol "
        f"“{first.protocol}”, splits of {kind}, images {degrees(common)} wide."
        f"{part_of(len(chosen), len(every), 'pairs')}",
        f"One dot per neuron, and the line of equality, for {len(chosen)} pairs. "
        f"{''.join(found[:1])}",
        figure,
        numbers,
    )


def _shown(mine: Sequence[Pair]) -> list[Pair]:
    """Choose among conditions: one protocol, the paper's first, and grouped splits if any."""
    protocol = min((pair.first.protocol for pair in mine), key=_first)
    kept = [pair for pair in mine if pair.first.protocol == protocol]
    grouped = any(pair.first.grouped for pair in kept)
    kept = [pair for pair in kept if pair.first.grouped == grouped]
    return sorted(kept, key=lambda pair: pair.first.display or np.inf)


def _first(protocol: str) -> tuple[bool, str]:
    return protocol != "paper", protocol


def _plate(together: Together, names: tuple[str, str], there: Sequence[Pair]) -> Plate:
    shown = evenly(there, MOST)
    figure, grid = panels(len(shown), 3.2)
    tables = []
    for axes, letter, pair in zip(grid, letters(len(shown)), shown, strict=True):
        tables.append(_rows(letter, pair))
        _draw(axes, tables[-1], pair)
        axes.set_title(f"{letter}\u2003{_size(pair)}")
    numbers = pd.concat(tables, ignore_index=True)
    low, high = _limits(numbers)
    for axes in grid:
        axes.plot([low, high], [low, high], color=MUTED, linewidth=1, zorder=1, label="_identity")
        axes.set(xlim=(low, high), ylim=(low, high), xlabel=clipped(names[1], 34))
        axes.set_ylabel(clipped(names[0], 34))
    found = of_pairs(together, there)
    runs = [run for pair in shown for run in (pair.first, pair.second)]
    first = shown[0].first
    kind = splits_name(first.settings.get("grouped"))
    layers = listed(
        dict.fromkeys(f"{run.best.name} of {run.label} ({degrees(run.display)})" for run in runs)
    )
    return Plate(
        stem("predictivity-neurons", f"{together.label} {names[0]} {names[1]}"),
        f"Neuron by neuron, {names[0]} against {names[1]}: {together.label}",
        CLAIM,
        tuple(found),
        "As Fig. 5 of Kong et al. 2021, left. Each dot is a neuron: its noise-corrected "
        "correlation averaged over splits, by the best "
        "layer of each network. Above the line the network on the y axis predicts it better. "
        f"{_about_difference(there)}Protocol “{first.protocol}”, splits of {kind}."
        f"{part_of(len(shown), len(there), 'display sizes')} Layers: {layers}. "
        f"{methods_of(runs, together)}",
        f"One dot per neuron, and the line of equality. {found[0]}",
        figure,
        numbers,
    )


def _size(pair: Pair) -> str:
    one, other = pair.first.display, pair.second.display
    if one == other:
        return "" if one is None else f"images {degrees(one)} wide"
    return f"images {degrees(one)} (y) and {degrees(other)} (x) wide"


def _rows(letter: str, pair: Pair) -> pd.DataFrame:
    """Return a row per neuron; `series` is its number among those kept, counted from 1."""
    y, x = _both(pair)
    names = [str(number) for number in range(1, len(x) + 1)]
    of = f"{pair.first.label} against {pair.second.label}"
    return rows(letter, "measured", of, names, x, y).assign(**conditions(pair.first))


def _both(pair: Pair) -> tuple[np.ndarray, np.ndarray]:
    both = both_averaged(pair.first, pair.second)
    assert both is not None  # pairs without neurons have no figure
    return both


def _draw(axes: Axes, table: pd.DataFrame, pair: Pair, size: float = 7.8) -> None:
    look = {"linestyle": "none", "marker": "o", "markersize": 4, "markeredgewidth": 0}
    axes.plot(table["x"], table["y"], label="neurons", color=BLUE, alpha=0.7, **look)
    axes.set_aspect("equal")
    if pair.difference is not None:
        axes.text(
            0.03, 0.97, _note(pair), transform=axes.transAxes,
            ha="left", va="top", fontsize=size, color=INK,
        )  # fmt: skip


def _note(pair: Pair) -> str:
    if pair.difference is None:
        return ""
    about = pair.difference.settings
    lines = [f"difference {signed(pair.difference.value)}"]
    low, high, p = (about.get(name) for name in ("low", "high", "p_two_sided"))
    if isinstance(low, int | float) and isinstance(high, int | float):
        lines.append(f"95 %: {signed(low)} to {signed(high)}")
    if isinstance(p, int | float):
        lines.append(f"p = {p:.2g}")
    return "\n".join(lines)


def _about_difference(there: Sequence[Pair]) -> str:
    known = [pair.difference for pair in there if pair.difference is not None]
    if not known:
        return "No difference was tested. "
    resamples = {about for one in known if (about := one.settings.get("resamples"))}
    count = f" ({listed(f'{number:,}' for number in sorted(map(int, resamples)))} times)"
    return (
        "The difference is that of medians over neurons; its interval and the two-sided p are of "
        f"neurons drawn anew with replacement{count if resamples else ''}, and say nothing about "
        "other trainings of a network, or other images. "
    )


def _limits(numbers: pd.DataFrame) -> tuple[float, float]:
    both = numbers[["x", "y"]].to_numpy(float)
    aside = 0.05 * max(float(np.ptp(both)), 0.1)
    return float(both.min()) - aside, float(both.max()) + aside
