import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d, linear, max_pool2d
from torch.testing import assert_close

from striate.models import (
    NETWORKS,
    WIDTHS,
    cnn,
    cnn_no_head,
    deep_cnn,
    deep_mlp,
    hidden_layers,
    keras_adam,
    shallow_mlp,
)
from truths import gaussian

MNIST, CIFAR10 = (1, 28, 28), (3, 32, 32)

# protocols/gerum.md §3, and for the network as the paper's text words it §9, by hand:
# 1·16·9 + 16 + 16·32·9 + 32 + 32·24·24·10 + 10 and its like.
COUNTS = [
    (shallow_mlp, MNIST, 1_590_010, 2000),
    (deep_mlp, MNIST, 2_797_010, 1000),
    (cnn, MNIST, 815_810, 1000),
    (cnn, CIFAR10, 1_168_098, 1000),
    (deep_cnn, MNIST, 163_558, 500),
    (deep_cnn, CIFAR10, 275_846, 500),
    (cnn_no_head, MNIST, 160 + 4640 + 184_330, 18_432),
    (cnn_no_head, CIFAR10, 448 + 4640 + 250_890, 25_088),
]
networks = pytest.mark.parametrize("name", NETWORKS)


@pytest.mark.parametrize(("network", "image_shape", "parameters", "units"), COUNTS)
def test_the_networks_of_the_paper(network, image_shape, parameters, units):
    model = network(image_shape, 10, seed=0)
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters
    assert NETWORKS[network.__name__] is network
    hidden = []
    model.get_submodule("hidden").register_forward_hook(lambda *call: hidden.append(call[2]))
    logits = model(torch.rand(3, *image_shape))
    assert hidden[0].shape == (3, units)
    assert logits.shape == (3, 10)
    # The read-out sees the regularised layer itself, and that is a tanh.
    assert torch.equal(model.get_submodule("output")(hidden[0]), logits)
    assert -1 <= hidden[0].min() < 0 < hidden[0].max() <= 1


# Convolution and tanh, Pooling, Dense and tanh, Read-out.
PLANS = {
    "shallow_mlp": "DR", "deep_mlp": "DDDR", "cnn": "CPCPDR", "cnn_no_head": "CCR",
    "deep_cnn": "CPCPCDR",
}  # fmt: skip


@pytest.mark.parametrize("name", WIDTHS)
def test_the_width_is_that_of_every_dense_hidden_layer(name):
    model = NETWORKS[name]((3, 20, 20), 7, seed=1, width=33)
    dense = [layer.out_features for layer in model if isinstance(layer, nn.Linear)]
    assert dense == [*(PLANS[name].count("D") * [33]), 7]
    published = NETWORKS[name]((3, 20, 20), 7, seed=1)
    again = NETWORKS[name]((3, 20, 20), 7, seed=1, width=WIDTHS[name])
    assert torch.equal(published.output.weight, again.output.weight)


@networks
def test_hidden_layers_are_named_first_to_last_and_the_last_one_is_hidden(name):
    model = NETWORKS[name]((1, 20, 20), 7, seed=1)
    names = hidden_layers(model)
    assert names == (*(f"tanh{i + 1}" for i in range(len(names) - 1)), "hidden")
    seen = []
    for layer in names:
        model.get_submodule(layer).register_forward_hook(lambda *call: seen.append(call[2]))
    model(torch.rand(2, 1, 20, 20))
    assert len(seen) == PLANS[name].count("C") + PLANS[name].count("D")
    assert all(-1 <= layer.min() < 0 < layer.max() <= 1 for layer in seen)


@networks
def test_the_networks_follow_their_plans(name):
    model, x = NETWORKS[name]((3, 21, 19), 7, seed=1), torch.rand(4, 3, 21, 19)
    logits = model(x)
    parameters = iter(model.parameters())
    for step in PLANS[name]:
        if step == "P":
            x = max_pool2d(x, 2)
        elif step == "C":
            x = conv2d(x, next(parameters), next(parameters)).tanh()
        else:
            x = linear(x.flatten(1), next(parameters), next(parameters))
            x = x.tanh() if step == "D" else x
    assert next(parameters, None) is None
    assert_close(x, logits)


def test_every_network_is_in_the_table():
    assert {network.__name__ for network, *_ in COUNTS} == set(NETWORKS)


@networks
def test_weights_are_glorot_uniform_and_biases_zero(name):
    model = NETWORKS[name]((3, 20, 20), 7, seed=3)
    for layer in model:
        if not list(layer.parameters()):
            continue
        kernel = layer.weight[0, 0].numel() if isinstance(layer, nn.Conv2d) else 1
        bound = (6 / (kernel * (layer.weight.shape[0] + layer.weight.shape[1]))) ** 0.5
        values = layer.weight.detach().double().flatten()
        count = len(values)
        assert values.abs().max() <= bound * (1 + 2**-23)
        # Of n uniform values none lies beyond 1 - 20/n with probability e**-20; the mean has
        # standard deviation b/sqrt(3n), the mean square sqrt(4/45n) b².
        assert values.abs().max() > bound * (1 - 20 / count)
        assert abs(values.mean()) < 5 * bound / (3 * count) ** 0.5
        assert abs(values.square().mean() - bound**2 / 3) < 5 * bound**2 * (4 / 45 / count) ** 0.5
        assert (layer.bias == 0).all()


@networks
def test_the_seed_and_nothing_else_decides_the_weights(name):
    torch.manual_seed(1)
    first = NETWORKS[name]((1, 18, 18), 4, seed=5)
    torch.manual_seed(2)
    again = NETWORKS[name]((1, 18, 18), 4, seed=5)
    other = NETWORKS[name]((1, 18, 18), 4, seed=6)
    for one, two, three in zip(
        first.parameters(), again.parameters(), other.parameters(), strict=True
    ):
        assert torch.equal(one, two)
        assert one.ndim == 1 or not torch.equal(one, three)


@networks
def test_the_global_random_state_is_left_alone(name):
    before = torch.get_rng_state()
    NETWORKS[name]((1, 18, 18), 4, seed=5)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(("network", "smallest"), [(cnn, 10), (deep_cnn, 18), (cnn_no_head, 5)])
@pytest.mark.parametrize("axis", [0, 1])
def test_images_too_small_are_refused(network, smallest, axis):
    model = network((1, smallest, smallest), 10, seed=0)
    assert model(torch.rand(2, 1, smallest, smallest)).shape == (2, 10)
    sides = [smallest + 5, smallest + 5]
    sides[axis] = smallest - 1
    message = f"{sides[0]}×{sides[1]} pixels are too small .* needs {smallest}×{smallest}; use sha"
    with pytest.raises(ValueError, match=message):
        network((1, *sides), 10, seed=0)


STEPS = 20


def slow_keras(values, gradients, learning_rate):
    """Keras 2's Adam, optimizer_v2/adam.py: ε is added to the root of the biased second moment."""
    m, v = torch.zeros_like(values), torch.zeros_like(values)
    for t, gradient in enumerate(gradients, start=1):
        m = 0.9 * m + 0.1 * gradient
        v = 0.999 * v + 0.001 * gradient**2
        corrected = learning_rate * (1 - 0.999**t) ** 0.5 / (1 - 0.9**t)
        values = values - corrected * m / (v.sqrt() + 1e-7)
    return values


def descend(optimiser, parameter, gradients):
    for gradient in gradients:
        parameter.grad = gradient.clone()
        optimiser.step()
    return parameter.detach()


def problem():
    """Gradients of sizes 1 to 1e-9: those at 1e-7 and below feel where ε is added."""
    size = 10.0 ** -torch.arange(10, dtype=torch.float64)
    return gaussian(10, seed=1), size * gaussian(STEPS, 10, seed=2)


def test_keras_adam_is_keras():
    start, gradients = problem()
    parameter = nn.Parameter(start.clone())
    found = descend(keras_adam([parameter], learning_rate=0.01), parameter, gradients)
    assert_close(found, slow_keras(start, gradients, 0.01), rtol=0, atol=1e-10)


def test_weight_decay_is_the_gradient_of_an_l2_penalty():
    """Torch's `weight_decay` of Adam, not AdamW: λ times the parameter joins its gradient."""
    start, gradients = problem()
    parameter, decay = nn.Parameter(start.clone()), 0.03
    adam = keras_adam([parameter], learning_rate=0.01, weight_decay=decay)
    other = nn.Parameter(start.clone())
    plain = keras_adam([other], learning_rate=0.01)
    for gradient in gradients:
        parameter.grad, other.grad = gradient.clone(), gradient + decay * other.detach()
        adam.step()
        plain.step()
    assert_close(parameter, other, rtol=0, atol=1e-14)


def test_torchs_adam_with_kerass_epsilon_is_not():
    """Why `keras_adam` exists: the same number at another place."""
    start, gradients = problem()
    parameter = nn.Parameter(start.clone())
    adam = torch.optim.Adam([parameter], lr=0.01, eps=1e-7)
    error = (descend(adam, parameter, gradients) - slow_keras(start, gradients, 0.01)).abs()
    assert error[0] < 1e-5
    assert error.max() > 1e-2


def test_keras_adam_survives_a_round_trip_through_its_state():
    start, gradients = problem()
    parameter = nn.Parameter(start.clone())
    adam = keras_adam([parameter], learning_rate=0.01)
    halfway = nn.Parameter(descend(adam, parameter, gradients[:7]).clone())
    resumed = keras_adam([halfway], learning_rate=0.5)
    resumed.load_state_dict(adam.state_dict())
    found = descend(resumed, halfway, gradients[7:])
    assert_close(found, slow_keras(start, gradients, 0.01), rtol=0, atol=1e-10)


def test_keras_adam_does_not_mind_parameters_without_gradient():
    """The first layer may be frozen, or unused."""
    start, gradients = problem()
    frozen, parameter = nn.Parameter(torch.zeros(3)), nn.Parameter(start.clone())
    found = descend(keras_adam([frozen, parameter], learning_rate=0.01), parameter, gradients)
    assert_close(found, slow_keras(start, gradients, 0.01), rtol=0, atol=1e-10)
    assert (frozen == 0).all()
