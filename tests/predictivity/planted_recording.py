"""Recordings of which the ceiling, and how well a linear map can do, are known beforehand."""

from typing import NamedTuple

import torch
from torch import Tensor

from truths import gaussian


class Planted(NamedTuple):
    features: Tensor  # stimuli × features, standard normal
    trials: Tensor  # repeats × stimuli × neurons
    coefficients: Tensor  # the map of the part that is linear
    half: float  # reliability of the average of half the repeats
    corrected: float  # and of all of them
    predictable: float  # correlation of the linear part with the signal: what a perfect map scores


def plant(
    seed: int,
    *,
    stimuli: int = 400,
    features: int = 10,
    neurons: int = 60,
    repeats: int = 4,
    noise: float = 1.0,
    unpredictable: float = 0.0,
) -> Planted:
    """Signal of variance 1, a share of it not to be had from the features, plus Gaussian noise.

    `noise` is the variance of one trial's. An average of k trials has reliability 1 / (1 + noise/k)
    and the linear part, of variance 1 - unpredictable, correlates with the signal by its root.
    """
    x = gaussian(stimuli, features, seed=4 * seed)
    coefficients = gaussian(features, neurons, seed=4 * seed + 1)
    coefficients *= (1 - unpredictable) ** 0.5 / coefficients.norm(dim=0)
    rest = unpredictable**0.5 * gaussian(stimuli, neurons, seed=4 * seed + 2)
    trials = noise**0.5 * gaussian(repeats, stimuli, neurons, seed=4 * seed + 3)
    return Planted(
        x,
        x @ coefficients + rest + trials,
        coefficients,
        1 / (1 + noise / (repeats // 2)),
        1 / (1 + noise / repeats),
        (1 - unpredictable) ** 0.5,
    )


def expected_score(planted: Planted, *, train: int) -> float:
    """Noise-corrected correlation of least squares fitted to so many stimuli, p features.

    What a neuron's response has beside the linear part, of variance v = unpredictable + noise/k,
    makes the coefficients err. With Gaussian features the error adds v p / (train - p - 1) to the
    variance of the prediction, and nothing to its covariance with the signal.
    """
    p, linear = planted.features.shape[1], planted.predictable**2
    error = (1 / planted.corrected - linear) * p / (train - p - 1)
    return linear / (linear + error) ** 0.5


def bound_of_score(planted: Planted, expected: float, *, deviations: float) -> float:
    r"""How far the median over neurons may be from that, in standard deviations, plus its bias.

    A correlation ρ over n stimuli has a standard deviation of (1 - ρ²)/√n; splits that share all
    stimuli are taken as one pass over them. The ceiling √r errs by that of r over 2√r; r is 2h /
    (1 + h) of the half's h, whose derivative is 2 / (1 + h)². Relative errors add at worst. The
    median over m independent neurons has √(π/2m) of a neuron's deviation. Its bias, and that of a
    correlation, is of the order of 1/n.
    """
    _, stimuli, neurons = planted.trials.shape
    found = expected * planted.corrected**0.5
    slope = 2 / (1 + planted.half) ** 2
    relative = (1 - found**2) / found + slope * (1 - planted.half**2) / (2 * planted.corrected)
    one = expected * relative / stimuli**0.5
    return deviations * one * (torch.pi / (2 * neurons)) ** 0.5 + 2 / stimuli
