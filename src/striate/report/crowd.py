"""Many networks in one figure: a thin line each, by how they were trained, and few with a name."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from striate.report.drawing import clipped, rows, stacked
from striate.report.figures import BLUE, INK, MUTED, SPARE, Look
from striate.report.words import listed

MANY = 9  # networks beyond which no figure has a look, a panel or a plate for each
ROBUST, USUAL, UNKNOWN = "trained to be robust", "trained as usual", "training not known"
# Blue and pink are the paper's.
COLOURS = {USUAL: BLUE, ROBUST: SPARE[0], UNKNOWN: MUTED}
THIN: Look = {"linewidth": 0.7, "alpha": 0.45, "zorder": 2}
THICK: Look = {"linewidth": 2.2, "zorder": 4}
# Looks of networks with a name: the highest, the lowest, and others.
NAMED: Sequence[Look] = (
    {"color": INK, "linewidth": 1.2, "linestyle": "-", "zorder": 3},
    {"color": INK, "linewidth": 1.2, "linestyle": (0, (1, 1.4)), "zorder": 3},
    {"color": SPARE[2], "linewidth": 1.8, "linestyle": "-", "zorder": 5},
    {"color": SPARE[2], "linewidth": 1.8, "linestyle": (0, (4, 1.6)), "zorder": 5},
    {"color": SPARE[2], "linewidth": 1.8, "linestyle": (0, (1, 1.2)), "zorder": 5},
)
GRID = 21  # depths at which lines of unequal layers are averaged
FEWEST = 3  # networks that have a median
PER_LEGEND = 4


class Crowd(NamedTuple):
    """Networks by their labels: the group of each, and which are drawn with their name.

    `named` has the legend's text and the look of those.
    """

    groups: Mapping[str, str]
    named: Mapping[str, tuple[str, Look]]

    @property
    def counts(self) -> dict[str, int]:
        """How many networks each group has, in the order of the page."""
        counts = Counter(self.groups.values())
        return {group: counts[group] for group in COLOURS if counts[group]}


def crowd(robust: Mapping[str, bool | None], scores: Mapping[str, float], what: str) -> Crowd:
    """Sort networks into groups, and choose those that are named.

    Parameters
    ----------
    robust
        By label, whether each network was trained to be robust; None where that is not known.
    scores
        By label; the networks with the highest and the lowest are named. So are up to three whose
        training is not known, where that of others is.
    what
        What the scores are, for the legend.
    """
    names = {True: ROBUST, False: USUAL, None: UNKNOWN}
    groups = {label: names[value] for label, value in robust.items()}
    named: dict[str, tuple[str, Look]] = {}
    known = {label: value for label, value in scores.items() if np.isfinite(value)}
    if len(known) > 1:
        for pick, look, word in ((max, NAMED[0], "highest"), (min, NAMED[1], "lowest")):
            label = pick(known, key=lambda one: known[one])
            named.setdefault(label, (f"{word} {what}: {clipped(label, 30)}", look))
    strangers = [label for label, group in groups.items() if group == UNKNOWN]
    if len(strangers) < len(groups) and len(strangers) <= len(NAMED) - 2:
        for label, look in zip(strangers, NAMED[2:], strict=False):
            named[label] = (clipped(label, 30), look)
    return Crowd(groups, named)


def median_rows(table: pd.DataFrame, there: Crowd) -> pd.DataFrame:
    """Return the median over each group's lines, for each panel of `table`.

    `of` is the group. Lines that do not share their `x` are interpolated between its ends.
    """
    parts = []
    groups = table["of"].map(there.groups)
    for (panel, series), part in table.groupby(["panel", _one_line(table)], sort=False):
        for group in there.counts:
            mine = part[groups.loc[part.index] == group]
            lines = [
                (line["x"].to_numpy(float), line["y"].to_numpy(float))
                for _, line in mine.groupby("of", sort=False)
            ]
            if len(lines) >= FEWEST:
                x, y = _median(lines)
                count = float(len(lines))
                name = f"median of {len(lines)}{series and f', {series}'}"
                parts.append(rows(str(panel), "median", group, name, x, y, None, count))
    return stacked(parts)


def crowd_panel(
    axes: Axes, table: pd.DataFrame, there: Crowd, looks: Mapping[str, Look] | None = None
) -> None:
    """Draw a thin line per network, a thick one per median, and the named ones in front.

    Parameters
    ----------
    axes
        Where.
    table
        Rows ``"measured"`` of one panel, `of` being the network, and those of `median_rows`.
    there
        The networks.
    looks
        What is different about lines whose `split` has one of these values, where `table` has such
        a column.
    """
    split = _one_line(table)
    for value in dict.fromkeys(split):
        extra = (looks or {}).get(value, {})
        part = table[split == value]
        measured = part[part["source"] == "measured"]
        for group in there.counts:
            labels = {one for one, its in there.groups.items() if its == group} - {*there.named}
            x, y = _joined(measured[measured["of"].isin(labels)])
            axes.plot(x, y, color=COLOURS[group], label=f"_{group}", **{**THIN, **extra})
            line = part[(part["source"] == "median") & (part["of"] == group)]
            if len(line):
                look = {**THICK, **extra, "color": COLOURS[group]}
                axes.plot(line["x"], line["y"], label=f"median, {group}", **look)
        for label, (_, look) in there.named.items():
            x, y = _joined(measured[measured["of"] == label])
            axes.plot(x, y, label=label, **{**look, **extra})
    axes.margins(y=0.08)


def crowd_legend(figure: Figure, there: Crowd, extra: Sequence[Line2D] = ()) -> None:
    """Explain the lines of `crowd_panel` above all panels."""
    handles = [
        Line2D([], [], color=COLOURS[group], label=f"{count} {group}", linewidth=1.6)
        for group, count in there.counts.items()
    ]
    handles += [Line2D([], [], label=text, **look) for text, look in there.named.values()]
    handles += extra
    columns = min(len(handles), 3 if len(there.named) else PER_LEGEND)
    figure.legend(handles=handles, loc="outside upper left", ncols=columns, handlelength=2.4)


def crowd_spread(
    values: Mapping[str, float],
    there: Crowd,
    spell: Callable[[float], str],
    *,
    subject: str,
    noun: str,
    named: Callable[[str], str] | None = None,
) -> list[str]:
    """Say between which networks their values lie, and the median: of all, and of each group.

    Parameters
    ----------
    values
        By label, one at least.
    there
        Has the groups of these networks.
    spell
        Writes a value.
    subject, noun
        What the sentences call the values: whose they are, and what.
    named
        Writes the value of a label and whose it is; by default the label in brackets.
    """
    named = named or (lambda label: f"{spell(values[label])} ({label})")
    low, high = (pick(values, key=lambda label: values[label]) for pick in (min, max))
    sentences = [
        f"{subject} lies between {named(low)} and {named(high)}, median "
        f"{spell(float(np.median([*values.values()])))}."
    ]
    groups = {
        group: [value for label, value in values.items() if there.groups[label] == group]
        for group in there.counts
    }
    told = [
        f"{spell(float(np.median(mine)))} in {len(mine)} {group}"
        for group, mine in groups.items()
        if mine
    ]
    if len(told) > 1:
        sentences.append(f"The median of that {noun} is {', '.join(told)}.")
    return sentences


def crowd_text(there: Crowd, *, medians: bool = True) -> str:
    """Say how the lines are drawn."""
    kinds = listed(f"{count} {group}" for group, count in there.counts.items())
    colours = {USUAL: "blue", ROBUST: "pink", UNKNOWN: "grey"}
    shades = listed(colours[group] for group in there.counts)
    thick = " Thick lines are medians over a group." if medians else ""
    known = " (known from S1 Table of Kong et al. 2021, from trainings here, or from a summary)"
    about = known if set(there.counts) != {UNKNOWN} else ""
    return f"A thin line per network: {kinds}{about}, {shades}.{thick} The CSV names every network."


def _one_line(table: pd.DataFrame) -> pd.Series:
    """Return what tells several lines of one network in one panel apart."""
    return table["split"] if "split" in table else pd.Series("", index=table.index)


def _median(lines: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    first = lines[0][0]
    if all(len(x) == len(first) and np.allclose(x, first) for x, _ in lines):
        return first, np.median([y for _, y in lines], axis=0)
    low, high = max(x.min() for x, _ in lines), min(x.max() for x, _ in lines)
    if low > high:
        return np.array([]), np.array([])
    grid = np.linspace(low, high, GRID)
    return grid, np.median([np.interp(grid, x, y) for x, y in lines], axis=0)


def _joined(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Put lines behind each other with a gap between them: one thing to draw rather than many."""
    parts = [
        np.vstack([line[["x", "y"]].to_numpy(float), [[np.nan, np.nan]]])
        for _, line in table.groupby("of", sort=False)
    ]
    both = np.vstack(parts)[:-1] if parts else np.empty((0, 2))
    return both[:, 0], both[:, 1]


def ranking_rows(
    letter: str, values: Sequence[tuple[str, str, float, float | None]]
) -> pd.DataFrame:
    """Return a row per network, the highest on top: label, layer or series, value, error.

    `x` is the value, `y` its place from 0 on.
    """
    ordered = sorted(values, key=lambda one: -one[2])
    return stacked(
        rows(letter, "measured", label, series, [value], [place], error)
        for place, (label, series, value, error) in enumerate(ordered)
    )


def ranking_panel(axes: Axes, table: pd.DataFrame, there: Crowd) -> None:
    """Draw the rows of `ranking_rows` with the names of networks; errors as bars."""
    for group in there.counts:
        mine = table[table["of"].map(there.groups) == group]
        bars: Look = {"fmt": "none", "ecolor": COLOURS[group], "elinewidth": 0.9, "alpha": 0.7}
        sure = mine[mine["error"].notna()]
        axes.errorbar(sure["x"], sure["y"], xerr=sure["error"], **bars)
        dots: Look = {"linestyle": "none", "marker": "o", "markersize": 3.4, "zorder": 3}
        axes.plot(mine["x"], mine["y"], color=COLOURS[group], label=f"_{group}", **dots)
    names = [clipped(str(label), 30) for label in table["of"]]
    axes.set_yticks(range(len(names)), names, fontsize=6.4)
    axes.tick_params(axis="y", length=0, pad=2)
    axes.set_ylim(len(names) - 0.3, -0.7)
    axes.grid(False, axis="y")


def ranking_height(count: int) -> float:
    """Return how many inches so many names need, with what stands around them."""
    return max(5.0, 1.0 + 0.132 * count)
