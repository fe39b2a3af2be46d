"""Two networks for CIFAR-10: one trained to be accurate, one adversarially.

To measure as ``examples/cifar_networks.py:plain`` and ``examples/cifar_networks.py:robust``. Their
weights are in the folder STRIATE_DATA.
"""

import os
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, pad

from striate.models import Network, normalised


class Block(nn.Module):
    """The basic residual block of He et al. 2016; where it shrinks, the shortcut is padded."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride, self.missing = stride, outputs - inputs

    def forward(self, maps: Tensor) -> Tensor:
        """Add the residual to its input."""
        residual = self.bn2(self.conv2(self.bn1(self.conv1(maps)).relu()))
        shortcut = maps[:, :, :: self.stride, :: self.stride]
        half = self.missing // 2
        return (residual + pad(shortcut, (0, 0, 0, 0, half, half))).relu()


class ResNet20(nn.Module):
    """Three stages of three blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(Block(16, 16, 1), Block(16, 16, 1), Block(16, 16, 1))
        self.layer2 = nn.Sequential(Block(16, 32, 2), Block(32, 32, 1), Block(32, 32, 1))
        self.layer3 = nn.Sequential(Block(32, 64, 2), Block(64, 64, 1), Block(64, 64, 1))
        self.linear = nn.Linear(64, 10)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logits of ten classes."""
        maps = self.bn1(self.conv1(pixels)).relu()
        maps = self.layer3(self.layer2(self.layer1(maps)))
        return self.linear(avg_pool2d(maps, maps.shape[3]).flatten(1))


class BareBlock(nn.Module):
    """A residual block without batch normalisation."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1)
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Sequential() if same else nn.Sequential(nn.Conv2d(inputs, outputs, 1, 2))

    def forward(self, maps: Tensor) -> Tensor:
        """Add the residual to its input."""
        return (self.conv2(self.conv1(maps).relu()) + self.shortcut(maps)).relu()


class ResNet2b(nn.Module):
    """Two blocks, small enough to be verified."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, 2, 1)
        self.layer1 = nn.Sequential(BareBlock(8, 16, 2), BareBlock(16, 16, 1))
        self.linear1 = nn.Linear(1024, 100)
        self.linear2 = nn.Linear(100, 10)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logits of ten classes."""
        maps = self.layer1(self.conv1(pixels).relu())
        return self.linear2(self.linear1(torch.flatten(maps, 1)).relu())


def plain() -> Network:
    """ResNet-20, trained to be accurate: 91.7 % of the test images."""
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    return _loaded("resnet20_cifar10", ResNet20(), mean, std)


def robust() -> Network:
    """Trained adversarially (L∞, 2/255): 69 % of the test images, 55 % of them attacked."""
    mean, std = (0.4914, 0.4822, 0.4465), (0.2471, 0.2435, 0.2616)
    return _loaded("resnet2b_cifar10_linf2_255", ResNet2b(), mean, std)


def _loaded(
    name: str, model: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]
) -> Network:
    file = f"weights/{name}.safetensors"
    folder = os.environ.get("STRIATE_DATA")
    if folder is None or not (Path(folder) / file).is_file():
        raise ValueError(f"set STRIATE_DATA to a folder that holds {file}")
    model.load_state_dict(load_file(Path(folder) / file))
    return Network(name, normalised(model, mean, std), 32, 32)
