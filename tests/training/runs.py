"""A training run small enough to repeat, and to stop at any moment."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch
from torch import nn

from striate.models import keras_adam
from striate.results import Result
from striate.robustness import LinfBall
from striate.spectra import SpectralPenalty, ramp
from striate.training import (
    Free,
    Objective,
    composed,
    cropped,
    curriculum,
    dropped,
    flipped,
    noisy,
    resized_crop,
    spectral,
    standard,
    train,
)
from truths import IMAGE

COUNT, BATCH, EPOCHS = 46, 20, 6  # batches of 20, 20 and 6
RANKS = (1, 4)
LAYER = "hidden"


def network(seed: int = 0, width: int = 12) -> nn.Sequential:
    """32 pixels, tanh units, 3 classes."""
    net = nn.Sequential()
    net.add_module("flatten", nn.Flatten())
    net.add_module("dense", nn.Linear(32, width))
    net.add_module("hidden", nn.Tanh())
    net.add_module("output", nn.Linear(width, 3))
    generator = torch.Generator().manual_seed(seed)
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.3, generator=generator)
    return net


def numbered(count: int = COUNT) -> tuple[torch.Tensor, torch.Tensor]:
    """Images whose first pixel tells which one they are, in 64ths, and their classes."""
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(count, *IMAGE, generator=generator)
    images[:, 0, 0, 0] = torch.arange(count) / 64
    return images, torch.randint(3, (count,), generator=generator)


def numbers(images: torch.Tensor) -> list[int]:
    return (images[:, 0, 0, 0] * 64).int().tolist()


def shaped(beta: float = 0.5) -> Objective:
    penalty = SpectralPenalty(alpha=2.0, beta=beta, ranks=RANKS)
    return partial(spectral, penalties={LAYER: penalty})


class Run:
    """A fresh network and optimiser, and the training that `epochs` of them would be."""

    def __init__(
        self, *, objective: Objective = standard, rate: float = 0.01, width: int = 12, **settings
    ) -> None:
        self.model = network(width=width)
        self.optimizer = keras_adam(self.model.parameters(), learning_rate=rate)
        images, labels = numbered()
        defaults = {"epochs": EPOCHS, "batch_size": BATCH, "seed": 5}
        self.epochs: Iterator[list[Result]] = train(
            self.model,
            images,
            labels,
            objective=objective,
            optimizer=self.optimizer,
            **{**defaults, **settings},
        )

    def finish(self) -> "Run":
        self.history = list(self.epochs)
        return self

    def state(self) -> dict[str, torch.Tensor]:
        """Every number that later steps depend on."""
        found = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        for index, state in self.optimizer.state_dict()["state"].items():
            found |= {f"adam.{index}.{name}": value for name, value in state.items()}
        return found


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def untimed(history: list[list[Result]]) -> list[list[Result]]:
    return [[result for result in epoch if result.name != "seconds"] for epoch in history]


def resumable(checkpoint: Path, **settings) -> Run:
    """A run with the spectral objective that freezes itself after every epoch."""
    return Run(objective=shaped(), checkpoint=checkpoint, checkpoint_seconds=0.0, **settings)


class Following(Run):
    """A run whose penalty follows its layer from batch to batch, and is wanted stronger with time.

    40 images and 36 units are enough for that; the other batch, of 6, is too small for it.
    """

    def __init__(self, *, alongside: bool = True, **settings) -> None:
        self.penalty = SpectralPenalty(
            alpha=2.0, beta=ramp(0.2, 1.0, steps=10), ranks=RANKS, solver="subspace"
        )
        objective = partial(spectral, penalties={LAYER: self.penalty})
        if alongside:
            settings["alongside"] = nn.ModuleList([self.penalty])
        super().__init__(objective=objective, width=36, batch_size=40, **settings)

    def state(self) -> dict[str, torch.Tensor]:
        remembered = {f"penalty.{name}": part for name, part in self.penalty.state_dict().items()}
        return super().state() | remembered


class Augmented(Run):
    """Free training with everything that could go another way after an interruption."""

    def __init__(self, *, alongside: bool = True, **settings) -> None:
        self.free = Free(LinfBall(0.1), step_size=0.03)
        if alongside:
            settings["alongside"] = self.free
        changed = composed(
            curriculum("coarse to fine", sigma=2.0, epochs=EPOCHS),
            cropped(1), flipped(), resized_crop(), noisy(0.1),
        )  # fmt: skip
        defaults = {"inputs": changed, "replays": 2, "schedule": dropped((2, 4), factor=0.5)}
        super().__init__(objective=self.free, **{**defaults, **settings})

    def state(self) -> dict[str, torch.Tensor]:
        return super().state() | {"perturbation": self.free.perturbation}
