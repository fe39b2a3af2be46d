"""Wrong calls of striate.statistics, and the message of the ValueError of each."""

TITLE = "striate.statistics"

# What the expressions are made of.
SETUP = """\
import numpy as np

from striate import statistics

up, mixed = [1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 3.0, 2.0, 5.0, 4.0]
"""

CASES = [
    (
        "statistics.correlation(up, mixed, seed='a')",
        "seed='a': give a whole number from 0 on",
    ),
    (
        "statistics.correlation(up, mixed, seed=1.5)",
        "seed=1.5: give a whole number from 0 on",
    ),
    (
        "statistics.correlation(up, mixed, resamples='many')",
        "resamples='many': give a whole number from 2 on, e.g. 9999",
    ),
    (
        "statistics.correlation(up, mixed, resamples=1)",
        "resamples=1: give a whole number from 2 on, e.g. 9999",
    ),
    (
        "statistics.correlation(1j * np.array(up), mixed)",
        "x holds complex128; give real numbers",
    ),
    (
        "statistics.correlation(up, [1.0, 2.0, None, 3.0, 4.0])",
        "y holds object; give real numbers",
    ),
    (
        "statistics.correlation(up, [mixed, up[:4]])",
        "y has rows of different lengths; give as many each",
    ),
    (
        "statistics.correlation(up, [0.3] * 5)",
        "y is 0.3 for all 5 networks; let it vary",
    ),
    (
        "statistics.correlation(up, mixed, interval='normal')",
        "interval='normal'; choose 'bootstrap' or 'fisher'",
    ),
    (
        "statistics.partial_correlation(up, mixed, ['a'] * 5)",
        "given holds <U1; give real numbers",
    ),
    (
        "statistics.within_groups(up, mixed, 5)",
        "groups=5: give the group of each network",
    ),
    (
        "statistics.paired([1.0], [2.0])",
        "before has 1 networks; a comparison in pairs needs at least 2",
    ),
    (
        "statistics.exact_interval(1.5, 3)",
        "successes=1.5 of trials=3: give 0 to all of at least one trial",
    ),
    (
        "statistics.holm([0.01, 1.2])",
        "p[1] is 1.2; give probabilities, from 0 to 1",
    ),
    (
        "statistics.holm([0.01, float('nan')])",
        "p[1] is nan; leave out tests without a number",
    ),
    (
        "statistics.holm([[0.01, 0.02]])",
        "p has shape (1, 2); give one number per test",
    ),
]
