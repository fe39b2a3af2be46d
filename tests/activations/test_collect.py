import pytest
import torch
from networks import Awkward, Tokens, pictures
from torch import nn

from striate.activations import collect, kernels

X = pictures(7)
PLACES = ["conv1", "norm", "relu@1", "conv2", "relu@2", "pair[0]", "pair[1]", "named[mean]",
          "head", "relu@3"]  # fmt: skip


def gather(model, layers, images=X, **more):
    return collect(model, images, layers, **more)


def gram(model, layers, images=X, **more):
    return kernels(model, images, layers, z_scored=False, **more)


BOTH = pytest.mark.parametrize("look", [gather, gram])


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_each_place_is_what_the_formula_says(batch_size):
    """Also where a later layer overwrites it."""
    model = Awkward()
    found = gather(model, PLACES, batch_size=batch_size)
    expected = model.by_hand(X)
    assert set(found) == set(expected)
    for name, responses in found.items():
        assert responses.tensor.shape == (1, 7, expected[name].shape[1])
        assert torch.allclose(responses.mean(), expected[name], rtol=1e-4, atol=1e-5), name
        assert responses.source == f"Awkward:{name}"


@pytest.mark.parametrize("name", PLACES)
def test_kernels_are_of_the_same_responses(name):
    model = Awkward().double()
    x = X.double()
    centred = model.by_hand(x)[name]
    centred = centred - centred.mean(0)
    found = gram(model, name, x)[name]
    assert torch.allclose(found.gram, centred @ centred.T, rtol=1e-10, atol=1e-12)
    assert found.units == centred.shape[1]


def test_tokens_are_flattened():
    model = Tokens().eval()
    found = gather(model, ["patches", "block", "head"])
    with torch.no_grad():
        tokens = model.patches(X).flatten(2).transpose(1, 2)
        block = model.block(tokens)
    assert torch.allclose(found["block"].mean(), block.flatten(1), atol=1e-5)
    assert found["patches"].tensor.shape == (1, 7, 72)
    assert torch.allclose(gram(model, "block")["block"].gram, gram(model, "block")["block"].gram.T)


@BOTH
@pytest.mark.parametrize("wrap", [
    nn.DataParallel,
    lambda model: torch.compile(model, backend="eager"),
    lambda model: (model.compile(backend="eager"), model)[1],
], ids=["parallel", "compiled", "compiled in place"])  # fmt: skip
def test_a_wrapped_model_that_has_run_is_looked_into(look, wrap):
    plain, wrapped = Awkward().eval(), wrap(Awkward().eval())
    wrapped(X)
    name, other = look(wrapped, ["relu@2", "head"]), look(plain, ["relu@2", "head"])
    assert list(name) == list(other) == ["relu@2", "head"]
    for layer in name:
        one, two = (
            found[layer].tensor if look is gather else found[layer].gram for found in (name, other)
        )
        assert torch.equal(one, two)
    assert wrapped(X).shape == (7, 4)


def state(model):
    return {
        "weights": {name: value.clone() for name, value in model.state_dict().items()},
        "gradients": [weight.grad for weight in model.parameters()],
        "modes": [module.training for module in model.modules()],
        "wanted": [weight.requires_grad for weight in model.parameters()],
        "hooks": [len(module._forward_hooks) for module in model.modules()],
    }


def same(one, two):
    weights = one.pop("weights"), two.pop("weights")
    assert all(torch.equal(weights[0][name], value) for name, value in weights[1].items())
    assert all(a is b for a, b in zip(one.pop("gradients"), two.pop("gradients"), strict=True))
    assert one == two
    return True


class Breaks(nn.Module):
    """Raises when it is shown more than two images."""

    def forward(self, x):
        if len(x) > 2:
            raise RuntimeError("interrupted")
        return x


@BOTH
@pytest.mark.parametrize("broken", [False, True])
def test_the_model_is_left_as_it_was(look, broken):
    model = Awkward().train()
    model.conv2.eval()
    model.norm.weight.requires_grad_(False)
    model(X).sum().backward()
    model.head.register_forward_hook(lambda *_: None)
    if broken:
        model.pair = nn.Sequential(Breaks(), model.pair)
    before = state(model)
    if broken:
        with pytest.raises(RuntimeError, match="interrupted"):
            look(model, ["conv1", "head"])
    else:
        look(model, ["conv1", "head"])
    assert same(before, state(model))
    assert torch.is_grad_enabled()
    assert not model.conv2.training
    assert model.dropout.training


@BOTH
def test_random_numbers_and_images_are_left_alone(look):
    model, x = Awkward().train(), X.clone()
    before = torch.get_rng_state()
    look(model, ["conv1", "relu@3"], x)
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(x, X)


@BOTH
def test_the_responses_can_take_part_in_training(look):
    found = look(Awkward(), "head")["head"]
    weight = torch.ones((), requires_grad=True)
    ((found.mean() if look is gather else found.gram) * weight).sum().backward()
    assert weight.grad is not None


REFUSED = [
    ("relu", r"runs 3 time\(s\) in one forward pass; choose 'relu@1' or 'relu@2' or 'relu@3'"),
    ("relu@4", r"'relu@4' runs 3 time\(s\) .* 'relu@1' or"),
    ("head@2", r"'head@2' runs 1 time\(s\) .* choose 'head@1'$"),
    ("unused", "layer 'unused' does not run in a forward pass"),
    ("pair", r"'pair' puts out a tuple, not one tensor; choose 'pair\[0\]' or 'pair\[1\]'"),
    ("named", r"puts out a dict, .* choose 'named\[mean\]' or 'named\[all\]'"),
    ("pair[7]", r"'pair\[7\]' puts out nothing at \[7\], but a tuple with 0, 1"),
    ("conv3", "layers='conv3' fits no layer of this Awkward; did you mean 'conv"),
]  # fmt: skip


@BOTH
@pytest.mark.parametrize(("layer", "message"), REFUSED)
def test_a_layer_that_cannot_be_looked_at_is_refused(look, layer, message):
    with pytest.raises(ValueError, match=message):
        look(Awkward(), layer)


class Odd(nn.Module):
    """Puts out what is made of its input by a function."""

    def __init__(self, make):
        super().__init__()
        self.make = make

    def forward(self, x):
        return self.make(x)


def odd(make):
    return nn.Sequential(nn.Flatten(), Odd(make), nn.Identity())


@BOTH
@pytest.mark.parametrize(("make", "message"), [
    (lambda x: x.T, r"torch.float32 of shape \(432, 2\) for 2 image\(s\); choose a layer"),
    (lambda x: x.sum(), r"of shape \(\) for 2"),
    (lambda x: x.argmax(1), r"torch.int64 of shape \(2,\)"),
    (lambda x: x[:, :0], r"of shape \(2, 0\)"),
    (lambda x: x / 0, "layer '1' puts out values that are not finite$"),
    (lambda x: x.where(x < 0.999, torch.nan), "not finite$"),
    (lambda x: (1e5 * x).half(), r"\(torch.float16 holds at most 6.55e\+04; try bfloat16"),
])  # fmt: skip
def test_an_output_that_is_no_row_of_numbers_per_image_is_refused(look, make, message):
    with pytest.raises(ValueError, match=message):
        look(odd(make), "1")


@BOTH
@pytest.mark.parametrize("batch_size", [3, 7])
def test_a_layer_as_wide_as_the_batch_is_refused(look, batch_size):
    """Its first columns, which are as many as were there at first, are not the layer."""
    with pytest.raises(ValueError, match=rf"layer '1' puts out {batch_size} units .* 2 for others"):
        look(odd(lambda x: x @ x.T), "1", batch_size=batch_size)


@BOTH
@pytest.mark.parametrize("kind", [RuntimeError, ValueError, TypeError, IndexError, KeyError])
def test_what_a_model_says_of_images_it_cannot_take_is_told(look, kind):
    def stop(x):
        raise kind("wrong size")

    with pytest.raises(ValueError, match=r"do not pass through this Sequential: .*wrong size"):
        look(odd(stop), "1")


class Decoded:
    """Images by slices, of which is counted how many were asked for."""

    def __init__(self, count):
        self.count, self.read = count, 0

    def __len__(self):
        return self.count

    def __getitem__(self, some):
        numbers = range(*some.indices(self.count))
        self.read += len(numbers)
        return pictures(len(numbers), seed=some.start or 0)


class Batches(Decoded):
    """As a folder of images: batches, decoded when asked for."""

    batch_size = 4

    def __len__(self):
        return -(-self.count // 4)

    def __iter__(self):
        return (Decoded.__getitem__(self, slice(4 * i, 4 * i + 4)) for i in range(len(self)))

    def __getitem__(self, index):
        raise TypeError("not one by one")


@pytest.mark.parametrize("kind", [Decoded, Batches])
@pytest.mark.parametrize(("look", "layer", "given", "message"), [
    (gather, "relu", {}, "runs 3 time"),
    (gather, "named", {}, "puts out a dict"),
    (gather, "conv2", {"reduce": lambda maps: maps.sum()}, "reduce made"),
    (gram, "relu", {}, "runs 3 time"),
    (gram, "head", {"memory": "8MB"}, "does not hold one block"),
    (gram, "conv1", {"others": {"new": pictures(3, size=16)}}, "same size in pixels"),
])  # fmt: skip
def test_a_mistake_costs_a_batch_and_not_all_images(look, layer, given, message, kind):
    images = kind(900)
    with pytest.raises(ValueError, match=message):
        look(Awkward(), layer, images, batch_size=4, **given)
    assert images.read <= 8


class Moody(nn.Module):
    """Runs a layer once for the first few images, and then as often as asked."""

    def __init__(self, times):
        super().__init__()
        self.layer, self.last, self.times = nn.Flatten(), nn.Identity(), times
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        for _ in range(1 if self.calls == 1 else self.times):
            self.layer(x)
        return self.last(x)


@BOTH
@pytest.mark.parametrize(("times", "message"), [
    (0, "layer 'layer' does not run with all images"),
    (2, "layer 'layer' runs once with some images and several times with others; .*'layer@1'"),
])  # fmt: skip
def test_a_network_that_is_not_the_same_for_all_images_is_refused(look, times, message):
    with pytest.raises(ValueError, match=message):
        look(Moody(times), ["layer", "last"])
    assert set(look(Moody(2), ["layer@1", "last"])) == {"layer@1", "last"}


def test_one_number_per_image_is_one_unit():
    assert gather(odd(lambda x: x[:, 0]), "1")["1"].tensor.shape == (1, 7, 1)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_images_take_the_precision_of_the_weights_and_responses_that_of_the_layer(dtype):
    found = gather(Awkward().to(dtype), ["conv1", "relu@3"])
    assert {responses.tensor.dtype for responses in found.values()} == {dtype}


def test_responses_are_kept_as_asked():
    found = gather(Awkward(), "conv1", dtype=torch.float64, device="cpu", source="net", stimuli="X")
    tensor = found["conv1"].tensor
    assert (tensor.dtype, tensor.device.type) == (torch.float64, "cpu")
    assert (found["conv1"].source, found["conv1"].stimuli) == ("net:conv1", "X")
    assert len(gather(Awkward(), "conv1")["conv1"].stimuli) == 12


def test_a_network_without_weights_takes_images_as_they_are():
    model = nn.Sequential(nn.Flatten())
    assert torch.equal(gather(model, "0", X.double())["0"].mean(), X.double().flatten(1))


def test_progress_is_told():
    told = []
    gather(Awkward(), "conv1", batch_size=3, progress=lambda *given: told.append(given))
    assert told == [(3, 7), (6, 7), (7, 7)]


def test_the_forward_pass_stops_at_the_deepest_layer():
    model = Awkward()
    counts = {"conv1": 0, "conv2": 0, "head": 0}
    for name in counts:

        def count(*_, name=name):
            counts[name] += 1

        model.get_submodule(name).register_forward_hook(count)
    gather(model, ["conv1", "conv2"], batch_size=2)
    assert counts == {"conv1": 5, "conv2": 5, "head": 1}  # all run in the first look


def test_images_come_in_the_precision_of_buffers_where_there_are_no_parameters():
    class Fixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("filters", torch.ones(2, 3, 3, 3, dtype=torch.float64))
            self.out = nn.Identity()

        def forward(self, pixels):
            return self.out(nn.functional.conv2d(pixels, self.filters))

    found = collect(Fixed(), torch.rand(2, 3, 8, 8), "out")["out"]
    assert found.tensor.dtype == torch.float64
