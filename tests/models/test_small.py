"""Small networks: what they are made of, that they draw from their seed alone, and that they learn.

Numbers of parameters are added up by hand from the published shapes.
"""

import pytest
import torch
from torch import nn

from striate.models import fingerprint, load, outline
from striate.models.small import SMALL


def parameters(name):
    return sum(part.numel() for part in load(name, seed=0).model.parameters())


def conv(inputs, outputs, kernel=3, bias=0):
    return inputs * outputs * kernel**2 + bias * outputs


def residual(widths, blocks, channels):
    """He et al. 2016: a stem, stages of two convolutions a block, shortcuts, a read-out."""
    total, inputs = conv(channels, widths[0]) + 2 * widths[0], widths[0]
    for width in widths:
        for _ in range(blocks):
            total += conv(inputs, width) + conv(width, width) + 4 * width
            if inputs != width:
                total += conv(inputs, width, kernel=1) + 2 * width
            inputs = width
    return total + inputs * 10 + 10


@pytest.mark.parametrize(("name", "expected"), [
    ("small/resnet18-3x32", residual((64, 128, 256, 512), 2, 3)),
    ("small/resnet20-3x32", residual((16, 32, 64), 3, 3)),
    ("small/resnet20-1x28", residual((16, 32, 64), 3, 1)),
    ("small/cnn-3x32", conv(3, 32, bias=1) + conv(32, 64, bias=1) + conv(64, 64, bias=1)
        + 64 * 4 * 4 * 128 + 128 + 128 * 10 + 10),
    ("small/cnn-1x8", conv(1, 32, bias=1) + conv(32, 64, bias=1) + conv(64, 64, bias=1)
        + 64 * 128 + 128 + 128 * 10 + 10),
])  # fmt: skip
def test_networks_have_the_parameters_of_their_description(name, expected):
    assert parameters(name) == expected


def test_resnet18_has_the_published_number_of_parameters():
    # The CIFAR form of ResNet-18, as it is generally given: 11.17 million.
    assert parameters("small/resnet18-3x32") == 11_173_962


@pytest.mark.parametrize("name", SMALL)
def test_each_takes_the_images_in_its_name(name):
    network = load(f"small/{name}", seed=0)
    channels, side = map(int, name.rpartition("-")[2].split("x"))
    assert network.size == network.resize == side
    assert network.model(torch.rand(2, channels, side, side)).shape == (2, 10)
    assert not network.model.training


def test_layers_are_named_as_torchvision_names_them():
    layers = {
        layer.name: layer.shape for layer in outline(load("small/resnet18-3x32", seed=0).model, 32)
    }
    expected = {
        "conv1": (64, 32, 32), "layer1.0": (64, 32, 32), "layer2.1.conv2": (128, 16, 16),
        "layer3.0.bn1": (256, 8, 8), "layer4.1": (512, 4, 4), "avgpool": (512, 1, 1), "fc": (10,),
    }  # fmt: skip
    assert {name: layers[name] for name in expected} == expected
    cnn = [name for name, _ in load("small/cnn-3x32", seed=0).model.named_children()]
    assert cnn == [
        "conv1", "relu1", "conv2", "relu2", "conv3", "relu3", "flatten", "hidden", "relu", "out",
    ]  # fmt: skip
    kinds = [type(layer) for layer in load("small/cnn-3x32", seed=0).model.modules()]
    assert nn.BatchNorm2d not in kinds


def test_weights_are_drawn_from_the_seed_and_nothing_else():
    before = torch.random.get_rng_state()
    one, same, other = (fingerprint(load("small/cnn-1x8", seed=seed).model) for seed in (3, 3, 4))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert one == same != other


def test_a_residual_block_adds_what_it_computes():
    block = load("small/resnet20-3x32", seed=0).model.get_submodule("layer1.0")
    with torch.no_grad():
        block.conv2.weight.zero_()
    maps = torch.randn(2, 16, 5, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(block(maps), maps.relu())


def test_pixels_are_normalised_inside():
    network = load("small/cnn-1x8", seed=0).model
    grey = torch.full((1, 1, 8, 8), 0.5)
    inner = nn.Sequential(*network.children())
    torch.testing.assert_close(network(grey), inner(torch.zeros(1, 1, 8, 8)))
    torch.testing.assert_close(network(grey + 0.25), inner(torch.ones(1, 1, 8, 8)))


@pytest.mark.parametrize(("settings", "message"), [
    ({"name": "small/vgg-3x32"}, "there is no network 'small/vgg-3x32'; there are cnn-1x8, "),
    ({"name": "small/cnn-3x32"}, "is untrained: give the weights that"),
])  # fmt: skip
def test_what_cannot_be_made_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        load(**settings)
