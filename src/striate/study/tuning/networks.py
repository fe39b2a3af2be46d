"""Tuning of the channels of a network's layers."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from torch import nn

from striate._checks import check_whole
from striate.activations import Images, Progress, centre, collect, kernels
from striate.results import Result, Setting
from striate.study.run import Measured
from striate.study.tuning.channels import Sampling, channel_tuning, layer_results
from striate.study.tuning.components import BANK, component_results
from striate.study.tuning.examples import (
    OptimalImages,
    example_channels,
    example_curves,
    example_stimuli,
    optimal_images,
)
from striate.study.tuning.stimuli import Shown
from striate.visualize import check_temperature

EXPERIMENTS, DRAWS = 1000, 150  # Kong et al. 2021
EXAMPLES = 3  # channels of each layer
STEPS = 512  # of an optimal stimulus


def network_tuning(
    model: nn.Module,
    shown: Shown,
    layers: str | Sequence[str],
    *,
    experiments: int = EXPERIMENTS,
    draws: int = DRAWS,
    seed: int,
    optimal: int = 0,
    steps: int = STEPS,
    temperature: float = 1.0,
    photographs: Images | None = None,
    z_scored: bool,
    memory: str | int = "4GB",
    batch_size: int = 32,
    source: str,
    progress: Progress | None = None,
    partial: Path | None = None,
) -> Measured:
    """Show Gabor patches or gratings to a network, and say what its channels are tuned to.

    Of each channel it is the unit in the middle of its map that is looked at (Kong et al. 2021,
    `striate.activations.centre`). All layers are read in one pass over the stimuli, and no more
    than these units is kept.

    Parameters
    ----------
    model
        Takes pixels in [0, 1].
    shown
        Of `stimuli_for`.
    layers
        As in `striate.activations.collect`.
    experiments, draws
        So many samples of so many channels are scored against V1.
    seed
        Of these samples, of the bootstrap, of the jackknife and of the optimal stimuli.
    optimal
        Of how many example channels of each layer the optimal stimulus is made. Of 3 the curves are
        written, or of so many.
    steps, temperature
        Of an optimal stimulus, as in `striate.visualize.optimal_stimulus`.
    photographs
        Natural images, to compare the frequencies that principal components prefer with their
        ranks; without them that is left out.
    z_scored
        Whether units are divided by their standard deviation for that.
    memory, batch_size, partial
        As in `striate.activations.kernels`.
    source
        What to call the model.
    progress
        Called with how much of a step is done, of how much.

    Returns
    -------
    measured
        Of each layer the scores ``responsive``, ``frequency_score`` (where frequencies are in
        cycles per degree), ``median_log2_frequency``, ``median_circular_variance``,
        ``median_phase_modulation``, ``median_bandwidth_octaves`` and ``frequency_by_rank``; the
        curves ``preferred_frequency``, ``preferred_frequency_experiment``,
        ``preferred_orientation``, ``frequency_score_by_field``, ``frequency_tuning``,
        ``orientation_tuning`` and ``frequency_by_rank``; and arrays with what is known of each
        channel, preferred frequencies as ``preferred_cpd`` or ``preferred_cycles_per_image``.
        A layer that does not respond has ``responsive`` only. Where an optimal stimulus
        could not be made, such as of a layer with a single channel, the settings of ``responsive``
        say why as ``optimal_missing``.

    Raises
    ------
    ValueError
        As `collect`, `kernels` and `check_numbers`.
    """
    check_numbers(
        experiments=experiments,
        draws=draws,
        optimal=optimal,
        steps=steps,
        temperature=temperature,
        seed=seed,
    )
    sampling = Sampling(experiments, draws, seed)
    drawing = shown.bank.images.drawing

    def draw(layer: str, channels: Sequence[int]) -> OptimalImages:
        return optimal_images(
            model,
            layer,
            channels,
            size=drawing.canvas[1],
            planes=drawing.channels,
            seed=seed,
            steps=steps,
            temperature=temperature,
            progress=progress,
        )

    responses = collect(
        model,
        shown.bank.images,
        layers,
        reduce=centre,
        device="cpu",
        batch_size=batch_size,
        source=source,
        progress=progress,
    )
    results: list[Result] = []
    arrays: dict[str, np.ndarray] = example_stimuli(shown)
    for layer, found in responses.items():
        about: dict[str, Setting] = {**shown.settings(), "layer": layer}
        tuning = channel_tuning(found.mean(), shown.bank)
        written = layer_results(tuning, shown, sampling, source, about)
        chosen = example_channels(tuning, optimal or EXAMPLES)
        curves = example_curves(tuning, chosen, shown, source, written[0].settings)
        arrays |= tuning.arrays(layer, unit=shown.unit)
        if optimal and chosen:
            try:
                pictures = draw(layer, chosen)
            except ValueError as error:  # of this layer: what was measured must not be lost to it
                told = {**written[0].settings, "optimal_missing": str(error)}
                written[0] = replace(written[0], settings=told)
            else:
                arrays[f"{layer}/optimal_channels"] = np.array(chosen)
                arrays[f"{layer}/optimal"] = pictures.pixels
        results += [*written, *curves]
    if photographs is not None:
        seen = kernels(
            model,
            photographs,
            layers,
            z_scored=z_scored,
            others={BANK: shown.bank.images},
            memory=memory,
            batch_size=batch_size,
            source=source,
            progress=progress,
            partial=partial,
            keep_partial=True,
        )
        for number, (layer, kernel) in enumerate(seen.items()):
            results += component_results(
                kernel,
                shown,
                seed=seed,
                source=source,
                settings={**shown.settings(), "layer": layer},
                progress=_nth(progress, number, len(seen)),
            )
    return Measured(results, arrays)


def _nth(progress: Progress | None, number: int, count: int) -> Progress | None:
    """Tell of one of `count` things that take equally many steps, counted from 0."""
    if progress is None:
        return None
    return lambda done, of: progress(number * of + done, count * of)


def check_numbers(
    *,
    experiments: int = EXPERIMENTS,
    draws: int = DRAWS,
    optimal: int = 0,
    steps: int = STEPS,
    temperature: float = 1.0,
    seed: int,
) -> None:
    """Refuse numbers by which `network_tuning` would not be able to measure.

    Raises
    ------
    ValueError
        If `optimal` or `seed` is no whole number from 0 on, `experiments`, `draws` or `steps` none
        from 1 on, or `temperature` is not positive.
    """
    check_whole("optimal", optimal, least=0)
    check_whole("experiments", experiments)
    check_whole("draws", draws)
    check_whole("seed", seed, least=0)
    check_whole("steps", steps)
    check_temperature(temperature)
