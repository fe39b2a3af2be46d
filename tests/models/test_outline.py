"""The outline of a network says what each layer put out, and leaves the network as it was."""

import pytest
import torch
from torch import nn

from striate.models import Outlined, outline


class Odd(nn.Module):
    """A layer that runs twice, one that does not run, and one that puts out a pair."""

    def __init__(self):
        super().__init__()
        self.conv, self.relu, self.spare = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Linear(2, 2)
        self.pair = nn.LSTM(6, 5, batch_first=True)

    def forward(self, x):
        maps = self.relu(self.relu(self.conv(x)))
        return self.pair(maps.flatten(2).mT[..., :1].expand(-1, -1, 6))[0]


def test_every_layer_is_outlined():
    model = Odd()
    model.relu.eval()
    assert outline(model, 8) == [
        Outlined("conv", "Conv2d", (4, 6, 6), 1),
        Outlined("relu", "ReLU", (4, 6, 6), 2),
        Outlined("spare", "Linear", None, 0),
        Outlined("pair", "LSTM", None, 1),
    ]
    assert [layer.training for layer in model.modules()] == [True, True, False, True, True]
    assert not any(layer._forward_hooks for layer in model.modules())


def test_the_image_is_of_the_model_s_kind():
    model = nn.Sequential(nn.Conv2d(1, 2, 3).double(), nn.Flatten())
    assert outline(model, 5, channels=1)[1].shape == (18,)
    assert outline(nn.Sequential(nn.Identity()), 4)[0].shape == (3, 4, 4)


def test_a_network_that_fails_is_left_as_it_was():
    model = nn.Sequential(nn.Conv2d(1, 2, 3))
    with pytest.raises(
        ValueError, match=r"images of shape \(3, 5, 5\) do not pass through this Seq"
    ):
        outline(model, 5)
    assert model.training
    assert not model[0]._forward_hooks
    assert torch.is_grad_enabled()
