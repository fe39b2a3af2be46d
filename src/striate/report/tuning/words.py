"""How numbers and stimuli are written in captions, tables and findings about tuning."""

from collections.abc import Iterable

from striate.report.ends import spread_text
from striate.report.tuning.found import Layer, Together
from striate.report.words import counted, listed, minus, plural, span
from striate.results import Result, Score

PROTOCOLS = {
    "paper": "wavelengths are exact",
    "authors": "wavelengths are rounded down to whole pixels and brightness to 8 bits",
}


def number(value: float) -> str:
    """Write a frequency in three digits at most."""
    return f"{value:.3g}"


def score_of(score: Score, digits: int = 3) -> str:
    """Write a score with its error, e.g. ``"0.763 ± 0.033"``."""
    # Adding 0 to what is rounded leaves no minus before a zero.
    value = minus(f"{round(score.value, digits) + 0.0:.{digits}f}")
    return f"{value} {spread_text(score, digits)}".rstrip()


def part_of_channels(score: Score) -> tuple[int, int] | None:
    """Return of how many channels a median is, of how many that answer; None if of all of them."""
    known, every = (score.settings.get(name) for name in ("measured", "selected"))
    if isinstance(known, int) and isinstance(every, int) and known < every:
        return known, every
    return None


def shown_to(together: Together) -> str:
    """Say what the stimuli were, and how many degrees an image spans."""
    settings = together.settings
    count = _lengths(layer for one in together.networks for layer in one.layers)
    how = PROTOCOLS.get(str(settings["protocol"]), "")
    kind = "Gabor patches" if settings["stimulus"] == "gabor" else f"{settings['stimulus']}s"
    text = f"Stimuli: {kind}{count}; protocol “{settings['protocol']}”{how and ': '}{how}."
    if not together.in_degrees:
        return (
            f"{text} Frequencies are in cycles per image: images of {settings['pixels']} pixels "
            "have no size in degrees."
        )
    return (
        f"{text} {settings['pixels_per_degree']:g} pixels stand for a degree, so that an image "
        f"spans {fields_of(together)}°, which is a convention and no property of a network."
    )


def fields_of(together: Together) -> str:
    """Write how many degrees an image spans, in all networks."""
    return listed(f"{field:.3g}" for field in fields(together))


def fields(together: Together) -> list[float]:
    """Return how many degrees the images of the networks span."""
    values = {one.settings.get("field_deg") for one in together.networks}
    return sorted(float(value) for value in values if isinstance(value, int | float))


def sampling_of(together: Together) -> str:
    """Say how channels were drawn."""
    settings = together.settings
    drawn = f"{counted(settings['draws'])} channels drawn with replacement"
    if settings["experiments"] == 1:
        return f"that of one experiment of {drawn}"
    return f"mean ± sd over {counted(settings['experiments'])} experiments, each of {drawn}"


def channels_of(layers: Iterable[Layer]) -> str:
    """Say how many channels layers have, and how many of them do not answer."""
    abouts = [about.settings for layer in layers if (about := _any_result(layer)) is not None]
    totals = [int(about["channels"] or 0) for about in abouts if "channels" in about]
    silent = sum(int(a["channels"] or 0) - int(a["selected"] or 0) for a in abouts)
    if not totals:
        return ""
    left_out = f"; {plural(silent, 'channel')} with flat curves left out" if silent else ""
    return f"{span(totals)} channels in a layer{left_out}"


def _any_result(layer: Layer) -> Result | None:
    every = [*layer.scores.values(), *layer.curves.values()]
    return next((one for one in every if "selected" in one.settings), None)


def _lengths(layers: Iterable[Layer]) -> str:
    """Say how many frequencies and orientations there were."""
    for layer in layers:
        wanted = ("preferred_frequency", "preferred_orientation")
        if all(name in layer.curves for name in wanted):
            frequencies, orientations = (len(layer.curves[name].x) for name in wanted)
            return f" of {frequencies} frequencies and {orientations} orientations"
    return ""
