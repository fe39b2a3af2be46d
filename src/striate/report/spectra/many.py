"""Spectra and exponents of more networks than can have a panel each."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from striate.report.crowd import (
    Crowd,
    crowd,
    crowd_legend,
    crowd_panel,
    crowd_spread,
    crowd_text,
    median_rows,
    ranking_height,
    ranking_panel,
    ranking_rows,
)
from striate.report.drawing import rows, stacked, switch_off
from striate.report.figures import MUTED, WIDTH, Plate, add_powers_of_ten, stem
from striate.report.known import Key, Known, bases, rules_text
from striate.report.names import called
from striate.report.pairs import pair_plate
from striate.report.spectra.exponents import exponent_rows, same_layers
from striate.report.spectra.findings import fitted
from striate.report.spectra.found import Together, window
from striate.report.spectra.layers import CLAIM
from striate.report.spectra.lines import (
    BEYOND,
    SPECTRUM_AXES,
    apart,
    mark_window,
    spectrum_rows,
    units_of,
)
from striate.report.spectra.v1_layers import (
    AS_IN_PAPER,
    Chosen,
    about_fits,
    chosen_layers,
)
from striate.report.spectra.words import alpha_of
from striate.report.words import minus, plural

DEPTH = "relative depth: first layer measured 0, last 1"
MOST_WINDOWS = 8
LIMITS = (2, 98)  # percentiles of α that are drawn: windows of a few ranks give wild exponents


def many_plates(together: Together, known: Mapping[Key, Known]) -> Iterator[Plate]:
    """Draw all networks of a set in the same few figures.

    Parameters
    ----------
    together
        Networks that saw the same images.
    known
        What other results say of them.
    """
    there = chosen_layers(together, known, at_any_rate=True)
    if not there:
        return
    yield _layers(together, there, known)
    pairs = exponent_pairs(together, known)
    if pairs is not None:
        yield pairs
    windows = _windows(together, there, known)
    if windows is not None:
        yield windows


def of_many(together: Together, known: Mapping[Key, Known]) -> list[str]:
    """Say where the exponents of V1-like layers lie, and how groups of networks differ."""
    there = chosen_layers(together, known, at_any_rate=True)
    if not there:
        return [f"{together.label}: no layer was wide enough for an exponent."]
    by_label = {one.network.label: one for one in there}
    sentences = crowd_spread(
        {label: _alpha(one) for label, one in by_label.items()},
        _crowd(there, known),
        lambda alpha: minus(f"{alpha:.2f}"),
        subject=f"{together.label}, {plural(len(there), 'network')}: α of the layer that stands "
        "for each",
        noun="α",
        named=lambda label: _named(by_label[label]),
    )
    return [*sentences, *_of_pairs(together, known)]


def exponent_pairs(together: Together, known: Mapping[Key, Known]) -> Plate | None:
    """Draw exponents of robust networks beside those of their base networks; None without any."""
    lines = stacked(_measured(exponent_rows("", together)))
    return pair_plate(
        stem("spectra-pairs", together.label),
        f"Robust networks and the same networks trained as usual, exponents: {together.label}",
        _bases(together, known),
        lines,
        axes=("α", DEPTH if not same_layers(together) else "layer, counted from 0"),
        level=1.0,
        found=_of_pairs(together, known),
        methods=f"{AS_IN_PAPER} α of each layer, mean over sets, and its sd (band); the dotted "
        "line is α = 1.",
    )


def _layers(together: Together, there: Sequence[Chosen], known: Mapping[Key, Known]) -> Plate:
    people = _crowd(there, known)
    kept = together._replace(networks=[one.network for one in there])
    spectra = stacked(
        spectrum_rows("a", one.network.label, one.layer.name, one.layer.spectrum) for one in there
    )
    exponents = stacked(_measured(exponent_rows("b", kept)))
    medians = median_rows(exponents, people)
    ranks = ranking_rows("c", [_ranked(one) for one in there])
    figure = Figure(figsize=(WIDTH, ranking_height(len(there))), layout="constrained")
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=[1.45, 1])[0]
    upper, lower = left.subplots(2, 1)
    _spectra(upper, spectra, people, there)
    crowd_panel(lower, stacked([exponents, medians]), people)
    lower.axhline(1, color=MUTED, linestyle=(0, (1, 2)), linewidth=1.1, zorder=1)
    depth = "layer, counted from 0" if same_layers(kept) else DEPTH
    lower.set(title="b\u2003exponents of all layers", xlabel=depth, ylabel="α")
    lower.xaxis.set_major_locator(MaxNLocator(8, integer=same_layers(kept)))
    last = right.subplots()
    ranking_panel(last, ranks, people)
    last.set(title="c\u2003α of that layer", xlabel="α")
    last.axvline(1, color=MUTED, linestyle=(0, (1, 2)), linewidth=1.1, zorder=1)
    crowd_legend(figure, people)
    found = of_many(together, known)
    return Plate(
        stem("spectra-layers", together.label),
        f"Spectra and exponents of {len(there)} networks: {together.label}",
        CLAIM,
        tuple(found),
        f"{AS_IN_PAPER} {rules_text([one.rule for one in there])} {about_fits(together, there)} "
        "b: α of every layer, "
        f"mean over sets. c: bars are that error; the dotted line is α = 1. {crowd_text(people)}",
        f"Spectra of one layer of each of {plural(len(there), 'network')}, exponents of all layers "
        f"against depth, and a list of exponents. {found[0]}",
        figure,
        stacked([spectra, medians, exponents, ranks]),
    )


def _spectra(axes: Axes, table: pd.DataFrame, people: Crowd, there: Sequence[Chosen]) -> None:
    shown = table[apart(table["x"]) & (table["y"] > 0)]
    add_powers_of_ten(axes)
    crowd_panel(axes, shown, people)
    axes.grid(False)
    windows = [window(one.layer.scores["alpha"].settings) for one in there]
    main = max(set(windows), key=windows.count)
    mark_window(axes, main)
    low = shown.loc[shown["x"] <= BEYOND * (main[1] if main else shown["x"].max()), "y"].min()
    axes.set_ylim(low / 2, min(2.0, 3 * shown["y"].max()))
    axes.set(title="a\u2003a layer of each network", **SPECTRUM_AXES)


def _windows(
    together: Together, there: Sequence[Chosen], known: Mapping[Key, Known]
) -> Plate | None:
    """Draw α against the last rank of the fit, a panel per first rank."""
    numbers = stacked(
        rows(
            f"from rank {int(curve.settings.get('first') or 1)}", "measured", one.network.label,
            one.layer.name, curve.x, curve.y, None, units_of(curve),
        )
        for one in there
        for curve in one.layer.windows
    )  # fmt: skip
    if numbers.empty:
        return None
    panels = sorted(dict.fromkeys(numbers["panel"]), key=lambda name: int(name.split()[-1]))
    panels = panels[:MOST_WINDOWS]
    people = _crowd(there, known)
    both = stacked([numbers, median_rows(numbers, people)])
    columns = min(4, len(panels))
    lines = -(-len(panels) // columns)
    figure = Figure(figsize=(WIDTH, 0.9 + 1.9 * lines), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True)
    switch_off(grid.flat[len(panels) :])
    for axes, name in zip(grid.flat, panels, strict=False):
        crowd_panel(axes, both[both["panel"] == name], people)
        axes.axhline(1, color=MUTED, linestyle=(0, (1, 2)), linewidth=1, zorder=1)
        axes.set_title(name)
    _dress(grid, numbers, len(panels))
    crowd_legend(figure, people)
    found = _of_windows(there)
    return Plate(
        stem("spectra-windows", together.label),
        f"α against the window it is fitted to, a layer of each network: {together.label}",
        "",
        tuple(found),
        "A panel per first rank of the fit; the last rank is on the axis. The axis leaves out the "
        f"most extreme {LIMITS[0]} % on either side, which are in the CSV. "
        f"{rules_text([one.rule for one in there])} {crowd_text(people)}",
        f"Panels of α against the last rank of the fit, for {plural(len(there), 'network')}. "
        f"{found[0]}",
        figure,
        both,
    )


def _dress(grid: np.ndarray, numbers: pd.DataFrame, count: int) -> None:
    first = grid[0, 0]
    first.set_xscale("log")
    first.xaxis.set_major_locator(LogLocator(numticks=5))
    first.xaxis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:g}"))
    first.xaxis.set_minor_formatter(NullFormatter())
    low, high = np.percentile(numbers["y"], LIMITS)
    first.set_ylim(min(low, 1.0) - 0.05, max(high, 1.0) + 0.05)
    columns = grid.shape[1]
    for place, axes in enumerate(grid.flat[:count]):
        if place + columns >= count:
            axes.set_xlabel("last rank of the fit")
            axes.tick_params(labelbottom=True)
        if place % columns == 0:
            axes.set_ylabel("α")


def _of_windows(there: Sequence[Chosen]) -> list[str]:
    """Say how far α of a network depends on the window, in the median and at most."""
    spans = []
    for one in there:
        values = [
            y
            for curve in one.layer.windows
            for x, y in zip(curve.x, curve.y, strict=True)
            if x >= 4 * float(curve.settings.get("first") or 1)
        ]
        if values:
            spans.append((max(values) - min(values), one.network.label))
    if not spans:
        return ["No window spans two octaves, so nothing can be said of the choice."]
    most = max(spans)
    return [
        "Over windows of two octaves or more, the α of a network varies by "
        f"{np.median([span for span, _ in spans]):.2f} in the median, and at most by {most[0]:.2f} "
        f"({most[1]})."
    ]


def _of_pairs(together: Together, known: Mapping[Key, Known]) -> list[str]:
    by_label = {one.label: dict(fitted(one.layers)) for one in together.networks}
    above, gaps = 0, []
    for robust, base in _bases(together, known):
        ours, theirs = by_label[robust], by_label[base]
        both = [ours[name].value - theirs[name].value for name in ours if name in theirs]
        if both:
            gaps.append(float(np.mean(both)))
            above += gaps[-1] > 0
    if not gaps:
        return []
    return [
        f"In the mean over layers, α is larger in {above} of {len(gaps)} robust networks than in "
        f"the same network trained as usual; the mean difference is "
        f"{minus(f'{np.mean(gaps):+.2f}')}."
    ]


def _bases(together: Together, known: Mapping[Key, Known]) -> list[tuple[str, str]]:
    return bases({one.label: known.get(one.key, Known()) for one in together.networks})


def _measured(parts: Sequence[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    return (part[part["source"] == "measured"] for part in parts)


def _crowd(there: Sequence[Chosen], known: Mapping[Key, Known]) -> Crowd:
    robust = {one.network.label: known.get(one.network.key, Known()).robust for one in there}
    return crowd(robust, {one.network.label: _alpha(one) for one in there}, "α")


def _alpha(one: Chosen) -> float:
    return one.layer.scores["alpha"].value


def _ranked(one: Chosen) -> tuple[str, str, float, float | None]:
    alpha = one.layer.scores["alpha"]
    return one.network.label, one.layer.name, alpha.value, alpha.error


def _named(one: Chosen) -> str:
    return (
        f"{alpha_of(one.layer.scores['alpha'])} ({called(one.layer.name)} of {one.network.label})"
    )
