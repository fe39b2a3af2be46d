"""The two nouns of a result: a `Score` is one cell of a table, a `Curve` one line of a figure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isfinite

Setting = str | int | float | bool | None
Ends = tuple[float, float]  # of an interval


@dataclass(frozen=True)
class Score:
    """One cell of a table.

    `error`, where there is one, is explained by ``settings["error"]``, e.g. ``"sd over batches"``.
    """

    name: str
    value: float
    error: float | None = None
    source: str = ""
    settings: Mapping[str, Setting] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_numbers(self.name, [self.value], None if self.error is None else [self.error])
        _check_error_kind(self)


@dataclass(frozen=True)
class Curve:
    """One line of a figure: `y` (and its `error`) at `x`, plain floats.

    `error`, where there is one, is explained by ``settings["error"]``, e.g. ``"sem over seeds"``.
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    error: tuple[float, ...] | None = None
    source: str = ""
    settings: Mapping[str, Setting] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for axis in ("x", "y", "error"):
            values = getattr(self, axis)
            if values is not None:
                object.__setattr__(self, axis, tuple(float(value) for value in values))
        lengths = {len(axis) for axis in (self.x, self.y, self.error) if axis is not None}
        if len(lengths) != 1:
            raise ValueError(
                f"curve {self.name!r}: x, y and error need one length, got {len(self.x)}, "
                f"{len(self.y)} and {None if self.error is None else len(self.error)}"
            )
        _check_numbers(self.name, (*self.x, *self.y), self.error)
        _check_error_kind(self)


Result = Score | Curve


def ends_of(score: Score) -> Ends | None:
    """Return the ends that stand in a score's settings; None where there is half a width at most.

    Results of before had only that, as `error`.
    """
    low, high = (score.settings.get(name) for name in ("low", "high"))
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        return None
    if isfinite(low) and isfinite(high):
        return float(low), float(high)
    return None


def uneven(score: Score, digits: int) -> Ends | None:
    """Return the ends of an interval if, as written, they are not equally far from the value."""
    ends = ends_of(score)
    far = {f"{abs(score.value - end):.{digits}f}" for end in ends or ()}
    return ends if len(far) > 1 else None


def _check_numbers(name: str, values: Iterable[float], error: Iterable[float] | None) -> None:
    if not all(isfinite(value) for value in (*values, *(error or ()))):
        raise ValueError(
            f"{name!r} holds a number that is not finite; a result records measurements"
        )


def _check_error_kind(result: Result) -> None:
    if result.error is not None and "error" not in result.settings:
        raise ValueError(
            f"{result.name!r} has an error but settings['error'] does not say which: "
            "write e.g. 'sd over batches', 'sem over seeds', 'bootstrap 95 %'"
        )
