"""Networks for small images, untrained: quick enough to train forty of them.

Their names say channels and side of the images: ``small/cnn-1x28``, ``small/resnet18-3x32``. Ten
classes; pixels in [0, 1] go in. Layers are named as torchvision names those of its residual
networks, so that what is asked of one can be asked of the other.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

CLASSES = 10
MEAN, STD = 0.5, 0.25  # of a pixel, about


def cnn(channels: int, side: int, *, width: int = 32) -> nn.Sequential:
    """Three convolutions that halve the map, and two dense layers; no batch normalisation."""
    last = -(-side // 8)
    parts: list[tuple[str, nn.Module]] = []
    inputs = channels
    for number, outputs in enumerate((width, 2 * width, 2 * width), 1):
        parts += [
            (f"conv{number}", nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)),
            (f"relu{number}", nn.ReLU()),
        ]
        inputs = outputs
    parts += [
        ("flatten", nn.Flatten()),
        ("hidden", nn.Linear(inputs * last * last, 4 * width)),
        ("relu", nn.ReLU()),
        ("out", nn.Linear(4 * width, CLASSES)),
    ]
    return nn.Sequential(OrderedDict(parts))


class Block(nn.Module):
    """The basic residual block of He et al. 2016, with a convolution where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        same = stride == 1 and inputs == outputs
        self.downsample = nn.Sequential() if same else _shortcut(inputs, outputs, stride)

    def forward(
        self, maps: Float[Tensor, "batch inputs height width"]
    ) -> Float[Tensor, "batch outputs out_height out_width"]:
        """Add what two convolutions make of the maps to the maps."""
        residual = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(maps)))))
        return torch.relu(residual + self.downsample(maps))


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


def residual(channels: int, *, blocks: int, widths: Sequence[int]) -> nn.Sequential:
    """A stage for each width, of so many basic blocks; all stages but the first halve the map.

    The form for small images: a stem of 3 × 3 without pooling. Of He et al. 2016: two blocks of
    each of 64, 128, 256, 512 are ResNet-18, three of each of 16, 32, 64 ResNet-20.
    """
    stages: list[tuple[str, nn.Module]] = []
    inputs = widths[0]
    for number, outputs in enumerate(widths, 1):
        strides = [1 if number == 1 else 2] + [1] * (blocks - 1)
        stage = []
        for stride in strides:
            stage.append(Block(inputs, outputs, stride))
            inputs = outputs
        stages.append((f"layer{number}", nn.Sequential(*stage)))
    return nn.Sequential(
        OrderedDict(
            [
                ("conv1", nn.Conv2d(channels, widths[0], 3, 1, 1, bias=False)),
                ("bn1", nn.BatchNorm2d(widths[0])),
                ("relu", nn.ReLU()),
                *stages,
                ("avgpool", nn.AdaptiveAvgPool2d(1)),
                ("flatten", nn.Flatten()),
                ("fc", nn.Linear(inputs, CLASSES)),
            ]
        )
    )


def _resnet18(channels: int, _side: int) -> nn.Sequential:
    return residual(channels, blocks=2, widths=(64, 128, 256, 512))


def _resnet20(channels: int, _side: int) -> nn.Sequential:
    return residual(channels, blocks=3, widths=(16, 32, 64))


_FAMILIES: dict[str, Callable[[int, int], nn.Sequential]] = {
    "cnn": cnn,
    "resnet18": _resnet18,
    "resnet20": _resnet20,
}
_IMAGES = ((1, 8), (1, 28), (3, 32))  # digits, MNIST and CIFAR-10
# Builder, channels and side, by name.
SMALL: dict[str, tuple[Callable[[int, int], nn.Sequential], int, int]] = {
    f"{family}-{channels}x{side}": (build, channels, side)
    for family, build in _FAMILIES.items()
    for channels, side in _IMAGES
}
