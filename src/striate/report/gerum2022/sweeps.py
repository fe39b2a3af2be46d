"""From a flat list of results to sweeps: networks that may share a panel.

A sweep is every network that differs from the others only in the penalty's strength β, its
target α* and the seed. Whatever else differs (data, protocol, fit window, epochs, …) starts
another sweep, so that no mean is ever taken across settings. Only the solver of the penalty may
differ within a sweep, because all solvers find the same numbers within a tolerance.

A network counts once: where it was trained by several solvers, attacked at other strengths by
several runs, judged by one of them, or lies in several folders.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from striate.reference import gerum2022_published
from striate.report.gerum2022.aggregate import PanelEpsilon, panel_epsilon
from striate.report.labels import DATA, NETWORKS, Key, labels
from striate.report.tidy import of_study, points
from striate.results import Curve, Result, Score, Setting

STUDY = "gerum2022"
SETUP = (
    *("network", "data", "protocol", "form", "preset", "ranks", "weights", "batch_size"),
    *("epochs", "learning_rate", "train_images", "test_images", "attack_images"),
    *("attack_epochs", "pgd_steps", "pgd_step_size", "fingerprint", "version"),
    *("layers", "width", "weight_decay", "every"),
)
# What results mean that were written before there was a choice.
BEFORE: dict[str, Setting] = {"layers": "last", "weight_decay": 0.0, "solver": "exact", "every": 1}
# What all networks that the paper drew have in common, and others need not.
PAPER = {"form": "slope", "layers": "last", "width": None, "weight_decay": 0.0, "every": 1}
# Fit windows in which its α can be ours: that of its code, and for the deep MLP the one by which
# our networks meet its figures.
WINDOWS = {"deep_mlp": ("6-50", "6-100")}
WINDOW = ("6-50",)
SOLVERS = ("exact", "subspace", "auto")  # the first one counts where a network was trained twice
IDENTITY = (*SETUP, "beta", "target", "seed")
RUNS = ("epsilons", "verdict", "solver")  # in what runs of one network may differ
ATTACKS = {"accuracy_fgsm": "fgsm", "accuracy_pgd": "pgd"}


class Sweep(NamedTuple):
    """Networks that differ only in β, target and seed.

    Attributes
    ----------
    label
        What a reader calls it, e.g. ``"shallow MLP on MNIST"``; unique in a report.
    settings
        What all its networks share: `SETUP`.
    results
        Everything measured on them.
    networks
        One row per trained network, at the epoch the figures show.
    accuracies
        One row per network, attack (none, fgsm, pgd) and ε, at that epoch.
    published
        The paper's curves for this network and data; empty where the paper has none.
    epsilon
        The ε of the single-strength panels; None when nothing was attacked.
    """

    label: str
    settings: dict[str, Setting]
    results: list[Result]
    networks: pd.DataFrame
    accuracies: pd.DataFrame
    published: pd.DataFrame
    epsilon: PanelEpsilon | None


def sweeps(results: Sequence[Result], *, folder: Path | str = "DIR") -> list[Sweep]:
    """Sort the study's results into sweeps, in the paper's order of networks.

    Parameters
    ----------
    results
        As `striate.results.load_all` gives them.
    folder
        Where they came from, for the message if there are none.

    Raises
    ------
    ValueError
        If none of the results belongs to the study.
    """
    groups: dict[Key, dict[Key, list[Result]]] = {}
    for identity, entries in _networks(of_study(results, STUDY, folder=folder)).items():
        groups.setdefault(identity[: len(SETUP)], {})[identity] = entries
    pulled = {
        setup: any(identity[IDENTITY.index("beta")] for identity in group)
        for setup, group in groups.items()
    }
    names = labels(pulled, SETUP)
    return [_sweep(names[setup], groups[setup]) for setup in sorted(groups, key=_paper_order)]


def main_sweeps(found: Sequence[Sweep]) -> list[Sweep]:
    """Leave out networks left alone with other settings than the penalised ones beside them.

    They are not sweeps that stopped at the baseline but were trained to find other exponents, and
    have a figure of their own (`striate.report.gerum2022.found_forced`).
    """
    pulled = [_kind(sweep) for sweep in found if is_pulled(sweep)]
    return [sweep for sweep in found if is_pulled(sweep) or _kind(sweep) not in pulled]


def is_pulled(sweep: Sweep) -> bool:
    """Say whether any of its networks was trained with the penalty."""
    return bool((sweep.networks["beta"] > 0).any())


def _kind(sweep: Sweep) -> tuple[Setting, Setting]:
    return sweep.settings["network"], sweep.settings["data"]


def is_papers(settings: Mapping[str, Setting]) -> bool:
    """Say whether networks were trained as the paper's, and their α found in its window."""
    network = str(settings["network"])
    same = all(settings[key] == value for key, value in PAPER.items())
    return same and settings["ranks"] in WINDOWS.get(network, WINDOW)


def alpha_by_epoch(sweep: Sweep) -> pd.DataFrame:
    """Return the measured α after each epoch: mean and SEM over seeds, per β and target."""
    curves = points(sweep.results, {"alpha"})
    if curves.empty:
        return pd.DataFrame(columns=["beta", "target", "epoch", "alpha", "sem", "n"])
    ours = curves[(curves["on"] == "train") & (curves["beta"] > 0)]
    groups = ours.groupby(["beta", "target", "x"])["y"]
    table = groups.agg(alpha="mean", sem="sem", n="size").reset_index()
    return table.rename(columns={"x": "epoch"})


def spectrum(sweep: Sweep, *, beta: float, target: float | None) -> pd.DataFrame:
    """Return the test eigenspectrum of networks that differ in the seed only: mean per rank.

    Returns
    -------
        `rank`, `variance`, `n` (seeds) and `alpha`, the mean α measured on the test images at
        the same epoch; no rows if there is no spectrum.
    """
    chosen = [
        result
        for result in sweep.results
        if result.settings.get("beta") == beta and result.settings.get("target") == target
    ]
    curves = points(chosen, {"eigenspectrum"})
    if curves.empty:
        return pd.DataFrame(columns=["rank", "variance", "n", "alpha"])
    epoch = int(curves["epoch"].min())
    first = curves[curves["epoch"] == epoch]
    table = first.groupby("x")["y"].agg(variance="mean", n="size").reset_index()
    by_epoch = points(chosen, {"alpha"}).reindex(columns=["on", "x", "y"])
    same = (by_epoch["on"] == "test") & (by_epoch["x"] == epoch)
    return table.rename(columns={"x": "rank"}).assign(alpha=by_epoch.loc[same, "y"].mean())


def fit_window(sweep: Sweep) -> tuple[int, int]:
    """Return the first and last rank of the fit, from a setting such as ``"6-50"``."""
    first, last = str(sweep.settings["ranks"]).split("-")
    return int(first), int(last)


def _networks(results: Sequence[Result]) -> dict[Key, list[Result]]:
    """Collect what was measured on each network; of two that differ in the solver, take one."""
    found: dict[Key, dict[Setting, list[Result]]] = {}
    for result in results:
        settings = {**BEFORE, **result.settings}
        by_solver = found.setdefault(tuple(settings.get(key) for key in IDENTITY), {})
        by_solver.setdefault(settings["solver"], []).append(result)
    return {
        identity: _once(
            next(by_solver[solver] for solver in (*SOLVERS, *by_solver) if solver in by_solver)
        )
        for identity, by_solver in found.items()
    }


def _once(entries: Sequence[Result]) -> list[Result]:
    """Keep what several runs measured on one network once; attacks at all their strengths.

    Runs train the same network. Of two the one with more strengths comes first: where accuracy has
    halved is read between them.
    """
    kept: dict[tuple[object, ...], Result] = {}
    for entry in sorted(entries, key=_strengths, reverse=True):
        about = tuple(sorted((k, v) for k, v in entry.settings.items() if k not in RUNS))
        first = kept.setdefault((type(entry).__name__, entry.name, about), entry)
        if isinstance(first, Curve) and isinstance(entry, Curve) and _attack(entry):
            both = dict(zip(entry.x, entry.y, strict=True)) | dict(
                zip(first.x, first.y, strict=True)
            )
            x = tuple(sorted(both))
            merged = replace(first, x=x, y=tuple(both[epsilon] for epsilon in x))
            kept[type(entry).__name__, entry.name, about] = merged
    return list(kept.values())


def _strengths(entry: Result) -> int:
    return len(str(entry.settings.get("epsilons") or "").split())


def _sweep(label: str, group: dict[Key, list[Result]]) -> Sweep:
    rows, accuracies = [], []
    for identity, entries in group.items():
        row = dict(zip(IDENTITY, identity, strict=True)) | _summary(entries)
        rows.append(row)
        accuracies += [row | accuracy for accuracy in _accuracies(entries, row)]
    settings = {key: rows[0][key] for key in SETUP}
    networks, measured = pd.DataFrame(rows), pd.DataFrame(accuracies)
    order = ["beta", "target", "seed"]
    network, data = str(settings["network"]), str(settings["data"])
    published = gerum2022_published(network, data)
    if not is_papers(settings):
        published = published.iloc[:0]
    return Sweep(
        label,
        settings,
        [result for entries in group.values() for result in entries],
        networks.astype({"target": float}).sort_values(order, ignore_index=True),
        measured.astype({"target": float}),
        published,
        panel_epsilon(network, data, networks, measured),
    )


def _summary(entries: list[Result]) -> dict[str, Setting]:
    """Describe one network at the first epoch it was attacked: the one the paper plotted."""
    attacked = sorted({int(entry.settings["epoch"] or 0) for entry in entries if _attack(entry)})
    ends = [int(entry.settings.get("epoch") or 0) for entry in entries]
    epoch = attacked[0] if attacked else max(ends)
    return {
        "epoch": epoch,
        "attacked_epochs": ", ".join(str(epoch) for epoch in attacked),
        "alpha": _value(entries, "alpha", epoch, on="train"),
        "alpha_test": _value(entries, "alpha", epoch, on="test"),
        "accuracy": _value(entries, "accuracy", epoch, on="test"),
        "epsilon_half_fgsm": _value(entries, "epsilon_half_fgsm", epoch, on="test"),
        "epsilon_half_pgd": _value(entries, "epsilon_half_pgd", epoch, on="test"),
        "verdict": ", ".join(sorted(_verdicts(entries))),
        "seconds": sum(entry.value for entry in _scores(entries, "seconds")),
    }


def _accuracies(entries: list[Result], row: dict[str, Setting]) -> list[dict[str, Setting]]:
    curves = {ATTACKS[curve.name]: curve for curve in entries if _attack(curve, row["epoch"])}
    clean = {"attack": "none", "epsilon": 0.0, "accuracy": row["accuracy"]}
    return [clean] + [
        {"attack": attack, "epsilon": round(epsilon, 6), "accuracy": accuracy}
        for attack, curve in curves.items()
        if isinstance(curve, Curve)
        for epsilon, accuracy in zip(curve.x, curve.y, strict=True)
    ]


def _attack(entry: Result, epoch: Setting = None) -> bool:
    ours = isinstance(entry, Curve) and entry.name in ATTACKS
    return ours and epoch in (None, entry.settings["epoch"])


def _verdicts(entries: list[Result]) -> set[str]:
    """Return the words on whether the accuracy under attack is real, where it was judged."""
    return {str(entry.settings.get("verdict")) for entry in _scores(entries, "verdict")}


def _scores(entries: list[Result], name: str) -> list[Score]:
    return [entry for entry in entries if isinstance(entry, Score) and entry.name == name]


def _value(entries: list[Result], name: str, epoch: int, *, on: str) -> float:
    """Return a score of that epoch, or the point of a curve over epochs; else NaN."""
    for entry in entries:
        if entry.name == name and entry.settings.get("on") == on:
            if isinstance(entry, Score) and entry.settings.get("epoch") == epoch:
                return entry.value
            if isinstance(entry, Curve) and epoch in entry.x:
                return entry.y[entry.x.index(epoch)]
    return math.nan


def _paper_order(setup: Key) -> tuple[int, int, int, str]:
    """Sort by network and data as the paper does, and its own settings before others."""
    network, data = setup[:2]
    foreign = sum(setup[SETUP.index(key)] != value for key, value in PAPER.items())
    places = [list(NETWORKS), list(DATA)]
    ranks = [
        names.index(str(name)) if name in names else len(names)
        for names, name in zip(places, (network, data), strict=True)
    ]
    return ranks[0], ranks[1], foreign, str(setup)
