"""The scatter: a row of panels per rule by which a layer stands for its network."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from striate.report.drawing import COLOURS, letters, network_legend, switch_off
from striate.report.figures import INK, MUTED, WIDTH, Look, Plate, stem
from striate.report.joined.correlation import correlation, correlation_text
from striate.report.joined.found import RULES, SCORE, UNKNOWN, Joined, Point, Value
from striate.report.words import listed, minus, plural
from striate.statistics import FEWEST

ROBUSTNESS, ALPHA, TUNING = "adversarial accuracy", "α", "tuning"
PAIRS = ((ALPHA, ROBUSTNESS), (TUNING, ROBUSTNESS), (ALPHA, TUNING))
NAMES = {True: "V1 frequency score", False: "preferred frequency, cycles/image"}
CLAIM = (
    "Over 40 networks, each by the layer that predicts V1 best, adversarial accuracy goes with the "
    "V1 frequency score (R = 0.544, p < 0.001), and weakly with α (R = 0.362, p = 0.022)."
)
MOST = 40  # numbers in a panel beyond which they hide the dots


class Panel(NamedTuple):
    """Two quantities of the networks that have both, the layer chosen by a rule."""

    letter: str
    rule: str
    pair: tuple[str, str]
    points: Sequence[tuple[Point, Value, Value]]


def panels_of(joined: Joined) -> list[Panel]:
    """Return every panel for which a network has both quantities."""
    made = []
    for rule in RULES:
        for pair in PAIRS:
            points = [
                (one, x, y)
                for one in joined.points
                if (x := _value(one, pair[0], rule)) and (y := _value(one, pair[1], rule))
            ]
            if points:
                made.append((rule, pair, points))
    names = letters(len(made))
    return [Panel(letter, *one) for letter, one in zip(names, made, strict=True)]


def scatter_plate(joined: Joined) -> Plate:
    """Draw the panels of `panels_of`: a row per rule.

    Parameters
    ----------
    joined
        Networks that were attacked alike.
    """
    panels = panels_of(joined)
    rules = list(dict.fromkeys(one.rule for one in panels))
    looks = _looks(joined)
    figure = Figure(figsize=(WIDTH, 0.5 + 2.75 * len(rules)), layout="constrained")
    bands = figure.subfigures(len(rules), 1, squeeze=False)[:, 0]
    for band, rule in zip(bands, rules, strict=True):
        mine = [one for one in panels if one.rule == rule]
        grid = band.subplots(1, len(PAIRS), squeeze=False)[0]
        switch_off(grid[len(mine) :])
        band.suptitle(f"layer: {rule}", fontsize=9, x=0.01, ha="left")
        for axes, panel in zip(grid, mine, strict=False):
            _draw(axes, panel, joined, looks)
    _legend(figure, joined, looks)
    found = of_joined(joined)
    return Plate(
        stem("joined", joined.label),
        f"Exponent, tuning and robustness of the same networks: {joined.label}",
        CLAIM,
        tuple(found),
        _methods(joined, rules),
        f"Scatter plots of {plural(len(joined.points), 'network')}: {ALPHA}, {tuning_name(joined)} "
        f"and {ROBUSTNESS}. {found[0]}",
        figure,
        pd.DataFrame([row for panel in panels for row in _rows(panel, joined)]),
    )


def of_joined(joined: Joined) -> list[str]:
    """Say of each panel what the correlation is, and without masked networks."""
    sentences = []
    for panel in panels_of(joined):
        x, y, kinds = _columns(panel.points)
        names = [_name(one, joined) for one in panel.pair]
        text = (
            f"{panel.letter}, {names[0]} and {names[1]} ({panel.rule}): "
            f"{correlation_text(x, y, kinds)}."
        )
        real = [one for one in panel.points if not one[0].masked]
        if ROBUSTNESS in panel.pair and len(real) < len(panel.points):
            masked = len(panel.points) - len(real)
            text += (
                f" Without the {masked} whose accuracy is masked: "
                f"{correlation_text(*_columns(real))}."
            )
        sentences.append(text)
    return [*sentences, *_cautions(joined)]


def _cautions(joined: Joined) -> list[str]:
    """Say what the correlations of so many networks cannot show."""
    count = len(joined.points)
    kinds = len({one.kind for one in joined.points})
    cautions = []
    if kinds < count:
        cautions.append(
            f"The {count} networks are of {kinds} kinds; those of a kind differ in the seed only. "
            "The intervals take all for independent, and are too narrow."
        )
    edge = _least(kinds)
    cautions.append(
        f"Over {plural(kinds, 'kind')} of networks "
        + (
            "no correlation can be given."
            if edge is None
            else f"the interval leaves 0 out only if r is beyond ± {edge:.2f}; a weaker relation "
            "is not seen, and where the interval holds 0 none is shown to be absent either."
        )
    )
    return cautions


def _least(count: int) -> float | None:
    """Return the smallest r whose 95 % interval leaves out 0; None where there is no interval."""
    return float(np.tanh(1.96 / np.sqrt(count - 3))) if count >= FEWEST else None


def tuning_name(joined: Joined) -> str:
    """Name the quantity of tuning that is drawn."""
    return NAMES[joined.tuning in (SCORE, "")]


def _value(one: Point, quantity: str, rule: str) -> Value | None:
    if quantity == ROBUSTNESS:
        return one.robustness
    return (one.alphas if quantity == ALPHA else one.tunings).get(rule)


def _columns(
    points: Sequence[tuple[Point, Value, Value]],
) -> tuple[list[float], list[float], list[str]]:
    return (
        [x.value for _, x, _ in points],
        [y.value for _, _, y in points],
        [one.kind for one, _, _ in points],
    )


def _name(quantity: str, joined: Joined) -> str:
    return tuning_name(joined) if quantity == TUNING else quantity


def _looks(joined: Joined) -> dict[str, Look]:
    objectives = dict.fromkeys(one.objective for one in joined.points)
    known = [name for name in objectives if name != UNKNOWN]
    colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(known)}
    return {name: {"color": colours.get(name, MUTED)} for name in objectives}


def _draw(axes: Axes, panel: Panel, joined: Joined, looks: dict[str, Look]) -> None:
    alike: dict[tuple[str, bool, bool], list[tuple[Point, Value, Value]]] = {}
    for point in panel.points:
        one = point[0]
        alike.setdefault((one.objective, one.penalised, one.masked), []).append(point)
    # As many things to draw as there are looks, not networks.
    for (objective, penalised, masked), points in alike.items():
        colour = looks[objective]["color"]
        x, y, _ = _columns(points)
        look: Look = {"fmt": "none", "ecolor": colour, "elinewidth": 0.8, "alpha": 0.6}
        axes.errorbar(
            x, y, _errors(y for _, _, y in points), _errors(x for _, x, _ in points), **look
        )
        axes.plot(
            x, y, color=colour, linestyle="none", marker="D" if penalised else "o", markersize=5.5,
            markerfacecolor="none" if masked else colour, zorder=3,
        )  # fmt: skip
    if len(panel.points) <= MOST:
        for one, x, y in panel.points:
            axes.annotate(
                str(one.number), (x.value, y.value), (4, 3), textcoords="offset points",
                fontsize=6.8, color=INK,
            )  # fmt: skip
    x, y, _ = _columns(panel.points)
    found = correlation(x, y)
    note = f"n = {len(x)}" if found is None else f"r = {found.r:.2f}, n = {found.n}"
    axes.set_title(panel.letter)
    axes.set_title(minus(note), loc="right", fontsize=7.6, color=MUTED)
    names = [_name(one, joined) for one in panel.pair]
    axes.set(xlabel=names[0], ylabel=names[1])
    axes.margins(0.14)
    if panel.pair[1] == ROBUSTNESS:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda v, place: f"{round(100 * v, 2):g} %"))


def _errors(values: Iterable[Value]) -> list[float]:
    """Return the errors; NaN, which is not drawn, where a number has none."""
    return [np.nan if one.error is None else one.error for one in values]


def _legend(figure: Figure, joined: Joined, looks: dict[str, Look]) -> None:
    dot: Look = {"marker": "o", "linestyle": "none"}
    shapes = []
    if any(one.penalised for one in joined.points):
        diamond: Look = {"marker": "D", "linestyle": "none", "markersize": 5}
        shapes.append(Line2D([], [], label="with the spectral penalty", color=INK, **diamond))
    if any(one.masked for one in joined.points):
        ring: Look = {**dot, "markersize": 5, "markerfacecolor": "none"}
        shapes.append(Line2D([], [], label="masked", color=INK, **ring))
    network_legend(figure, {name: {**look, **dot} for name, look in looks.items()}, shapes)


def _methods(joined: Joined, rules: Sequence[str]) -> str:
    numbers = "; ".join(f"{one.number} {one.label}" for one in joined.points)
    masked = any(one.masked for one in joined.points)
    parts = [
        "A dot per network, joined by the fingerprint of its weights; colour is the objective it "
        "was trained with." + (" Hollow: a verdict calls its accuracy masked." if masked else ""),
        f"Adversarial accuracy: {joined.attack}, {joined.label}.",
        f"α: {joined.spectra}." if joined.spectra else "No α of these networks.",
        f"Tuning: {joined.stimuli}." if joined.stimuli else "No tuning of these networks.",
        f"Which layer: {'; '.join(f'“{rule}”, {RULES[rule]}' for rule in rules)}. The paper takes "
        "the layer that predicts V1 best; to choose by the score itself favours high scores.",
        "r is Pearson’s; its interval is Fisher’s and takes networks for independent. It is over "
        "networks, not over brains, and no cause. Bars: the errors of the numbers themselves.",
    ]
    if joined.tuning and joined.tuning != SCORE:
        parts.append(
            "In images this small there is no score against V1; what is drawn is the frequency "
            "that the median channel of a layer prefers."
        )
    return " ".join([*parts, f"Networks: {numbers}."])


def _rows(panel: Panel, joined: Joined) -> list[dict[str, object]]:
    names = [_name(one, joined) for one in panel.pair]
    return [
        {
            "panel": panel.letter, "rule": panel.rule, "number": one.number, "of": one.label,
            "kind": one.kind, "objective": one.objective, "penalised": one.penalised,
            "masked": one.masked, "model_sha256": one.sha, "x_name": names[0], "y_name": names[1],
            "x": x.value, "x_error": x.error, "y": y.value, "y_error": y.error,
            "layer": listed(dict.fromkeys(name for name in (x.layer, y.layer) if name)),
        }
        for one, x, y in panel.points
    ]  # fmt: skip
