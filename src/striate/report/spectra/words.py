"""How numbers and settings are written in captions, tables and findings."""

from collections.abc import Iterable, Mapping, Sequence

from striate.results import Score, Setting

SMALL = 0.01  # an error that two decimals would hide
WEIGHTS = {"rank": "weights 1/n", "none": "no weights"}


def counted(value: Setting) -> str:
    """Write a number of things with commas; a setting that is none as it is."""
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def minus(text: str) -> str:
    """Write true minus signs."""
    return text.replace("-", "−")


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


def listed(items: Iterable[object]) -> str:
    """Write ``"a, b and c"``."""
    texts = [str(item) for item in items]
    return " and ".join([", ".join(texts[:-1]), texts[-1]]) if len(texts) > 1 else "".join(texts)


def span(values: Sequence[int | float], digits: int = 0) -> str:
    """Write the range of some numbers, or the number they all are."""
    low, high = (f"{value:,.{digits}f}" for value in (min(values), max(values)))
    between = " to " if "-" in low + high else "–"
    return minus(low) if low == high else minus(f"{low}{between}{high}")


def plural(count: int, one: str) -> str:
    """Count things whose plural ends in s."""
    return f"{count} {one}" if count == 1 else f"{count} {one}s"


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
