"""What a sweep says, in three sentences computed from its numbers."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from striate.report.gerum2022.aggregate import at, binned, published_at
from striate.report.gerum2022.sweeps import Sweep, sweeps
from striate.report.words import percent
from striate.results import Result

# A network "reached" its target when the figures could not tell the two apart.
REACHED = 0.1


def gerum2022_findings(results: Sequence[Result]) -> list[str]:
    """Say in three sentences what was found: the baseline, the attack, the targets.

    They speak of the first sweep, in the paper's order, that has regularised networks, and name it
    where there are several.

    Parameters
    ----------
    results
        As `striate.results.load_all` gives them.

    Returns
    -------
        Three sentences. Where something was not measured, the sentence says so.

    Raises
    ------
    ValueError
        If there are no results of the study.
    """
    found = sweeps(results)
    sweep = principal(found)
    whose = "" if len(found) == 1 else f"{sweep.label[:1].upper()}{sweep.label[1:]}: "
    return [_baseline(sweep), _under_attack(sweep, whose), _targets(sweep, whose)]


def principal(found: Sequence[Sweep]) -> Sweep:
    """Return the sweep to speak of: the first with regularised networks, else the first."""
    return next((sweep for sweep in found if (sweep.networks["beta"] > 0).any()), found[0])


def networks_of(count: int) -> str:
    """Count networks in English."""
    return "1 network" if count == 1 else f"{count} networks"


def _baseline(sweep: Sweep) -> str:
    baseline = sweep.networks[sweep.networks["beta"] == 0]
    if baseline.empty:
        return f"There is no baseline: no {sweep.label} was trained without the penalty (β = 0)."
    alpha, accuracy = baseline["alpha"].mean(), baseline["accuracy"].mean()
    if np.isnan(alpha) or np.isnan(accuracy):
        return f"The baseline is unknown: α or accuracy of the {sweep.label} was not measured."
    published = at(sweep.published, "none", 0.0)
    dot = published[published["beta"] == 0]
    paper = (
        f" (published: α = {dot['alpha'].iloc[0]:.2f} and {percent(dot['accuracy'].iloc[0])})"
        if len(dot)
        else ""
    )
    return (
        f"Left alone, the {sweep.label} settles at α = {alpha:.2f} and classifies "
        f"{percent(accuracy)} of the test images correctly{paper}; n = "
        f"{networks_of(len(baseline))} trained without the penalty."
    )


def _under_attack(sweep: Sweep, whose: str) -> str:
    if sweep.epsilon is None:
        return f"Robustness is unknown: no {sweep.label} was attacked."
    epsilon = sweep.epsilon.value
    bins = at(binned(sweep.accuracies), "fgsm", epsilon)
    dot, curves = bins[bins["beta"] == 0], bins[bins["beta"] > 0]
    against = f"; the baseline keeps {percent(dot['accuracy'].iloc[0])}" if len(dot) else ""
    if curves.empty:
        return (
            f"How accuracy under attack changes with α is unknown: at ε = {epsilon:g} FGSM was "
            f"not tried on a regularised {sweep.label}{against}."
        )
    beta = curves["beta"].max()
    curve = curves[curves["beta"] == beta].sort_values("alpha")
    attacked = f"{'attacked' if whose else 'Attacked'} with FGSM at ε = {epsilon:g}"
    return f"{whose}{attacked}, networks trained with β = {beta:g} keep {_change(curve)}{against}."


def _change(curve: pd.DataFrame) -> str:
    low, high = curve.iloc[0], curve.iloc[-1]
    best = curve.nlargest(1, "accuracy").iloc[0]
    first, last, most = (percent(place["accuracy"]) for place in (low, high, best))
    start = f"{first} at α = {low['alpha']:.1f}"
    if len(curve) == 1:
        return f"{start}, the only α reached"
    verb = "rising" if high["accuracy"] > low["accuracy"] else "falling"
    # What a reader sees as equal is no trend.
    end = "and as many" if first == last else f"{verb} to {last}"
    ends = f"{start}, {end} at α = {high['alpha']:.1f}"
    return (
        ends
        if most in (first, last)
        else f"{ends}, with the best, {most}, at α = {best['alpha']:.1f}"
    )


def _targets(sweep: Sweep, whose: str) -> str:
    pulled = sweep.networks[sweep.networks["beta"] > 0]
    if pulled.empty:
        return "No target was set: every network was trained without the penalty."
    pulled = pulled.dropna(subset=["alpha"])
    if pulled.empty:
        return f"Whether the {sweep.label} reached its targets is unknown: α was not measured."
    miss = (pulled["alpha"] - pulled["target"]).abs()
    worst = pulled.assign(miss=miss).nlargest(1, "miss").iloc[0]
    reached = int((miss <= REACHED).sum())
    sentence = f"{reached} of {networks_of(len(pulled))} ended within {REACHED} of the target α*"
    if reached < len(pulled):
        sentence += (
            f" (the farthest, with β = {worst['beta']:g}, at α = {worst['alpha']:.1f} "
            f"instead of {worst['target']:.1f})"
        )
    return f"{whose}{sentence}; {_agreement(sweep)}."


def _agreement(sweep: Sweep) -> str:
    """Compare every dot of the panels a, b and c with the published curve at the same α."""
    if sweep.published.empty:
        return f"the paper has no {sweep.label}, so there is no published value to compare with"
    clean = _differences(sweep, "none")
    attacked = [*_differences(sweep, "fgsm"), *_differences(sweep, "pgd")]
    parts = [
        f"by {100 * np.median(values):.1f} points in the median ({100 * max(values):.1f} "
        f"at most) {name}"
        for name, values in (("without an attack", clean), ("under attack", attacked))
        if values
    ]
    if not parts:
        return "none of them lies where the paper has a value to compare with"
    return f"the published curves are missed {' and '.join(parts)}"


def _differences(sweep: Sweep, attack: str) -> list[float]:
    epsilon = sweep.epsilon.value if sweep.epsilon else 0.0
    paper = at(sweep.published, attack, epsilon)
    bins = at(binned(sweep.accuracies), attack, epsilon)
    differences = [
        abs(accuracy - published_at(paper, beta=beta, alpha=alpha))
        for beta, alpha, accuracy in bins[["beta", "alpha", "accuracy"]].to_numpy(float)
    ]
    return [value for value in differences if not np.isnan(value)]
