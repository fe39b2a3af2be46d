"""Spectra and exponents as scores and curves, written down the same way everywhere."""

from collections.abc import Mapping
from math import inf

import torch
from torch import Tensor

from striate.results import Curve, Result, Score, Setting
from striate.spectra import (
    AlphaInterval,
    Gains,
    Goodness,
    Weights,
    alpha_by_window,
    smoothness_bound,
)
from striate.study.spectra.window import Window

FIRSTS = (1, 2, 5, 10, 20, 50, 100)
HALF = "half the 95 % interval"


def window_curves(
    spectrum: Tensor, weights: Weights, source: str, settings: Mapping[str, Setting]
) -> list[Result]:
    """α of windows from some first ranks to some last ones: a curve per first rank."""
    lasts = _spread(len(spectrum))
    firsts = [first for first in FIRSTS if 2 * first <= len(spectrum)]
    if not lasts or not firsts:
        return []
    alphas = alpha_by_window(spectrum, firsts=firsts, lasts=lasts, weights=weights)
    curves: list[Result] = []
    for first, row in zip(firsts, alphas.tolist(), strict=True):
        there = [
            (last, alpha)
            for last, alpha in zip(lasts, row, strict=True)
            if alpha == alpha and last >= 2 * first
        ]
        if there:
            x, y = zip(*there, strict=True)
            about = {**settings, "first": first}
            curves.append(
                Curve("alpha_by_window", tuple(map(float, x)), y, source=source, settings=about)
            )
    return curves


def _spread(count: int) -> list[int]:
    """Ranks up to `count`, six to the octave at most."""
    steps = [round(2 ** (step / 6)) for step in range(6, 200)]
    return sorted({step for step in steps if step < count} | {count}) if count >= 2 else []


def curve(
    name: str,
    y: Tensor,
    source: str,
    settings: Mapping[str, Setting],
    error: Tensor | None = None,
    kind: str | None = None,
) -> Curve:
    """Write a spectrum over its ranks, from 1."""
    ranks = tuple(map(float, range(1, len(y) + 1)))
    errors = None if error is None else tuple(error.tolist())
    about = settings if kind is None else {**settings, "error": kind}
    return Curve(name, ranks, tuple(y.tolist()), errors, source, about)


def score(
    name: str,
    value: Tensor,
    source: str,
    settings: Mapping[str, Setting],
    error: Tensor | None = None,
    kind: str | None = None,
) -> Score:
    """Write one number, with its error and what kind of error that is."""
    about = settings if kind is None else {**settings, "error": kind}
    return Score(name, value.item(), None if error is None else error.item(), source, about)


def jackknife_over(kept: Tensor | None = None, clusters: Tensor | None = None) -> str:
    """Say what a jackknife leaves out: images, or the clusters of those kept, if they are fewer."""
    if kept is None or clusters is None:
        return "jackknife over images"
    count = len(clusters.cpu()[kept.cpu()].unique())
    over = "images" if count == int(torch.count_nonzero(kept)) else f"{count} clusters of images"
    return f"jackknife over {over}"


def lost(kept: Tensor) -> dict[str, Setting]:
    """Spell of how many stimuli those are that were kept; nothing where all were."""
    return {} if kept.all() else {"of_stimuli": len(kept)}


def interval_score(
    name: str,
    found: AlphaInterval,
    source: str,
    settings: Mapping[str, Setting],
    over: str | None = None,
) -> Score:
    """Write an exponent whose error is half its interval, `over` images or clusters of them."""
    low, high = found.interval
    about = {**settings, "error": f"{over or jackknife_over()}, {HALF}"}
    return Score(name, found.alpha, (high - low) / 2, source, about)


def fit_scores(found: Goodness, source: str, settings: Mapping[str, Setting]) -> list[Result]:
    """Write how near to a power law a spectrum is."""
    return [
        score(name, value, source, settings)
        for name, value in zip(found._fields, found, strict=True)
    ]


def bounded(dimensions: float | None) -> dict[str, Setting]:
    """Spell the dimensions of the stimuli, and the α that a smooth code of them exceeds.

    Raises
    ------
    ValueError
        If `dimensions` is not positive and finite.
    """
    if dimensions == inf:
        raise ValueError("dimensions=inf: give a finite number, or None for many")
    return {"dimensions": dimensions, "smoothness_bound": smoothness_bound(dimensions)}


def corrected(found: AlphaInterval) -> dict[str, Setting]:
    """Spell the exponent without the jackknife's estimate of its bias, and its interval."""
    low, high = found.corrected_interval
    return {"corrected": found.corrected, "corrected_low": low, "corrected_high": high}


def spelled_gains(gains: Gains) -> dict[str, Setting]:
    """Spell out how neurons were scaled; nothing where they were not, as before one could."""
    return {} if gains == "own" else {"gains": gains}


def spelled(window: Window) -> dict[str, Setting]:
    """Spell a window as settings have it."""
    return {"ranks": f"{window.ranks[0]}-{window.ranks[1]}", "weights": window.weights}
