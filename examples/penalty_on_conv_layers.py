"""Ask several layers of a convolutional network for spectra of their own, harder and harder.

Two convolutions and a dense layer, each with its own exponent; the strength grows from nothing.
Run it: ``python examples/penalty_on_conv_layers.py`` (about ten seconds).
"""

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from striate.datasets import digits
from striate.spectra import SpectralPenalty, attach, ramp

WANTED = {"relu1": 2.0, "relu2": 1.5, "hidden": 1.0}


def network() -> nn.Sequential:
    torch.manual_seed(0)
    model = nn.Sequential()
    model.add_module("conv1", nn.Conv2d(1, 16, 3, padding=1))
    model.add_module("relu1", nn.ReLU())
    model.add_module("conv2", nn.Conv2d(16, 32, 3, padding=1, stride=2))
    model.add_module("relu2", nn.ReLU())
    model.add_module("flatten", nn.Flatten())
    model.add_module("dense", nn.Linear(32 * 4 * 4, 100))
    model.add_module("hidden", nn.Tanh())
    model.add_module("output", nn.Linear(100, 10))
    return model


def trained(strength: float) -> dict[str, float]:
    """Train with β up to `strength`; return α of each layer on the test images."""
    beta = ramp(0.0, strength, steps=60, after=20)
    penalties = {
        # 16 channels are 16 units, and each of the 64 positions of each image is a stimulus.
        "relu1": SpectralPenalty(alpha=WANTED["relu1"], beta=beta, ranks=(2, 12), units="channels"),
        # 32 channels of 4 × 4 are 512 units, and each image is one stimulus.
        "relu2": SpectralPenalty(alpha=WANTED["relu2"], beta=beta, ranks=(6, 50), units="flat"),
        "hidden": SpectralPenalty(alpha=WANTED["hidden"], beta=beta, ranks=(6, 50)),
    }
    train, test, model = digits("train"), digits("test"), network()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    with attach(model, penalties) as term:
        for _ in range(100):
            batch = torch.randperm(len(train.images))[:256]
            optimizer.zero_grad()
            loss = cross_entropy(model(train.images[batch]), train.labels[batch]) + term()
            loss.backward()
            optimizer.step()
    alphas, activity = {}, test.images
    for name, layer in model.named_children():
        activity = layer(activity).detach()
        if name in penalties:
            alphas[name] = penalties[name].eval().measure(activity).alpha.item()
    correct = (activity.argmax(1) == test.labels).float().mean()
    found = ", ".join(f"{name} {alpha:.2f}" for name, alpha in alphas.items())
    print(f"β up to {strength:g}: α of {found}; accuracy {correct:.3f}")
    return alphas


def main() -> None:
    free, shaped = trained(0.0), trained(0.3)
    for name, wanted in WANTED.items():
        assert abs(shaped[name] - wanted) < 0.2 < abs(free[name] - wanted)


if __name__ == "__main__":
    main()
