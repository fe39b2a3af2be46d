"""Eigenspectra and exponents of a network's layers on natural images."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from striate._checks import check_whole
from striate.responses import Kernel
from striate.results import Result, Setting
from striate.spectra import fit_power_law, goodness_of_fit, gram_eigenspectrum
from striate.spectra.interval import deal, interval_of_spectra, left_out
from striate.study.photographs import Drawn, Show
from striate.study.spectra.window import Components, Window, components_of, fitting
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
# Exponents whose interval is over images: of all there are, and of the first of the sets drawn.
OF_ALL, OF_FIRST = "alpha_all_images", "alpha_first_set"
# Of the mean variance: below it a component may be the rounding of float32 activations.
ROUNDING = 1e-5
SPREAD = "sd over sets"


class Taken(NamedTuple):
    """What a spectrum needs of the kernel of one layer and draw, which can then be let go.

    Attributes
    ----------
    spectrum
        Eigenvalues.
    images, units, varying
        How many images and units there are, and how many units vary.
    without
        Of the draw that the interval over images is of, if it fills a window: its spectrum, and
        those without each group of its images. Else None.
    """

    spectrum: Float[Tensor, " ranks"]
    images: int
    units: int
    varying: int
    without: list[Float[Tensor, " ranks"]] | None


Take = Callable[[str, Kernel], Taken]  # (name of the draw, kernel)


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
    check_whole("sets", sets, least=2, otherwise=", or nothing is known of their spread")
    check_whole("set_size", set_size, least=2)
    size = set_size if available >= set_size else available // 2
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
    components: Components = "all",
    source: str,
) -> list[Result]:
    r"""Eigenspectrum and exponent of each layer, over several random sets of images.

    Kong et al. 2021: three sets of 2816 images, each drawn without replacement; mean and standard
    deviation over the sets. With fewer images than one set, each set is a random half of them
    (the spread of random halves is about the standard error of the whole), and the spectrum of all
    images is given as well. With fewer images than two sets, sets share more than half of theirs
    and differ too little: their spread is no error, and none is given (``error`` says so). The
    interval over images, which no set of duplicates can give, is the delete-d jackknife of the
    first set, or of all images.

    Parameters
    ----------
    show
        Shows images that were drawn to a network; gives the kernels of its layers, of which none
        is held longer than what is needed of it takes.
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
    components
        How many there are of the directions in which a layer varies: all, or as many as the
        authors' code asks of PCA.
    source
        What to call the model.

    Returns
    -------
    results
        Of each layer, the curves ``eigenspectrum`` (parts of the variance) and ``alpha_by_window``,
        and the scores ``alpha``, ``r_squared``, ``residual_sd`` and, with the interval over images,
        ``alpha_all_images``, or ``alpha_first_set`` where there are more images than a set has; a
        layer too narrow for a window that ends at twice its first rank has its spectrum only.

    Raises
    ------
    ValueError
        If there are fewer than two sets, or too few images; and as `show`.
    """
    draws = spectrum_draws(
        order, available, window=window, z_scored=z_scored, sets=sets, set_size=set_size, seed=seed
    )
    take = taking(
        available,
        set_size=set_size,
        window=window,
        components=components,
        seed=seed,
        groups=groups,
    )
    taken: dict[str, dict[str, Taken]] = {}
    for layer, name, kernel in show(draws):
        taken.setdefault(layer, {})[name] = take(name, kernel)
        del kernel  # before the next images are shown
    return spectra_of(
        taken, available, window=window, z_scored=z_scored, sets=sets, seed=seed,
        components=components, source=source,
    )  # fmt: skip


def taking(
    available: int,
    *,
    set_size: int = SET_SIZE,
    window: Window,
    components: Components = "all",
    seed: int,
    groups: int = 20,
) -> Take:
    """Say how to take from each kernel what `spectra_of` needs.

    Parameters
    ----------
    available, set_size, window, components, seed, groups
        As in `network_spectra`.
    """
    whole = WHOLE if available < set_size else "set 1"

    def take(name: str, kernel: Kernel) -> Taken:
        gram, images, without = kernel.gram, len(kernel.gram), None
        spectrum = gram_eigenspectrum(gram)
        most = min(components_of(components, kernel.units), _rank(spectrum))
        if name == whole and fitting(window, most) is not None:
            group = deal(images, None, groups, torch.Generator().manual_seed(seed))
            without = left_out(lambda some: gram_eigenspectrum(gram[some][:, some]), group, groups)
        return Taken(spectrum, images, kernel.units, kernel.varying, without)

    return take


def spectra_of(
    taken: Mapping[str, Mapping[str, Taken]],
    available: int,
    *,
    window: Window,
    z_scored: bool,
    sets: int = SETS,
    seed: int,
    components: Components = "all",
    source: str,
) -> list[Result]:
    """Return what `network_spectra` does, from what was taken of the kernels of its draws.

    Parameters
    ----------
    taken
        By layer, then by draw of `spectrum_draws`; by `taking`.
    available, window, z_scored, sets, seed, components, source
        As in `network_spectra`.
    """
    results: list[Result] = []
    for layer, shown in taken.items():
        ours = [shown[f"set {n + 1}"] for n in range(sets)]
        whole, size, spread = shown.get(WHOLE, ours[0]), ours[0].images, SPREAD
        if available < 2 * size:
            spread = (
                f"none: sets of {size} of {available} images share most, and their sd is no error"
            )
        most = components_of(components, whole.units)
        about: dict[str, Setting] = {
            "z_scored": z_scored, "sets": sets, "set_size": size, "seed": seed,
            "available": available, "layer": layer,
        }  # fmt: skip
        results += _of_layer(ours, whole, window, most, spread, source, about)
    return results


def _of_layer(
    sets: Sequence[Taken],
    whole: Taken,
    window: Window,
    most: int,
    spread: str,
    source: str,
    settings: Mapping[str, Setting],
) -> list[Result]:
    spectra = torch.stack([one.spectrum for one in sets])
    count = min(most, *map(_rank, spectra))
    parts = spectra[:, :count] / spectra[:, :count].sum(1, keepdim=True)
    about = {"units": whole.units, "varying": whole.varying, "images": sets[0].images} | dict(
        settings
    )
    apart = spread == SPREAD
    sd = parts.std(0) if apart and count else None
    results: list[Result] = [curve("eigenspectrum", parts.mean(0), source, about, sd, spread)]
    fitted = fitting(window, count)
    if fitted is None:
        return results
    about |= spelled(fitted)
    laws = [fit_power_law(each, ranks=fitted.ranks, weights=fitted.weights) for each in spectra]
    alphas = torch.stack([law.alpha for law in laws])
    fits = [goodness_of_fit(each, ranks=fitted.ranks, weights=fitted.weights) for each in spectra]
    sd = alphas.std() if apart else None
    results.append(score("alpha", alphas.mean(), source, about, sd, spread))
    results += [
        score(name, torch.stack([getattr(fit, name) for fit in fits]).mean(), source, about)
        for name in ("r_squared", "residual_sd")
    ]
    results += window_curves(parts.mean(0), fitted.weights, source, about)
    return [*results, *_over_images(whole, window, most, source, about)]


def _rank(spectrum: Float[Tensor, " ranks"]) -> int:
    """Count the directions in which a layer varies: beyond them, only rounding is left.

    Few images of a small layer can lie in fewer directions than there are units that vary.
    """
    return int((spectrum > ROUNDING * spectrum.mean()).sum())


def _over_images(
    whole: Taken, window: Window, most: int, source: str, about: Mapping[str, Setting]
) -> list[Result]:
    if whole.without is None:
        return []
    # Without some of the images, some units may not vary, or only the rest of a pair be left.
    fitted = fitting(window, min(most, *map(_rank, whole.without)))
    if fitted is None:
        return []
    found = interval_of_spectra(whole.without, ranks=fitted.ranks, weights=fitted.weights)
    settings = {**about, **spelled(fitted), "images": whole.images, **corrected(found)}
    of_all = whole.images == about["available"]
    return [interval_score(OF_ALL if of_all else OF_FIRST, found, source, settings)]
