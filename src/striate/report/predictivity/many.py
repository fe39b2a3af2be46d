"""Predictivity of more networks than can have a look of their own or a figure per pair."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

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
from striate.report.drawing import rows
from striate.report.figures import DASHES, INK, MUTED, WIDTH, Look, Plate, stem
from striate.report.known import Key, Known, bases, key_of
from striate.report.pairs import pair_plate
from striate.report.predictivity.drawing import LABEL, conditions, layer_rows, same_layers
from striate.report.predictivity.found import Run, Together, displays, flats
from striate.report.predictivity.layers import CLAIM
from striate.report.predictivity.words import (
    ceiling_of,
    degrees,
    methods_of,
    signed,
    sizes,
    splits_name,
)
from striate.report.tuning.drawing import DEPTH
from striate.report.words import listed, plural

FLAT: Look = {"color": MUTED, "linewidth": 1.0, "linestyle": (0, (1, 1.4)), "zorder": 1}
LOOSE: Mapping[str, Look] = {"single images": {"linestyle": DASHES}}
AS_IN_PAPER = "As Fig. 5 of Kong et al. 2021"


def many_plates(together: Together, known: Mapping[Key, Known]) -> Iterator[Plate]:
    """Draw all networks of a recording in the same few figures.

    Parameters
    ----------
    together
        Networks that predicted the same neurons.
    known
        What other results say of them.
    """
    people = crowd_of(together, known)
    main = main_runs(together)
    yield _layers(together, main, people)
    made = [
        _pairs(together, main, known),
        _displays(together, people),
        _protocols(together, people),
    ]
    yield from (plate for plate in made if plate is not None)


def crowd_of(together: Together, known: Mapping[Key, Known]) -> Crowd:
    """Sort networks into groups; those that predict best and least are named."""
    deep = [run for run in together.runs if run.label not in flats(together)]
    robust = {run.label: known.get(key_of(run.settings), Known()).robust for run in deep}
    scores = {run.label: run.score.value for run in main_runs(together) if run.label in robust}
    return crowd(robust, scores, "predictivity")


def main_runs(together: Together) -> list[Run]:
    """Return one run per network: of the first protocol, grouped splits, the commonest size."""
    runs = [run for run in together.runs if run.protocol == together.protocols[0]]
    runs = [run for run in runs if run.grouped] or runs
    counts = {one: sum(run.display == one for run in runs) for one in displays(runs)}
    most = max(counts, key=lambda one: counts[one])
    first: dict[str, Run] = {}
    for run in sorted(runs, key=lambda run: run.display != most):
        first.setdefault(run.label, run)
    return [first[label] for label in together.networks if label in first]


def labelled_bases(together: Together, known: Mapping[Key, Known]) -> list[tuple[str, str]]:
    """Return the labels of robust networks with those of their base networks."""
    return bases({run.label: known.get(key_of(run.settings), Known()) for run in together.runs})


def of_many(together: Together, known: Mapping[Key, Known]) -> list[str]:
    """Say where the predictivity of best layers lies, and how groups of networks differ."""
    people = crowd_of(together, known)
    scores = {
        run.label: run.score.value for run in main_runs(together) if run.label in people.groups
    }
    sentences = crowd_spread(
        scores,
        people,
        lambda score: f"{score:.3f}",
        subject=f"{together.label}, {plural(len(scores), 'network')}: the best layer’s "
        "predictivity",
        noun="predictivity",
    )
    gaps = [
        scores[robust] - scores[base]
        for robust, base in labelled_bases(together, known)
        if robust in scores and base in scores
    ]
    if gaps:
        sentences.append(
            f"It is higher in {sum(gap > 0 for gap in gaps)} of {len(gaps)} robust networks than "
            "in the same network trained as usual; the mean difference is "
            f"{signed(float(np.mean(gaps)))}."
        )
    return sentences


def _layers(together: Together, main: Sequence[Run], people: Crowd) -> Plate:
    deep = [run for run in main if run.label in people.groups]
    table = layer_rows("a", main, every=main)
    flat = table[~table["of"].isin(people.groups)].assign(source="one layer")
    lines = table[table["of"].isin(people.groups)].assign(source="measured")
    both = pd.concat([lines, median_rows(lines, people)], ignore_index=True)
    ranks = ranking_rows(
        "b", [(run.label, run.best.name, run.score.value, run.score.error) for run in deep]
    )
    figure = Figure(figsize=(WIDTH, ranking_height(len(deep))), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1.5, 1])
    crowd_panel(left, both, people)
    for _, line in flat.groupby("of", sort=False):
        left.plot(line["x"], line["y"], label="one layer only", **FLAT)
    _name_depth(left, deep)
    left.set(title="a\u2003every layer", ylabel=LABEL)
    ranking_panel(right, ranks, people)
    right.set(title="b\u2003best layer", xlabel=LABEL)
    plain = [Line2D([], [], label="one layer only", **FLAT)] if len(flat) else []
    crowd_legend(figure, people, plain)
    found = _top(ranks)
    numbers = pd.concat([part for part in (both, flat, ranks) if len(part)], ignore_index=True)
    return Plate(
        stem("predictivity-layers", together.label),
        f"How well each layer predicts the neurons: {together.label}",
        CLAIM,
        (found,),
        f"{AS_IN_PAPER}, right, for all networks. Each point is the median over neurons of the "
        "noise-corrected correlation, averaged over splits; b: the layer that predicts best, ± one "
        f"sd over splits. Protocol “{main[0].protocol}”, splits of "
        f"{splits_name(main[0].settings.get('grouped'))}, images {sizes(main)} wide. "
        f"{crowd_text(people)} {ceiling_of(main)} {methods_of(main, together)}",
        f"Predictivity against layer of {plural(len(deep), 'network')}, and a list of their best "
        f"layers. {found}",
        figure,
        numbers,
    )


def _top(ranks: pd.DataFrame) -> str:
    first = ranks.iloc[0]
    return f"{first['of']} predicts best, by {first['series']}: {first['x']:.3f}."


def _pairs(together: Together, main: Sequence[Run], known: Mapping[Key, Known]) -> Plate | None:
    """Draw robust networks beside their base networks, by layer."""
    deep = [run for run in main if not run.flat]
    lines = layer_rows("", deep, every=deep)
    return pair_plate(
        stem("predictivity-pairs", together.label),
        f"Robust networks and the same networks trained as usual, predictivity: {together.label}",
        labelled_bases(together, known),
        lines,
        axes=(LABEL, "layer, counted from 0" if same_layers(deep) else DEPTH),
        level=None,
        found=(),
        methods=f"{AS_IN_PAPER}, right. Median over neurons of the noise-corrected correlation by "
        "layer; bands are ± one sd over splits.",
    )


def _displays(together: Together, people: Crowd) -> Plate | None:
    runs = [run for run in together.runs if run.protocol == together.protocols[0]]
    runs = [run for run in runs if run.display is not None and run.label in people.groups]
    if len(displays(runs)) < 2:
        return None
    x = {run.display: run.display or 0.0 for run in runs}
    return _conditions(
        "predictivity-display", "Predictivity against the assumed size of the images", together,
        runs, [x[run.display] for run in runs], people,
        f"The best layer at each size. Sizes: {sizes(runs)}.",
        "degrees that an image is said to span", {value: f"{value:g}" for value in x.values()},
    )  # fmt: skip


def _protocols(together: Together, people: Crowd) -> Plate | None:
    runs = [run for run in together.runs if run.label in people.groups]
    runs = [run for run in runs if run.display == main_runs(together)[0].display]
    names = [name for name in together.protocols if any(run.protocol == name for run in runs)]
    if len(names) < 2:
        return None
    return _conditions(
        "predictivity-protocols", "How much the preparation of features matters", together,
        runs, [float(names.index(run.protocol)) for run in runs], people,
        f"The best layer under each protocol, at {degrees(runs[0].display)}.",
        "protocol", {float(i): name for i, name in enumerate(names)},
    )  # fmt: skip


def _conditions(
    name: str,
    title: str,
    together: Together,
    runs: Sequence[Run],
    places: Sequence[float],
    people: Crowd,
    about: str,
    label: str,
    ticks: Mapping[float, str],
) -> Plate:
    """Draw the best layer's score against a condition, dashed for splits of single images."""
    parts = [
        rows("a", "measured", run.label, run.best.name, [x], [run.score.value], run.score.error)
        .assign(split="" if run.grouped else "single images", **conditions(run))
        for x, run in zip(places, runs, strict=True)
    ]  # fmt: skip
    table = pd.concat(parts, ignore_index=True).sort_values("x", kind="stable")
    medians = median_rows(table, people)
    loose = medians["series"].str.endswith("single images")
    both = pd.concat(
        [table, medians.assign(split=np.where(loose, "single images", ""))], ignore_index=True
    )
    figure = Figure(figsize=(WIDTH, 3.9), layout="constrained")
    axes = figure.subplots()
    crowd_panel(axes, both, people, LOOSE)
    axes.set_xticks([*ticks], [*ticks.values()])
    axes.set(xlabel=label, ylabel=LABEL)
    dashed = (both["split"] != "").any()
    extra = [Line2D([], [], label="splits of single images", color=INK, linestyle=DASHES)]
    crowd_legend(figure, people, extra if dashed else [])
    return Plate(
        stem(name, together.label),
        f"{title}: {together.label}",
        "",
        (),
        f"{about} {crowd_text(people)} {methods_of(runs, together)}",
        f"Predictivity of the best layer against {label}, a line for each of "
        f"{plural(len(people.groups), 'network')}: {listed([*ticks.values()])}.",
        figure,
        both,
    )


def _name_depth(axes: Axes, runs: Sequence[Run]) -> None:
    alike = same_layers(runs)
    axes.set_xlabel("layer, counted from 0" if alike else DEPTH)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=alike))
