"""How often the intervals of a cross-validated exponent cover, on simulated recordings.

Prints the table of docs/cvpca.md; under five minutes on one core:
``python -m benchmarks.cvpca_coverage``, or with the number of recordings per row.
"""

import statistics
import sys
from typing import NamedTuple, get_args

import torch
from threadpoolctl import threadpool_limits

from striate.spectra import Algorithm, AlphaInterval, cross_validated_alpha, simulate_recording

ALPHA, RANKS, SHUFFLES = 1.0, (3, 30), 5
POPULATIONS = ((400, 100), (300, 500))  # stimuli, units
SIGNAL_TO_NOISE = (0.3, 1.0, 3.0)
HEADER = (
    "stimuli × units", "algorithm", "signal to noise", "mean α (sd)", "bias",
    "mean standard error", "mean corrected α", "`interval` covers", "`corrected_interval` covers",
    "refused",
)  # fmt: skip


class Case(NamedTuple):
    """A row of the table."""

    stimuli: int
    units: int
    algorithm: Algorithm
    signal_to_noise: float


def main() -> None:
    """Print the table."""
    recordings = int(sys.argv[1]) if len(sys.argv) > 1 else 24
    torch.set_num_threads(1)
    print(f"| {' | '.join(HEADER)} |\n|{'---|' * len(HEADER)}")
    with threadpool_limits(1):
        for stimuli, units in POPULATIONS:
            for algorithm in get_args(Algorithm):
                for ratio in SIGNAL_TO_NOISE:
                    case = Case(stimuli, units, algorithm, ratio)
                    print(row(case, *intervals(case, recordings)), flush=True)


def intervals(case: Case, recordings: int) -> tuple[list[AlphaInterval], int]:
    """Intervals of as many recordings, and how many had a variance that was not positive."""
    found, refused = [], 0
    for seed in range(recordings):
        responses = simulate_recording(
            alpha=ALPHA,
            stimuli=case.stimuli,
            units=case.units,
            repeats=2,
            signal_to_noise=case.signal_to_noise,
            seed=seed,
        )
        try:
            interval = cross_validated_alpha(
                responses,
                ranks=RANKS,
                weights="rank",
                algorithm=case.algorithm,
                shuffles=SHUFFLES,
                seed=seed,
            )
        except ValueError:
            refused += 1
        else:
            found.append(interval)
    return found, refused


def row(case: Case, found: list[AlphaInterval], refused: int) -> str:
    """Return one line of Markdown."""
    alphas = [each.alpha for each in found]
    average = statistics.fmean(alphas)
    same = [low <= average <= high for low, high in (each.interval for each in found)]
    planted = [low <= ALPHA <= high for low, high in (each.corrected_interval for each in found)]
    cells = (
        f"{case.stimuli} × {case.units}",
        case.algorithm,
        f"{case.signal_to_noise:g}",
        f"{average:.3f} ({statistics.stdev(alphas):.3f})",
        f"{average - ALPHA:+.3f}",
        f"{statistics.fmean(each.standard_error for each in found):.3f}",
        f"{statistics.fmean(each.corrected for each in found):.3f}",
        f"{100 * statistics.fmean(same):.0f}%",
        f"{100 * statistics.fmean(planted):.0f}%",
        f"{refused} of {len(found) + refused}",
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
