"""Accuracies of more networks than can have a look or several rows each."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from striate.report.crowd import (
    COLOURS,
    Crowd,
    crowd,
    crowd_legend,
    crowd_panel,
    crowd_text,
    median_rows,
    ranking_height,
)
from striate.report.drawing import clipped, columns_of, letters, stacked, switch_off
from striate.report.figures import (
    BLUE,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    SPARE,
    WIDTH,
    Look,
    Plate,
    in_percent,
    stem,
)
from striate.report.known import Key, Known, key_of
from striate.report.robustness.attacks import CLAIM, MOST, Column
from striate.report.robustness.attacks import columns_of as cells_of
from striate.report.robustness.curves import curve_table, dress_curves, kinds_of
from striate.report.robustness.drawing import RING, curve_rows, score_rows
from striate.report.robustness.findings import of_accuracies, of_passbands, of_trials
from striate.report.robustness.found import Network, Together, passbands_of
from striate.report.robustness.passbands import passband_panels, series_of, title_of
from striate.report.robustness.probes import PLAIN
from striate.report.robustness.words import (
    VERDICTS,
    attack_methods,
    norm_text,
    trial_text,
    verdicts_of,
    word_of,
    worst_of,
)
from striate.report.tuning.drawing import frequency_axis
from striate.report.words import counted, listed, plural

OF_VERDICTS: Mapping[str, Look] = {
    "robust": {"color": GREEN, "marker": "o"},
    "undecided": {"color": MUTED, "marker": "D"},
    "masked": {"color": SPARE[2], "marker": "X"},
    "none": {"color": BLUE, "marker": "s", "markerfacecolor": "none"},
}
OTHER: Look = {"color": ORANGE, "marker": "^"}


def many_plates(together: Together, known: Mapping[Key, Known]) -> Iterator[Plate]:
    """Draw all networks of a set in the same few figures.

    Parameters
    ----------
    together
        Networks that were attacked with the same images.
    known
        What other results say of them.
    """
    people = _crowd(together, known)
    made = [make(together, people) for make in (_attacks, _curves, _trials, _passbands)]
    yield from (plate for plate in made if plate is not None)


def _crowd(together: Together, known: Mapping[Key, Known]) -> Crowd:
    robust = {
        one.label: known.get(key_of(one.settings), Known()).robust for one in together.networks
    }
    scores = {one.label: _main(one) for one in together.networks}
    return crowd(robust, scores, "accuracy")


def _main(one: Network) -> float:
    """Return the accuracy by which networks are ordered: the mean, else the weakest attack's."""
    for score in (one.mean, *one.attacked, one.clean):
        if score is not None:
            return score.value
    return np.nan


def _attacks(together: Together, people: Crowd) -> Plate | None:
    """Draw the accuracies of the table, networks from the most robust on."""
    if not any(one.clean or one.attacked for one in together.networks):
        return None
    columns = cells_of(together)
    chosen = columns if len(columns) <= MOST else [*columns[: MOST - 1], columns[-1]]
    order = sorted(together.networks, key=lambda one: -np.nan_to_num(_main(one), nan=-1))
    figure = Figure(figsize=(WIDTH, 0.3 + ranking_height(len(order))), layout="constrained")
    panels = figure.subplots(1, len(chosen), squeeze=False, sharey=True)[0]
    measured, rings = zip(
        *(
            _accuracy_panel(axes, letter, column, order, people)
            for axes, letter, column in zip(panels, letters(len(chosen)), chosen, strict=True)
        ),
        strict=True,
    )
    names = [clipped(_with_verdict(one), 46) for one in order]
    panels[0].set_yticks(range(len(names)), names, fontsize=6.4)
    panels[0].set_ylim(len(names) - 0.3, -0.7)
    for axes in panels[1:]:
        axes.tick_params(labelleft=False)
    has_rings = any(map(len, rings))
    ring = Line2D([], [], label="published", color=INK, **RING)
    crowd_legend(figure, people._replace(named={}), [ring] if has_rings else [])
    found = of_accuracies(together)
    scores = [s for one in together.networks for s in (one.clean, *one.attacked) if s is not None]
    about = (
        " Rings: S1 Table of Kong et al. 2021, on the 50,000 images of ImageNet’s validation set; "
        "other images need not be as hard."
        if has_rings
        else ""
    )
    more = "" if chosen == columns else " Other attacks are in the table."
    return Plate(
        stem("robustness-attacks", together.label),
        f"Accuracy without and under attack: {together.label}",
        CLAIM if any(one.mean for one in together.networks) else "",
        tuple(found),
        f"Networks in the order of the mean accuracy under attack, with verdicts where there are "
        f"any. {attack_methods(together, scores)} Each panel has its own scale.{about}{more} "
        f"{crowd_text(people, medians=False)}",
        f"Accuracies of {plural(len(order), 'network')} without and under attack. "
        f"{(found or [''])[0]}",
        figure,
        pd.concat([part for part in (*measured, *rings) if len(part)], ignore_index=True),
    )


def _accuracy_panel(
    axes: Axes, letter: str, column: Column, order: Sequence[Network], people: Crowd
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw one column of the table; return the rows measured, and those published beside them."""
    title, cell = column
    there = [(one, float(place), *cell(one)) for place, one in enumerate(order)]
    measured = pd.concat(
        [score_rows(letter, one, title, s, place) for one, place, s, _ in there if s is not None]
    )
    theirs = {one.label: y for one, _, s, y in there if s is not None and y is not None}
    rings = measured[measured["of"].isin(theirs)].assign(
        source="published", x=lambda rows: rows["of"].map(theirs), error=np.nan, low=np.nan,
        high=np.nan,
    )  # fmt: skip
    _dots(axes, measured, rings, people)
    axes.set_title(f"{letter}\u2003{title}", fontsize=8.5)
    axes.xaxis.set_major_locator(MaxNLocator(3))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{round(100 * x, 2):g} %"))
    axes.margins(x=0.1)
    return measured, rings


def _dots(axes: Axes, part: pd.DataFrame, rings: pd.DataFrame, people: Crowd) -> None:
    for group in people.counts:
        mine = part[part["of"].map(people.groups) == group]
        theirs = rings[rings["of"].map(people.groups) == group]
        colour = COLOURS[group]
        dots: Look = {"linestyle": "none", "marker": "o", "markersize": 3.4, "zorder": 3}
        axes.plot(mine["x"], mine["y"], color=colour, label=f"_{group}", **dots)
        sure = mine[mine["low"].notna()]
        axes.hlines(sure["y"], sure["low"], sure["high"], color=colour, linewidth=1.0)
        axes.plot(theirs["x"], theirs["y"], color=colour, label=f"_published {group}", **RING)
    axes.tick_params(axis="y", length=0)
    axes.grid(False, axis="y")


def _with_verdict(one: Network) -> str:
    words = verdicts_of(one)
    return f"{clipped(one.label, 34)}: {words}" if words and len(words) < 14 else one.label


def _curves(together: Together, people: Crowd) -> Plate | None:
    kinds = kinds_of(together)
    if not kinds:
        return None
    figure = Figure(figsize=(WIDTH, 3.7), layout="constrained")
    panels = figure.subplots(1, len(kinds), squeeze=False, sharey=True)[0]
    parts = []
    for axes, letter, kind in zip(panels, letters(len(kinds)), kinds, strict=True):
        part = curve_table(letter, kind, together)
        part = part[part["source"] == "measured"]
        parts.append(pd.concat([part, median_rows(part, people)]))
        crowd_panel(axes, parts[-1], people)
        dress_curves(axes, part, kind, letter)
    panels[0].set_ylabel("accuracy")
    crowd_legend(figure, people)
    curves = [curve for one in together.networks for curve in one.curves.values()]
    return Plate(
        stem("robustness-curves", together.label),
        f"Accuracy against the strength of an attack: {together.label}",
        "",
        (),
        f"{attack_methods(together, curves)} At ε = 0 nothing is changed. The intervals are in the "
        f"CSV. {crowd_text(people)}",
        f"Accuracy against ε in {listed(norm_text(*kind) for kind in kinds)} of "
        f"{plural(len(together.networks), 'network')}, a line each.",
        figure,
        pd.concat(parts, ignore_index=True),
    )


def _trials(together: Together, people: Crowd) -> Plate | None:
    """Draw what all searches leave against what the plain attack leaves, a panel per ball."""
    table = pd.DataFrame(_trial_rows(together))
    if table.empty:
        return None
    balls = list(dict.fromkeys(table["panel"]))
    columns = columns_of(len(balls), 3)
    lines = -(-len(balls) // columns)
    figure = Figure(figsize=(WIDTH, 0.6 + 3.0 * lines), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True)
    switch_off(grid.flat[len(balls) :])
    for axes, ball in zip(grid.flat, balls, strict=False):
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, zorder=1, label="_identity")
        for word, part in table[table["panel"] == ball].groupby("series", sort=False):
            look: Look = {"linestyle": "none", "markersize": 4.5, **OF_VERDICTS.get(word, OTHER)}
            axes.plot(part["x"], part["y"], label=f"_{word}", alpha=0.85, **look)
        axes.set(title=ball, xlabel="accuracy, plain attack")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda v, place: f"{100 * v:g} %"))
        in_percent(axes)
    for axes in grid[:, 0]:
        axes.set_ylabel("left by all searches")
    counts = table["series"].value_counts()
    order = [word for word in (*VERDICTS, *counts.index) if word in counts.index]
    handles = [
        Line2D([], [], label=f"{word} ({counts[word]})", linestyle="none", markersize=5,
               **OF_VERDICTS.get(word, OTHER))
        for word in dict.fromkeys(order)
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles))
    found = of_trials(together)
    probes = [p for one in together.networks for t in one.trials for p in t.probes.values()]
    return Plate(
        stem("robustness-probes", together.label),
        f"Is the robustness real? {together.label}",
        "",
        tuple(found),
        "A mark per network: accuracy under the plain attack, and the share of images that "
        "withstood every search, image by image; the further below the line, the more the plain "
        f"attack missed. Mark and colour are the verdict. {attack_methods(together, probes)} Every "
        "probe is in robustness.csv.",
        f"What all searches leave against what the plain attack leaves, in {len(balls)} balls. "
        f"{found[0]}",
        figure,
        table,
    )


def _trial_rows(together: Together) -> Iterator[dict[str, object]]:
    for one in together.networks:
        for trial in one.trials:
            plain, worst = trial.probes.get(PLAIN), worst_of(trial)
            if plain is not None and worst is not None:
                word = word_of(trial) or "no verdict"
                yield {
                    "panel": trial_text(trial), "source": "measured",
                    "of": one.label, "series": word, "x": plain.value, "y": worst,
                    "error": plain.error,
                }  # fmt: skip


def _passbands(together: Together, people: Crowd) -> Plate | None:
    keys = passbands_of(together)
    if not keys:
        return None
    figure, panels = passband_panels(keys, 0.4)
    parts = []
    for axes, letter, key in zip(panels, letters(len(keys)), keys, strict=False):
        curves = [(one, one.passed[key]) for one in together.networks if key in one.passed]
        part = stacked(
            curve_rows(letter, one, series_of(key, keys), curve) for one, curve in curves
        )
        parts += [part, median_rows(part, people)]
        crowd_panel(axes, stacked(parts[-2:]), people)
        cutoffs = part.loc[part["x"] > 0, "x"]
        frequency_axis(axes, cutoffs.min() / 1.15, cutoffs.max() * 1.15)
        title = f"{letter}\u2003{title_of(key, keys)}"
        axes.set(title=title, xlabel="cut-off, cycles per image")
        axes.set_ylim(-0.03, 1.03)
        in_percent(axes)
    crowd_legend(figure, people)
    found = of_passbands(together)
    return Plate(
        stem("robustness-passbands", together.label),
        f"Which spatial frequencies the networks need: {together.label}",
        "",
        tuple(found[:2]),
        f"Accuracy on {counted(together.settings.get('images'))} images "
        f"({together.settings.get('pictures')}) whose other frequencies were removed; the mean "
        f"brightness stays. Nothing is attacked. The intervals are in the CSV. "
        f"{crowd_text(people)}",
        f"Accuracy against cut-off frequency of {plural(len(together.networks), 'network')}.",
        figure,
        stacked(parts),
    )
