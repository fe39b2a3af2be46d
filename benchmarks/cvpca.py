"""Cross-validated PCA over 20 shuffles, against the loop one would write.

Named baselines: per shuffle, scikit-learn's exact PCA of the first half transposed and two
projections, which is the published algorithm; and the same with ``covariance_eigh``, scikit-learn's
fastest exact solver at this shape. A shuffle costs the loop the same each time, so that few may
stand for all: the table says how many were run. Spectra are compared over these.

Seconds are of CPU time, which a busy machine changes less than others, above all with
``OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1``. ``python -m benchmarks.cvpca 2800 10000 2`` is the
mouse's size (stimuli, units, shuffles that the loops run); with all 20 the loops take many minutes.
"""

import os
import platform
import sys
import time
from functools import partial
from typing import Literal

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import Tensor

from benchmarks.timing import medians
from striate.spectra import (
    coin_flips,
    fit_power_law,
    shuffled_eigenspectra,
    simulate_recording,
)

SHUFFLES, STIMULI, UNITS, COUNT = 20, 1000, 4000, 200
RANKS = (11, 150)
Solver = Literal["full", "covariance_eigh"]


def main(stimuli: int = STIMULI, units: int = UNITS, looped: int = SHUFFLES) -> None:
    """Print the table; the loops run `looped` of the shuffles."""
    halves = simulate_recording(
        alpha=1.0, stimuli=stimuli, units=units, repeats=2, signal_to_noise=1.0, seed=0
    ).float()
    found: dict[str, Tensor] = {}

    def ours(name: str, count: int | None) -> None:
        half1, half2 = halves
        found[name] = shuffled_eigenspectra(
            half1, half2, algorithm="released", shuffles=SHUFFLES, seed=0, count=count
        )[:looped].mean(0)

    def loop(name: str, solver: Solver) -> None:
        found[name] = straightforward(halves, looped, solver)

    ways = {
        "loop, full": partial(loop, solver="full"),
        "loop, covariance_eigh": partial(loop, solver="covariance_eigh"),
        "all ranks": partial(ours, count=None),
        f"{COUNT} ranks": partial(ours, count=COUNT),
    }
    seconds = medians(
        {name: partial(way, name) for name, way in ways.items()},
        rounds=1,
        warm_up=0,
        clock=time.process_time,
    )
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"
    print(
        f"\ncvPCA, {SHUFFLES} shuffles, {stimuli} stimuli × {units} units, float32, CPU seconds; "
        f"{machine}"
    )
    if looped < SHUFFLES:
        print(f"  the loops ran {looped} shuffles; their seconds are times {SHUFFLES / looped:g}")
    print(f"  {'way':<24}{'s':>8}{'full ÷ this':>13}{'|Δα|':>10}{'largest |Δλ|/λ':>16}")
    exact, window = found["loop, full"], slice(RANKS[0] - 1, RANKS[1])
    for name in ways:
        if name.startswith("loop"):
            seconds[name] *= SHUFFLES / looped
        gain = seconds["loop, full"] / seconds[name]
        off = (found[name][window] / exact[window] - 1).abs().max().item()
        apart = abs(exponent(found[name]) - exponent(exact))
        print(f"  {name:<24}{seconds[name]:>8.1f}{gain:>13.2f}{apart:>10.1e}{off:>16.1e}")
    products, vectors = floors(halves)
    print(
        f"  floor of all ranks: {products:.1f} s for the products of all rows + {SHUFFLES} × "
        f"{vectors:.2f} s for eigenvectors (one timed) = {products + SHUFFLES * vectors:.1f} s"
    )


def floors(halves: Tensor) -> tuple[float, float]:
    """CPU seconds of what the joint Gram matrix cannot do without: one product, eigenvectors."""
    rows = halves.flatten(0, 1).double()
    gram = rows.new_zeros(len(rows), len(rows))
    started = time.process_time()
    for start in range(0, len(rows), 256):  # nothing above the diagonal
        gram[start:, start : start + 256] = rows[start:] @ rows[start : start + 256].T
    products = time.process_time() - started
    square = gram[: len(rows) // 2, : len(rows) // 2].float()
    started = time.process_time()
    torch.linalg.eigh(square)
    return products, time.process_time() - started


def straightforward(halves: Tensor, shuffles: int, solver: Solver) -> Tensor:
    """Swap, fit, project; the mean spectrum of the first so many of the shuffles."""
    one, other = halves.numpy()
    stimuli, units = one.shape
    total = np.zeros(min(stimuli, units) - 1)
    swaps = coin_flips(stimuli, shuffles=SHUFFLES, seed=0)[:shuffles]
    for swap in swaps.numpy()[:, :, None]:
        x1, x2 = np.where(swap, other, one), np.where(swap, one, other)
        x1, x2 = x1 - x1.mean(0), x2 - x2.mean(0)
        pca = PCA(len(total), svd_solver=solver).fit(x1.T)
        projection = x1.T @ (np.asarray(pca.components_).T / pca.singular_values_)
        total += ((x1 @ projection) * (x2 @ projection)).sum(0)
    return torch.from_numpy(total / shuffles)


def exponent(spectrum: Tensor) -> float:
    """Weighted fit within the window."""
    return fit_power_law(spectrum, ranks=RANKS, weights="rank").alpha.item()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
