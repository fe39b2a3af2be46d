import re
from collections import namedtuple
from copy import deepcopy

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from striate.layers import (
    Place,
    capture,
    channel_axis,
    check_module,
    find,
    fingerprint,
    inwards,
    match,
    of_call,
    places,
    select,
)

X = torch.zeros(2, 3)


def network():
    torch.manual_seed(0)
    inner = nn.Sequential()
    inner.add_module("conv1", nn.Linear(4, 4))
    inner.add_module("tanh", nn.Tanh())
    model = nn.Sequential()
    model.add_module("features", inner)
    model.add_module("hidden", nn.Linear(4, 3))
    model.add_module("output", nn.Linear(3, 2))
    return model


def hooks(model):
    return [hook for layer in model.modules() for hook in layer._forward_hooks]


def test_layers_are_found_by_name():
    model = network()
    assert find(model, "hidden") is model.hidden
    assert find(model, "features.conv1") is model.features.conv1


@pytest.mark.parametrize(("name", "message"), [
    ("hiden", "layer='hiden' is not a layer of this Sequential; did you mean 'hidden'"),
    ("features.conv", "did you mean 'features.conv1'"),
    ("zzz", "did you mean 'features', 'features.conv1', 'features.tanh', 'hidden', 'output'"),
    ("", "layer='' is not a layer"),
])  # fmt: skip
def test_a_name_that_is_none_is_refused_with_a_suggestion(name, message):
    with pytest.raises(ValueError, match=message):
        find(network(), name)
    with pytest.raises(ValueError, match=message):
        capture(network(), name).__enter__()


def test_a_further_name_of_a_module_in_two_places_is_told_from_none():
    relu = nn.ReLU()
    model = nn.Sequential(nn.Linear(3, 3), relu, nn.Linear(3, 3), relu)
    told = "='3' is the module that is named '1', which runs in each of its places; ask for '1'"
    with pytest.raises(ValueError, match=f"layer{told}"):
        find(model, "3")
    for choose in (match, places):
        with pytest.raises(ValueError, match=f"layers{told}"):
            choose(model, ["0", "3"])
    with pytest.raises(ValueError, match="layer='5' is not a layer of this Sequential"):
        find(model, "5")
    with pytest.raises(ValueError, match="layer='' is not a layer of this Sequential"):
        find(model, "")


def test_a_model_without_layers_has_nothing_to_suggest():
    with pytest.raises(ValueError, match=r"of this Tanh; did you mean a model with named layers\?"):
        find(nn.Tanh(), "0")


@pytest.mark.parametrize("name", ["features", "features.conv1", "hidden", "output"])
def test_the_output_of_the_layer_is_kept(name):
    model, x = network(), torch.randn(5, 4)
    stages = {"features.conv1": model.features.conv1(x)}
    stages["features"] = stages["features.conv1"].tanh()
    stages["hidden"] = model.hidden(stages["features"])
    stages["output"] = model.output(stages["hidden"])
    with capture(model, name) as output:
        logits = model(x)
        assert torch.equal(output(), stages[name])
    assert torch.equal(logits, stages["output"])


def test_the_gradient_graph_is_kept():
    model, x = network(), torch.randn(5, 4)
    (expected,) = torch.autograd.grad(
        model.hidden(model.features(x)).square().sum(), model.features.conv1.weight
    )
    with capture(model, "hidden") as output:
        model(x)
        output().square().sum().backward()
    assert torch.equal(model.features.conv1.weight.grad, expected)
    assert model.output.weight.grad is None


def test_each_run_is_taken_once():
    model = network()
    first, second = torch.randn(2, 5, 4)
    with capture(model, "features") as output:
        for x in (first, second):
            model(x)
            assert torch.equal(output(), model.features.conv1(x).tanh())


def test_a_layer_that_did_not_run_is_refused():
    model = network()
    with capture(model, "hidden") as output:
        with pytest.raises(ValueError, match=r"layer 'hidden' ran 0 times .*; run the model once"):
            output()
        model(torch.randn(5, 4))
        output()
        with pytest.raises(ValueError, match="layer 'hidden' ran 0 times"):
            output()


def test_a_layer_that_ran_several_times_is_refused_and_then_forgotten():
    model, x = network(), torch.randn(5, 4)
    with capture(model, "hidden") as output:
        model(x)
        model(x)
        with pytest.raises(ValueError, match=r"layer 'hidden' ran 2 times .*; run the model once"):
            output()
        model(x)  # as the message says
        assert output().shape == (5, 3)


class Failing(nn.Module):
    """Raises behind its layer when told to."""

    def __init__(self):
        super().__init__()
        self.hidden, self.fails = nn.Linear(4, 3), False

    def forward(self, x):
        found = self.hidden(x)
        if self.fails:
            raise MemoryError
        return found


def test_a_pass_that_raised_does_not_count():
    model, x = Failing(), torch.randn(5, 4)
    with capture(model, "hidden") as output:
        for _ in range(2):
            model.fails = True
            for _ in range(2):
                with pytest.raises(MemoryError):
                    model(x)
            model.fails = False
            found = model(x)
            assert output() is found
        model(x)
        model.fails = True
        with pytest.raises(MemoryError):
            model(x)
        model.fails = False
        model(x)  # two whole ones since the last was taken
        with pytest.raises(ValueError, match="ran 2 times"):
            output()


def test_parameters_that_are_trained_later_make_passes_of_theirs_count():
    model, x = network().requires_grad_(False), torch.randn(5, 4)
    with capture(model, "hidden", with_gradient=True) as output:
        model.requires_grad_(True)
        model(x)
        assert output().requires_grad
        model.requires_grad_(False)  # as an attack does
        model(x)
        with pytest.raises(ValueError, match="ran 0 times"):
            output()


def test_the_hook_is_removed():
    model = network()
    with capture(model, "hidden") as output:
        assert hooks(model)
        model(torch.randn(5, 4))
    assert hooks(model) == []
    with pytest.raises(ValueError, match="ran 0 times"):
        output()


def test_the_hook_is_removed_after_an_exception():
    model = network()
    with pytest.raises(RuntimeError, match="interrupted"), capture(model, "hidden"):
        raise RuntimeError("interrupted")
    assert hooks(model) == []


def test_two_layers_at_once_and_one_layer_twice():
    model, x = network(), torch.randn(5, 4)
    with capture(model, "hidden") as one, capture(model, "hidden") as two:
        before = hooks(model)
        with capture(model, "output") as three:
            model(x)
            assert torch.equal(one(), two())
            assert three().shape == (5, 2)
        assert hooks(model) == before


def deep():
    """Two stages of two blocks, as residual networks have them."""
    model = network()
    for stage in ("layer1", "layer2"):
        blocks = nn.Sequential(*(nn.ModuleDict({"conv": nn.Tanh()}) for _ in range(2)))
        model.add_module(stage, blocks)
    return model


EVERY = [
    "features", "features.conv1", "features.tanh", "hidden", "output",
    "layer1", "layer1.0", "layer1.0.conv", "layer1.1", "layer1.1.conv",
    "layer2", "layer2.0", "layer2.0.conv", "layer2.1", "layer2.1.conv",
]  # fmt: skip
MATCHES = [
    ("hidden", ["hidden"]),
    ("layer*", ["layer1", "layer2"]),
    ("layer?", ["layer1", "layer2"]),
    ("layer[13]", ["layer1"]),
    ("module.hidden", ["hidden"]),
    ("layer*.1", ["layer1.1", "layer2.1"]),
    ("layer2.*.conv", ["layer2.0.conv", "layer2.1.conv"]),
    ("**.conv1", ["features.conv1"]),
    ("**.0.**", ["layer1.0", "layer1.0.conv", "layer2.0", "layer2.0.conv"]),
    ("features.**", ["features", "features.conv1", "features.tanh"]),
    (["output", "layer*", "output", "hid*"], ["hidden", "output", "layer1", "layer2"]),
    ("**", EVERY),
]


@pytest.mark.parametrize(("names", "found"), MATCHES, ids=str)
def test_a_star_stays_between_two_dots_and_two_stars_do_not(names, found):
    model = deep()
    layers = match(model, names)
    assert list(layers) == found
    assert all(layer is model.get_submodule(name) for name, layer in layers.items())


def compiled(model):
    return torch.compile(model, backend="eager")


def compiled_inside(model):
    model.hidden = compiled(model.hidden)
    return model


@pytest.mark.parametrize(
    "wrap",
    [nn.DataParallel, compiled, lambda m: nn.DataParallel(compiled(m)), compiled_inside],
    ids=["parallel", "compiled", "both", "inside"],
)
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod."])
def test_what_wrappers_add_to_a_name_may_be_left_out_or_given(wrap, prefix):
    model = deep()
    hidden = model.hidden
    wrapped = wrap(model)
    (name,) = match(wrapped, prefix + "hidden")
    assert name == "hidden"
    assert hidden in match(wrapped, prefix + "hidden")["hidden"].modules()
    assert list(match(wrapped, prefix + "layer*.1")) == ["layer1.1", "layer2.1"]
    assert list(match(wrapped, "**")) == EVERY


def test_of_a_wrapper_and_what_it_wraps_the_wrapper_is_found():
    """It is what runs: compiled, it no longer asks for the hooks of what is inside."""
    model = compiled_inside(deep())
    assert match(model, "hidden")["hidden"] is model.hidden


def test_a_layer_of_ones_own_called_module_keeps_its_name():
    model = nn.Sequential()
    model.add_module("module", network())
    assert list(match(model, "module.*")) == [
        "module.features", "module.hidden", "module.output",
    ]  # fmt: skip
    assert list(match(nn.DataParallel(model), "module.module.hidden")) == ["module.hidden"]


@pytest.mark.parametrize(("names", "message"), [
    ("hiden", "layers='hiden' fits no layer of this Sequential; did you mean 'hidden'"),
    (["hidden", "conv*"], r"layers='conv\*' fits no layer .* 'features.conv1'"),
    ("zzz", "did you mean 'features', 'features.conv1', 'features.tanh', 'hidden', 'output'"),
    ("", "layers='' fits no layer"),
    ([], r"layers=\[\]: name at least one layer"),
])  # fmt: skip
def test_names_that_fit_nothing_are_refused_with_a_suggestion(names, message):
    with pytest.raises(ValueError, match=message):
        match(network(), names)
    with pytest.raises(ValueError, match="did you mean a model with named layers"):
        match(nn.Tanh(), "**")


PLACES = [
    ("hidden", [("hidden", None, ())]),
    ("hidden@1", [("hidden@1", 1, ())]),
    ("hidden@12[0][key]", [("hidden@12[0][key]", 12, ("0", "key"))]),
    ("layer*.1.conv[1]", [("layer1.1.conv[1]", None, ("1",)), ("layer2.1.conv[1]", None, ("1",))]),
    ("layer[13]", [("layer1", None, ())]),  # a glob, where it fits
    ("module.hidden@2", [("hidden@2", 2, ())]),
    (["output", "hidden@2", "hidden@1"],
     [("hidden@1", 1, ()), ("hidden@2", 2, ()), ("output", None, ())]),
]  # fmt: skip


@pytest.mark.parametrize(("names", "found"), PLACES, ids=str)
def test_a_call_and_an_entry_can_be_chosen(names, found):
    model = deep()
    chosen = places(model, names)
    assert [place.name for place in chosen.values()] == list(chosen)
    assert [(place.name, place.call, place.keys) for place in chosen.values()] == found
    assert all(
        place.layer is model.get_submodule(re.split(r"[@\[]", name)[0])
        for name, place in chosen.items()
    )


@pytest.mark.parametrize(("names", "by_glob"), [
    ("hidden", False),
    ("module.hidden@2", False),
    ("hidd?n", True),
    ("hidden*@2[0]", True),
    (["hidden", "**"], False),
    (["**", "hidden"], False),
    (["hid*", "**"], True),
], ids=str)  # fmt: skip
def test_a_place_knows_whether_a_name_asked_for_it(names, by_glob):
    found = [p for p in places(deep(), names).values() if p.name.startswith("hidden")]
    assert [place.by_glob for place in found] == [by_glob]


def test_a_name_that_looks_like_a_glob_is_a_name():
    model = nn.Module()
    model.add_module("conv[1]", nn.Linear(2, 2))
    assert not places(model, "conv[1]")["conv[1]"].by_glob


@pytest.mark.parametrize(("place", "named"), [
    (("relu", None, ()), "relu@3"),
    (("relu@12", 12, ()), "relu@3"),
    (("relu@1[a][0]", 1, ("a", "0")), "relu@3[a][0]"),
    (("relu[0]", None, ("0",)), "relu@3[0]"),
])  # fmt: skip
def test_another_call_of_a_place_is_named(place, named):
    name, call, keys = place
    found = of_call(Place(name, nn.Identity(), call, keys), 3)
    assert (found.name, found.call, found.keys) == (named, 3, keys)


@pytest.mark.parametrize(("keys", "output", "names"), [
    ((), X, ["block"]),
    ((), (X, None, (X, {"a": X})), ["block[0]", "block[2][0]", "block[2][1][a]"]),
    (("2",), (X, None, [X]), ["block[2][0]"]),
    ((), {"a": X, "b c": X, "d[0]": X, "e,f": X}, ["block[a]"]),  # others cannot be listed
    ((), None, []),
    (("7",), (X, X), []),
    ((), 3.0, []),
])  # fmt: skip
def test_the_tensors_in_an_output_are_named(keys, output, names):
    name = "block" + "".join(f"[{key}]" for key in keys)
    found = inwards(Place(name, nn.Identity(), None, keys), output)
    assert [place.name for place in found] == names
    assert all(select(place, output) is X for place in found)


def test_what_wrappers_add_is_left_out_of_a_place():
    model = nn.DataParallel(compiled(deep()))
    assert list(places(model, ["hidden@2", "module._orig_mod.output[0]"])) == [
        "hidden@2", "output[0]",
    ]  # fmt: skip


@pytest.mark.parametrize(("names", "message"), [
    ("hiden@2", "layers='hiden' fits no layer of this Sequential; did you mean 'hidden'"),
    ("hidden@0", "layers='hidden@0': calls are counted from 1, so hidden@1 is first"),
    ("hidden[", r"layers='hidden\[' fits no layer"),
    ("@1", "layers='@1' fits no layer"),
    ([], r"layers=\[\]: name at least one layer"),
])  # fmt: skip
def test_a_place_that_is_none_is_refused(names, message):
    with pytest.raises(ValueError, match=message):
        places(network(), names)


Pair = namedtuple("Pair", ["logits", "hidden"])


def chosen(keys, output):
    name = "block" + "".join(f"[{key}]" for key in keys)
    return select(Place(name, nn.Identity(), None, keys), output)


@pytest.mark.parametrize(("keys", "output"), [
    ((), X),
    (("0",), (X, None)),
    (("1",), [None, X]),
    (("out",), {"out": X, "aux": None}),
    (("3",), {3: X}),
    (("1", "a"), (None, {"a": X})),
    (("0",), Pair(X, None)),
])  # fmt: skip
def test_one_tensor_is_selected(keys, output):
    assert chosen(keys, output) is X


@pytest.mark.parametrize(("keys", "output", "message"), [
    ((), (X, None, X), r"'block' puts out a tuple, .* choose 'block\[0\]' or 'block\[2\]'$"),
    ((), {"out": X, "aux": X}, r"a dict, .* choose 'block\[out\]' or 'block\[aux\]'"),
    ((), (X,), r"a tuple, not one tensor; choose 'block\[0\]'"),
    (("1",), (X, (X, X)), r"choose 'block\[1\]\[0\]' or 'block\[1\]\[1\]'"),
    ((), None, "puts out a NoneType, not one tensor; choose a layer that puts out a tensor"),
    (("2",), (X, X), r"puts out nothing at \[2\], but a tuple with 0, 1"),
    (("0",), X, r"puts out nothing at \[0\], but a Tensor with no entries"),
])  # fmt: skip
def test_what_is_not_one_tensor_is_refused_with_the_way_to_choose(keys, output, message):
    with pytest.raises(ValueError, match=message):
        chosen(keys, output)


@pytest.mark.parametrize("behind", [nn.ReLU(inplace=True), nn.Identity()], ids=["in place", "not"])
def test_an_output_that_a_later_layer_wrote_into_is_refused(behind):
    """What is kept would be the later layer's, and nobody would know."""
    model = nn.Sequential(nn.Linear(3, 5), behind, nn.Linear(5, 2))
    with capture(model, "0") as hidden:
        model(torch.zeros(4, 3))
        if isinstance(behind, nn.Identity):
            assert hidden().shape == (4, 5)
        else:
            with pytest.raises(ValueError, match=r"written into what '0' put out.*inplace=False"):
                hidden()
    with capture(model, "1") as hidden, torch.inference_mode():
        model(torch.zeros(4, 3))
        assert (hidden() >= 0).all() or isinstance(behind, nn.Identity)


def test_what_is_computed_again_on_the_way_back_does_not_count():
    model = nn.Sequential(nn.Linear(3, 5), nn.Tanh())
    with capture(model, "1") as hidden:
        for _ in range(2):
            x = torch.ones(4, 3, requires_grad=True)
            logits = checkpoint(model, x, use_reentrant=False)
            (logits.sum() + hidden().sum()).backward()


def test_a_copy_of_the_model_is_not_the_model():
    model = network()
    with capture(model, "hidden") as hidden:
        copy = deepcopy(model)
        copy(torch.ones(2, 4))
        model(torch.zeros(2, 4))
        assert torch.equal(hidden(), model.hidden(model.features(torch.zeros(2, 4))))


def test_where_channels_are_is_told_by_the_positions_of_a_square_image():
    told = {
        (8, 5): 1,
        (8, 197, 192): 2,
        (8, 64, 56, 56): 1,
        (8, 56, 56, 96): 3,
        (8, 7, 7, 7): 1,
        (8, 64, 56, 40): None,
        (8,): None,
        (8, 2, 3, 3, 3): None,
    }
    assert {shape: channel_axis(torch.Size(shape)) for shape in told} == told


@pytest.mark.filterwarnings("ignore:`torch.jit.*:DeprecationWarning")
def test_torchscript_which_takes_no_hooks_is_refused():
    whole, part = torch.jit.script(nn.Linear(3, 2)), nn.Sequential(torch.jit.script(nn.Tanh()))
    with pytest.raises(ValueError, match="model is TorchScript, which cannot be looked into"):
        check_module(whole)
    check_module(part)
    with pytest.raises(ValueError, match=r"layer '0' is TorchScript, .* that it was made from"):
        find(part, "0")
    mixed = nn.Sequential(nn.Linear(3, 4), torch.jit.script(nn.Tanh()), nn.Linear(4, 2))
    assert list(match(mixed, "**")) == ["0", "2"]
    with capture(mixed, "0") as output:
        mixed(torch.zeros(5, 3))
        assert output().shape == (5, 4)


class Twice(nn.Module):
    """Calls itself once."""

    def __init__(self):
        super().__init__()
        self.a = nn.Linear(3, 3)

    def forward(self, x, again=True):
        y = self.a(x)
        return self(y, False) if again else y


def test_a_model_that_calls_itself_runs_its_layers_twice():
    model = Twice()
    with capture(model, "a") as output:
        model(torch.zeros(5, 3))
        with pytest.raises(ValueError, match="layer 'a' ran 2 times"):
            output()


def test_a_block_that_is_entered_within_a_pass_leaves_it_alone():
    model, blocks = network(), []

    def enter(*_):
        blocks.append(capture(model, "hidden"))
        blocks[0].__enter__()

    handle = model.hidden.register_forward_pre_hook(enter)
    model(torch.randn(5, 4))
    handle.remove()
    blocks[0].__exit__(None, None, None)
    assert hooks(model) == []


def test_what_a_pass_that_raised_put_out_is_not_taken():
    model = Failing()
    model.fails = True
    with capture(model, "hidden") as output:
        with pytest.raises(MemoryError):
            model(torch.zeros(5, 4))
        with pytest.raises(ValueError, match="layer 'hidden' ran 0 times"):
            output()


def test_weights_of_the_same_bytes_and_another_type_have_another_fingerprint():
    made = [network().to(dtype) for dtype in (torch.float16, torch.bfloat16)]
    for net in made:
        for parameter in net.parameters():
            nn.init.zeros_(parameter)
    assert len({fingerprint(net) for net in made}) == 2
    assert fingerprint(made[0]) == fingerprint(deepcopy(made[0]))
