"""Figures 6 to 9 of the paper, with the networks measured here."""

from collections.abc import Sequence

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes

from striate.report.drawing import switch_off
from striate.report.figures import HOUSE, Plate, once, stem
from striate.report.kong2021.analysis import (
    EVERY,
    GIVEN_CLEAN,
    GIVEN_ROBUST,
    ROBUST,
    USUAL,
)
from striate.report.kong2021.drawing import (
    COLUMNS,
    MEASURED,
    PUBLISHED,
    draw,
    dress,
    figure_of,
    legend,
    mark_accuracies,
    name_dots,
    rows_of,
)
from striate.report.kong2021.found import Together
from striate.report.kong2021.panels import Drawn, Panel, published_panel
from striate.report.kong2021.published import printed
from striate.report.kong2021.shown import Part, Shown, published_part
from striate.report.kong2021.words import (
    ATTACKED,
    NAMES,
    PREDICTED,
    REGRESSIONS,
    correlation_text,
    minus,
    paired_text,
)
from striate.report.words import listed, plural, span
from striate.statistics import Correlation, Paired

DOTS = (
    "Hollow: published, the 40 rows of Table S1. Filled: measured here; a star is a network of "
    "yours, or any that is no row of the table. Names of robust networks are without “robust”. "
    "Dashed: least squares. Dotted: from the accuracy published for the row to the one measured. "
    "Bars: the errors of the numbers."
)
MARKED = "Upright line: the accuracy of a network of yours that has no predictivity."
SCALE = (
    "the paper’s is of macaque V1 (Cadena et al. 2019, 166 neurons, 6250 stimuli). On another "
    "recording predictivities are not on the paper’s scale; only their order can be compared."
)
APART = (
    "On one axis, published and measured would be two flat bands: they have panels of their own, "
    "with the same x axis."
)
JUDGED = (
    "R is Pearson’s, over networks; p is Student’s and takes them for independent, which they are "
    "not. Intervals of R: bootstrap over networks (bias-corrected, accelerated); of fewer than ten "
    "networks, Fisher’s. Of pairs and groups: Student’s."
)
NEAR = 2.0  # spans of the published values that others may lie beyond them, on the same axes
ROBUST_BASE = "8"  # the paper joins robust networks to their bases in this figure's second panel


@rc_context(HOUSE)
def plates(there: Sequence[Shown]) -> list[Plate]:
    """Draw the figures of each set of networks; Figure 6 A always, for it was published."""
    first = next((one.together for one in there), None)
    return once(
        _plate(one)
        for one in there
        if one.parts or (one.figure.number == "6" and one.together is first)
    )


def _plate(one: Shown) -> Plate:
    figure, together, measured = one
    beside = [published_part()] if figure.number == "6" else []
    slots = _slots(beside, measured)
    drawing = figure_of(len(slots))
    grid = drawing.subplots(1, max(2, len(slots)), squeeze=False)[0]
    switch_off(grid[len(slots) :])
    first = grid[0]
    for place, (axes, parts) in enumerate(zip(grid, slots, strict=False)):
        split = bool(beside) and parts[-1].panel.letter == "A"
        _draw_slot(axes, parts, beside=split, segments=_has_segments(figure, parts[-1]))
        if len(slots) > 2 and place == 1:
            axes.sharex(first)
    marks = _marks(beside, measured, together)
    mark_accuracies(first, marks)
    kinds = {str(line.get_label()) for axes in grid for line in axes.lines}
    numbers = pd.DataFrame(
        [
            *(
                row
                for part in (*beside, *measured)
                for row in rows_of(part.source, part.panel, part.analysis)
            ),
            *({"panel": "A", "source": MEASURED, "of": name, "x": x} for name, x in marks),
        ]
    ).reindex(columns=list(COLUMNS))
    legend(drawing, numbers, sorted(kinds))
    drawing.draw_without_rendering()  # names are placed where the panels have come to stand
    drawing.set_layout_engine("none")
    for axes, parts in zip(grid, slots, strict=False):
        if parts[-1].source == MEASURED:
            name_dots(axes, parts[-1].panel.dots)
    sentences = _sentences(beside, measured)
    return Plate(
        stem(f"kong2021-fig{figure.number or '-alone'}", together.label).rstrip("-"),
        _title(figure, together),
        _claim(figure),
        tuple(sentences),
        _methods(figure, together, slots, measured),
        f"Scatter plots: {listed(_what(part.panel) for part in measured or beside)}. "
        f"{sentences[0]}",
        drawing,
        numbers,
    )


def _slots(beside: Sequence[Part], measured: Sequence[Part]) -> list[list[Part]]:
    """Put published and measured dots on the same axes if both can be read there."""
    if not beside:
        return [[one] for one in measured]
    first = [one for one in measured if one.panel.y == PREDICTED]
    rest = [[one] for one in measured if one.panel.y != PREDICTED]
    if first and is_near([dot.y for dot in first[0].panel.dots]):
        return [[*beside, *first], *rest]
    return [[*beside], *([first] if first else []), *rest]


def is_near(values: Sequence[float]) -> bool:
    """Say whether measured predictivities can be read on the axes of the published ones."""
    published = [dot.y for dot in published_panel().dots]
    low, high = min(published), max(published)
    beyond = NEAR * (high - low)
    return all(low - beyond <= value <= high + beyond for value in values)


def _draw_slot(axes: Axes, parts: Sequence[Part], *, beside: bool, segments: bool) -> None:
    for part in parts:
        here = part.source == MEASURED
        draw(
            axes, part.source, part.panel, part.analysis,
            segments=segments and here, links=here,
        )  # fmt: skip
    last = parts[-1]
    note = " and ".join(part.source for part in parts) if beside else ""
    dress(axes, last.panel, note, last.analysis)


def _has_segments(figure: Drawn, part: Part) -> bool:
    return figure.number == ROBUST_BASE and part.panel.letter == "B"


def _marks(
    beside: Sequence[Part], measured: Sequence[Part], together: Together
) -> list[tuple[str, float]]:
    """Return the accuracies of the user's networks, where nothing else of them is in panel A."""
    if not beside or any(part.panel.y == PREDICTED for part in measured):
        return []
    attacked = [(one, one.of(ATTACKED, "")) for one in together.networks if one.entry is None]
    return [(one.name, score.value) for one, score in attacked if score is not None]


def _title(figure: Drawn, together: Together) -> str:
    about = f": {together.label}" if together.label else ""
    if not figure.number:
        return f"Exponent and frequency score, without a recording{about}"
    what = {
        "6": "Adversarial accuracy, V1 predictivity and exponent",
        "7": "Adversarial accuracy, V1 frequency score and V1 predictivity",
    }["6" if figure.number in "68" else "7"]
    also = {"8": " (S1)", "9": " (S2)"}.get(figure.number, "")
    return f"Figure {figure.number}{also}. {what}, {REGRESSIONS[figure.regression]}{about}"


def _claim(figure: Drawn) -> str:
    if not figure.number:
        return ""
    said = [
        f"{letter}, {NAMES[x]} and {NAMES[y]}: {printed()[x, y, figure.regression].text()}"
        for letter, (x, y) in zip("AB", figure.pairs, strict=True)
    ]
    return f"{'; '.join(said)}."


def _sentences(beside: Sequence[Part], measured: Sequence[Part]) -> list[str]:
    said = [f"Published, from the 40 rows of Table S1: {_found(part)}" for part in beside]
    said += [f"Measured, {part.panel.letter}, {_found(part)}" for part in measured]
    return said if measured else [*said, "Measured: no network has both numbers of a panel."]


def _what(panel: Panel) -> str:
    return f"{NAMES[panel.x]} and {NAMES[panel.y]}"


def _found(part: Part) -> str:
    """Say all that a panel shows."""
    found = part.analysis.correlations
    every = found[EVERY]
    if isinstance(every, str):
        return f"{_what(part.panel)}: {every}"
    text = f"{_what(part.panel)}: {correlation_text(every)}."
    names = {
        USUAL: "not robust", ROBUST: "robust",
        GIVEN_ROBUST: "given which are robust", GIVEN_CLEAN: "given clean accuracy",
    }  # fmt: skip
    known = [
        minus(f"{name} {one.r:.3f}") + (f" (n = {one.n})" if key in (USUAL, ROBUST) else "")
        for key, name in names.items()
        if isinstance(one := found[key], Correlation)
    ]
    text += f" R within groups and partial: {', '.join(known)}." if known else ""
    if isinstance(part.analysis.pairs, Paired):
        text += f" Robust less base, {NAMES[part.panel.y]}: {paired_text(part.analysis.pairs)}."
    return text


def _methods(
    figure: Drawn, together: Together, slots: Sequence[Sequence[Part]], measured: Sequence[Part]
) -> str:
    """Say what it takes to judge a figure; what holds for all stands under Figure 6."""
    names = {quantity for part in measured for quantity in (part.panel.x, part.panel.y)}
    said = [DOTS] if figure.number == "6" else []
    said += [MARKED] if _marks(slots[0] if figure.number == "6" else [], measured, together) else []
    said += [_layer(figure)] if measured else []
    if PREDICTED in names:
        said.append(
            f"Predictivity is of the recording {together.settings.get('recording')}; {SCALE}"
        )
        if any(slot[0].source == PUBLISHED and len(slot) == 1 for slot in slots):
            said.append(APART)
    said.append(_photographs(together))
    said.append(JUDGED if figure.number == "6" else "Dots, lines, R, p and intervals: as under "
                "Figure 6.")  # fmt: skip
    if together.settings.get("quick"):
        said.append("Quick settings: a first answer, on few images.")
    return " ".join([*said, _counted(together, measured)])


def _counted(together: Together, measured: Sequence[Part]) -> str:
    """Say how many networks are drawn, of how many that were measured."""
    drawn = len({dot.name for part in measured for dot in part.panel.dots})
    every = len(together.networks)
    if 0 < drawn < every:
        return f"Drawn are {drawn} of the {every} networks measured, which have both numbers."
    return f"{plural(every, 'network')} measured."


def _layer(figure: Drawn) -> str:
    """Say which layer stands for a network."""
    if figure.regression:
        by = REGRESSIONS[figure.regression]
        return f"The layer that stands for a network is the one that predicts V1 best by {by}."
    return (
        "No recording was given, so no layer predicts V1 best; taken is the layer with the highest "
        "frequency score, which favours high scores. The paper has no such figure."
    )


def _photographs(together: Together) -> str:
    """Say on which photographs accuracies are."""
    attacked = [score for one in together.networks if (score := one.of("clean_accuracy", ""))]
    if not attacked:
        return "Nothing was attacked."
    counts = [int(score.settings.get("images") or 0) for score in attacked]
    return (
        f"Accuracies measured here are on {span(counts)} images of {together.settings['pictures']};"
        " the paper’s on the 50,000 images of ImageNet’s validation set."
    )
