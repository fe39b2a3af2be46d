"""Where an exponent is fitted, and how much of that a spectrum allows."""

from typing import Literal, NamedTuple, get_args

from striate.spectra import Weights, check_ranks


class Window(NamedTuple):
    """Where and how an exponent is fitted."""

    ranks: tuple[int, int]
    weights: Weights


Components = Literal["all", "authors"]
MOST = 2000  # of the authors

# Kong et al. 2021: as in the text, and as in the code, whose last index is one less.
PROTOCOLS = {"paper": Window((10, 1000), "rank"), "authors": Window((10, 999), "rank")}


def check_octave(window: Window) -> None:
    """Refuse a window that is narrower than an octave: no slope is to be had of so few ranks.

    Raises
    ------
    ValueError
        If it is none, or ends before twice its first rank.
    """
    check_ranks(window.ranks)
    first, last = window.ranks
    if last < 2 * first:
        raise ValueError(
            f"ranks={window.ranks}: a window ends at twice its first rank at least, here at "
            f"{2 * first}; end later, or start at {last // 2} or before"
        )


def fitting(window: Window, available: int) -> Window | None:
    """Shorten a window to the ranks there are; None if less than an octave of it is left."""
    first, last = window.ranks
    last = min(last, available)
    return Window((first, last), window.weights) if last >= 2 * first else None


def components_of(which: str, units: int) -> int:
    """Return how many components there are at most of so many units.

    Raises
    ------
    ValueError
        If `which` is unknown.
    """
    if which not in get_args(Components):
        raise ValueError(f"components={which!r}; choose 'all' or 'authors' (2000, units - 1)")
    return units if which == "all" else min(MOST, units - 1)
