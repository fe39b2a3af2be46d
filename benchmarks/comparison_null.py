"""What `compare_spectra` says where there is no difference, with either choice of gains.

The first table is of the pooled macaque recording: the mean over trials stands for its neurons'
signal, for a network, and for what new trials are simulated from. The second is of two halves of
one simulated population, of which one is recorded, each neuron times a gain. Both are in
docs/spectra.md; about four minutes on one core, with STRIATE_DATA set:
``python -m benchmarks.comparison_null``, or with the number of seeds and of simulated pairs.
"""

import os
import statistics
import sys
from pathlib import Path
from typing import get_args

import torch
from threadpoolctl import threadpool_limits

from striate.datasets import recording
from striate.spectra import SpectralComparison, compare_spectra, simulate_recording
from striate.spectra.conditions import Gains, measured

RECORDING = "henaff2021/henaff2021_macaque_v1.npz"
TRIALS, SEEDS, PAIRS = (10, 20, 50), 3, 40
HEADER = ("what", "trials", "gains", "neurons", "difference of α", "the interval of 95 % holds 0")


def main() -> None:
    """Print the tables."""
    seeds, pairs = (*map(int, sys.argv[1:]), SEEDS, PAIRS)[:2] if sys.argv[1:] else (SEEDS, PAIRS)
    torch.set_num_threads(1)
    print(f"| {' | '.join(HEADER)} |\n|{'---|' * len(HEADER)}")
    with threadpool_limits(1):
        for trials in TRIALS:
            for gains in get_args(Gains):
                found = [of_recording(trials, gains, seed) for seed in range(seeds)]
                print(row("macaque V1", trials, gains, found), flush=True)
        for gains in get_args(Gains):
            found = [of_simulation(gains, seed) for seed in range(pairs)]
            print(row("simulated", 4, gains, found), flush=True)


def of_recording(trials: int, gains: Gains, seed: int) -> SpectralComparison:
    """Compare the pooled recording's mean over trials with simulated trials of itself."""
    read = recording(Path(os.environ["STRIATE_DATA"]) / RECORDING)
    there = read.responses.tensor.double()
    signal = there.nanmean(0)
    complete = ~signal.isnan().any(0)
    there, signal = there[:, :, complete], signal[:, complete]
    noise = (there - signal).square().nanmean((0, 1)).sqrt()
    generator = torch.Generator().manual_seed(10 + seed)
    shape = (trials, *signal.shape)
    simulated = signal + noise * torch.randn(shape, generator=generator, dtype=torch.float64)
    movies = sorted(set(read.image_ids or ()))
    clusters = torch.tensor([movies.index(one) for one in read.image_ids or ()])
    network = signal
    if gains == "equal":  # the network is the signal of those that are compared, no more of it
        found = measured(simulated)
        network = signal[:, found.signal >= 0.1 * (found.signal + found.trial)]
    return compare_spectra(
        network, simulated, ranks=(5, 40), weights="rank", algorithm="text", seed=seed,
        draws=4, shuffles=4, groups=10, clusters=clusters, gains=gains,
    )  # fmt: skip


def of_simulation(gains: Gains, seed: int) -> SpectralComparison:
    """Compare 400 units of a population with spike counts of 40 others, each times a gain."""
    units = simulate_recording(
        alpha=1.0, stimuli=300, units=440, repeats=1, signal_to_noise=1e9, seed=seed,
    )[0]  # fmt: skip
    z = (units - units.mean(0)) / units.std(0)
    generator = torch.Generator().manual_seed(seed)
    share = 0.2 + 0.8 * torch.rand(40, generator=generator, dtype=torch.float64)
    rates = (12 + (12 * share).sqrt() * z[:, 400:]).relu()
    counts = torch.poisson(rates.expand(4, -1, -1), generator=generator)
    gain = torch.logspace(-0.7, 0.7, 40).double()[torch.randperm(40, generator=generator)]
    return compare_spectra(
        z[:, :400], counts * gain, ranks=(3, 15), weights="rank", algorithm="text", seed=seed,
        draws=4, shuffles=2, groups=5, gains=gains,
    )  # fmt: skip


def row(what: str, trials: int, gains: Gains, found: list[SpectralComparison]) -> str:
    """Return one line of Markdown."""
    gaps = [one.difference for one in found]
    holds = sum(low <= 0 <= high for low, high in (one.interval for one in found))
    told = (
        f"{min(gaps):+.2f} to {max(gaps):+.2f}"
        if what == "macaque V1"
        else f"{statistics.fmean(gaps):+.3f} ± {statistics.stdev(gaps) / len(gaps) ** 0.5:.3f}"
    )
    neurons = sorted({one.units for one in found})
    several = f"{neurons[0]}–{neurons[-1]}" if len(neurons) > 1 else f"{neurons[0]}"
    return f"| {what} | {trials} | {gains} | {several} | {told} | {holds} of {len(found)} |"


if __name__ == "__main__":
    main()
