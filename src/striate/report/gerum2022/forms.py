"""The forms of the penalty side by side, where networks are alike in all the rest."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from striate.report.figures import (
    WIDTH,
    Look,
    Plate,
    beta_name,
    by_beta,
    draw,
    lines,
    panel_axes,
    stack,
    stem,
)
from striate.report.gerum2022 import captions
from striate.report.gerum2022.aggregate import at, per_target
from striate.report.gerum2022.findings import networks_of
from striate.report.gerum2022.sweeps import SETUP, Sweep, is_pulled
from striate.report.gerum2022.tables import QUANTITIES, number
from striate.report.labels import Key, labels

SHARED = tuple(key for key in SETUP if key != "form")
# Colour says β, as everywhere; the form is in the mark and the line.
LOOKS: dict[str, Look] = {
    "slope": {"marker": "o", "linestyle": "-"},
    "line": {"marker": "^", "linestyle": (0, (5, 1.5))},
    "ratio": {"marker": "X", "linestyle": (0, (1.2, 1.5))},
}
MEANING = {
    "slope": "β·|α − α*| (the paper)",
    "line": "squared distance from the best line of slope −α* (the authors, 2023)",
    "ratio": "distance from the power law through the window's first rank (Nassar et al. 2020)",
}


class Family(NamedTuple):
    """Sweeps that differ in the form only: what they are called, and the sweeps."""

    label: str
    sweeps: list[Sweep]


def families(found: Sequence[Sweep]) -> list[Family]:
    """Bring together sweeps that are equal in everything but `form`; one form alone is none."""
    groups: dict[Key, list[Sweep]] = {}
    for sweep in filter(is_pulled, found):
        groups.setdefault(tuple(sweep.settings[key] for key in SHARED), []).append(sweep)
    several = {key: group for key, group in groups.items() if len(group) > 1}
    names = labels(dict.fromkeys(several, True), SHARED)
    order = list(LOOKS)
    return [
        Family(
            names[key], sorted(group, key=lambda sweep: order.index(str(sweep.settings["form"])))
        )
        for key, group in several.items()
    ]


def forms_table(found: Sequence[Sweep]) -> pd.DataFrame:
    """Average over seeds: a row per family, form, β and target, the baseline of a family first.

    Returns
    -------
        `label`, `form` (empty for the baseline: without a penalty it has none), `beta`, `target`,
        `n` (seeds), `epsilon`, and `alpha`, `clean`, `fgsm`, `pgd`, each with its ``_sem``.
    """
    rows = []
    for family in families(found):
        epsilon = _epsilon(family)
        for (form, beta, target), networks in _networks(family).groupby(
            ["form", "beta", "target"], dropna=False, sort=False
        ):
            shown = {
                name: at(networks, attack, epsilon)["accuracy"]
                for name, attack in QUANTITIES.items()
            }
            alphas = networks.loc[networks["attack"] == "none", "alpha"]
            row = {"label": family.label, "form": form, "beta": beta, "target": target}
            row |= {"n": len(alphas), "epsilon": epsilon}
            for name, values in {"alpha": alphas, **shown}.items():
                row |= {name: values.mean(), f"{name}_sem": values.sem()}
            rows.append(row)
    return pd.DataFrame(rows)


def form_cells(table: pd.DataFrame) -> dict[str, list[dict[str, str]]]:
    """Write the rows of `forms_table` as short texts, by family: percent ± SEM."""
    found: dict[str, list[dict[str, str]]] = {}
    for row in table.to_dict("records"):
        cell = {
            "form": row["form"] or "none",
            "beta": f"{row['beta']:g}",
            "target": number(row["target"], ".1f"),
            "n": str(row["n"]),
            "epsilon": number(row["epsilon"], "g"),
            "alpha": _spread(row["alpha"], row["alpha_sem"], ".2f"),
        }
        for name in QUANTITIES:
            cell[name] = _spread(100 * row[name], 100 * row[f"{name}_sem"], ".1f")
        found.setdefault(row["label"], []).append(cell)
    return found


def forms(found: Sequence[Sweep]) -> list[Plate]:
    """Draw accuracy against measured α for each form, a figure per family."""
    return [_plate(family) for family in families(found)]


def _networks(family: Family) -> pd.DataFrame:
    """Return a row per network, attack and ε; the baseline counts once and has no form."""
    rows = pd.concat([sweep.accuracies for sweep in family.sweeps], ignore_index=True)
    rows = rows.dropna(subset=["alpha", "accuracy"])
    alone = rows[rows["beta"] == 0].drop_duplicates(["seed", "attack", "epsilon"])
    pulled = rows[rows["beta"] > 0].sort_values(["beta", "target"])
    parts = [alone.assign(form=""), *(pulled[pulled["form"] == form] for form in LOOKS)]
    return pd.concat([part for part in parts if len(part)], ignore_index=True)


def _epsilon(family: Family) -> float:
    """Take the strength of the sweep that has a baseline, by which strengths are chosen."""
    known = [sweep for sweep in family.sweeps if sweep.epsilon is not None]
    known.sort(key=lambda sweep: not (sweep.networks["beta"] == 0).any())
    return known[0].epsilon.value if known and known[0].epsilon else 0.0


def _plate(family: Family) -> Plate:
    networks, epsilon = _networks(family), _epsilon(family)
    parts = [
        _panel(networks, attack, letter, epsilon)
        for letter, attack in zip("abc", captions.ATTACK_NAMES, strict=True)
    ]
    numbers = stack(parts)
    looks = {_series(form, beta): LOOKS[form] for form in LOOKS for beta in set(numbers["beta"])}
    shown = [part for part in parts if len(part)]
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    colour = by_beta(numbers["beta"])
    for axes, part in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        draw(axes, part, colour, dots=True, looks=looks)
        panel_axes(axes, part["panel"].iloc[0], epsilon)
    _add_legend(figure, numbers, looks)
    used = [str(sweep.settings["form"]) for sweep in family.sweeps]
    meanings = "; ".join(f"{form}: {MEANING[form]}" for form in used)
    return Plate(
        stem("forms", family.label),
        f"The forms of the penalty: {family.label}",
        "",
        tuple(_reach(networks, form) for form in used),
        f"{captions.capital(meanings)}. β means something else in each form, so compare where α "
        "is equal, not where β is. Dots: mean ± SEM over the seeds of one target. "
        + captions.each(family.sweeps[:1], captions.procedure),
        f"Accuracy against measured α for the {family.label}, a line per form of the penalty.",
        figure,
        numbers,
    )


def _panel(networks: pd.DataFrame, attack: str, letter: str, epsilon: float) -> pd.DataFrame:
    parts = []
    for form, rows in networks.groupby("form", sort=False):
        means = at(per_target(rows), attack, epsilon).sort_values(["beta", "alpha"])
        part = means.rename(columns={"alpha": "x", "accuracy": "y", "sem": "error"})
        series = [_series(str(form), beta) for beta in means["beta"]]
        parts.append(lines(part, source="measured", series=series, panel=letter))
    return stack(parts)


def _series(form: str, beta: float) -> str:
    return f"{form}, β = {beta:g}" if form else beta_name(0.0)


def _reach(networks: pd.DataFrame, form: str) -> str:
    """Say how near to their targets the networks of a form came."""
    rows = networks[(networks["form"] == form) & (networks["attack"] == "none")]
    miss = (rows["alpha"] - rows["target"]).abs()
    return (
        f"With the form “{form}”, {networks_of(len(rows))} ended {miss.mean():.2f} from the target "
        f"α* in the mean, {miss.max():.2f} at most."
    )


def _add_legend(figure: Figure, numbers: pd.DataFrame, looks: Mapping[str, Look]) -> None:
    colour = by_beta(numbers["beta"])
    handles = []
    for series, rows in numbers.groupby("series", sort=False):
        beta = float(rows["beta"].iloc[0])
        look = looks.get(str(series), {"marker": "D", "linestyle": "none"})
        handles.append(Line2D([], [], color=colour(beta, np.nan), label=str(series), **look))
    figure.legend(handles=handles, loc="outside upper left", ncols=4, handlelength=3)


def _spread(value: float, sem: float, form: str) -> str:
    return number(value, form) + ("" if np.isnan(sem) else f" ± {sem:{form}}")
