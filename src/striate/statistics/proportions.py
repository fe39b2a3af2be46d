"""The exact interval of a proportion, which resampling cannot give where all agree."""

from numbers import Integral

# What a result says about an error that is such an interval.
EXACT = "exact binomial, half the 95 % interval"
# A curve has one number for both sides; half of an interval that lies on one would hide the rest.
ONE_SIDED = "exact binomial, all of the 95 % interval, which lies on one side"


def exact_interval(successes: int, trials: int) -> tuple[float, float]:
    """Return the interval of Clopper and Pearson 1934, of 95 %.

    Parameters
    ----------
    successes, trials
        How many, of how many.

    Raises
    ------
    ValueError
        If there is no trial, or not 0 to `trials` successes, both whole numbers.
    """
    from scipy.stats import binomtest

    whole = isinstance(successes, Integral) and isinstance(trials, Integral)
    if not whole or trials < 1 or not 0 <= successes <= trials:
        raise ValueError(
            f"successes={successes!r} of trials={trials!r}: give 0 to all of at least one trial"
        )
    found = binomtest(successes, trials).proportion_ci(0.95)
    return float(found.low), float(found.high)
