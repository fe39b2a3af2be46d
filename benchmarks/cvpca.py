"""Cross-validated PCA over 20 shuffles, against the loop one would write.

Named baseline: per shuffle, scikit-learn's exact PCA of the first half transposed and two
projections, which is the published algorithm. The size is one at which the baseline takes well
under a minute; ``python -m benchmarks.cvpca 2800 10000`` is the mouse's, and takes many.
"""

import os
import platform
import sys

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


def main(stimuli: int = STIMULI, units: int = UNITS) -> None:
    """Print the table."""
    halves = simulate_recording(
        alpha=1.0, stimuli=stimuli, units=units, repeats=2, signal_to_noise=1.0, seed=0
    ).float()
    found: dict[str, Tensor] = {}

    def ours(name: str, count: int | None) -> None:
        half1, half2 = halves
        found[name] = shuffled_eigenspectra(
            half1, half2, algorithm="released", shuffles=SHUFFLES, seed=0, count=count
        ).mean(0)

    def loop() -> None:
        found["scikit-learn loop"] = straightforward(halves)

    ways = {
        "scikit-learn loop": loop,
        "all ranks": lambda: ours("all ranks", None),
        f"{COUNT} ranks": lambda: ours(f"{COUNT} ranks", COUNT),
    }
    seconds = medians(ways, rounds=1, warm_up=0)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"
    print(f"\ncvPCA, {SHUFFLES} shuffles, {stimuli} stimuli × {units} units, float32; {machine}")
    print(f"  {'way':<20}{'s':>8}{'loop ÷ this':>13}{'|Δα|':>10}{'largest |Δλ|/λ':>16}")
    exact = found["scikit-learn loop"]
    for name, took in seconds.items():
        gain = seconds["scikit-learn loop"] / took
        window = slice(RANKS[0] - 1, RANKS[1])
        off = (found[name][window] / exact[window] - 1).abs().max().item()
        apart = abs(exponent(found[name]) - exponent(exact))
        print(f"  {name:<20}{took:>8.2f}{gain:>13.2f}{apart:>10.1e}{off:>16.1e}")


def straightforward(halves: Tensor) -> Tensor:
    """Swap, fit, project; the mean spectrum."""
    one, other = halves.numpy()
    stimuli, units = one.shape
    total = np.zeros(min(stimuli, units) - 1)
    for swap in coin_flips(stimuli, shuffles=SHUFFLES, seed=0).numpy()[:, :, None]:
        x1, x2 = np.where(swap, other, one), np.where(swap, one, other)
        x1, x2 = x1 - x1.mean(0), x2 - x2.mean(0)
        pca = PCA(len(total), svd_solver="full").fit(x1.T)
        projection = x1.T @ (np.asarray(pca.components_).T / pca.singular_values_)
        total += ((x1 @ projection) * (x2 @ projection)).sum(0)
    return torch.from_numpy(total / SHUFFLES)


def exponent(spectrum: Tensor) -> float:
    """Weighted fit within the window."""
    return fit_power_law(spectrum, ranks=RANKS, weights="rank").alpha.item()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
