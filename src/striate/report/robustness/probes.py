"""What stronger searches leave of the accuracy under the plain attack."""

from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from striate.report.drawing import clipped, rows
from striate.report.figures import BLUE, INK, MUTED, ORANGE, WIDTH, Look, Plate, stem
from striate.report.robustness.drawing import score_rows
from striate.report.robustness.findings import of_trials
from striate.report.robustness.found import Network, Together, Trial
from striate.report.robustness.words import attack_methods, trial_text, word_of, worst_of
from striate.report.words import counted, listed, plural

PLAIN, WORST = "plain", "all together"
LOOKS: dict[str, Look] = {
    "plain": {"marker": "o", "color": BLUE, "markersize": 6.5},
    "restarts": {"marker": "s", "color": MUTED},
    "margin": {"marker": "^", "color": MUTED},
    "fine steps": {"marker": "v", "color": MUTED},
    "logit scale": {"marker": "D", "color": MUTED},
    "random search": {"marker": "P", "color": MUTED},
    "transfer": {"marker": "X", "color": MUTED},
    WORST: {"marker": "|", "color": ORANGE, "markersize": 13, "markeredgewidth": 2.6},
}
SPARE: Look = {"marker": "h", "color": MUTED}


class Row(NamedTuple):
    """A network in one ball."""

    network: Network
    trial: Trial


def probes_plate(together: Together) -> Plate | None:
    """Draw the accuracy under each probe, a row per network and ball; None without probes."""
    there = [Row(one, trial) for one in together.networks for trial in one.trials if trial.probes]
    if not there:
        return None
    figure = Figure(figsize=(WIDTH, 1.3 + 0.34 * len(there)), layout="constrained")
    axes = figure.subplots()
    numbers = pd.concat(
        [_rows(row, float(place)) for place, row in enumerate(there)], ignore_index=True
    )
    _draw(axes, numbers, there)
    used = dict.fromkeys(numbers["series"])
    ordered = [name for name in LOOKS if name in used] + [n for n in used if n not in LOOKS]
    handles = [
        Line2D([], [], label=name, **{"linestyle": "none", **_look(name), "markersize": 6})
        for name in ordered
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles), columnspacing=1.2)
    found = of_trials(together)
    scores = [probe for row in there for probe in row.trial.probes.values()]
    return Plate(
        stem("robustness-probes", together.label),
        f"Is the robustness real? {together.label}",
        "",
        tuple(found),
        f"Accuracy on {_images(there)} under the plain attack and under each stronger one; "
        f"“{WORST}” is the share of images that withstood every one, image by image. At the right "
        f"the verdict. {attack_methods(together, scores)}",
        f"Dots: accuracy under {plural(len(used), 'kind')} of attack, of "
        f"{listed(row.network.label for row in there[:6])}. {found[0]}",
        figure,
        numbers,
    )


def _rows(row: Row, place: float) -> pd.DataFrame:
    ball = trial_text(row.trial)
    parts = [
        score_rows("", row.network, name, probe, place) for name, probe in row.trial.probes.items()
    ]
    worst = worst_of(row.trial)
    if worst is not None:
        parts.append(rows("", "measured", row.network.label, WORST, [worst], [place]))
    return pd.concat(parts, ignore_index=True).assign(ball=ball, verdict=word_of(row.trial))


def _look(name: str) -> Look:
    return LOOKS.get(name, SPARE)


def _draw(axes: Axes, numbers: pd.DataFrame, there: list[Row]) -> None:
    for name, part in numbers.groupby("series", sort=False):
        look: Look = {"markersize": 5, "linestyle": "none", **_look(str(name))}
        look |= {"zorder": 4} if name in (PLAIN, WORST) else {"markerfacecolor": "none"}
        axes.plot(part["x"], part["y"], label=str(name), **look)
    plain = numbers[(numbers["series"] == PLAIN) & numbers["low"].notna()]
    axes.hlines(plain["y"], plain["low"], plain["high"], color=BLUE, linewidth=1.3)
    names = [f"{clipped(r.network.label, 40)} ({trial_text(r.trial)})" for r in there]
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0)
    axes.grid(False, axis="y")
    for place, row in enumerate(there):
        place_of = (1.015, place)
        text = word_of(row.trial) or "no verdict"
        weight = "bold" if text == "masked" else "normal"
        axes.annotate(
            text, place_of, xycoords=("axes fraction", "data"), va="center", color=INK,
            fontsize=8.5, fontweight=weight, annotation_clip=False,
        )  # fmt: skip
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("accuracy")
    axes.xaxis.set_major_formatter(lambda value, place: f"{100 * value:.0f} %")


def _images(there: list[Row]) -> str:
    counts = {p.settings.get("images") for row in there for p in row.trial.probes.values()}
    known = sorted(int(one) for one in counts if isinstance(one, int | float))
    return f"{listed(map(counted, known))} images" if known else "the images"
