"""Spectra of networks and of recordings, and the two compared: what `striate` says about them.

Kong et al. 2021. Each function returns scores and curves with everything in their settings that
moves an exponent: how many images, which window, which weights.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from striate.activations import Images, Progress, kernels
from striate.responses import Kernel, Responses
from striate.results import Curve, Result, Score, Setting
from striate.spectra import (
    Algorithm,
    AlphaInterval,
    Missing,
    Weights,
    alpha_by_window,
    alpha_interval,
    compare_spectra,
    cross_validated_alpha,
    eigenspectrum,
    fit_power_law,
    goodness_of_fit,
    gram_alpha_interval,
    gram_eigenspectrum,
    repeated_eigenspectra,
)

# How many images, and the seed of the draw; all of them if there is no number.
Draw = Callable[[int | None, int | None], Images]

FIRSTS = (1, 2, 5, 10, 20, 50, 100)
JACKKNIFE = "jackknife over images, half the 95 % interval"


class Window(NamedTuple):
    """Where and how an exponent is fitted."""

    ranks: tuple[int, int]
    weights: Weights


# Kong et al. 2021: as in the text, and as in the code, whose last index is one less.
PROTOCOLS = {"paper": Window((10, 1000), "rank"), "authors": Window((10, 999), "rank")}
SET_SIZE, SETS = 2816, 3


def network_spectra(
    model: nn.Module,
    draw: Draw,
    available: int,
    layers: str | Sequence[str],
    *,
    window: Window,
    z_scored: bool,
    sets: int = SETS,
    set_size: int = SET_SIZE,
    seed: int,
    groups: int = 20,
    memory: str | int = "4GB",
    batch_size: int = 32,
    source: str,
    progress: Progress | None = None,
    partial: Path | None = None,
) -> list[Result]:
    r"""Eigenspectrum and exponent of each layer, over several random sets of images.

    Kong et al. 2021: three sets of 2816 images, each drawn without replacement; mean and standard
    deviation over the sets. With fewer images than one set, each set is a random half of them
    (the spread of random halves is about the standard error of the whole), and the spectrum of all
    images is given as well. The interval over images, which no set of duplicates can give, is the
    delete-d jackknife of the first set, or of all images.

    Parameters
    ----------
    model
        Takes pixels in [0, 1].
    draw
        Gives so many images, drawn with a seed; all of them for ``draw(None, None)``.
    available
        How many images there are.
    layers
        As in `striate.activations.kernels`.
    window
        The window wanted. It is shortened to what images and units allow, and recorded.
    z_scored
        Whether each unit is divided by its standard deviation.
    sets, set_size
        How many sets of how many images, at least 2 sets.
    seed
        Of the first set; the next ones follow.
    groups
        Of the jackknife.
    memory, batch_size, progress, partial
        As in `striate.activations.kernels`.
    source
        What to call the model.

    Returns
    -------
    results
        Of each layer, the curves ``eigenspectrum`` (parts of the variance) and ``alpha_by_window``,
        and the scores ``alpha``, ``alpha_all_images``, ``r_squared`` and ``residual_sd``; a layer
        too narrow for a window that ends at twice its first rank has its spectrum only.

    Raises
    ------
    ValueError
        If there are fewer than two sets, or too few images; and as `kernels`.
    """
    size = set_size if available >= set_size else available // 2
    if sets < 2:
        raise ValueError(f"sets={sets}: at least 2, or nothing is known of their spread")
    if size <= 2 * window.ranks[0]:
        raise ValueError(
            f"{available} images make sets of {size}, and ranks {window.ranks} need sets of more "
            f"than {2 * window.ranks[0]}; give more images"
        )
    settings = {
        "z_scored": z_scored, "memory": memory, "batch_size": batch_size, "source": source,
        "progress": progress, "partial": partial,
    }  # fmt: skip
    shown = [kernels(model, draw(size, seed + n), layers, **settings) for n in range(sets)]
    whole = shown[0] if size == set_size else kernels(model, draw(None, None), layers, **settings)
    given: dict[str, Setting] = {
        "z_scored": z_scored, "sets": sets, "set_size": size, "seed": seed, "available": available,
    }  # fmt: skip
    results: list[Result] = []
    for layer in shown[0]:
        ours = [each[layer] for each in shown]
        results += _of_layer(ours, whole[layer], window, groups, source, {**given, "layer": layer})
    return results


def _of_layer(
    sets: Sequence[Kernel],
    whole: Kernel,
    window: Window,
    groups: int,
    source: str,
    settings: Mapping[str, Setting],
) -> list[Result]:
    spectra = torch.stack([gram_eigenspectrum(kernel.gram) for kernel in sets])
    count = min(spectra.shape[1], min(kernel.varying for kernel in sets))
    parts = spectra[:, :count] / spectra[:, :count].sum(1, keepdim=True)
    about = {"units": whole.units, "varying": whole.varying, "images": len(sets[0].gram)} | dict(
        settings
    )
    results: list[Result] = [
        _curve("eigenspectrum", parts.mean(0), source, about, parts.std(0), "sd over sets")
    ]
    fitted = fitting(window, count)
    if fitted is None:
        return results
    about |= _spelled(fitted)
    laws = [fit_power_law(each, ranks=fitted.ranks, weights=fitted.weights) for each in spectra]
    alphas = torch.stack([law.alpha for law in laws])
    fits = [goodness_of_fit(each, ranks=fitted.ranks, weights=fitted.weights) for each in spectra]
    results.append(_score("alpha", alphas.mean(), source, about, alphas.std(), "sd over sets"))
    results += [
        _score(name, torch.stack([getattr(fit, name) for fit in fits]).mean(), source, about)
        for name in ("r_squared", "residual_sd")
    ]
    results += window_curves(parts.mean(0), fitted.weights, source, about)
    return [*results, *_over_images(whole, window, groups, source, about)]


def _over_images(
    kernel: Kernel, window: Window, groups: int, source: str, about: Mapping[str, Setting]
) -> list[Result]:
    images = len(kernel.gram)
    left = images - -(-images // groups)
    fitted = fitting(window, min(left - 1, kernel.varying))
    if fitted is None:
        return []
    generator = torch.Generator().manual_seed(int(about["seed"] or 0))
    found = gram_alpha_interval(
        kernel.gram,
        ranks=fitted.ranks,
        weights=fitted.weights,
        generator=generator,
        groups=groups,
    )
    settings = {**about, **_spelled(fitted), "images": images, **_corrected(found)}
    return [_interval_score("alpha_all_images", found, source, settings)]


def recording_spectra(
    responses: Responses,
    *,
    window: Window,
    algorithm: Algorithm,
    shuffles: int = 20,
    seed: int,
    groups: int = 20,
    clusters: Tensor | None = None,
    missing: Missing = "response",
    notes: Sequence[str] = (),
) -> list[Result]:
    """Cross-validated spectrum and exponent of a recording, beside plain PCA of its trial means.

    Parameters
    ----------
    responses
        With at least two repeats.
    window
        The window wanted; it is shortened to what stimuli and units allow, and recorded.
    algorithm, shuffles, seed, missing
        As in `repeated_eigenspectra`.
    groups, clusters
        As in `cross_validated_alpha`.
    notes
        What is to be known of the recording; kept in the settings.

    Returns
    -------
    results
        The curves ``cross_validated_eigenspectrum`` and ``eigenspectrum`` (of the mean over
        trials), each with its ``alpha`` (settings tell which by ``method``) and the former with
        ``alpha_by_window``.

    Raises
    ------
    ValueError
        As `cross_validated_alpha`; and if the window cannot be fitted at all.
    """
    found = repeated_eigenspectra(
        responses.tensor, algorithm=algorithm, shuffles=shuffles, seed=seed, missing=missing
    )
    kept = found.kept
    repeats, _, units = responses.tensor.shape
    left = int(kept.sum()) - -(-int(kept.sum()) // groups)
    fitted = fitting(window, min(left - 1, units - 1))
    if fitted is None:
        raise ValueError(
            f"ranks={window.ranks}: {int(kept.sum())} stimuli × {units} units cannot fill a window "
            f"that ends at twice its first rank; start at a smaller rank"
        )
    about: dict[str, Setting] = {
        "units": units, "stimuli": int(kept.sum()), "repeats": repeats, "seed": seed,
        "algorithm": algorithm, "shuffles": shuffles, "missing": missing,
        "used": round(found.used, 6), "notes": " ".join(notes), **_spelled(fitted),
    }  # fmt: skip
    interval = cross_validated_alpha(
        responses.tensor,
        ranks=fitted.ranks,
        weights=fitted.weights,
        algorithm=algorithm,
        seed=seed,
        shuffles=shuffles,
        missing=missing,
        groups=groups,
        clusters=clusters,
    )
    parts = found.eigenspectra / found.eigenspectra.sum(1, keepdim=True)
    source, cv = responses.source, {**about, "method": "cvPCA"}
    return [
        _curve(
            "cross_validated_eigenspectrum",
            parts.mean(0),
            source,
            cv,
            parts.std(0),
            "sd over halvings",
        ),
        _interval_score("alpha", interval, source, {**cv, **_corrected(interval)}),
        *window_curves(parts.mean(0), fitted.weights, source, cv),
        *_of_trial_means(responses.mean()[kept], fitted, groups, source, about),
    ]


def _of_trial_means(
    means: Tensor, window: Window, groups: int, source: str, about: Mapping[str, Setting]
) -> list[Result]:
    """What one gets without cross-validation, noise and all."""
    means, settings = means.double(), {**about, "method": "PCA of the trial mean"}
    spectrum = eigenspectrum(means)
    generator = torch.Generator().manual_seed(int(about["seed"] or 0))
    found = alpha_interval(
        means, ranks=window.ranks, weights=window.weights, generator=generator, groups=groups
    )
    return [
        _curve("eigenspectrum", spectrum / spectrum.sum(), source, settings),
        _interval_score("alpha", found, source, {**settings, **_corrected(found)}),
    ]


def fair_comparison(
    network: Responses,
    recording: Responses,
    *,
    window: Window,
    algorithm: Algorithm,
    seed: int,
    draws: int = 10,
    shuffles: int = 10,
    groups: int = 20,
    clusters: Tensor | None = None,
    missing: Missing = "response",
) -> list[Result]:
    """Compare a network layer with a recording under the recording's conditions.

    Parameters
    ----------
    network
        Responses to the recording's stimuli, in its order.
    recording
        With at least two repeats.
    window
        Fitted as it is.
    algorithm, seed, draws, shuffles, groups, clusters, missing
        As in `compare_spectra`.

    Returns
    -------
    results
        Scores ``alpha_matched`` of both and ``alpha_difference``, and both spectra as curves
        ``matched_eigenspectrum``.

    Raises
    ------
    ValueError
        As `compare_spectra`.
    """
    found = compare_spectra(
        network.mean(),
        recording.tensor,
        ranks=window.ranks,
        weights=window.weights,
        algorithm=algorithm,
        seed=seed,
        draws=draws,
        shuffles=shuffles,
        groups=groups,
        clusters=clusters,
        missing=missing,
    )
    about: dict[str, Setting] = {
        "recording": recording.source, "units": recording.tensor.shape[2], "seed": seed,
        "stimuli": int(found.kept.sum()), "algorithm": algorithm, "draws": draws,
        "shuffles": shuffles, **_spelled(window),
    }  # fmt: skip
    ours = {**about, "reliability": round(found.network_reliability, 6)}
    theirs = {**about, "reliability": round(found.recording_reliability, 6)}
    low, high = found.interval
    difference = {
        **about, "low": low, "high": high,
        "error": "jackknife over images and draws of units, half the 95 % interval",
    }  # fmt: skip
    return [
        _score(
            "alpha_matched",
            torch.tensor(found.network),
            network.source,
            ours,
            found.by_draw.std(),
            "sd over draws",
        ),
        _score("alpha_matched", torch.tensor(found.recording), recording.source, theirs),
        Score("alpha_difference", found.difference, (high - low) / 2, network.source, difference),
        _curve("matched_eigenspectrum", found.network_spectrum, network.source, ours),
        _curve("matched_eigenspectrum", found.recording_spectrum, recording.source, theirs),
    ]


def fitting(window: Window, available: int) -> Window | None:
    """Shorten a window to the ranks there are; None if less than an octave of it is left."""
    first, last = window.ranks
    last = min(last, available)
    return Window((first, last), window.weights) if last >= 2 * first else None


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


def _curve(
    name: str,
    y: Tensor,
    source: str,
    settings: Mapping[str, Setting],
    error: Tensor | None = None,
    kind: str | None = None,
) -> Curve:
    ranks = tuple(map(float, range(1, len(y) + 1)))
    errors = None if error is None else tuple(error.tolist())
    about = settings if kind is None else {**settings, "error": kind}
    return Curve(name, ranks, tuple(y.tolist()), errors, source, about)


def _score(
    name: str,
    value: Tensor,
    source: str,
    settings: Mapping[str, Setting],
    error: Tensor | None = None,
    kind: str | None = None,
) -> Score:
    about = settings if kind is None else {**settings, "error": kind}
    return Score(name, value.item(), None if error is None else error.item(), source, about)


def _interval_score(
    name: str, found: AlphaInterval, source: str, settings: Mapping[str, Setting]
) -> Score:
    low, high = found.interval
    about = {**settings, "error": JACKKNIFE}
    return Score(name, found.alpha, (high - low) / 2, source, about)


def _corrected(found: AlphaInterval) -> dict[str, Setting]:
    low, high = found.corrected_interval
    return {"corrected": found.corrected, "corrected_low": low, "corrected_high": high}


def _spelled(window: Window) -> dict[str, Setting]:
    return {"ranks": f"{window.ranks[0]}-{window.ranks[1]}", "weights": window.weights}
