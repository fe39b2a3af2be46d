"""A glob stands for what can be read of the layers it fits; a name is taken at its word."""

import pytest
import torch
from torch import nn

from activations.networks import Awkward, Tokens
from striate.activations import centre, collect, kernels, readable

X = torch.rand(6, 3, 8, 8, generator=torch.Generator().manual_seed(1))
UNRUN = "does not run in a forward pass"
EVERYTHING = [
    "conv1", "norm", "relu@1", "relu@2", "relu@3", "conv2", "dropout", "pair[0]", "pair[1]",
    "named[mean]", "named[all]", "head",
]  # fmt: skip


def test_all_layers_of_an_awkward_network_are_read():
    model = Awkward().eval()
    found = collect(model, X, "**")
    assert list(found) == EVERYTHING
    wanted = model.by_hand(X)
    wanted["dropout"], wanted["named[all]"] = wanted["named[mean]"], wanted["pair[0]"]
    for name, rows in wanted.items():
        torch.testing.assert_close(found[name].mean(), rows)


def test_kernels_are_of_the_same_layers_resumed_too(tmp_path):
    model = Awkward().eval()
    found = kernels(model, X, "**", z_scored=False, partial=tmp_path)
    assert list(found) == EVERYTHING
    by_name = kernels(model, X, EVERYTHING, z_scored=False)
    assert all(torch.equal(found[name].gram, by_name[name].gram) for name in EVERYTHING)


@pytest.mark.parametrize(("layers", "names", "left_out"), [
    ("**", EVERYTHING, {"unused": UNRUN}),
    ("relu*", ["relu@1", "relu@2", "relu@3"], {}),
    ("relu*@2", ["relu@2"], {}),
    (["relu*@4", "norm"], ["norm"], {"relu@4": "runs fewer times in a forward pass"}),
    ("p*[1]", ["pair[1]"], {}),
    (["*[0]"], ["pair[0]"], {
        **{f"{name}[0]": "puts out no tensor" for name in
           ("conv1", "norm", "relu", "conv2", "dropout", "named", "head")},
        "unused[0]": UNRUN,
    }),
    (["conv1", "*2"], ["conv1", "conv2"], {}),
    (["un*", "conv1"], ["conv1"], {"unused": UNRUN}),
    ("relu@2", ["relu@2"], {}),
    (["relu", "unused"], ["relu", "unused"], {}),  # whoever reads them will complain
], ids=str)  # fmt: skip
def test_what_globs_and_names_stand_for(layers, names, left_out):
    found = readable(Awkward(), X[:2], layers)
    assert list(found.places) == names
    assert found.left_out == left_out


@pytest.mark.parametrize("layers", [["relu", "**"], ["**", "unused"], ["named", "n*"]])
def test_what_is_named_beside_a_glob_has_to_be_there(layers):
    with pytest.raises(ValueError, match=r"layer '(relu|unused|named)' "):
        collect(Awkward(), X, layers)


class Odd(nn.Module):
    """Layers whose output is no row of numbers per image."""

    def __init__(self):
        super().__init__()
        self.rank, self.whole, self.lstm = Rank(), Whole(), nn.LSTM(4, 3)
        self.head = nn.Linear(3, 2)

    def forward(self, x):
        self.rank(x), self.whole(x)
        steps = x.flatten(2).mean(2)[:, :1].expand(-1, 4)[None]  # one step of all images
        out, _ = self.lstm(steps)
        return self.head(out[0])


class Rank(nn.Module):
    def forward(self, x):
        return x.flatten(1).argsort(1)


class Whole(nn.Module):
    def forward(self, x):
        return x.mean()


def test_outputs_that_are_no_rows_are_left_out():
    found = readable(Odd(), X, "**")
    assert list(found.places) == ["head"]
    reason = "does not put out floating point with one row per image"
    assert found.left_out == dict.fromkeys(("rank", "whole", "lstm"), reason)
    assert list(collect(Odd(), X, "**")) == ["head"]


def test_what_cannot_be_reduced_is_left_out_and_told():
    def maps_only(output):
        if output.ndim != 4:
            raise ValueError("is no map")
        return output.mean((2, 3))

    found = readable(Awkward(), X, "**", reduce=maps_only)
    assert list(found.places) == [
        "conv1", "norm", "relu@1", "relu@2", "conv2", "pair[0]", "named[all]",
    ]  # fmt: skip
    # Of a layer with something that can be reduced, nothing is said.
    assert found.left_out == {"dropout": "is no map", "head": "is no map", "unused": UNRUN}
    assert list(collect(Awkward(), X, "**", reduce=maps_only)) == list(found.places)


def test_all_layers_of_a_transformer_are_read():
    found = collect(Tokens(), X, "**")
    assert {"patches", "block", "block.self_attn[0]", "block.linear1", "head"} <= set(found)
    assert list(readable(Tokens(), X, "**", reduce=centre).places) == list(found)


@pytest.mark.parametrize(("layers", "message"), [
    ("un*", "nothing of the layers asked for can be read: 'unused' does not run in a forward"),
    ("*[9]", r"'conv1\[9\]' puts out no tensor; .*; 'conv2\[9\]' puts .* \(and 5 more\)$"),
])  # fmt: skip
def test_globs_that_stand_for_nothing_are_refused(layers, message):
    for look in (readable, collect):
        with pytest.raises(ValueError, match=message):
            look(Awkward(), X, layers)


def test_the_model_is_left_as_it_was_found():
    model = Awkward().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    readable(model, X, "**")
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model.training
    assert not any(layer._forward_hooks for layer in model.modules())
