"""The model that is looked into, and which of its numbers are read."""

import sys

import pytest
import torch
from nets import SIZE, ChannelsLast, Tokens, conv, drawn, seeded
from torch import nn
from torch.testing import assert_close

from striate.visualize import optimal_stimulus
from striate.visualize.reading import frozen, reader
from truths import gaussian


def look(model, layer, channels=(0,), *, size=SIZE, steps=2, **options):
    options = {"generator": seeded(), **options}
    return optimal_stimulus(model, layer, channels, size=size, steps=steps, **options)


def moody():
    """Trains, but for one layer in evaluation mode and one parameter that is kept."""
    torch.manual_seed(0)  # of some weights the first climb starts where all is flat
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Sequential(nn.ReLU(inplace=True), nn.Dropout()),
        nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6),
    )  # fmt: skip
    model[4].eval()
    model[0].bias.requires_grad_(False)
    model[3].weight.grad = torch.ones_like(model[3].weight)
    return model


def state(model):
    modes = {name: module.training for name, module in model.named_modules()}
    wanted = {name: parameter.requires_grad for name, parameter in model.named_parameters()}
    values = {name: value.clone() for name, value in model.state_dict().items()}
    hooks = [len(module._forward_hooks) for module in model.modules()]
    return modes, wanted, hooks, values


def assert_unchanged(model, before):
    after = state(model)
    assert after[:3] == before[:3]
    assert all(torch.equal(before[3][name], value) for name, value in after[3].items())
    for name, parameter in model.named_parameters():
        if name == "3.weight":
            assert torch.equal(parameter.grad, torch.ones_like(parameter))
        else:
            assert parameter.grad is None


@pytest.mark.parametrize("layer", ["0", "1", "2.0", "2", "4"])
def test_the_model_is_left_as_it_was_found(layer):
    model = moody()
    before = state(model)
    look(model, layer)
    assert_unchanged(model, before)


class Interrupted(Exception):
    pass


def test_the_model_is_left_as_it_was_found_after_an_exception():
    def interrupt(done, of):
        raise Interrupted

    model = moody()
    before = state(model)
    with pytest.raises(Interrupted):
        look(model, "2", progress=interrupt)
    with pytest.raises(ValueError, match="has 4, counted from 0 to 3, and no 9"):
        look(model, "2", [9])
    assert_unchanged(model, before)


def test_dropout_and_batch_statistics_play_no_part():
    model = moody()
    trained, evaluated = look(model, "4"), look(model.eval(), "4")
    assert torch.equal(trained.images, evaluated.images)


def test_gradients_flow_whatever_the_caller_does():
    model = conv()
    expected = look(model, "1").images
    with torch.no_grad():
        assert torch.equal(look(model, "1").images, expected)
        assert not torch.is_grad_enabled()


def test_what_is_deeper_does_not_run_and_need_not_fit():
    model, runs = conv(), []
    model[4].register_forward_hook(lambda *_: runs.append(1))
    look(model, "1", steps=5)
    assert len(runs) == 1  # to learn that there is no second call of the layer
    assert look(model, "1", size=(20, 17)).images.shape == (1, 3, 20, 17)
    assert len(runs) == 1


def means(model, layer, images, channel_axis=None):
    with frozen(model) as core:
        read, channels = reader(core, layer, images[:1], channel_axis)
        found = read(images)
    assert found.shape == (len(images), channels)
    return found


def test_channels_of_maps_units_and_tokens():
    images = gaussian(4, 3, SIZE, SIZE)
    net, tokens, last = conv(), drawn(Tokens()), drawn(ChannelsLast())
    patches = tokens.norm(tokens.patch(images).flatten(2).mT)
    second = tokens.norm(patches.relu())
    expected = {
        (net, "1", None): net[:2](images).mean((2, 3)),
        (net, "4", None): net(images),
        (tokens, "norm@1", None): patches.mean(1),
        (tokens, "norm@1", 2): patches.mean(1),
        (tokens, "norm@1", -1): patches.mean(1),
        (tokens, "norm@1", 1): patches.mean(2),
        (tokens, "norm@2", None): second.mean(1),
        (tokens, "pair[0]", None): 2 * second.mean(1),
        (tokens, "pair[1]", None): second.mean(1),
        (last, "last", -1): last(images).mean((1, 2)),
        (last, "last", None): last(images).mean((1, 2)),
        (last, "last", 1): last(images).mean((2, 3)),
        (last, "maps", None): last(images).mean((1, 2)),
    }
    for (model, layer, axis), wanted in expected.items():
        assert_close(means(model, layer, images, axis), wanted, rtol=0, atol=1e-12)


def test_a_model_spread_over_devices():
    model = conv()
    expected = look(model, "1").images
    assert torch.equal(look(nn.DataParallel(model), "1").images, expected)


def test_a_model_compiled_and_run_before_is_seen():
    model = conv()
    expected = look(model, "1").images
    compiled = torch.compile(model, backend="eager")
    compiled(torch.zeros(1, 3, SIZE, SIZE, dtype=torch.float64))
    assert "torch._dynamo" in sys.modules
    assert torch.equal(look(compiled, "1").images, expected)


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16], ids=str)
def test_models_in_half_precision(half):
    full, model = conv(dtype=torch.float32), conv(dtype=half)
    options = {"steps": 60, "learning_rate": 0.2, "transforms": ()}
    found, expected = (look(net, "1", [1, 3], **options) for net in (model, full))
    assert found.images.dtype == found.objective.dtype == torch.float32
    assert next(model.parameters()).dtype == half
    start = look(full, "1", [1, 3], steps=1).objective
    # Rounding to 8 bits moves the activations by about 1 / 256; the climb goes much further.
    assert (found.objective - expected.objective).abs().max() < 0.05
    assert (expected.objective - start).min() > 0.2


def test_the_precision_of_a_double_model_is_kept():
    assert look(conv(), "1").images.dtype == torch.float64


def test_a_model_without_weights():
    found = look(nn.Sequential(nn.AvgPool2d(2), nn.Tanh()), "1")
    assert found.images.dtype == torch.float32


class Broken(nn.Module):
    def __init__(self, work):
        super().__init__()
        self.work = work

    def forward(self, images):
        return self.work(images)


def broken(work):
    return nn.Sequential(Broken(work), nn.Identity())


BAD = {
    "unknown": (conv, "layer1", {}, "layers='layer1' fits no layer of this Sequential; did you"),
    "several": (conv, "*", {}, "layer='\\*' fits 5 layers, '0', '1', '2', '3', …; name one"),
    "never": (
        lambda: nn.ModuleDict({"a": nn.Identity()}), "a", {}, "do not pass through this ModuleDict",
    ),
    "twice": (
        lambda: drawn(Tokens()), "norm", {},
        "layer 'norm' runs 2 time\\(s\\) in one forward pass; choose 'norm@1' or 'norm@2'",
    ),
    "third call": (
        lambda: drawn(Tokens()), "norm@3", {}, "layer 'norm@3' runs 2 time\\(s\\) .*'norm@2'",
    ),
    "tuple": (lambda: drawn(Tokens()), "pair", {}, "puts out a tuple.*choose 'pair\\[0\\]'"),
    "no entry": (lambda: drawn(Tokens()), "pair[2]", {}, "puts out nothing at \\[2\\]"),
    "small": (conv, "2", {"size": 5}, "images of shape \\(3, 5, 5\\) do not pass through this Seq"),
    "planes": (
        conv, "0", {"planes": 1, "colour": "grey"},
        "images of shape \\(1, 12, 12\\) do not pass through this Sequential: .*3 channels",
    ),
    "detached": (
        lambda: broken(torch.detach), "0", {},
        "layer '0' puts out what has no gradient with respect to the image \\(it is detached",
    ),
    "no_grad": (
        lambda: broken(torch.no_grad()(torch.tanh)), "1", {}, "layer '1' puts out what has no gra",
    ),
    "whole numbers": (
        lambda: broken(lambda seen: (9 * seen).long()), "0", {},
        "layer '0' puts out torch.int64 of shape \\(1, 3, 12, 12\\) for 1 image; choose a layer",
    ),
    "steps": (
        lambda: broken(torch.round), "0", {},
        "channel 0 of layer '0' has no gradient with respect to the image where the climb starts",
    ),
    "rows": (
        lambda: broken(lambda seen: seen.flatten(0, 1)), "0", {},
        "layer '0' puts out torch.float32 of shape \\(3, 12, 12\\) for 1 image; choose a layer",
    ),
    "no row": (lambda: broken(torch.sum), "0", {}, "of shape \\(\\) for 1 image; choose a layer"),
    "one channel": (
        lambda: broken(lambda seen: seen.mean(1, keepdim=True)), "0", {},
        "layer '0' puts out shape \\(1, 1, 12, 12\\), with one channel at axis 1; the objective",
    ),
    "five axes": (
        lambda: broken(lambda seen: seen[:, :, None]), "0", {},
        "shape \\(1, 3, 1, 12, 12\\); say which axis counts the channels, e.g. channel_axis=1",
    ),
    "axis 0": (
        conv, "0", {"channel_axis": 0},
        "channel_axis=0: layer '0' puts out shape \\(1, 5, 9, 9\\), so give 1 to 3, or -1",
    ),
    "axis 4": (conv, "0", {"channel_axis": 4}, "channel_axis=4: layer '0' puts out"),
    "axis 5": (conv, "0", {"channel_axis": 5}, "channel_axis=5: layer '0' puts out"),
    "axis -4": (conv, "0", {"channel_axis": -4}, "channel_axis=-4: layer '0' puts out"),
    "infinite": (
        lambda: broken(lambda seen: seen / 0), "0", {},
        "layer '0' puts out values that are not finite \\(it computes in torch.float32\\)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_layers_that_cannot_be_looked_into_are_refused(case):
    make, layer, options, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        look(make(), layer, **options)


def test_a_layer_that_stays_out_is_refused():
    class Sometimes(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.idle = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3)

        def forward(self, images):
            return self.used(images)

    with pytest.raises(ValueError, match="layer 'idle' does not run in a forward pass; choose one"):
        look(Sometimes(), "idle")
