"""Cross-validated eigenspectra of recordings, beside what one gets without cross-validation."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import nan

import torch
from torch import Tensor

from striate.responses import Responses
from striate.results import Result, Setting
from striate.spectra import (
    Algorithm,
    Missing,
    alpha_interval,
    cross_validated_alpha,
    eigenspectrum,
    goodness_of_fit,
    repeated_eigenspectra,
)
from striate.spectra.cross_validated_interval import deal_groups
from striate.study.spectra.window import Window, check_octave, fitting
from striate.study.spectra.written import (
    bounded,
    corrected,
    curve,
    fit_scores,
    interval_score,
    jackknife_over,
    lost,
    spelled,
    window_curves,
)


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
    dimensions: float | None = None,
    notes: Sequence[str] = (),
) -> list[Result]:
    """Cross-validated spectrum and exponent of a recording, beside plain PCA of its trial means.

    Parameters
    ----------
    responses
        With at least two repeats.
    window
        The window wanted; it is shortened to what units, and stimuli without the largest group,
        allow, and recorded. It ends at twice its first rank at least.
    algorithm, shuffles, seed, missing
        As in `repeated_eigenspectra`.
    groups, clusters
        As in `cross_validated_alpha`.
    dimensions
        Of the stimuli, as in `smoothness_bound`; kept in the settings.
    notes
        What is to be known of the recording; kept in the settings.

    Returns
    -------
    results
        The curves ``cross_validated_eigenspectrum`` and ``eigenspectrum`` (of the mean over
        trials), each with its ``alpha``, ``r_squared`` and ``residual_sd`` (settings tell which by
        ``method``) and the former with ``alpha_by_window``. One halving has no spread.

    Raises
    ------
    ValueError
        As `cross_validated_alpha` and `smoothness_bound`; and if the window cannot be fitted at
        all.
    """
    check_octave(window)
    repeats, stimuli, units = responses.tensor.shape
    _fitted(window, torch.ones(stimuli, dtype=torch.bool), units, clusters, groups, seed)
    bound = bounded(dimensions)
    found = repeated_eigenspectra(
        responses.tensor, algorithm=algorithm, shuffles=shuffles, seed=seed, missing=missing
    )
    kept = found.kept
    fitted = _fitted(window, kept, units, clusters, groups, seed)
    about: dict[str, Setting] = {
        "units": units, "stimuli": int(kept.sum()), "repeats": repeats, "seed": seed,
        "algorithm": algorithm, "shuffles": shuffles, "missing": missing,
        "used": round(found.used, 6), "notes": " ".join(notes), **spelled(fitted),
        **bound, **lost(kept),
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
    # α and R² are of the same spectrum: the mean over halvings.
    fit = goodness_of_fit(found.eigenspectra.mean(0), **fitted._asdict())
    source, cv = responses.source, {**about, "method": "cvPCA"}
    over, several = jackknife_over(kept, clusters), len(parts) > 1
    return [
        curve(
            "cross_validated_eigenspectrum",
            parts.mean(0),
            source,
            cv,
            parts.std(0) if several else None,
            "sd over halvings" if several else "none: one halving says nothing of their spread",
        ),
        interval_score("alpha", interval, source, {**cv, **corrected(interval)}, over),
        *fit_scores(fit, source, cv),
        *window_curves(parts.mean(0), fitted.weights, source, cv),
        *_of_trial_means(
            _trial_means(responses, missing)[kept],
            fitted,
            groups,
            None if clusters is None else clusters.to(kept.device)[kept],
            source,
            about,
            over,
        ),
    ]


def _fitted(
    window: Window, kept: Tensor, units: int, clusters: Tensor | None, groups: int, seed: int
) -> Window:
    """Shorten the window to what a recording without one group of stimuli allows."""
    stimuli = int(kept.sum())
    if clusters is None and stimuli < groups:
        raise ValueError(
            f"{stimuli} stimuli were recorded often enough, and the error of α is found by leaving "
            f"out one of {groups} groups of them after another; it takes at least {groups}"
        )
    group = deal_groups(kept, clusters, groups, seed)
    left = stimuli - int(group.bincount().max())
    fitted = fitting(window, min(left - 1, units - 1))
    if fitted is None:
        raise ValueError(
            f"ranks={window.ranks}: {stimuli} stimuli × {units} units cannot fill a window that "
            "ends at twice its first rank; "
            + ("start at a smaller rank" if window.ranks[0] > 1 else "give more of them")
        )
    return fitted


def _trial_means(responses: Responses, missing: Missing) -> Tensor:
    """Average over the trials that cross-validation uses."""
    if missing == "response":
        return responses.mean()
    lacking = responses.tensor.isnan().any(2, keepdim=True)
    return replace(responses, tensor=responses.tensor.masked_fill(lacking, nan)).mean()


def _of_trial_means(
    means: Tensor,
    window: Window,
    groups: int,
    clusters: Tensor | None,
    source: str,
    about: Mapping[str, Setting],
    over: str,
) -> list[Result]:
    """What one gets without cross-validation, noise and all."""
    means, settings = means.double(), {**about, "method": "PCA of the trial mean"}
    spectrum = eigenspectrum(means)
    # The groups are those of the cross-validated exponent.
    generator = torch.Generator().manual_seed(int(about["seed"] or 0))
    found = alpha_interval(
        means,
        ranks=window.ranks,
        weights=window.weights,
        generator=generator,
        groups=groups,
        clusters=clusters,
    )
    return [
        curve("eigenspectrum", spectrum / spectrum.sum(), source, settings),
        interval_score("alpha", found, source, {**settings, **corrected(found)}, over),
        *fit_scores(goodness_of_fit(spectrum, **window._asdict()), source, settings),
    ]
