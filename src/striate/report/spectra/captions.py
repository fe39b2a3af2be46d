"""What stands under the figures: what was shown, measured and fitted, with the numbers of all."""

from collections.abc import Iterable, Mapping, Sequence

from striate.report.mouse import MOUSE_RANKS
from striate.report.names import called, files_of
from striate.report.spectra.findings import CROSS, fits_of
from striate.report.spectra.found import Comparison, Population, Together, over_images, sets_of
from striate.report.spectra.words import bound_of, windows_of
from striate.report.words import counted, listed, plural, span
from striate.results import Score, Setting


def recordings_methods(populations: Sequence[Population]) -> str:
    """Say what the figure of recordings shows."""
    scores = [score for one in populations for score in one.alphas.values()]
    spectra = [one.spectra[CROSS] for one in populations if CROSS in one.spectra]
    several = any(curve.error is not None for curve in spectra) or not spectra
    spread = f"mean{' ± sd' * several} over halvings of the trials{' (band)' * several}"
    below = sum(sum(variance <= 0 for variance in curve.y) for curve in spectra)

    def over(name: str) -> str:
        return span(numbers(one.settings.get(name) for one in populations))

    return (
        "As Fig. 2 of Kong et al. 2021. a: mouse V1 (Stringer et al. 2019) as a share of its "
        f"total, with the published fit to ranks {MOUSE_RANKS[0]}–{MOUSE_RANKS[1]}. b: α, with "
        f"error bars of {errors_of(scores)}; "
        f"dotted, {_bound_text([{}, *(one.settings for one in populations)])}. "
        f"Other panels: share of the variance by rank, {spread}, shaded where α was "
        f"fitted ({windows_of(scores)}); thin lines have the "
        f"measured slope. {fits_of(populations)} of {over('units')} units, "
        f"{over('stimuli')} stimuli, {over('repeats')} repeats, {over('shuffles')} halvings. "
        f"{_negative(below)}From {listed(files_of(one.source for one in populations))}."
    )


def layers_methods(together: Together, letter: str) -> str:
    """Say what the figure of layers shows; `letter` is its panel of exponents."""
    settings = together.settings
    every = [layer for one in together.networks for layer in one.layers]
    spread = "mean ± sd (band)" if any(layer.spectrum.error for layer in every) else "mean"
    units = span(numbers(layer.spectrum.settings.get("units") for layer in every))
    names = [
        f"{one.label} ({one.model}, {plural(len(one.layers), 'layer')})"
        for one in together.networks
    ]
    narrow = [
        f"{called(layer.name)} of {one.label}"
        for one in together.networks
        for layer in one.layers
        if "alpha" not in layer.scores
    ]
    left_out = f" Too narrow for an exponent: {listed(narrow)}." if narrow else ""
    return (
        "After Fig. 3 of Kong et al. 2021, with all layers. Colour is depth, blue for the first "
        "layer and orange for the last. Spectra: share of the "
        f"variance by rank, {spread} over {sets_of(together)} drawn from "
        f"{counted(settings['available'])} ({settings['pictures']}; protocol "
        f"“{settings['protocol']}”); units are {'' if settings.get('z_scored') else 'not '}"
        f"z-scored. {_exponents(together, letter)}The dotted line is α = 1. "
        f"Networks: {listed(names)}; {units} units in a layer.{left_out}"
    )


def sample_name(together: Together) -> str:
    """Name the images behind the interval over images: all, or the first set."""
    for one in together.networks:
        for layer in one.layers:
            whole = over_images(layer)
            if whole is not None:
                which = "all" if whole.name == "alpha_all_images" else "the first set of"
                return f"{which} {counted(whole.settings.get('images'))} images"
    return ""


def comparison_methods(one: Comparison, letters: Sequence[str]) -> str:
    """Say what the figure of a comparison shows; its last two `letters` are the forests."""
    settings = one.settings
    shares = numbers(match.alpha.settings.get("reliability") for match in one.matches)
    theirs = one.alpha.settings.get("reliability")
    noise = (
        f"Signal is {100 * theirs:.1f} % of a trial's variance in the recording (median unit) and "
        f"{span([100 * share for share in shares], 1)} % in the layers. "
        if shares and isinstance(theirs, int | float)
        else ""
    )
    networks = dict.fromkeys(match.network for match in one.matches)
    return (
        f"Each layer saw {_images_text(settings)}, {_shown_text(settings)}, and "
        f"answered with {counted(settings.get('units'))} of its units"
        f"{_varying_text(one)}, in as many trials and with Gaussian noise, each unit with the "
        f"variance of signal and of noise that one neuron of the recording has; {_gains_text(one)}"
        f"{counted(settings.get('draws'))} draws of units and noise. {noise}Spectra are "
        f"cross-validated ({counted(settings.get('shuffles'))} halvings, "
        f"algorithm “{settings.get('algorithm')}”) and divided by their sum; α is fitted to "
        f"{windows_of([one.alpha])} (shaded); thin and dashed lines have the measured slopes. "
        f"Colour is the layer, blue for the first and orange for the last. {letters[-2]}: α, with "
        f"error bars of {errors_of(match.alpha for match in one.matches)}; the solid line is the "
        f"recording, the dotted one {_bound_text([settings])}. {letters[-1]}: α of the "
        "layer less the recording's, with error bars of "
        f"{errors_of(match.difference for match in one.matches)}. "
        f"{plural(len(one.matches), 'layer')} of {listed(networks)}. From "
        f"{listed(files_of([one.source]))}."
    )


def _gains_text(one: Comparison) -> str:
    """Say how strongly neurons respond, and what that does where it is not made alike."""
    if one.settings.get("gains") == "equal":
        return (
            "all signals have the same variance, and neurons with less than a tenth of signal are "
            "left out; "
        )
    return (
        "where neurons that respond strongly code for other things than those that respond weakly, "
        "such pairs by chance move α of a network (`striate compare --gains equal` does without); "
    )


def _bound_text(settings: Iterable[Mapping[str, Setting]]) -> str:
    """Say what theory's bound is for the dimensions that stimuli were said to have."""
    bounds = {name: value for value, name in map(bound_of, settings)}
    by_size = sorted(bounds.items(), key=lambda one: one[1])
    each = [f"{value:g} for {name.removeprefix('bound, ')}" for name, value in by_size]
    return (
        "theory's bound 1 + 2/d (Stringer et al. 2019), below which a code of stimuli of d "
        f"dimensions cannot be smooth: {listed(each)}"
    )


def _images_text(settings: Mapping[str, Setting]) -> str:
    """Say how many images of the recording were shown: not all where trials are missing."""
    count, whole = (settings.get(name) for name in ("stimuli", "of_stimuli"))
    if whole is None:
        return f"the recording's {counted(count)} images"
    return f"{counted(count)} of the recording's {counted(whole)} images"


def _shown_text(settings: Mapping[str, Setting]) -> str:
    """Say how large the network saw the images."""
    wide, field, crop = (settings.get(n) for n in ("stimulus_deg", "field_deg", "crop_px"))
    if not isinstance(wide, int | float) or not isinstance(field, int | float):
        squeezed = settings.get("squeezed_from")
        how = "resized" if squeezed is None else f"squeezed from {squeezed} pixels"
        return f"{how} to all that its network takes"
    cut = "" if crop is None else f"cut to the inner {crop} pixels, "
    return f"{cut}{wide:g}° wide within {field:g}° and surrounded by black"


def _varying_text(one: Comparison) -> str:
    counts = numbers(match.alpha.settings.get("varying") for match in one.matches)
    return f" (of the {span(counts)} that vary over them)" if counts else ""


def errors_of(scores: Iterable[Score]) -> str:
    """Say what kinds of errors these are."""
    there = [*scores]
    kinds = {str(score.settings.get("error")) for score in there if score.error is not None}
    none = {str(score.settings["error"]) for score in there if "error" in score.settings}
    return "; ".join(sorted(kinds or none)) or "no known kind"


def numbers(values: Iterable[Setting]) -> list[int | float]:
    """Keep the numbers among settings."""
    return [value for value in values if isinstance(value, int | float)]


def _exponents(together: Together, letter: str) -> str:
    every = [layer for one in together.networks for layer in one.layers]
    sets = [layer.scores["alpha"] for layer in every if "alpha" in layer.scores]
    whole = [score for layer in every if (score := over_images(layer)) is not None]
    if not sets:
        return ""
    known = any(score.error is not None for score in sets)
    error = f" with {errors_of(sets)} (band)" if known else f", error {errors_of(sets)}"
    text = (
        f"α is fitted to {windows_of(sets)}; the window of most layers is shaded, dashed lines "
        f"have the measured slopes. {letter}: filled, mean over sets{error}"
    )
    if not whole:
        return f"{text}. "
    return (
        f"{text}; hollow, α of {sample_name(together)} with {errors_of(whole)}, fitted to "
        f"{windows_of(whole)}. "
    )


def _negative(count: int) -> str:
    if not count:
        return ""
    are = "variance is" if count == 1 else "variances are"
    return (
        f"{count} cross-validated {are} not positive and missing from the logarithmic axes, not "
        "from the CSV. "
    )
