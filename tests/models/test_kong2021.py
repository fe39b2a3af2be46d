"""The paper's networks by name: built, normalised and sized as they were trained.

A stand-in for torchvision builds them here; tests/zoo has the real ones.
"""

import sys
from types import ModuleType

import pytest
import torch
from published_weights import usual
from safetensors.torch import save_file
from torch import nn
from torch.testing import assert_close

from striate.models import (
    ZOO,
    default_layers,
    entry_of,
    fingerprint,
    layers_for,
    load,
    paper_layers,
)

MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


class Tiny(nn.Module):
    """Has a head besides, and rescales its input or not, as GoogLeNet and Inception do."""

    def __init__(self, heads=(), transform_input=False):
        super().__init__()
        self.conv1, self.fc = nn.Conv2d(3, 2, 1), nn.Linear(2, 4)
        self.aux_logits, self.transform_input = bool(heads), transform_input
        for head in heads:
            self.add_module(head, nn.Linear(2, 4))

    def forward(self, pixels):
        pixels = pixels / 2 if self.transform_input else pixels
        return self.fc(self.conv1(pixels).mean((2, 3)))


HEADS = {"googlenet": ("aux1", "aux2"), "inception_v3": ("AuxLogits",)}


@pytest.fixture
def asked(monkeypatch):
    """What torchvision is asked for; its weights come with a rescaled input and the heads."""
    calls = []

    def get_model(name, weights, aux_logits=None, transform_input=None, init_weights=None):
        calls.append((name, weights))
        heads = HEADS.get(name, ())
        if weights:
            assert (aux_logits, transform_input, init_weights) == (None, None, None)
            return Tiny(heads, bool(heads))
        assert (init_weights is None) == (not heads)  # torchvision warns where nobody says
        model = Tiny(heads if aux_logits is not False else (), bool(transform_input))
        for head in heads if aux_logits is False else ():
            setattr(model, head, None)
        return model

    package, models = ModuleType("torchvision"), ModuleType("torchvision.models")
    models.get_model = get_model
    models.get_model_weights = usual
    models.list_models = lambda: sorted({entry.architecture for entry in ZOO.values()})
    monkeypatch.setitem(sys.modules, "torchvision", package)
    monkeypatch.setitem(sys.modules, "torchvision.models", models)
    return calls


def test_the_weights_are_those_of_torchvision_where_it_brings_them(asked):
    plain = [name for name, entry in ZOO.items() if not entry.weights]
    assert len(plain) == 25
    for name in plain:
        found = load(f"kong2021/{name}")
        assert found.name == f"kong2021/{name}"
        assert (found.resize, found.size) == (ZOO[name].resize, ZOO[name].size)
        assert not any(module.training for module in found.model.modules())
    assert asked == [(name, "IMAGENET1K_V1") for name in plain]


def test_other_networks_need_a_file_and_say_where_it_comes_from(asked):
    with pytest.raises(
        ValueError,
        match=r"robust_resnet18_linf_1' needs a file of "
        r"weights.*resnet18_linf_eps1\.0\.ckpt.*striate models"
        r" convert FILE --entry robust_resnet18_linf_1 --out",
    ):
        load("kong2021/robust_resnet18_linf_1")
    with pytest.raises(ValueError, match="train it with the preset resnet50-igr"):
        load("kong2021/igr_robust_resnet50")
    assert asked == []


@pytest.mark.parametrize(("name", "said"), [
    ("resnet51", "none of the paper's 40; did you mean .*resnet50.*see striate models list"),
    ("vit", "none of the paper's 40"),
])  # fmt: skip
def test_a_name_that_is_not_in_the_paper_is_refused(name, said):
    with pytest.raises(ValueError, match=said):
        load(f"kong2021/{name}")


@pytest.mark.parametrize("name", ZOO)
def test_every_network_is_built_with_random_weights_or_from_a_file(name, asked, tmp_path):
    random = load(f"kong2021/{name}", pretrained=False, seed=3)
    assert random.name == f"kong2021/{name}, random weights"
    path = tmp_path / "mine.safetensors"
    save_file(random.model.state_dict(), path)
    loaded = load(f"kong2021/{name}", weights=path)
    assert loaded.name == f"kong2021/{name}, mine"
    assert fingerprint(loaded.model) == fingerprint(random.model)
    assert asked == [(ZOO[name].architecture, None)] * 2
    with pytest.raises(ValueError, match=r"untrained: give the weights that"):
        load(f"kong2021/{name}", pretrained=False)


def test_pixels_are_normalised_as_in_training_and_left_alone_for_simclr(asked, tmp_path):
    pixels = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    inner = load("kong2021/resnet50", pretrained=False, seed=0).model
    simclr = load("kong2021/resnet50_simclr", pretrained=False, seed=0).model
    bare = Tiny()
    bare.load_state_dict(inner.state_dict())
    assert_close(inner(pixels), bare((pixels - MEAN[:, None, None]) / STD[:, None, None]))
    assert_close(simclr(pixels), bare(pixels))


@pytest.mark.parametrize("source", ["kong2021", "torchvision"])
@pytest.mark.parametrize("name", HEADS)
def test_one_file_of_weights_is_one_function_however_it_is_loaded(source, name, asked, tmp_path):
    pixels = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    own = load(f"{source}/{name}").model
    path = tmp_path / "own.safetensors"
    heads = {f"{head}.weight": torch.zeros(4, 2) for head in HEADS[name]}
    save_file(own.state_dict() | heads, path)  # as torchvision's file has them
    loaded = load(f"{source}/{name}", weights=path).model
    assert_close(loaded(pixels), own(pixels), rtol=0, atol=0)
    assert fingerprint(loaded) == fingerprint(own)
    names = [module for module, _ in loaded.named_modules()]
    assert names == [module for module, _ in own.named_modules()] == ["", "conv1", "fc"]
    assert own.transform_input
    assert not own.aux_logits
    save_file(own.state_dict() | {"aux9.weight": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match=r"unknown: aux9\.weight"):
        load(f"{source}/{name}", weights=path)


def test_a_file_that_does_not_fit_is_refused_with_a_hint_at_the_converter(asked, tmp_path):
    path = tmp_path / "old.pt"
    state = {f"module.{name}": part for name, part in Tiny().state_dict().items()}
    torch.save({"model": state, "epoch": 3}, path)
    hint = "for an old checkpoint: striate models convert FILE --entry robust_resnet50_l2_3 --out"
    with pytest.raises(ValueError, match=rf"missing: conv1\.weight.*unknown: model, epoch; {hint}"):
        load("kong2021/robust_resnet50_l2_3", weights=path)
    with pytest.raises(ValueError, match=r"unknown: model, epoch$"):
        load("torchvision/resnet50", weights=path)


@pytest.mark.parametrize(("name", "entry"), [
    ("kong2021/resnet50", "resnet50"),
    ("kong2021/robust_resnet50_l2_3", "robust_resnet50_l2_3"),
    ("kong2021/robust_resnet50_l2_3, my-file", "robust_resnet50_l2_3"),
    ("torchvision/resnet50", "resnet50"),
    ("kong2021/resnet50, random weights", None),
    ("torchvision/resnet50, random weights", None),
    ("torchvision/resnet50, my-file", None),
    ("torchvision/vit_b_16", None),
    ("kong2021/resnet51", None),
    ("timm/resnet50", None),
    ("small/cnn-1x8, my-file", None),
    ("nets.py:dense", None),
])  # fmt: skip
def test_a_network_s_name_says_which_row_of_the_table_it_stands_for(name, entry):
    assert entry_of(name) == (ZOO[entry] if entry else None)


def test_the_layers_to_look_at_are_the_paper_s_where_it_has_the_architecture(asked):
    small = load("small/resnet20-3x32", seed=0)
    for name in ("kong2021/robust_resnet18_linf_1, x", "torchvision/resnet18, random weights"):
        assert layers_for(name, small.model) == paper_layers("resnet18")
    assert layers_for(small.name, small.model) == default_layers(small.model)
    assert layers_for("torchvision/vit_b_16", small.model) == default_layers(small.model)


def test_a_torchvision_that_fails_is_named(monkeypatch):
    import striate.models.packages as packages

    def fail(_):
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr(packages.importlib, "import_module", fail)
    with pytest.raises(ValueError, match=r"'kong2021/alexnet' needs torchvision, which is instal"):
        load("kong2021/alexnet")
