"""Tuning of more networks than can have a look, a panel or a figure each."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from striate.report.crowd import (
    Crowd,
    crowd_legend,
    crowd_panel,
    crowd_spread,
    crowd_text,
    median_rows,
)
from striate.report.drawing import letters, rows, stacked, switch_off
from striate.report.figures import MUTED, WIDTH, Plate, stem
from striate.report.forest import reference
from striate.report.known import Key, Known, bases, key_of, rules_text
from striate.report.pairs import pair_plate
from striate.report.tuning.chosen import Chosen, chosen_layers, crowd_of, name_depth
from striate.report.tuning.components import pictures_of
from striate.report.tuning.drawing import DEPTH, layer_rows, same_layers
from striate.report.tuning.findings import SCORE
from striate.report.tuning.found import Layer, Together, best_layer, photographs
from striate.report.tuning.medians import QUANTITIES, Quantity, about_median, dress_median
from striate.report.tuning.orientations import PREFERRED as ORIENTATION
from striate.report.tuning.orientations import UNIFORM, cell_edges
from striate.report.tuning.scores import BY_FIELD, CLAIM, RING, draw_published, published
from striate.report.tuning.words import channels_of, fields, fields_of, sampling_of, shown_to
from striate.report.words import listed, plural, span
from striate.results import Score

DOTTED = {"color": MUTED, "linestyle": (0, (1, 2)), "linewidth": 1.1, "zorder": 1}


def line_plates(together: Together, known: Mapping[Key, Known]) -> Iterator[Plate]:
    """Draw scores, medians and components by layer, and what depends on the field of view."""
    people = crowd_of(together, known)
    there = chosen_layers(together, known)
    made = [
        _scores(together, people),
        _pairs(together, known),
        _fields(together, there, people),
        _medians(together, people),
        _orientations(together, there, people),
        _components(together, people),
    ]
    yield from (plate for plate in made if plate is not None)


def _scores(together: Together, people: Crowd) -> Plate | None:
    table = layer_rows("a", together, lambda layer: layer.scores.get(SCORE))
    if table.empty:
        return None
    known = published()
    both = stacked([table, median_rows(table, people)])
    figure = Figure(figsize=(WIDTH, 4.3), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[3.4, 1], sharey=True)
    crowd_panel(left, both, people)
    name_depth(left, together)
    left.set(title="a\u2003measured here", ylabel="likeness to V1: score")
    draw_published(right, known)
    right.set_title("b\u2003published")
    crowd_legend(figure, people, [Line2D([], [], label="published (Kong et al. 2021)", **RING)])
    found = of_scores(together, people)
    every = [layer for one in together.networks for layer in one.layers]
    return Plate(
        stem("tuning-scores", together.label),
        f"How like V1 the preferred frequencies of each layer are: {together.label}",
        CLAIM,
        tuple(found),
        "The score is 1 less the largest difference between the cumulative distributions of "
        f"preferred frequencies of the channels and of V1 cells. a: {sampling_of(together)}; the "
        "sd is in the CSV. b: as published, each of the layer that predicts V1 best. "
        f"{channels_of(every)}. {crowd_text(people)} {shown_to(together)}",
        f"Score against layer of {plural(len(together.networks), 'network')}, beside four "
        f"published scores. {found[0]}",
        figure,
        stacked([both, known]),
    )


def of_scores(together: Together, people: Crowd) -> list[str]:
    """Say where the scores of the networks' best layers lie, and how groups differ."""
    tops = {
        one.label: layer.scores[SCORE].value
        for one in together.networks
        if (layer := best_layer(one)) is not None
    }
    if not tops:
        return ["No layer was compared with V1."]
    return crowd_spread(
        tops,
        people,
        lambda score: f"{score:.3f}",
        subject=f"{together.label}, {plural(len(tops), 'network')}: the score of the layer most "
        "like V1",
        noun="score",
    )


def _pairs(together: Together, known: Mapping[Key, Known]) -> Plate | None:
    lines = layer_rows("", together, lambda layer: layer.scores.get(SCORE))
    pairs = bases(
        {one.label: known.get(key_of(one.settings), Known()) for one in together.networks}
    )
    return pair_plate(
        stem("tuning-pairs", together.label),
        f"Robust networks and the same networks trained as usual, scores: {together.label}",
        pairs,
        lines,
        axes=("score", "layer, counted from 0" if same_layers(together) else DEPTH),
        level=None,
        found=(),
        methods="Likeness of preferred frequencies to V1 by layer; bands are the error of drawing "
        "channels.",
    )


def _fields(together: Together, there: list[Chosen], people: Crowd) -> Plate | None:
    curves = [(one, one.layer.curves[BY_FIELD]) for one in there if BY_FIELD in one.layer.curves]
    numbers = stacked(
        rows("a", "measured", one.network.label, one.layer.name, curve.x, curve.y, curve.error)
        for one, curve in curves
    )
    if numbers.empty:
        return None
    both = stacked([numbers, median_rows(numbers, people)])
    figure = Figure(figsize=(WIDTH, 3.7), layout="constrained")
    axes = figure.subplots()
    crowd_panel(axes, both, people)
    for field in fields(together):
        reference(axes, field, f"assumed: {field:.3g}°")
    axes.set(xlabel="degrees of visual angle that an image is said to span", ylabel="score")
    axes.set_xlim(numbers["x"].min(), numbers["x"].max())
    axes.set_ylim(bottom=min(0, axes.get_ylim()[0]))
    crowd_legend(figure, people)
    tops = [curve.x[int(np.argmax(curve.y))] for _, curve in curves]
    found = (
        f"The score of a layer is highest were an image said to span {np.median(tops):.3g}° in the "
        f"median network, and {span(tops, 1)}° over all."
    )
    return Plate(
        stem("tuning-field", together.label),
        f"The score against the assumed field of view: {together.label}",
        "",
        (found,),
        "A network has no degrees: how many an image spans is assumed, and decides which channels "
        "prefer a frequency that V1 cells prefer. Elsewhere on this page it is "
        f"{fields_of(together)}° (dotted). {rules_text([one.rule for one in there])} "
        f"{crowd_text(people)}",
        f"Score against the assumed field of view from {span([*numbers['x']])} degrees. {found}",
        figure,
        both,
    )


def _medians(together: Together, people: Crowd) -> Plate | None:
    there = [(one, _table(together, one)) for one in QUANTITIES]
    there = [(one, table) for one, table in there if len(table)]
    if not there:
        return None
    columns = min(2, len(there))
    lines = -(-len(there) // columns)
    figure = Figure(figsize=(WIDTH, 0.9 + 2.45 * lines), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False)
    switch_off(grid.flat[len(there) :])
    panels = []
    for axes, letter, (one, table) in zip(grid.flat, letters(len(there)), there, strict=False):
        part = table.assign(panel=letter)
        panels.append(stacked([part, median_rows(part, people)]).assign(quantity=one.name))
        crowd_panel(axes, panels[-1], people)
        name_depth(axes, together)
        axes.set(title=f"{letter}\u2003{one.title}", ylabel=one.label)
        dress_median(axes, one)
    crowd_legend(figure, people)
    about = " ".join(about_median(one, together) for one, _ in there if one.about)
    return Plate(
        stem("tuning-medians", together.label),
        f"What the median channel of each layer is tuned to: {together.label}",
        "",
        (),
        "Medians over the channels of a layer that answer; their intervals are in the CSV. "
        f"{about} Selectivity is of rectified responses. {crowd_text(people)} {shown_to(together)}",
        f"{listed(one.title for one, _ in there)} against layer, for "
        f"{plural(len(together.networks), 'network')}.",
        figure,
        pd.concat(panels, ignore_index=True),
    )


def _table(together: Together, one: Quantity) -> pd.DataFrame:
    return layer_rows("", together, _score_named(one.name))


def _score_named(name: str) -> Callable[[Layer], Score | None]:
    return lambda layer: layer.scores.get(name)


def _orientations(together: Together, there: list[Chosen], people: Crowd) -> Plate | None:
    curves = [(o, o.layer.curves[ORIENTATION]) for o in there if ORIENTATION in o.layer.curves]
    if not curves:
        return None
    numbers = stacked(
        rows("a", "measured", one.network.label, one.layer.name, curve.x, curve.y)
        for one, curve in curves
    )
    first = curves[0][1]
    even = rows("a", "theory", UNIFORM, UNIFORM, first.x, np.diff(cell_edges(first)) / 180)
    both = stacked([numbers, median_rows(numbers, people)])
    figure = Figure(figsize=(WIDTH, 3.3), layout="constrained")
    axes = figure.subplots()
    crowd_panel(axes, both, people)
    axes.plot(even["x"], even["y"], label=UNIFORM, **DOTTED)
    axes.set(xlabel="orientation, degrees; 0 is horizontal", ylabel="share of channels")
    axes.set_ylim(bottom=0)
    crowd_legend(figure, people)
    most, label = max((max(curve.y), one.network.label) for one, curve in curves)
    found = (
        f"At most {100 * most:.0f}\u00a0% of the channels of a layer prefer the same orientation "
        f"({label})."
    )
    return Plate(
        stem("tuning-orientation", together.label),
        f"Orientations that channels prefer: {together.label}",
        "",
        (found,),
        "Share of channels by the angle of the stripes that they prefer; dotted, what it would be "
        f"{UNIFORM}. {rules_text([one.rule for one in there])} {crowd_text(people)} "
        f"{shown_to(together)}",
        f"Share of channels against preferred orientation, a line per network. {found}",
        figure,
        stacked([both, even]),
    )


def _components(together: Together, people: Crowd) -> Plate | None:
    """Draw the correlation of rank and preferred frequency, a panel per set of photographs."""
    seen = photographs(together)
    tables = []
    for letter, key in zip(letters(len(seen)), seen, strict=True):
        table = layer_rows(
            letter, together, lambda layer, key=key: layer.ranks[key].rho if key in layer.ranks
            else None,
        )  # fmt: skip
        if len(table):
            tables.append((key, stacked([table, median_rows(table, people)])))
    if not tables:
        return None
    figure = Figure(figsize=(WIDTH, 0.7 + 2.8 * len(tables)), layout="constrained")
    grid = figure.subplots(len(tables), 1, squeeze=False)[:, 0]
    for axes, (key, table) in zip(grid, tables, strict=True):
        crowd_panel(axes, table, people)
        axes.axhline(0, **DOTTED)
        name_depth(axes, together)
        axes.set(ylabel="ρ of rank and frequency", title=pictures_of(key))
    crowd_legend(figure, people)
    return Plate(
        stem("tuning-components", together.label),
        f"Principal components and spatial frequency: {together.label}",
        "",
        (),
        "ρ is Spearman's correlation of the rank of a principal component and the frequency that "
        "it prefers: above 0, components with less variance prefer finer patterns. Intervals are "
        f"in the CSV. {crowd_text(people)} {shown_to(together)}",
        f"Correlation of rank and preferred frequency against layer, for "
        f"{plural(len(together.networks), 'network')}.",
        figure,
        stacked([table for _, table in tables]),
    )
