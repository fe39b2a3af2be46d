"""How numbers and lists are written in captions, tables and findings."""

from collections.abc import Iterable, Sequence

from striate.results import Result, Score, Setting
from striate.results.nouns import ends_of

WHOLE = "the 95 % interval"
MOST = 5  # sentences of one kind


def counted(value: Setting) -> str:
    """Write a number of things with commas; a setting that is none as it is."""
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def minus(text: str) -> str:
    """Write true minus signs."""
    return text.replace("-", "−")


def listed(items: Iterable[object]) -> str:
    """Write ``"a, b and c"``."""
    texts = [str(item) for item in items]
    return " and ".join([", ".join(texts[:-1]), texts[-1]]) if len(texts) > 1 else "".join(texts)


def first_few(sentences: Sequence[str], rest: str) -> list[str]:
    """Keep a list of findings readable where there are many networks."""
    if len(sentences) <= MOST:
        return list(sentences)
    return [*sentences[: MOST - 1], f"{len(sentences) - MOST + 1} more {rest}."]


def errors_text(results: Iterable[Result]) -> str:
    """Say what drawn errors are, each kind once; nothing where there are none.

    Results write half of an interval as a score's error. Bars reach to its ends, if these are
    known, and so are the interval.
    """
    kinds = {_error_kind(one) for one in results if one.error is not None}
    # Of curves some have an addition about their ends.
    kinds = {one for one in kinds if not any(other.startswith(f"{one};") for other in kinds)}
    groups: dict[str, list[str]] = {}
    for one in sorted(kinds):
        how, _, what = one.rpartition(", ")
        alike = what if one.endswith(f", {WHOLE}") else one
        groups.setdefault(alike, []).append(how if alike is what else one)
    return "; ".join(
        f"{listed(hows)}, {what}" if what == WHOLE else what for what, hows in groups.items()
    )


def _error_kind(one: Result) -> str:
    kind = str(one.settings["error"])
    known = isinstance(one, Score) and ends_of(one) is not None
    return kind.replace(f"half {WHOLE}", WHOLE) if known else kind


def extremes(
    known: Sequence[tuple[str, Score]],
) -> tuple[tuple[str, Score], tuple[str, Score]]:
    """Return the named score that is least and the one that is largest; of equals the first."""

    def value(one: tuple[str, Score]) -> float:
        return one[1].value

    return min(known, key=value), max(known, key=value)


def span(values: Sequence[int | float], digits: int = 0) -> str:
    """Write the range of some numbers, or the number they all are."""
    low, high = (f"{value:,.{digits}f}" for value in (min(values), max(values)))
    between = " to " if "-" in low + high else "–"
    return minus(low) if low == high else minus(f"{low}{between}{high}")


def plural(count: int, one: str) -> str:
    """Count things whose plural ends in s."""
    return f"{count} {one}" if count == 1 else f"{count} {one}s"


def percent(value: float) -> str:
    """Write a fraction as in ``"93.8 %"``, with a space that does not break."""
    return f"{100 * value:.1f}\u00a0%"
