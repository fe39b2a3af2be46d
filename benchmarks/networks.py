"""The networks whose training is timed, on the images they are trained on."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from striate.datasets import cifar10, mnist
from striate.models import NETWORKS


class Case(NamedTuple):
    """A network, its data, and the layers that are penalised."""

    name: str
    build: Callable[[], nn.Module]
    images: Callable[[], tuple[Tensor, Tensor]]
    batch: int
    layers: tuple[str, ...]
    warm_up: int  # steps before anything is timed: the spectrum is then on its way
    rounds: int


def cases() -> list[Case]:
    """From small to large."""
    return [
        Case("shallow MLP", gerum("shallow_mlp", digits), digits, 1500, ("hidden",), 80, 9),
        Case("shallow MLP", gerum("shallow_mlp", digits), digits, 2500, ("hidden",), 80, 9),
        Case("deep MLP", gerum("deep_mlp", digits), digits, 1500, ("hidden",), 40, 9),
        Case("CNN, MNIST", gerum("cnn", digits), digits, 6000, ("hidden",), 10, 5),
        Case("CNN, CIFAR-10", gerum("cnn", objects), objects, 6000, ("hidden",), 10, 5),
        Case("ResNet-18, CIFAR-10", resnet18, objects, 128, STAGES, 3, 3),
    ]


def digits() -> tuple[Tensor, Tensor]:
    """MNIST's training set."""
    return mnist("train")[:2]


def objects() -> tuple[Tensor, Tensor]:
    """CIFAR-10's training set."""
    return cifar10("train")[:2]


def gerum(network: str, images: Callable[[], tuple[Tensor, Tensor]]) -> Callable[[], nn.Module]:
    """Build a network of Gerum et al. 2022."""
    shape = (1, 28, 28) if images is digits else (3, 32, 32)
    return lambda: NETWORKS[network](shape, 10, seed=1234)


def shuffled(images: Tensor, labels: Tensor, batch: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches without end, in the same order for everyone."""
    generator = torch.Generator().manual_seed(0)
    while True:
        for some in torch.randperm(len(images), generator=generator).split(batch):
            if len(some) == batch:
                yield images[some], labels[some]


STAGES = ("stage1", "stage2", "stage3", "stage4")


def resnet18() -> nn.Sequential:
    """ResNet-18 as it is used on images of 32 × 32: a stem of 3 × 3, and no first pooling."""
    torch.manual_seed(0)
    stages: dict[str, nn.Module] = {
        "stem": nn.Sequential(
            nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU()
        )
    }
    channels = 64
    for name, width, stride in zip(STAGES, (64, 128, 256, 512), (1, 2, 2, 2), strict=True):
        stages[name] = nn.Sequential(Block(channels, width, stride), Block(width, width, 1))
        channels = width
    stages["pool"] = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    stages["output"] = nn.Linear(512, 10)
    model = nn.Sequential()
    for name, stage in stages.items():
        model.add_module(name, stage)
    return model


class Block(nn.Module):
    """The basic residual block of He et al. 2016."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        same = stride == 1 and inputs == outputs
        self.shortcut = (
            nn.Identity()
            if same
            else nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Add the residual to its input."""
        return (self.shortcut(maps) + self.residual(maps)).relu()
