"""Clean accuracy, accuracy under each attack of the table and their mean, a row per network."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from striate.report.drawing import clipped, letters
from striate.report.figures import WIDTH, Plate, stem
from striate.report.robustness.drawing import dot_panel, network_looks, score_rows
from striate.report.robustness.findings import of_accuracies, of_published
from striate.report.robustness.found import (
    PAPER,
    Network,
    Together,
    column_of,
    eps_of,
    norm_of,
    published_in,
)
from striate.report.robustness.words import (
    attack_methods,
    attack_text,
    verdicts_in_brief,
    verdicts_of,
)
from striate.report.words import plural
from striate.results import Score

CLAIM = (
    "Networks trained to be robust keep more of their accuracy in the mean of three weak attacks "
    "than networks that were not, at the cost of some clean accuracy."
)
MOST = 5  # panels

Cell = tuple[Score | None, float | None]
Column = tuple[str, Callable[[Network], Cell]]


def attacks_plate(together: Together) -> Plate:
    """Draw the accuracies of the table; published ones as rings.

    Parameters
    ----------
    together
        Networks that were attacked with the same images.
    """
    columns = columns_of(together)
    chosen = columns if len(columns) <= MOST else [*columns[: MOST - 1], columns[-1]]
    names = [_named(one) for one in together.networks]
    height = 1.15 + 0.26 * len(names)
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    panels = figure.subplots(1, len(chosen), squeeze=False, sharey=True)[0]
    looks = network_looks(together)
    parts = []
    for axes, letter, (title, cell) in zip(panels, letters(len(chosen)), chosen, strict=True):
        part = _rows(letter, title, together, cell)
        dot_panel(axes, part, looks, names)
        axes.set_title(f"{letter}\u2003{title}", fontsize=8.5)
        axes.xaxis.set_major_locator(MaxNLocator(3))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda v, place: f"{round(100 * v, 2):g} %"))
        axes.margins(x=0.1)
        parts.append(part)
    for axes in panels[1:]:
        axes.tick_params(labelleft=False)
    numbers = pd.concat(parts, ignore_index=True)
    published = of_published(together)
    found = [*of_accuracies(together), *published]
    scores = [s for one in together.networks for s in (one.clean, *one.attacked) if s is not None]
    left_out = "" if chosen == columns else " Other attacks are in the table."
    rings = (
        " Rings: S1 Table of Kong et al. 2021, on the 50,000 images of ImageNet’s validation set; "
        "other images need not be as hard."
        if published
        else ""
    )
    return Plate(
        stem("robustness-attacks", together.label),
        f"Accuracy without and under attack: {together.label}",
        CLAIM if any(one.mean for one in together.networks) else "",
        tuple(found),
        f"{attack_methods(together, scores)} Each panel has its own scale.{rings}{left_out}",
        f"Accuracies of {plural(len(names), 'network')} without and under attack. "
        f"{(found or [''])[0]}",
        figure,
        numbers,
    )


def columns_of(together: Together) -> list[Column]:
    """Return the accuracies of the table: clean, under each attack, and the mean of three.

    The paper's three attacks come before others where they were made, and the mean is last.
    """
    made: list[Column] = []
    if any(one.clean for one in together.networks):
        made.append(("clean", lambda one: (one.clean, one.published.get("top1_clean"))))
    known = [score for one in together.networks for score in one.attacked]
    texts = dict.fromkeys(attack_text(score) for score in sorted(known, key=_order))
    made += [(text, lambda one, text=text: attacked_by(one, text)) for text in texts]
    if any(one.mean for one in together.networks):
        made.append(("mean of three", lambda one: (one.mean, published_mean(one))))
    return made


def attacked_by(one: Network, text: str) -> Cell:
    """Return a network's accuracy under an attack, and the published one."""
    for score in one.attacked:
        if attack_text(score) == text:
            return score, published_in(one, score)
    return None, None


def published_mean(one: Network) -> float | None:
    """Return the mean of the three published accuracies; None where they are not published."""
    values = [one.published[name] for name in PAPER.values() if name in one.published]
    return float(np.mean(values)) if len(values) == len(PAPER) else None


def _order(score: Score) -> tuple[bool, int, float]:
    here = norm_of(score), eps_of(score)
    norms = [norm for norm, _ in PAPER]
    return (
        column_of(score) is None,
        norms.index(here[0]) if here[0] in norms else len(norms),
        here[1],
    )


def _named(one: Network) -> str:
    words = verdicts_of(one)
    if len(words) > 44:  # what would be cut off is in the table
        words = verdicts_in_brief(one)
    return f"{clipped(one.label, 34)}\n{words}" if words else clipped(one.label, 34)


def _rows(
    letter: str, title: str, together: Together, cell: Callable[[Network], Cell]
) -> pd.DataFrame:
    parts = []
    for row, one in enumerate(together.networks):
        place = float(row)
        score, published = cell(one)
        if published is not None and score is not None:
            theirs = Score(score.name, published)
            parts.append(score_rows(letter, one, title, theirs, place, "published"))
        if score is not None:
            parts.append(score_rows(letter, one, title, score, place))
    return pd.concat(parts, ignore_index=True)
