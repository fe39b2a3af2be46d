"""SqueezeNet 1.1 (Iandola et al. 2016), to measure as ``examples/squeezenet.py:trained``.

An example of a network in a file of your own: any function that returns a module. The weights are
those the authors trained on ImageNet, in the folder STRIATE_DATA; ``untrained`` needs none.
"""

import os
from pathlib import Path

import torch
from torch import Tensor, nn

from striate.models import Network, normalised

WEIGHTS = "weights/squeezenet1_1_imagenet.safetensors"
# Inputs of each fire module, then its channels: squeezed, and expanded by 1 × 1 and by 3 × 3.
FIRES = {
    3: (64, 16, 64),
    4: (128, 16, 64),
    6: (128, 32, 128),
    7: (256, 32, 128),
    9: (256, 48, 192),
    10: (384, 48, 192),
    11: (384, 64, 256),
    12: (512, 64, 256),
}


class Fire(nn.Module):
    """Squeeze the channels, then expand them by 1 × 1 and by 3 × 3 filters side by side."""

    def __init__(self, inputs: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.squeeze_activation = nn.ReLU()
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand1x1_activation = nn.ReLU()
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)
        self.expand3x3_activation = nn.ReLU()

    def forward(self, maps: Tensor) -> Tensor:
        """Return twice `expanded` channels."""
        squeezed = self.squeeze_activation(self.squeeze(maps))
        one = self.expand1x1_activation(self.expand1x1(squeezed))
        three = self.expand3x3_activation(self.expand3x3(squeezed))
        return torch.cat([one, three], 1)


class SqueezeNet(nn.Module):
    """Layers are called as in torchvision."""

    def __init__(self) -> None:
        super().__init__()
        features: list[nn.Module] = [nn.Conv2d(3, 64, 3, stride=2), nn.ReLU()]
        for position in range(2, 13):
            if position in FIRES:
                features.append(Fire(*FIRES[position]))
            else:
                features.append(nn.MaxPool2d(3, 2, ceil_mode=True))
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(
            nn.Dropout(0.5), nn.Conv2d(512, 1000, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1)
        )

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logits of 1000 classes."""
        return self.classifier(self.features(pixels)).flatten(1)


def trained() -> Network:
    """Trained on ImageNet: top-1 accuracy 58 % on its validation set."""
    from safetensors.torch import load_file

    folder = os.environ.get("STRIATE_DATA")
    if folder is None or not (Path(folder) / WEIGHTS).is_file():
        raise ValueError(f"set STRIATE_DATA to a folder that holds {WEIGHTS}")
    model = SqueezeNet()
    model.load_state_dict(load_file(Path(folder) / WEIGHTS))
    return _seeing(model)


def untrained() -> Network:
    """The same with random weights: each layer keeps the variance of its input (He et al. 2015)."""
    model, generator = SqueezeNet(), torch.Generator().manual_seed(0)
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
            nn.init.zeros_(layer.bias) if layer.bias is not None else None
    return _seeing(model)


def _seeing(model: nn.Module) -> Network:
    mean, std = (0.4823529, 0.4588235, 0.4078431), (1 / 255, 1 / 255, 1 / 255)
    return Network("squeezenet1_1", normalised(model, mean, std), 256, 224)
