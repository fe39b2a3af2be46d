"""Eigenspectra and exponents of a network's layers on natural images."""

from collections.abc import Callable, Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from striate.responses import Kernel
from striate.results import Result, Setting
from striate.spectra import (
    fit_power_law,
    goodness_of_fit,
    gram_alpha_interval,
    gram_eigenspectrum,
)
from striate.study.photographs import Drawn, Show
from striate.study.spectra.window import Window, fitting
from striate.study.spectra.written import (
    corrected,
    curve,
    interval_score,
    score,
    spelled,
    window_curves,
)

SET_SIZE, SETS = 2816, 3  # Kong et al. 2021
WHOLE = "all"
# Of the mean variance: below it a component may be the rounding of float32 activations.
ROUNDING = 1e-5


def spectrum_draws(
    order: Callable[[int | None, int | None], Sequence[int]],
    available: int,
    *,
    window: Window,
    z_scored: bool,
    sets: int = SETS,
    set_size: int = SET_SIZE,
    seed: int,
) -> dict[str, Drawn]:
    """Draw the sets of images that a spectrum is measured on, and all images if they are few.

    Parameters
    ----------
    order
        Says which images are drawn, of so many and with a seed.
    available
        How many images there are.
    window, z_scored, sets, set_size, seed
        As in `network_spectra`.

    Raises
    ------
    ValueError
        If there are fewer than two sets, or too few images.
    """
    size = set_size if available >= set_size else available // 2
    if sets < 2:
        raise ValueError(f"sets={sets}: at least 2, or nothing is known of their spread")
    if size <= 2 * window.ranks[0]:
        raise ValueError(
            f"{available} images make sets of {size}, and ranks {window.ranks} need sets of more "
            f"than {2 * window.ranks[0]}; give more images or larger sets"
        )
    drawn = {f"set {n + 1}": Drawn(order(size, seed + n), z_scored) for n in range(sets)}
    return drawn if size == set_size else {**drawn, WHOLE: Drawn(order(None, None), z_scored)}


def network_spectra(
    show: Show,
    order: Callable[[int | None, int | None], Sequence[int]],
    available: int,
    *,
    window: Window,
    z_scored: bool,
    sets: int = SETS,
    set_size: int = SET_SIZE,
    seed: int,
    groups: int = 20,
    source: str,
) -> list[Result]:
    r"""Eigenspectrum and exponent of each layer, over several random sets of images.

    Kong et al. 2021: three sets of 2816 images, each drawn without replacement; mean and standard
    deviation over the sets. With fewer images than one set, each set is a random half of them
    (the spread of random halves is about the standard error of the whole), and the spectrum of all
    images is given as well. The interval over images, which no set of duplicates can give, is the
    delete-d jackknife of the first set, or of all images.

    Parameters
    ----------
    show
        Shows images that were drawn to a network; gives the kernels of its layers.
    order
        Says which images are drawn, of so many and with a seed; all of them for
        ``order(None, None)``.
    available
        How many images there are.
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
        If there are fewer than two sets, or too few images; and as `show`.
    """
    draws = spectrum_draws(
        order, available, window=window, z_scored=z_scored, sets=sets, set_size=set_size, seed=seed
    )
    size = len(draws["set 1"].rows)
    given: dict[str, Setting] = {
        "z_scored": z_scored, "sets": sets, "set_size": size, "seed": seed, "available": available,
    }  # fmt: skip
    results: list[Result] = []
    for layer, shown in show(draws).items():
        ours = [shown[f"set {n + 1}"] for n in range(sets)]
        whole = shown.get(WHOLE, ours[0])
        results += _of_layer(ours, whole, window, groups, source, {**given, "layer": layer})
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
    count = min(_rank(each, kernel.varying) for each, kernel in zip(spectra, sets, strict=True))
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


def _rank(spectrum: Float[Tensor, " ranks"], varying: int) -> int:
    """Count the directions in which a layer varies: where it ends, only rounding is left.

    Few images of a small layer can lie in fewer directions than there are units that vary.
    """
    count = min(len(spectrum), varying)
    if (spectrum[:count] > 0).all():
        return count
    return int((spectrum > ROUNDING * spectrum.mean()).sum())


def _over_images(
    kernel: Kernel, window: Window, groups: int, source: str, about: Mapping[str, Setting]
) -> list[Result]:
    images = len(kernel.gram)
    left = images - -(-images // groups)
    fitted = fitting(window, min(left - 1, _rank(gram_eigenspectrum(kernel.gram), kernel.varying)))
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
