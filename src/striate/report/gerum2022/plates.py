"""The figures of Gerum et al. 2022, drawn from results, with the paper's curves behind ours."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from striate.report.figures import (
    HOUSE,
    WIDTH,
    Colour,
    Plate,
    add_legend,
    beta_name,
    by_beta,
    by_target,
    draw,
    in_percent,
    stack,
    stem,
    unique,
)
from striate.report.gerum2022 import captions
from striate.report.gerum2022.aggregate import TOLERANCE
from striate.report.gerum2022.figure1 import figure1
from striate.report.gerum2022.forms import forms
from striate.report.gerum2022.found_forced import found_forced
from striate.report.gerum2022.panels import against_alpha, over_epochs
from striate.report.gerum2022.sweeps import Sweep, main_sweeps

ACCURACY, ALPHA = "accuracy", "measured α"
# Gerum et al. 2022, Fig. 2f shows the strengths up to here, Fig. S1 all of them.
LARGEST_IN_2F = 0.10
CROWDED = 8  # points of a line in a small panel
SMALLEST_TOP = 0.1  # of an accuracy axis, should an attack always succeed
METHODS = (captions.strength, captions.sample, captions.procedure, captions.absent)


@rc_context(HOUSE)
def plates(found: Sequence[Sweep]) -> list[Plate]:
    """Draw every figure these sweeps can fill, in the paper's order."""
    return unique(_plates(found))


def _plates(found: Sequence[Sweep]) -> Iterator[Plate]:
    main = main_sweeps(found)
    yield figure1(main)
    plotted = [sweep for sweep in main if sweep.networks["alpha"].notna().any()]
    shallow = [sweep for sweep in plotted if sweep.settings["network"] == "shallow_mlp"]
    for sweep in shallow:
        yield figure2(sweep)
        yield from _grids(sweep, "Figure 2f", largest=LARGEST_IN_2F)
    if plotted and plotted != shallow[:1]:  # one shallow sweep is already all of Figure 2
        yield figure3(plotted)
    for sweep in plotted:
        shown = sweep.settings["network"] == "shallow_mlp" and _largest(sweep) <= LARGEST_IN_2F
        if not shown:
            yield from _grids(sweep, "Figure S1", largest=np.inf)
    yield from found_forced(found)
    yield from forms(found)


def figure2(sweep: Sweep) -> Plate:
    """Draw accuracy against measured α (a–c) and α against epoch (d, e).

    Parameters
    ----------
    sweep
        The shallow networks of one setting.
    """
    top = [
        against_alpha(sweep, attack, letter)
        for letter, attack in zip("abc", captions.ATTACK_NAMES, strict=True)
    ]
    bottom = over_epochs(sweep, "de")
    numbers = stack([*top, *bottom])
    rows = [[part for part in row if len(part)] for row in (top, bottom)]
    figure, axes = _rows_of_panels([[part["panel"].iloc[0] for part in row] for row in rows])
    colour = by_beta(numbers["beta"])
    for part in rows[0]:
        _accuracy_panel(axes[part["panel"].iloc[0]], part, sweep, colour)
    for part in rows[1]:
        _epoch_panel(axes[part["panel"].iloc[0]], part, colour)
    add_legend(figure, numbers, colour)
    below = f"{', '.join('de'[: len(bottom)])}: α after each epoch, shaded by target."
    epochs = below if bottom else "No α per epoch of a regularised network was kept."
    return Plate(
        stem("figure2", sweep.label),
        f"Figure 2. Spectrum, accuracy and robustness: {sweep.label}",
        captions.CLAIMS["figure2"],
        (*(captions.best(sweep, a) for a in captions.ATTACK_NAMES), *_judged(sweep)),
        f"Dots in a–c: mean ± SEM of the networks whose α rounds to the same 0.1. {epochs} "
        + captions.each([sweep], *METHODS),
        f"Accuracy against measured α for the {sweep.label}. {captions.best(sweep, 'fgsm')}",
        figure,
        numbers,
    )


def figure3(found: Sequence[Sweep]) -> Plate:
    """Draw accuracy against α without attack, under FGSM and under PGD: a row per sweep.

    Parameters
    ----------
    found
        The sweeps, one per row.
    """
    attacks = list(captions.ATTACK_NAMES)
    letters = [f"{row + 1}{letter}" for row in range(len(found)) for letter in "abc"]
    parts = [
        against_alpha(sweep, attack, letters[3 * row + column])
        for row, sweep in enumerate(found)
        for column, attack in enumerate(attacks)
    ]
    numbers = stack(parts)
    figure = _rows_of_sweeps(found, parts, by_beta(numbers["beta"]))
    add_legend(figure, numbers, by_beta(numbers["beta"]))
    return Plate(
        "figure3",
        "Figure 3. The same question for each network and data set",
        captions.CLAIMS["figure3"],
        tuple(
            f"{captions.capital(sweep.label)}. {captions.best(sweep, attack)}"
            for sweep in found
            for attack in ("none", "pgd")
        )
        + tuple(f"{captions.capital(s.label)}. {text}" for s in found for text in _judged(s)),
        captions.each(found, *METHODS),
        "Accuracy against measured α, one row per network and data set: "
        + ", ".join(sweep.label for sweep in found),
        figure,
        numbers,
    )


def _grids(sweep: Sweep, title: str, *, largest: float) -> Iterator[Plate]:
    """Draw accuracy against α for every attack (rows) and ε (columns), if there was an attack."""
    rows = sweep.accuracies[sweep.accuracies["attack"] != "none"].dropna(subset=["alpha"])
    rows = rows[rows["epsilon"] <= largest + TOLERANCE]
    strengths, attacks = sorted(rows["epsilon"].unique()), sorted(rows["attack"].unique())
    if not strengths:
        return
    figure, numbers = _small_panels(sweep, attacks, strengths)
    names = " and ".join(captions.ATTACK_NAMES[attack] for attack in attacks)
    yield Plate(
        stem(title.replace("F", "f").replace(" ", ""), sweep.label),
        f"{title}. Every attack strength: {sweep.label}",
        "",
        captions.halving(sweep),
        "No conclusion should hang on one strength: each column is one ε, from "
        f"{strengths[0]:g} to {strengths[-1]:g}; the rows are {names}. "
        + captions.each([sweep], *METHODS[1:]),
        f"Small panels of accuracy against measured α for the {sweep.label}, one per strength.",
        figure,
        numbers,
    )


def _small_panels(
    sweep: Sweep, attacks: list[str], strengths: list[float]
) -> tuple[Figure, pd.DataFrame]:
    parts = [
        against_alpha(sweep, attack, f"{attack} {epsilon:g}", epsilon)
        for attack in attacks
        for epsilon in strengths
    ]
    numbers = stack(parts)
    figure = Figure(figsize=(WIDTH, 0.6 + 1.5 * len(attacks)), layout="constrained")
    figure.set_layout_engine("constrained", w_pad=0.01, wspace=0.02)
    grid = figure.subplots(len(attacks), len(strengths), sharex=True, sharey=True, squeeze=False)
    grid[0, 0].set_ylim(-0.03, 1.03)  # all of them share it
    colour = by_beta(numbers["beta"])
    for axes, part in zip(grid.flat, parts, strict=True):
        draw(axes, part, colour, dots=True)
        for line in axes.lines:  # many dots would merge into a sausage
            crowded = len(line.get_xydata()) > CROWDED
            line.set(markersize=0 if crowded else 0.6 * line.get_markersize(), linewidth=1.1)
    _name_grid(grid, attacks, strengths)
    figure.supxlabel(ALPHA, fontsize=8.5)
    add_legend(figure, numbers, colour)
    return figure, numbers


def _accuracy_panel(axes: Axes, part: pd.DataFrame, sweep: Sweep, colour: Colour) -> None:
    panel = part["panel"].iloc[0]
    attack = list(captions.ATTACK_NAMES)["abc".index(panel[-1])]
    draw(axes, part, colour, dots=True)
    name = captions.ATTACK_NAMES[attack]
    epsilon = f", ε = {sweep.epsilon.value:g}" if sweep.epsilon and attack != "none" else ""
    axes.set(title=f"{panel}\u2003{name}{epsilon}", xlabel=ALPHA, ylabel=ACCURACY)
    axes.margins(x=0.06, y=0.12)
    if attack != "none":  # clean accuracies differ by a few percent: they keep their own scale
        highest = float((part["y"] + part["error"].fillna(0)).max())
        axes.set_ylim(0, 1.1 * max(highest, SMALLEST_TOP))
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(6))
    in_percent(axes)


def _epoch_panel(axes: Axes, part: pd.DataFrame, colour: Colour) -> None:
    beta, targets = part["beta"].iloc[0], sorted(part["target"].unique())
    shaded = by_target(colour, targets)
    draw(axes, part, shaded, dots=False)
    axes.set(title=f"{part['panel'].iloc[0]}\u2003{beta_name(beta)}", xlabel="epoch", ylabel=ALPHA)
    axes.set_ylim(0, max(5.2, part["y"].max() * 1.05))
    steps = ListedColormap([shaded(beta, target) for target in targets])
    norm = BoundaryNorm(np.arange(len(targets) + 1) - 0.5, len(targets))
    shown = targets if len(targets) <= 8 else targets[:: -(-len(targets) // 8)]
    places = [targets.index(target) for target in shown]
    bar = axes.figure.colorbar(
        ScalarMappable(norm, steps), ax=axes, label="target α*", ticks=places, pad=0.02
    )
    bar.ax.set_yticklabels([f"{target:g}" for target in shown])
    bar.ax.tick_params(which="both", length=0)
    bar.outline.set_visible(False)


def _rows_of_panels(rows: list[list[str]]) -> tuple[Figure, dict[str, Axes]]:
    """Lay out rows of panels that share the width evenly; a row without panels is left out."""
    filled = [row for row in rows if row]
    figure = Figure(figsize=(WIDTH, 0.45 + 2.7 * len(filled)), layout="constrained")
    parts = figure.subfigures(len(filled), 1, squeeze=False)[:, 0]
    panels = {}
    for part, row in zip(parts, filled, strict=True):
        panels |= dict(zip(row, part.subplots(1, len(row), squeeze=False)[0], strict=True))
    return figure, panels


def _rows_of_sweeps(
    found: Sequence[Sweep], parts: Sequence[pd.DataFrame], colour: Colour
) -> Figure:
    """Draw three panels per sweep; the first carries its name, one without data stays blank."""
    figure = Figure(figsize=(WIDTH, 0.5 + 2.5 * len(found)), layout="constrained")
    grid = figure.subplots(len(found), 3, squeeze=False)
    for place, (axes, part) in enumerate(zip(grid.flat, parts, strict=True)):
        if part.empty:
            axes.set_axis_off()
        else:
            _accuracy_panel(axes, part, found[place // 3], colour)
            _name_row(axes, found[place // 3].label if place % 3 == 0 else "")
    return figure


def _name_row(axes: Axes, label: str) -> None:
    axes.set_title(f"{label}\n{axes.get_title(loc='left')}", loc="left", linespacing=1.6)


def _name_grid(grid: np.ndarray, attacks: list[str], strengths: list[float]) -> None:
    for axes, epsilon in zip(grid[0], strengths, strict=True):
        axes.set_title(f"{epsilon:g}", loc="center", fontsize=8)
    grid[0, 0].set_title(f"ε = {strengths[0]:g}", loc="center", fontsize=8)
    for axes, attack in zip(grid[:, 0], attacks, strict=True):
        axes.set_ylabel(f"{captions.ATTACK_NAMES[attack]}: {ACCURACY}")
        in_percent(axes)
    for axes in grid.flat:
        axes.xaxis.set_major_locator(MaxNLocator(2, integer=True))
        axes.tick_params(labelsize=7, length=2)


def _judged(sweep: Sweep) -> list[str]:
    """Say what the verdicts are, if there are some."""
    text = captions.verdicts(sweep)
    return [text] if text else []


def _largest(sweep: Sweep) -> float:
    return float(sweep.accuracies["epsilon"].max())
