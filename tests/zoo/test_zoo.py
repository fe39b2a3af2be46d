"""Every network of the study, built as torchvision has it, and every layer that is named in it.

On the meta device: shapes without numbers, so that 25 architectures take seconds.
"""

from functools import partial

import pytest
import torch

from striate import layers
from striate.models.zoo import ZOO, default_layers, paper_layers
from striate.models.zoo.architectures import build

ARCHITECTURES = sorted({entry.architecture for entry in ZOO.values()})
pytestmark = pytest.mark.zoo


def built(models, architecture):
    with torch.device("meta"):
        return build(models, architecture, pretrained=False).eval()


def shapes(model, names, size):
    seen = {}

    def note(name, _, __, output):
        seen[name] = tuple(output.shape)

    hooks = [model.get_submodule(name).register_forward_hook(partial(note, name)) for name in names]
    model(torch.empty(2, 3, size, size, device="meta"))
    for hook in hooks:
        hook.remove()
    return seen


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_layer_of_an_architecture_is_there_and_runs_in_the_order_named(
    architecture, torchvision_models
):
    model = built(torchvision_models, architecture)
    size = 299 if architecture == "inception_v3" else 224
    names = paper_layers(architecture)
    seen = shapes(model, names, size)
    assert tuple(seen) == names
    assert all(shape[0] == 2 for shape in seen.values())
    assert tuple(layers.match(model, list(names))) == names


def test_the_study_has_1029_pairs_of_network_and_layer(torchvision_models):
    names = set(torchvision_models.list_models())
    assert {entry.architecture for entry in ZOO.values()} <= names
    assert len(ARCHITECTURES) == 25
    assert sum(len(entry.layers) for entry in ZOO.values()) == 1029


@pytest.mark.parametrize(("architecture", "layer", "shape"), [
    ("resnet18", "avgpool", (512, 1, 1)),
    ("resnet50", "relu", (64, 112, 112)),
    ("densenet161", "features.denseblock4.denselayer24", (48, 7, 7)),
    ("inception_v3", "Mixed_7c", (2048, 8, 8)),
    ("mobilenet_v2", "features.17.conv.2", (320, 7, 7)),
    ("squeezenet1_1", "features.12.expand3x3_activation", (256, 13, 13)),
    ("vgg16", "classifier.4", (4096,)),
])  # fmt: skip
def test_layers_have_the_shapes_of_the_protocol(architecture, layer, shape, torchvision_models):
    size = 299 if architecture == "inception_v3" else 224
    seen = shapes(built(torchvision_models, architecture), [layer], size)
    assert seen[layer][1:] == shape


@pytest.mark.parametrize(("name", "blocks"), [
    ("vit_tiny_patch16_224", 12),
    ("deit3_small_patch16_224", 12),
    ("swin_tiny_patch4_window7_224", 12),
    ("convnext_tiny", 18),
    ("mixer_s32_224", 8),
])  # fmt: skip
def test_a_transformer_has_layers_to_begin_with(name, blocks):
    timm = pytest.importorskip("timm")
    with torch.device("meta"):
        model = timm.create_model(name, pretrained=False).eval()
    chosen = default_layers(model)
    assert sum("blocks." in layer for layer in chosen) == blocks == len(chosen)
    assert set(shapes(model, chosen, 224)) == set(chosen)


@pytest.mark.parametrize(("architecture", "count", "first"), [
    ("resnet18", 8, "layer1.0"),
    ("densenet121", 58, "features.denseblock1.denselayer1"),
    ("mobilenet_v2", 17, "features.1"),
    ("squeezenet1_1", 8, "features.3"),
    ("vgg11", 10, "features.0"),
])  # fmt: skip
def test_so_has_a_convolutional_network(architecture, count, first, torchvision_models):
    chosen = default_layers(built(torchvision_models, architecture))
    assert len(chosen) == count
    assert chosen[0] == first
