"""Is it α, or the penalty? Networks that found an α by themselves beside networks forced there.

Found: networks without a penalty whose width, learning rate, weight decay, batches or epochs were
changed, which moves α as a by-product. Forced: penalised networks with the paper's architecture.
If α itself made a network robust, the two would lie on one curve.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.stats import spearmanr

from striate.report.figures import (
    BLUE,
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
from striate.report.gerum2022.aggregate import (
    PanelEpsilon,
    at,
    panel_epsilon,
    per_target,
    published_at,
)
from striate.report.gerum2022.sweeps import PAPER, Sweep
from striate.report.labels import DATA, NETWORKS

# What found and forced networks must share, or their α and accuracies cannot be compared.
SHARED = (
    *("network", "data", "train_images", "test_images", "attack_images", "ranks", "weights"),
    *("pgd_steps", "pgd_step_size", "fingerprint", "version"),
)
# What may be changed to find another α, and how it is drawn.
MARKS = {"width": "^", "learning_rate": "v", "weight_decay": "P", "batch_size": "<", "epoch": "X"}
FACTORS = tuple(MARKS)
SEVERAL, BASELINE = "*", "D"
FEWEST = 3  # settings for a correlation


class Comparison(NamedTuple):
    """Networks left alone and forced ones that may be compared.

    Attributes
    ----------
    label
        Network and data.
    settings
        What all share: `SHARED`, and of the forced ones `FACTORS`.
    forced
        One row per forced network, attack and ε.
    found
        One row per network left alone, attack and ε; `varied` says what is different from the
        forced ones (empty: nothing, it is their baseline), and `mark` how it is drawn.
    epsilon
        The strength of the attacks that are shown.
    """

    label: str
    settings: pd.Series
    forced: pd.DataFrame
    found: pd.DataFrame
    epsilon: PanelEpsilon


def found_forced(found: Sequence[Sweep]) -> list[Plate]:
    """Draw each network and data set of which some found their α and others were forced to one."""
    return [_plate(comparison) for comparison in comparisons(found)]


def comparisons(found: Sequence[Sweep]) -> list[Comparison]:
    """Bring together the sweeps that share what α and accuracy depend on but for `FACTORS`."""
    made = list(_comparisons(found))
    labels = [comparison.label for comparison in made]
    return [
        comparison
        if labels.count(comparison.label) == 1
        else comparison._replace(label=f"{comparison.label}, {_images(comparison.settings)}")
        for comparison in made
    ]


def _comparisons(found: Sequence[Sweep]) -> Iterator[Comparison]:
    rows = pd.concat([sweep.accuracies for sweep in found], ignore_index=True)
    rows = rows.astype({"width": float}).fillna({"width": 0.0})  # 0: the paper's
    rows = rows.dropna(subset=["alpha", "accuracy"])
    for _, family in rows.groupby(list(SHARED), sort=False, dropna=False):
        paper = {**PAPER, "width": 0.0}
        is_paper = (family[list(paper)] == pd.Series(paper)).all(axis=1)
        forced = family[(family["beta"] > 0) & is_paper]
        if forced.empty:
            continue
        # Of several ways to train them, the one with the most networks.
        sizes = forced.groupby(list(FACTORS), sort=False)["seed"].transform("size")
        settings = forced.iloc[int(sizes.argmax())]
        forced = forced[(forced[list(FACTORS)] == settings[list(FACTORS)]).all(axis=1)]
        left_alone = _described(family[family["beta"] == 0], settings)
        network, data = str(settings["network"]), str(settings["data"])
        baseline = left_alone[left_alone["varied"] == ""]
        epsilon = panel_epsilon(network, data, baseline, forced)
        if epsilon is not None and (left_alone["varied"] != "").any():
            label = f"{NETWORKS.get(network, network)} on {DATA.get(data, data)}"
            yield Comparison(label, settings, forced, left_alone, epsilon)


def of_settings(found: pd.DataFrame) -> pd.DataFrame:
    """Average over seeds: a row per setting, attack and ε with `alpha`, `accuracy`, `sem`, `n`."""
    groups = found.groupby(["attack", "epsilon", "varied", "mark"], sort=False)
    return groups.agg(
        alpha=("alpha", "mean"),
        accuracy=("accuracy", "mean"),
        sem=("accuracy", "sem"),
        n=("accuracy", "size"),
    ).reset_index()


def _described(networks: pd.DataFrame, reference: pd.Series) -> pd.DataFrame:
    """Say of each network what is different from the forced ones; a network counts once."""
    once = networks.drop_duplicates([*FACTORS, "seed", "attack", "epsilon"])
    varied, marks = [], []
    for row in once[list(FACTORS)].to_dict("records"):
        changed = [name for name in FACTORS if row[name] != reference[name]]
        varied.append(", ".join(f"{_words(name)} {row[name]:g}" for name in changed))
        marks.append(SEVERAL if len(changed) > 1 else MARKS[changed[0]] if changed else BASELINE)
    return once.assign(varied=varied, mark=marks)


def _plate(comparison: Comparison) -> Plate:
    numbers = stack(
        part
        for letter, attack in zip("abc", captions.ATTACK_NAMES, strict=True)
        for part in _panel(comparison, attack, letter)
    )
    marks = comparison.found.set_index("varied")["mark"].to_dict()
    looks: dict[str, Look] = {
        _series(str(varied)): {"marker": mark, "linestyle": "none", "markersize": 6.5, "zorder": 5}
        for varied, mark in marks.items()
    }
    figure = Figure(figsize=(WIDTH, 3.5), layout="constrained")
    panels = numbers["panel"].unique()
    colour = by_beta(numbers["beta"])
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        draw(axes, numbers[numbers["panel"] == panel], colour, dots=True, looks=looks)
        panel_axes(axes, panel, comparison.epsilon.value)
    _add_legend(figure, comparison)
    measured = [
        sentence for attack in captions.ATTACK_NAMES for sentence in findings(comparison, attack)
    ]
    return Plate(
        stem("found-forced", comparison.label),
        f"Found and forced α: {comparison.label}",
        "",
        tuple(measured),
        _methods(comparison),
        f"Accuracy against measured α for the {comparison.label}: separate marks for networks that "
        "came to their α without a penalty, curves for those that were forced to it.",
        figure,
        numbers,
    )


def _panel(comparison: Comparison, attack: str, letter: str) -> Iterator[pd.DataFrame]:
    """Give the curves of the forced networks, and the dots of the found ones over them."""
    names = {"alpha": "x", "accuracy": "y", "sem": "error"}
    forced = at(per_target(comparison.forced), attack, comparison.epsilon.value)
    forced = forced.sort_values(["beta", "alpha"])
    series = [f"forced, {beta_name(beta)}" for beta in forced["beta"]]
    yield lines(forced.rename(columns=names), source="measured", series=series, panel=letter)
    found = at(of_settings(comparison.found), attack, comparison.epsilon.value)
    series = [_series(varied) for varied in found["varied"]]
    rows = found.rename(columns=names)
    yield lines(rows, source="measured", series=series, panel=letter, beta=0.0, target=np.nan)


def findings(comparison: Comparison, attack: str) -> list[str]:
    """Say how α and accuracy go together among found and forced, and how far apart the two lie."""
    epsilon = comparison.epsilon.value
    found = at(of_settings(comparison.found), attack, epsilon)
    curves = at(per_target(comparison.forced), attack, epsilon)
    if found.empty or curves.empty:
        return []
    name = "Without an attack" if attack == "none" else f"Under {captions.ATTACK_NAMES[attack]}"
    groups = [("found networks", found)]
    groups += [(f"forced with β = {beta:g}", curve) for beta, curve in curves.groupby("beta")]
    parts = [f"{who} {_correlation(rows)}" for who, rows in groups]
    together = f"{name}, rank correlation of α and accuracy (Spearman): {'; '.join(parts)}."
    return [together, *(_gap(name, found, curves, beta) for beta in curves["beta"].unique())]


def _correlation(rows: pd.DataFrame) -> str:
    """Correlate over settings, or targets: the seeds of one are no new evidence."""
    constant = rows[["alpha", "accuracy"]].nunique().min() < 2
    if len(rows) < FEWEST or constant:
        return f"unknown (n = {len(rows)})"
    rho = np.asarray(spearmanr(rows["alpha"], rows["accuracy"]))[0]
    return f"ρ = {rho:.2f} (n = {len(rows)})".replace("-", "−")


def _gap(name: str, found: pd.DataFrame, curves: pd.DataFrame, beta: float) -> str:
    """Compare found networks with the forced ones of the same α, read off their curve."""
    read = [published_at(curves, beta=beta, alpha=alpha) for alpha in found["alpha"]]
    gaps = 100 * (np.array(read) - found["accuracy"].to_numpy(float))
    gaps = gaps[np.isfinite(gaps)]
    if not len(gaps):
        return f"{name}, no found network has an α that β = {beta:g} reached."
    more = "more" if gaps.mean() >= 0 else "less"
    spread = f"from {gaps.min():+.1f} to {gaps.max():+.1f}".replace("-", "−")
    return (
        f"{name}, at equal α networks forced with β = {beta:g} keep {abs(gaps.mean()):.1f} points "
        f"{more} than found ones (mean of {len(gaps)} settings, {spread})."
    )


def _methods(comparison: Comparison) -> str:
    settings, found = comparison.settings, comparison.found
    networks = found.drop_duplicates([*FACTORS, "seed"])
    forced = comparison.forced.drop_duplicates(["beta", "target", "seed"])
    ways = "; ".join(varied for varied in found["varied"].unique() if varied)
    first, last = str(settings["ranks"]).split("-")
    return (
        f"Forced: {captions.networks_of(len(forced))}, {_trained(settings)}; their dots are "
        f"mean ± SEM over the seeds of one target. Found: {captions.networks_of(len(networks))} "
        f"without a penalty in {found['varied'].nunique()} settings, a mark each (mean ± SEM over "
        f"seeds). They are like the forced ones but for: {ways}. All have "
        f"{_images(settings)}; α is fitted to ranks {first}–{last} and averaged "
        f"over the training batches of the last epoch; accuracy is on {settings['test_images']:,} "
        f"test images, under attack on {settings['attack_images']:,}. Attacks have ε = "
        f"{comparison.epsilon.value:g}: {comparison.epsilon.rule}. The paper has no such figure."
    )


def _trained(settings: pd.Series) -> str:
    return (
        f"{settings['epoch']} epochs, batches of {settings['batch_size']}, learning rate "
        f"{settings['learning_rate']:g}"
    )


def _add_legend(figure: Figure, comparison: Comparison) -> None:
    """Explain the curves, and each kind of mark with the values it stands for."""
    colour = by_beta(comparison.forced["beta"])
    handles = [
        Line2D(
            [], [], color=colour(beta, np.nan), linewidth=1.6, label=f"forced, {beta_name(beta)}"
        )
        for beta in sorted(comparison.forced["beta"].unique())
    ]
    for mark in comparison.found["mark"].unique():
        name = _kind(mark, comparison.found.loc[comparison.found["mark"] == mark, "varied"])
        handles.append(Line2D([], [], color=BLUE, marker=mark, linestyle="none", label=name))
    figure.legend(handles=handles, loc="outside upper left", ncols=3, handlelength=1.8)


def _kind(mark: str, varied: pd.Series) -> str:
    """Name the settings that share a mark, e.g. ``"found: width 500, 4000"``."""
    if mark in (BASELINE, SEVERAL):
        return _series("") if mark == BASELINE else "found: several changes"
    factor = next(name for name, one in MARKS.items() if one == mark)
    values = sorted({float(way.rpartition(" ")[2]) for way in varied})
    return f"found: {_words(factor)} {', '.join(f'{value:g}' for value in values)}"


def _series(varied: str) -> str:
    return f"found, {varied}" if varied else beta_name(0.0)


def _words(factor: str) -> str:
    return "epochs" if factor == "epoch" else factor.replace("_", " ")


def _images(settings: pd.Series) -> str:
    return f"{settings['train_images']:,} training images"
