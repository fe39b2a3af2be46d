import pytest
import torch
from torch import nn

from striate.layers import capture, find


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


def test_the_hook_is_removed():
    model = network()
    with capture(model, "hidden") as output:
        assert len(hooks(model)) == 1
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
        with capture(model, "output") as three:
            model(x)
            assert torch.equal(one(), two())
            assert three().shape == (5, 2)
        assert len(hooks(model)) == 2
