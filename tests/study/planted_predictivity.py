"""A network, photographs, and a recording whose neurons are a known map of one of its layers."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from striate.responses import Responses
from truths import gaussian

SIDE, WIDTH = 12, 16


class Planted(NamedTuple):
    model: nn.Module
    photographs: Tensor
    stimuli: Tensor  # what the network is shown of the recording
    trials: Tensor  # repeats × stimuli × neurons
    half: float  # reliability of the average of half the repeats
    corrected: float  # and of all


def network(seed: int) -> nn.Sequential:
    """Four layers of as many units, each a rectified rotation of the one before it.

    What was rectified cannot be undone, so each layer is linear in itself only.
    """
    first = nn.Linear(SIDE * SIDE, WIDTH)
    layers: list[nn.Module] = [nn.Flatten(), first, nn.ReLU()]
    for _ in range(3):
        layers += [nn.Linear(WIDTH, WIDTH), nn.ReLU()]
    model = nn.Sequential(*layers).double()
    for number, layer in enumerate(one for one in model if isinstance(one, nn.Linear)):
        weight = gaussian(*layer.weight.shape, seed=100 * seed + number)
        rotation = torch.linalg.qr(weight.T).Q.T
        layer.weight.data = rotation * (40.0 if layer is first else 2.0)
        # Light is all positive; off the first layer's mean, each unit is silent half of the time.
        bias = -layer.weight.data.sum(1) / 2 if layer is first else -layer.weight.data.sum(1)
        layer.bias.data = bias * (1.0 if layer is first else 0.5)
    return model.eval()


LAYERS = ["2", "4", "6", "8"]


def plant(
    seed: int, *, layer: str = "4", stimuli: int = 320, neurons: int = 30, repeats: int = 4,
    noise: float = 1.0,
) -> Planted:  # fmt: skip
    """Signals of variance 1 that are linear in `layer`, and independent noise on each trial."""
    generator = torch.Generator().manual_seed(seed)
    model = network(seed)
    images = torch.rand(stimuli + 200, 1, SIDE, SIDE, generator=generator, dtype=torch.float64)
    photographs, shown = images[:200], images[200:]
    with torch.no_grad():
        features = model[: int(layer) + 1](shown)
    signal = features @ gaussian(WIDTH, neurons, seed=7 * seed + 1)
    signal = (signal - signal.mean(0)) / signal.std(0, correction=0)
    trials = signal + noise**0.5 * gaussian(repeats, stimuli, neurons, seed=7 * seed + 2)
    return Planted(
        model, photographs, shown, trials,
        1 / (1 + noise / (repeats // 2)), 1 / (1 + noise / repeats),
    )  # fmt: skip


def responses(planted: Planted) -> Responses:
    return Responses(planted.trials, "planted", "noise")
