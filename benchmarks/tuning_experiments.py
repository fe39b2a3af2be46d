"""The 1000 × 150 experiments of spatial-frequency tuning, against the loop one would write.

Named baseline: per experiment, ``numpy.random.choice``, ``numpy.histogram``, two cumulative sums
and their largest difference, which is the published algorithm. And a vectorised baseline, which
compares every drawn unit with every bin: as fast to write, and the memory of experiments × draws ×
bins. ``python -m benchmarks.tuning_experiments 2048`` takes so many units.

Seconds are of CPU time, which a busy machine changes less than others, above all with
``OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1``.
"""

import os
import platform
import sys
import time

import numpy as np
import torch
from torch import Tensor

from benchmarks.timing import medians
from striate import reference
from striate.tuning import (
    FREQUENCIES_CPD,
    frequency_experiments,
    frequency_experiments_by_field,
)

UNITS, EXPERIMENTS, DRAWS = 256, 1000, 150
FIELDS = tuple(np.geomspace(1, 32, 21))  # degrees, a quarter of an octave apart


def main(units: int = UNITS) -> None:
    """Print the table."""
    table = reference.devalois1982()
    counts = torch.tensor(table["count"].tolist())
    edges = torch.tensor(
        [*table["bin_left_cpd"], table["bin_right_cpd"].iloc[-1]], dtype=torch.float64
    )
    seeded = torch.Generator().manual_seed(0)
    nominal = torch.tensor(FREQUENCIES_CPD, dtype=torch.float64)
    frequency = nominal[torch.randint(len(nominal), (units,), generator=seeded)]
    found: dict[str, Tensor] = {}

    def keep(name: str, scores: Tensor) -> None:
        found[name] = scores

    compare = {"edges": edges, "reference": counts, "generator": seeded}
    ways = {
        "loop": lambda: keep("loop", loop(frequency, edges, counts)),
        "every bin": lambda: keep("every bin", every_bin(frequency, edges, counts)),
        "striate": lambda: keep("striate", frequency_experiments(frequency, **compare)),
        f"{len(FIELDS)} fields": lambda: keep(
            f"{len(FIELDS)} fields",
            frequency_experiments_by_field(6.4 * frequency, fields_deg=[6.4, *FIELDS], **compare)[
                0
            ],
        ),
    }
    seconds = medians(ways, rounds=9, clock=time.process_time)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"
    print(
        f"\n{EXPERIMENTS} experiments of {DRAWS} draws, {units} units, CPU seconds; {machine}\n"
        f"  {'way':<12}{'s':>10}{'loop ÷ this':>13}{'mean score':>12}{'sd':>8}"
    )
    for name, scores in found.items():
        print(
            f"  {name:<12}{seconds[name]:>10.5f}{seconds['loop'] / seconds[name]:>13.1f}"
            f"{scores.mean().item():>12.4f}{scores.std(correction=0).item():>8.4f}"
        )
    print(
        f"  mean scores are of different draws: alike within {4 / EXPERIMENTS**0.5:.2f} sd. "
        f"{len(FIELDS)} fields are as many times the work, and one more"
    )


def loop(frequency: Tensor, edges: Tensor, counts: Tensor) -> Tensor:
    """One experiment after the other."""
    rng = np.random.default_rng(0)
    values, limits, known = frequency.numpy(), edges.numpy(), counts.numpy()
    scores = []
    for _ in range(EXPERIMENTS):
        histogram, _ = np.histogram(rng.choice(values, DRAWS), limits)
        ours, theirs = np.cumsum(histogram) / histogram.sum(), np.cumsum(known) / known.sum()
        scores.append(1 - np.abs(ours - theirs).max())
    return torch.tensor(scores, dtype=torch.float64)


def every_bin(frequency: Tensor, edges: Tensor, counts: Tensor) -> Tensor:
    """All experiments at once, each drawn unit beside each bin."""
    seeded = torch.Generator().manual_seed(0)
    drawn = frequency[torch.randint(len(frequency), (EXPERIMENTS, DRAWS), generator=seeded)]
    ours = (drawn[..., None] < edges[1:]).double().mean(1)
    ours[:, -1] = 1
    return 1 - (ours - counts.cumsum(0) / counts.sum()).abs().amax(1)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
