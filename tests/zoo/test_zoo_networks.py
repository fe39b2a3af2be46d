"""The paper's 40 networks as `load` gives them, from torchvision's real code."""

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch.testing import assert_close

from striate import layers
from striate.activations import collect
from striate.models import ZOO, convert, fingerprint, layers_for, load, outline
from striate.models.zoo.architectures import AUXILIARY, blueprint
from striate.studies.spectra import chosen_layers

pytestmark = [pytest.mark.zoo, pytest.mark.usefixtures("torchvision_models")]
needs_data = pytest.mark.skipif("STRIATE_DATA" not in os.environ, reason="needs STRIATE_DATA")
PLAIN = [name for name, entry in ZOO.items() if not entry.weights]
# Three kinds of wrapping, and a head besides.
CONVERTED = {
    "robust_resnet18_linf_1": "module.model.",
    "robust_mobilenet_v2_l2_3": "module.model.model.",
    "squeezenet1_1": "module.",
    "googlenet": "",
}


@pytest.mark.parametrize("name", ZOO)
def test_every_network_of_the_study_is_built_and_has_its_layers(name):
    network = load(f"kong2021/{name}", pretrained=False, seed=0)
    entry = ZOO[name]
    assert tuple(layers.match(network.model, list(entry.layers))) == entry.layers
    assert layers_for(network.name, network.model) == entry.layers
    assert (network.resize, network.size) == (entry.resize, entry.size)
    names = [module for module, _ in network.model.named_modules()]
    assert not any(module.partition(".")[0].lower().startswith("aux") for module in names)


@pytest.mark.parametrize(("name", "some", "read", "left_out"), [
    ("torchvision/resnet18", {"relu", "layer1.0.relu@1", "layer1.0.relu@2", "avgpool"}, 75, 0),
    ("torchvision/vit_b_16", {"encoder.layers.encoder_layer_3.self_attention[0]"}, 139, 12),
    ("torchvision/swin_t", {"features.1.0.attn", "features.3.1"}, 167, 24),
])  # fmt: skip
def test_two_stars_stand_for_all_that_can_be_read_of_a_network(name, some, read, left_out):
    network = load(name, pretrained=False, seed=0)
    found = chosen_layers(network, ["**"])
    assert some <= set(found.places)
    assert (len(found.places), len(found.left_out)) == (read, left_out)
    assert set(found.left_out.values()) <= {"does not run in a forward pass"}
    pixels = torch.rand(2, 3, network.size, network.size)
    assert list(collect(network.model, pixels, list(found.places))) == list(found.places)


def test_pixels_pass_through_and_the_seed_decides():
    pixels = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    first, again, other = (
        load("kong2021/resnet18", pretrained=False, seed=seed).model for seed in (0, 0, 1)
    )
    with torch.no_grad():
        assert first(pixels).shape == (1, 1000)
    assert fingerprint(first) == fingerprint(again) != fingerprint(other)


def with_heads(models, name):
    """The network as torchvision builds it for its own weights, with random ones."""
    build = {"googlenet": models.GoogLeNet, "inception_v3": models.Inception3}[name]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build(aux_logits=True, transform_input=True, init_weights=True).eval()


@pytest.mark.parametrize("source", ["kong2021", "torchvision"])
@pytest.mark.parametrize("name", AUXILIARY)
def test_a_file_with_heads_is_the_network_that_torchvision_builds_for_it(
    source, name, torchvision_models, tmp_path
):
    whole = with_heads(torchvision_models, name)
    torch.save(whole.state_dict(), tmp_path / "own.pth")
    model = load(f"{source}/{name}", weights=tmp_path / "own.pth").model
    side = 75 if name == "inception_v3" else 64
    pixels = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    mean, std = (torch.tensor(part).reshape(-1, 1, 1) for part in (ZOO[name].mean, ZOO[name].std))
    with torch.no_grad():
        assert_close(model(pixels), whole((pixels - mean) / std), rtol=0, atol=0)


@pytest.mark.parametrize("name", AUXILIARY)
def test_torchvision_s_own_weights_come_out_the_same(name, torchvision_models, monkeypatch):
    """What is downloaded is put in the place of the download; the rest is torchvision's code."""
    whole = with_heads(torchvision_models, name)
    kind = torchvision_models.get_model_weights(name)
    monkeypatch.setattr(kind, "get_state_dict", lambda *_, **__: whole.state_dict())
    trained = load(f"kong2021/{name}").model
    names = [module for module, _ in trained.named_modules()]
    random = load(f"kong2021/{name}", pretrained=False, seed=0).model
    assert names == [module for module, _ in random.named_modules()]
    random.load_state_dict(trained.state_dict())
    assert fingerprint(random) == fingerprint(trained)
    pixels = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert_close(random(pixels), trained(pixels), rtol=0, atol=0)


@pytest.mark.parametrize("name", PLAIN)
def test_torchvision_still_has_the_weights_of_the_papers(name, torchvision_models):
    weights = torchvision_models.get_model_weights(name)
    assert weights["IMAGENET1K_V1"].meta["num_params"] > 1_000_000


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before 1.6"])
@pytest.mark.parametrize("name", CONVERTED)
def test_a_checkpoint_of_2020_becomes_a_network(name, zipped, torchvision_models, tmp_path):
    entry, prefix = ZOO[name], CONVERTED[name]
    if name in AUXILIARY:
        state = with_heads(torchvision_models, name).state_dict()
    else:
        state = load(f"kong2021/{name}", pretrained=False, seed=1).model.state_dict()
    named = {f"{prefix}{part}": tensor for part, tensor in state.items()}
    content = {"model": named, "epoch": 105, "optimizer": {"state": {}}}
    torch.save(content, tmp_path / "old.ckpt", _use_new_zipfile_serialization=zipped)
    out = tmp_path / "new.safetensors"
    found = convert(tmp_path / "old.ckpt", out, entry=name)
    assert found.checked
    assert set(found.kept) == set(blueprint(torchvision_models, entry.architecture))
    model = load(f"kong2021/{name}", weights=out).model
    assert all(torch.equal(part, state[key]) for key, part in model.state_dict().items())


def test_a_checkpoint_of_another_architecture_is_refused(tmp_path):
    state = load("kong2021/resnet18", pretrained=False, seed=0).model.state_dict()
    torch.save({"state_dict": state}, tmp_path / "old.pt")
    with pytest.raises(ValueError, match=r"not hold a resnet50, which kong2021/resnet50_simclr is"):
        convert(tmp_path / "old.pt", tmp_path / "x.safetensors", entry="resnet50_simclr")


def test_torchvision_s_old_densenet_names_are_understood(torchvision_models, tmp_path):
    """As its own file has them; the shapes are those of the network, the numbers are zeros."""
    plan = blueprint(torchvision_models, "densenet121")
    old = {
        name.replace("norm1", "norm.1").replace("conv1", "conv.1")
        if "denselayer" in name
        else name: torch.zeros(part.shape, dtype=part.dtype)
        for name, part in plan.items()
    }
    assert set(old) != set(plan)
    torch.save(old, tmp_path / "old.pth")
    found = convert(tmp_path / "old.pth", tmp_path / "x.safetensors", entry="densenet121")
    assert set(found.kept) == set(plan) == set(load_file(tmp_path / "x.safetensors"))


@needs_data
def test_real_weights_from_a_file_are_the_network_of_the_example():
    """But for what is done to the pixels: they are the authors' weights, not torchvision's."""
    path = Path(os.environ["STRIATE_DATA"]) / "weights" / "squeezenet1_1_imagenet.safetensors"
    example = Path(__file__).parents[2] / "examples" / "squeezenet.py"
    ours = load("kong2021/squeezenet1_1", weights=path).model
    theirs = load(f"{example}:trained").model
    pixels = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    for model in (ours, theirs):
        model._forward_pre_hooks.clear()
    with torch.no_grad():
        assert_close(ours(pixels), theirs(pixels))


def test_a_vision_transformer_is_loaded_and_its_blocks_put_out_tokens():
    pytest.importorskip("timm")
    network = load("timm/vit_tiny_patch16_224", pretrained=False, seed=0)
    chosen = layers_for(network.name, network.model)
    assert chosen == tuple(f"blocks.{number}" for number in range(12))
    shapes = {layer.name: layer.shape for layer in outline(network.model, network.size)}
    assert {shapes[name] for name in chosen} == {(197, 192)}
    assert network[2:] == (248, 224, "bicubic")  # as timm rounds
