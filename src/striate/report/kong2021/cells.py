"""Cells of a table on the page: a number, or a dash and the reason why there is none."""

from typing import NamedTuple

from striate.report.ends import spread_text
from striate.report.words import minus, percent
from striate.results import Score

NO_NUMBER = "–"
DIGITS = 3


class Cell(NamedTuple):
    """What stands in a cell.

    Attributes
    ----------
    text
        The number as it is read.
    small
        Its error, or what else belongs to it.
    sort
        What it is sorted by, unrounded; empty where there is no number.
    note
        The number of the note under the table, 0 for none.
    reason
        What that note says.
    """

    text: str
    small: str = ""
    sort: str = ""
    note: int = 0
    reason: str = ""


class Notes:
    """The notes under a table, each said once and numbered by its first cell."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def dash(self, reason: str) -> Cell:
        """Return the cell of a number that is missing."""
        return Cell(NO_NUMBER, note=self._number(reason), reason=reason)

    def on(self, cell: Cell, reason: str) -> Cell:
        """Put a note on a cell that has a number."""
        return cell._replace(note=self._number(reason), reason=reason)

    def all(self) -> list[str]:
        """Return the notes in the order of their numbers."""
        return list(self._numbers)

    def _number(self, reason: str) -> int:
        return self._numbers.setdefault(reason, len(self._numbers) + 1)


def accuracy(value: float) -> Cell:
    """Write an accuracy."""
    return Cell(percent(value), sort=repr(value))


def number(value: float, error: float | None, digits: int = DIGITS) -> Cell:
    """Write a number with its error."""
    small = "" if error is None else f"± {error:.{digits - 1}f}"
    return Cell(minus(f"{value:.{digits}f}"), small, repr(value))


def of_score(score: Score, *, is_accuracy: bool) -> Cell:
    """Write what was measured."""
    if is_accuracy:
        return accuracy(score.value)
    return number(score.value, score.error)._replace(small=spread_text(score, DIGITS - 1))


def words(text: str, small: str = "") -> Cell:
    """Write words, which are sorted without regard to capitals."""
    return Cell(text, small, text.lower())
