"""A network's layer and a recording, compared under the recording's conditions."""

import torch
from torch import Tensor

from striate.responses import Responses
from striate.results import Result, Score, Setting
from striate.spectra import Algorithm, Gains, Missing, compare_spectra
from striate.study.spectra.window import Window, check_octave
from striate.study.spectra.written import (
    HALF,
    bounded,
    curve,
    fit_scores,
    jackknife_over,
    lost,
    score,
    spelled,
    spelled_gains,
)


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
    gains: Gains = "equal",
    dimensions: float | None = None,
) -> list[Result]:
    """Compare a network layer with a recording under the recording's conditions.

    Parameters
    ----------
    network
        Responses to the recording's stimuli, in its order.
    recording
        With at least two repeats.
    window
        Fitted as it is; it ends at twice its first rank at least.
    algorithm, seed, draws, shuffles, groups, clusters, missing, gains
        As in `compare_spectra`.
    dimensions
        Of the stimuli, as in `smoothness_bound`; kept in the settings.

    Returns
    -------
    results
        Scores ``alpha_matched``, ``r_squared`` and ``residual_sd`` of both (of the network, means
        over draws) and ``alpha_difference``, and both spectra as curves ``matched_eigenspectrum``.

    Raises
    ------
    ValueError
        If the window is narrower; and as `compare_spectra` and `smoothness_bound`.
    """
    check_octave(window)
    bound = bounded(dimensions)
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
        gains=gains,
    )
    about: dict[str, Setting] = {
        "recording": recording.source, "units": found.units, "seed": seed,
        "stimuli": int(found.kept.sum()), "algorithm": algorithm, "draws": draws,
        "shuffles": shuffles, **spelled(window), **bound, **spelled_gains(gains),
        **lost(found.kept),
    }  # fmt: skip
    ours = {
        **about, "reliability": round(found.network_reliability, 6), "varying": found.varying,
    }  # fmt: skip
    theirs = {**about, "reliability": round(found.recording_reliability, 6)}
    low, high = found.interval
    difference = {
        **about, "low": low, "high": high,
        "error": f"{jackknife_over(found.kept, clusters)} and draws of units, {HALF}",
    }  # fmt: skip
    return [
        score(
            "alpha_matched",
            torch.tensor(found.network),
            network.source,
            ours,
            found.by_draw.std(),
            "sd over draws",
        ),
        score("alpha_matched", torch.tensor(found.recording), recording.source, theirs),
        Score("alpha_difference", found.difference, (high - low) / 2, network.source, difference),
        *fit_scores(found.network_fit, network.source, ours),
        *fit_scores(found.recording_fit, recording.source, theirs),
        curve("matched_eigenspectrum", found.network_spectrum, network.source, ours),
        curve("matched_eigenspectrum", found.recording_spectrum, recording.source, theirs),
    ]
