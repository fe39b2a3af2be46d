"""How exponents and their fits are written in captions, tables and findings."""

from collections.abc import Iterable, Mapping

from striate.report.words import listed, minus, plural
from striate.results import Score, Setting

SMALL = 0.01  # an error that two decimals would hide
WEIGHTS = {"rank": "weights 1/n", "none": "no weights"}


def alpha_of(score: Score | None) -> str:
    """Write an exponent with its error, e.g. ``"2.81 ± 0.20"``."""
    if score is None:
        return "unknown"
    digits = 2 if score.error is None or score.error >= SMALL else 3
    spread = "" if score.error is None else f" ± {score.error:.{digits}f}"
    return minus(f"{score.value:.{digits}f}{spread}")


def ranks_of(settings: Mapping[str, Setting]) -> str:
    """Write a window as text, e.g. ``"5–40"``."""
    return str(settings.get("ranks")).replace("-", "–")


def windows_of(scores: Iterable[Score]) -> str:
    """Say on which ranks exponents were fitted and with which weights."""
    ranks: dict[str, int] = {}
    weights = set()
    for score in scores:
        ranks[ranks_of(score.settings)] = ranks.get(ranks_of(score.settings), 0) + 1
        weights.add(WEIGHTS.get(str(score.settings.get("weights")), "weights unknown"))
    if len(ranks) == 1:
        return f"ranks {next(iter(ranks))}, {listed(sorted(weights))}"
    most = sorted(ranks.items(), key=lambda one: -one[1])
    parts = [f"{name} ({plural(count, 'fit')})" for name, count in most]
    return f"ranks {listed(parts)}, {listed(sorted(weights))}"


def bound_of(settings: Mapping[str, Setting]) -> tuple[float, str]:
    """Return the α that a smooth code exceeds, and what to call it.

    Results of before it was kept are of stimuli of many dimensions.
    """
    value, dimensions = settings.get("smoothness_bound"), settings.get("dimensions")
    if not isinstance(value, int | float) or not isinstance(dimensions, int | float):
        return 1.0, "bound, many dimensions"
    return float(value), f"bound, d = {dimensions:g}"


def shown_as(settings: Mapping[str, Setting]) -> str:
    """Say how large images were shown to a network, e.g. ``"4° of 6.4°"``."""
    wide, field, crop = (settings.get(n) for n in ("stimulus_deg", "field_deg", "crop_px"))
    if not isinstance(wide, int | float) or not isinstance(field, int | float):
        return "at full size"
    return f"{wide:g}° of {field:g}°" + ("" if crop is None else f", {crop} px")
