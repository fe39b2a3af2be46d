"""Where an exponent is fitted, and how much of that a spectrum allows."""

from typing import NamedTuple

from striate.spectra import Weights


class Window(NamedTuple):
    """Where and how an exponent is fitted."""

    ranks: tuple[int, int]
    weights: Weights


# Kong et al. 2021: as in the text, and as in the code, whose last index is one less.
PROTOCOLS = {"paper": Window((10, 1000), "rank"), "authors": Window((10, 999), "rank")}


def fitting(window: Window, available: int) -> Window | None:
    """Shorten a window to the ranks there are; None if less than an octave of it is left."""
    first, last = window.ranks
    last = min(last, available)
    return Window((first, last), window.weights) if last >= 2 * first else None
