"""The p of several tests at once."""

import numpy as np

from striate.statistics.checks import Numbers, column


def holm(p: Numbers) -> list[float]:
    """Correct p of several tests, so that a false one among all is as rare as it says.

    The smallest is multiplied by their number, the next by one less, and so on; none is smaller
    than the one before it (Holm 1979, *Scand. J. Statist.* 6, 65).

    Parameters
    ----------
    p
        One per test, in [0, 1].

    Returns
    -------
    list of float
        The corrected ones, in the same order, in [0, 1].

    Raises
    ------
    ValueError
        If `p` is not one axis of numbers from 0 to 1.
    """
    given = column("p", p, of="test")
    if ((given < 0) | (given > 1)).any():
        place = int(np.flatnonzero((given < 0) | (given > 1))[0])
        raise ValueError(f"p[{place}] is {given[place]}; give probabilities, from 0 to 1")
    order = np.argsort(given, kind="stable")
    steps = given[order] * np.arange(len(given), 0, -1)
    made = np.empty(len(given))
    made[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return made.tolist()
