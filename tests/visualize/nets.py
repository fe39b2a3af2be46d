"""Networks whose layers put out maps, units and tokens, for images of 3 × 12 × 12 pixels."""

import torch
from torch import nn

SIZE = 12


class Tokens(nn.Module):
    """Patches of 4 × 4 pixels as (batch, tokens, channels), called twice, in a tuple at last."""

    def __init__(self):
        super().__init__()
        self.patch = nn.Conv2d(3, 6, 4, stride=4)
        self.norm = nn.LayerNorm(6)
        self.pair = Pair()

    def forward(self, images):
        tokens = self.norm(self.patch(images).flatten(2).mT)
        return self.pair(self.norm(tokens.relu()))[0]


class Pair(nn.Module):
    def forward(self, tokens):
        return 2 * tokens, tokens.mean(1)


class ChannelsLast(nn.Module):
    """Maps as (batch, height, width, channels)."""

    def __init__(self):
        super().__init__()
        self.maps = nn.Conv2d(3, 5, 4)
        self.last = Permute()

    def forward(self, images):
        return self.last(self.maps(images))


class Permute(nn.Module):
    def forward(self, maps):
        return maps.permute(0, 2, 3, 1)


def drawn(net, seed=0, dtype=torch.float64):
    """Normal weights, so that no two channels are alike."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.5, generator=generator)
    return net.to(dtype)


def conv(**options):
    """Layer 1 puts out maps of 5 channels, layer 4 puts out 3 units."""
    return drawn(nn.Sequential(
        nn.Conv2d(3, 5, 4), nn.Tanh(), nn.AvgPool2d(3), nn.Flatten(), nn.Linear(45, 3),
    ), **options)  # fmt: skip


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)
