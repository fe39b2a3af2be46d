"""The conditions of a recording: how much of each neuron's variance is signal, and how much noise.

So a network can be made to respond under the same ones.
"""

from typing import Literal, NamedTuple, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from striate.spectra.power_law import check_ranks

Gains = Literal["equal", "own"]
# Of a trial's variance: a neuron with less signal cannot be scaled by it, and would be all noise.
LEAST_SIGNAL = 0.1


class Noise(NamedTuple):
    """Of each unit."""

    mean: Tensor  # over stimuli
    signal: Tensor  # variance over stimuli of the expected response
    trial: Tensor  # variance over the trials of a stimulus


def measured(trials: Tensor) -> Noise:
    """Split each unit's variance into signal and noise (analysis of variance, unbiased)."""
    recorded = ~trials.isnan()
    counts = recorded.sum(0)
    means = trials.nanmean(0)
    squares = (trials - means).square().nan_to_num().sum(0)
    trial = squares.sum(0) / (counts - 1).clamp_min(0).sum(0).clamp_min(1)
    some = counts > 0
    centre = torch.where(some, means, torch.nan).nanmean(0)
    across = (means - centre).square().nan_to_num().sum(0) / (some.sum(0) - 1).clamp_min(1)
    # Of a mean over k trials, noise is a k-th; k averaged as it enters the variance.
    shares = torch.where(some, 1 / counts.clamp_min(1), 0).sum(0) / some.sum(0).clamp_min(1)
    return Noise(centre, (across - trial * shares).relu(), trial)


def with_gains(
    recording: Float[Tensor, "repeats stimuli units"], gains: Gains, ranks: tuple[int, int]
) -> Float[Tensor, "repeats stimuli some"]:
    """Return a recording with the units and gains with which `compare_spectra` compares it.

    Raises
    ------
    ValueError
        As `units_compared`.
    """
    kept = units_compared(recording, gains, ranks)
    if gains == "own":
        return recording
    signal = measured(recording.double()).signal[kept]  # squares of small numbers are held
    return recording[:, :, kept] / signal.sqrt().to(recording.dtype)


def units_compared(
    recording: Float[Tensor, "repeats stimuli units"], gains: Gains, ranks: tuple[int, int]
) -> Bool[Tensor, " units"]:
    """Say which units `compare_spectra` compares: all, or with equal gains those with a signal.

    Raises
    ------
    ValueError
        If `gains` are neither equal nor own, or there are fewer neurons than `ranks`: of equal
        ones, fewer that have a signal.
    """
    if gains not in get_args(Gains):
        raise ValueError(f"gains={gains!r}; choose 'equal' or 'own'")
    check_ranks(ranks, available=recording.shape[2])
    never = recording.isnan().flatten(0, 1).all(0)  # which is an error, and told as such
    if gains == "own":
        return torch.ones_like(never)
    kept = (_shares(measured(recording.double())) >= LEAST_SIGNAL) | never
    count = int(kept.sum())
    if count < ranks[1]:
        raise ValueError(
            f"ranks={ranks}, but of {count} of the recording's {len(kept)} units the signal is at "
            f"least {LEAST_SIGNAL:g} of a trial's variance; fit fewer ranks, or give gains='own', "
            "which takes all units as they are"
        )
    return kept


def _shares(noise: Noise) -> Tensor:
    whole = (noise.signal + noise.trial).clamp_min(torch.finfo(noise.trial.dtype).tiny)
    return noise.signal / whole


def share(noise: Noise) -> float:
    """Return the signal's share of a trial's variance: the median over units."""
    return _shares(noise).median().item()


def noisy(responses: Tensor, recording: Tensor, noise: Noise, generator: torch.Generator) -> Tensor:
    """Let each column respond as often, and as reliably, as a neuron of the recording."""
    z = (responses - responses.mean(0)) / responses.std(0, correction=0)
    errors = torch.randn(recording.shape, generator=generator, dtype=torch.float64)
    trials = noise.signal.sqrt() * z.to(recording) + noise.trial.sqrt() * errors.to(recording)
    return trials.masked_fill(recording.isnan(), torch.nan)
