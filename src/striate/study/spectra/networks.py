"""Eigenspectra and exponents of a network's layers on natural images."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import nn

from striate.activations import Images, Progress, kernels
from striate.responses import Kernel
from striate.results import Result, Setting
from striate.spectra import (
    fit_power_law,
    goodness_of_fit,
    gram_alpha_interval,
    gram_eigenspectrum,
)
from striate.study.spectra.window import Window, fitting
from striate.study.spectra.written import (
    corrected,
    curve,
    interval_score,
    score,
    spelled,
    window_curves,
)

# How many images, and the seed of the draw; all of them if there is no number.
Draw = Callable[[int | None, int | None], Images]

SET_SIZE, SETS = 2816, 3  # Kong et al. 2021


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
            f"than {2 * window.ranks[0]}; give more images or larger sets"
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
        curve("eigenspectrum", parts.mean(0), source, about, parts.std(0), "sd over sets")
    ]
    fitted = fitting(window, count)
    if fitted is None:
        return results
    about |= spelled(fitted)
    laws = [fit_power_law(each, ranks=fitted.ranks, weights=fitted.weights) for each in spectra]
    alphas = torch.stack([law.alpha for law in laws])
    fits = [goodness_of_fit(each, ranks=fitted.ranks, weights=fitted.weights) for each in spectra]
    results.append(score("alpha", alphas.mean(), source, about, alphas.std(), "sd over sets"))
    results += [
        score(name, torch.stack([getattr(fit, name) for fit in fits]).mean(), source, about)
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
    settings = {**about, **spelled(fitted), "images": images, **corrected(found)}
    return [interval_score("alpha_all_images", found, source, settings)]
