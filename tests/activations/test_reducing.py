"""What is kept of each layer's output, where not all of it is."""

from functools import partial

import pytest
import torch
from networks import Awkward, Tokens, pictures
from torch import nn

from striate.activations import centre, collect, position_mean

X = pictures(7)


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.calls = 0
        self.deep = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.Conv2d(5, 6, 2))

    def forward(self, x):
        self.calls += 1
        return self.deep(x)


def by_hand(model, x):
    """Outputs as they are, from a run of the layers one after the other."""
    seen, layers = {}, dict(model.deep.named_children())
    with torch.no_grad():
        for name, layer in layers.items():
            x = layer(x)
            seen[f"deep.{name}"] = x
    return seen


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_the_centre_of_maps_is_all_of_them_sliced(batch_size):
    model = Counting()
    found = collect(model, X, "deep.*", batch_size=batch_size, reduce=centre)
    for name, maps in by_hand(model, X).items():
        _, channels, height, width = maps.shape
        expected = maps[:, :, height // 2, width // 2]
        assert found[name].tensor.shape == (1, 7, channels)
        torch.testing.assert_close(found[name].mean(), expected)


def test_the_mean_over_positions_is_that_of_all_of_them():
    model = Counting()
    found = collect(model, X, "deep.*", reduce=position_mean)
    for name, maps in by_hand(model, X).items():
        torch.testing.assert_close(found[name].mean(), maps.mean((2, 3)))


@pytest.mark.parametrize(("named", "first"), [(True, 1), (False, 2)])
def test_all_layers_are_read_in_one_pass_and_no_more_is_held_than_kept(named, first):
    model = Counting()
    layers = [name for name in by_hand(model, X)] if named else "deep.*"
    model.calls = 0
    found = collect(model, X, layers, batch_size=3, reduce=centre)
    assert model.calls == first + 3  # to learn what there is, and what a glob stands for
    for responses in found.values():
        held = responses.tensor.untyped_storage().nbytes()
        assert held == responses.tensor.numel() * 4


def test_what_a_later_layer_overwrites_is_as_it_was():
    model = Awkward()
    whole = collect(model, X, ["norm", "relu@1", "conv2"])
    part = collect(model, X, ["norm", "relu@1", "conv2"], reduce=centre)
    for name, responses in part.items():
        channels = responses.tensor.shape[2]
        maps = whole[name].mean().unflatten(1, (channels, -1))
        side = round(maps.shape[2] ** 0.5)
        middle = (side // 2) * side + side // 2
        assert torch.equal(responses.mean(), maps[:, :, middle])


def test_tokens_and_dense_layers_have_a_centre_too():
    model = Tokens().eval()
    found = collect(model, X, ["block", "head"], reduce=centre)
    whole = collect(model, X, ["block", "head"])
    tokens = whole["block"].mean().unflatten(1, (-1, 8))
    assert tokens.shape[1] == 9
    assert torch.equal(found["block"].mean(), tokens[:, 4])
    assert torch.equal(found["head"].mean(), whole["head"].mean())


@pytest.mark.parametrize(("side", "before"), [(1, 0), (3, 0), (3, 1), (14, 1), (14, 0)])
def test_a_token_of_the_class_is_not_in_the_square(side, before):
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    patches = torch.stack([rows, columns], -1).flatten(0, 1).float()
    tokens = torch.cat([torch.full((before, 2), -1.0), patches])[None]
    assert centre(tokens).tolist() == [[side // 2, side // 2]]
    torch.testing.assert_close(position_mean(tokens), tokens.mean(1))


def test_a_function_of_ones_own_is_taken():
    found = collect(Counting(), X, "deep.0", reduce=lambda maps: maps[:, :2, 0, 0])
    assert found["deep.0"].tensor.shape == (1, 7, 2)


class Last(nn.Module):
    """Puts maps (images, height, width, channels) out, as Swin transformers do."""

    def forward(self, maps):
        return maps.movedim(1, -1)


@pytest.mark.parametrize("reduce", [centre, position_mean])
def test_maps_with_their_channels_last_are_reduced_to_the_same(reduce):
    model = nn.Sequential(nn.Conv2d(3, 5, 3), Last(), nn.ReLU())
    found = collect(model, X, ["0", "1", "2"], reduce=reduce)
    assert found["0"].tensor.shape == (1, 7, 5)  # of maps of 10 × 10
    torch.testing.assert_close(found["1"].tensor, found["0"].tensor)
    whole = collect(model, X, "2")["2"].mean().unflatten(1, (10, 10, 5))
    expected = whole[:, 5, 5] if reduce is centre else whole.mean((1, 2))
    torch.testing.assert_close(found["2"].mean(), expected)


@pytest.mark.parametrize("reduce", [centre, position_mean])
@pytest.mark.parametrize("shape", [(2, 8, 8, 12), (2, 12, 8, 8), (2, 7, 8, 12), (2, 8, 9)])
def test_the_axis_of_channels_is_the_one_that_is_said(reduce, shape):
    maps = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    first = maps if len(shape) == 4 else maps[:, :, None].unflatten(3, (3, 3)).squeeze(2)
    middle = first[:, :, first.shape[2] // 2, first.shape[3] // 2]
    expected = middle if reduce is centre else first.flatten(2).mean(2)
    torch.testing.assert_close(reduce(maps, channels="first"), expected)
    torch.testing.assert_close(reduce(maps.movedim(1, -1), channels="last"), expected)


def test_maps_that_are_no_squares_do_not_tell_their_channels():
    maps, wide = torch.zeros(2, 7, 8, 12), pictures(4)[:, :, :8]
    with pytest.raises(ValueError, match=r"shape \(2, 7, 8, 12\), which does not tell whether"):
        centre(maps)
    # Of 8 × 12 pixels, 8 channels make maps that look as if their channels were last.
    model = nn.Sequential(nn.Conv2d(3, 8, 1))
    with pytest.raises(ValueError, match=r"images of shape \(3, 8, 12\) are no squares, so that"):
        collect(model, wide, "0", reduce=centre)
    found = collect(model, wide, "0", reduce=partial(centre, channels="first"))["0"]
    expected = collect(model, wide, "0")["0"].mean().unflatten(1, (8, 8, 12))[:, :, 4, 6]
    assert torch.equal(found.mean(), expected)


@pytest.mark.parametrize("reduce", [centre, position_mean])
@pytest.mark.parametrize("shape", [(3,), (3, 2, 4, 4, 4)])
def test_what_has_no_positions_is_refused(reduce, shape):
    with pytest.raises(ValueError, match=r"puts out shape .* which is no map"):
        reduce(torch.zeros(shape))


def test_tokens_that_are_no_square_are_refused():
    with pytest.raises(ValueError, match="puts out 6 tokens, neither a square of patches nor"):
        centre(torch.zeros(3, 6, 4))


@pytest.mark.parametrize(("reduce", "message"), [
    (lambda maps: maps.mean(), "reduce made .* of what layer 'deep.0' puts out"),
    (lambda maps: [1.0], "reduce made list of what layer 'deep.0' puts out"),
    (lambda maps: maps[:1].argmax(1), "keep floating point, with one row per image"),
    (lambda maps: maps.mean(7), r"reduce stops at what layer 'deep.0' puts out, \(2, 5, 10"),
])  # fmt: skip
def test_a_function_that_does_not_give_rows_is_refused(reduce, message):
    with pytest.raises(ValueError, match=message):
        collect(Counting(), X, "deep.0", reduce=reduce)


def test_the_layer_that_cannot_be_reduced_is_named():
    deep = nn.Sequential(nn.Conv2d(3, 5, 3), nn.Unflatten(1, (5, 1)))
    with pytest.raises(ValueError, match="layer '1' puts out shape"):
        collect(deep, X, "1", reduce=centre)
