"""How accuracies, attacks and verdicts are written in captions, tables and findings."""

from collections.abc import Iterable, Sequence
from math import sqrt

from striate.report.robustness.found import Network, Together, Trial, eps_of, geometry_of, norm_of
from striate.report.words import counted, errors_text, listed, minus, percent
from striate.results import Result, Score

TOLERANCE = 1e-6  # of a radius that was written with few digits
NORM_NAMES = {"Linf": "L∞", "L2": "L2", "L1": "L1"}
UNITS = {"Linf": "largest change of a pixel", "L2": "root of summed squares", "L1": "summed change"}
# What the words of a verdict mean, in the order of the page.
VERDICTS = {
    "robust": "stronger searches, and searches without gradients, leave most of it standing",
    "undecided": "the searches disagree, or the images are too few to tell",
    "masked": "the plain attack failed, and a better one succeeds: the accuracy is not robustness",
    "none": "under the plain attack it is no better than guessing, or than the baseline",
}


def bounds(score: Score) -> tuple[float, float] | None:
    """Return both ends of a score's interval; None where it has none."""
    low, high = (score.settings.get(name) for name in ("low", "high"))
    if isinstance(low, int | float) and isinstance(high, int | float):
        return float(low), float(high)
    return None if score.error is None else (score.value - score.error, score.value + score.error)


def accuracy_of(score: Score | None) -> str:
    """Write an accuracy with its interval, e.g. ``"45.0 % (38.1 to 51.9)"``."""
    if score is None:
        return ""
    interval = interval_of(score)
    return f"{percent(score.value)} ({interval})" if interval else percent(score.value)


def interval_of(score: Score) -> str:
    """Write a score's interval in percent; nothing where it has none."""
    ends = bounds(score)
    return "" if ends is None else minus(" to ".join(f"{100 * end:.1f}" for end in ends))


def apart(one: Score, other: Score) -> bool:
    """Say whether two accuracies differ by more than their intervals."""
    mine, theirs = bounds(one), bounds(other)
    if mine is None or theirs is None:
        return False
    return mine[0] > theirs[1] or theirs[0] > mine[1]


def eps_text(norm: str, eps: float) -> str:
    """Write a radius: of L∞ as a share of the 255 steps of a pixel, where it is one."""
    if norm == "Linf" and eps > 0:
        steps, parts = 255 * eps, 1 / eps
        if abs(steps - round(steps)) < TOLERANCE * steps:
            return f"{round(steps)}/255"
        if parts > 255 and abs(parts - round(parts)) < TOLERANCE * parts:
            return f"1/{round(parts)}"
    return f"{eps:.3g}"


def norm_text(norm: str, geometry: str = "") -> str:
    """Name a norm, and how it was searched if not in the paper's way, e.g. ``"L1, exact"``."""
    return ", ".join(part for part in (NORM_NAMES.get(norm, norm), geometry) if part)


def ball_text(norm: str, eps: float, geometry: str = "") -> str:
    """Name a ball, e.g. ``"L∞, 1/1020"`` or ``"L1, 40, exact"``."""
    return norm_text(f"{NORM_NAMES.get(norm, norm)}, {eps_text(norm, eps)}", geometry)


def trial_text(trial: Trial) -> str:
    """Name the ball that a verdict is about."""
    return ball_text(trial.norm, trial.eps, trial.geometry)


def attack_text(result: Result) -> str:
    """Name the attack that a score is about."""
    return ball_text(norm_of(result), eps_of(result), geometry_of(result))


def word_of(trial: Trial) -> str:
    """Return the word of a verdict; nothing where none was given."""
    return "" if trial.verdict is None else str(trial.verdict.settings.get("verdict"))


def verdict_text(trial: Trial) -> str:
    """Write a verdict with its reason."""
    if trial.verdict is None:
        return "no verdict"
    reason = trial.verdict.settings.get("reason")
    return f"{word_of(trial)}: {reason}" if reason else word_of(trial)


def verdicts_of(network: Network) -> str:
    """Write all verdicts on a network, with the ball if there are several."""
    known = [trial for trial in network.trials if trial.verdict is not None]
    if len({word_of(one) for one in known}) == 1:
        balls = f" ({len(known)} balls)" if len(known) > 1 else ""
        return f"{word_of(known[0])}{balls}"
    return "; ".join(f"{word_of(one)} ({trial_text(one)})" for one in known)


def verdicts_in_brief(network: Network) -> str:
    """Count the verdicts on a network, e.g. ``"3 robust, 1 masked"``."""
    words = [word_of(trial) for trial in network.trials if trial.verdict is not None]
    return ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))


def worst_of(trial: Trial) -> float | None:
    """Return the share of images that withstood every probe, if the verdict says."""
    value = None if trial.verdict is None else trial.verdict.settings.get("worst")
    return float(value) if isinstance(value, int | float) else None


def sample_text(together: Together) -> str:
    """Say how far apart accuracies must be for this many images to tell them apart."""
    images = together.settings.get("images")
    if not isinstance(images, int | float) or images < 1:
        return "how many images were shown is not recorded, so nothing can be told apart."
    half = 1.96 * 0.5 / sqrt(images)
    return (
        f"an accuracy near 50 % on {counted(images)} images is known to ± {100 * half:.1f} points "
        "(95 %), one near 0 or 100 % better; networks whose intervals overlap are not told apart "
        "here."
    )


def errors_of(results: Iterable[Result]) -> str:
    """Say what the intervals are."""
    return errors_text(results) or "none"


def attack_methods(together: Together, results: Sequence[Result]) -> str:
    """Say how the networks were attacked, and on which images."""
    settings = together.settings
    steps = sorted({str(one.settings["steps"]) for one in results if "steps" in one.settings})
    how = f"projected gradient ascent of {listed(steps)} steps" if steps else "attacks"
    protocol = f", protocol “{settings['protocol']}”" if settings.get("protocol") else ""
    return (
        f"{how[0].upper()}{how[1:]} within a ball around each image, pixels from 0 to 1{protocol}; "
        f"{counted(settings.get('images'))} images ({settings.get('pictures')}). Intervals: "
        f"{errors_of(results)}."
    )
