"""Random weights are drawn from a seed that is said, and are not called what trained ones are."""

import sys
from types import ModuleType

import pytest
import torch
from published_weights import usual
from torch import nn

from striate.models import fingerprint, load


@pytest.fixture
def torchvision(monkeypatch):
    """A stand-in with one model, whose weights torch's own generator draws."""
    package, models = ModuleType("torchvision"), ModuleType("torchvision.models")
    models.list_models = lambda: ["resnet9"]
    models.get_model_weights = usual
    models.get_model = lambda name, weights: nn.Sequential(nn.Conv2d(3, 2, 3))
    monkeypatch.setitem(sys.modules, "torchvision", package)
    monkeypatch.setitem(sys.modules, "torchvision.models", models)


@pytest.mark.parametrize("name", ["small/cnn-1x8", "torchvision/resnet9"])
@pytest.mark.usefixtures("torchvision")
def test_random_weights_need_a_seed(name):
    with pytest.raises(ValueError, match="is untrained: give the weights that"):
        load(name, pretrained=False)


@pytest.mark.parametrize("name", ["small/cnn-1x8", "torchvision/resnet9"])
@pytest.mark.usefixtures("torchvision")
def test_a_seed_decides_them_and_nothing_else_is_drawn(name):
    state = torch.get_rng_state()
    first, again, other = (load(name, pretrained=False, seed=seed).model for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), state)
    assert fingerprint(first) == fingerprint(again) != fingerprint(other)


@pytest.mark.usefixtures("torchvision")
def test_a_network_of_random_weights_is_not_called_as_the_trained_one():
    assert load("torchvision/resnet9").name == "torchvision/resnet9"
    untrained = load("torchvision/resnet9", pretrained=False, seed=0)
    assert untrained.name == "torchvision/resnet9, random weights"
