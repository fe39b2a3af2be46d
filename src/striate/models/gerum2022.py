"""The networks of Gerum et al. 2022, initialised and optimised as Keras does it.

Each takes the shape of an image, the number of classes and a seed, and those with dense hidden
layers a width for them. In each, the layer the paper regularises is called ``hidden``: the last
hidden layer, after its tanh, just before the read-out.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable

import torch
from torch import nn

ImageShape = tuple[int, int, int]

# Units of the dense hidden layers in the paper; the other network has none.
WIDTHS = {"shallow_mlp": 2000, "deep_mlp": 1000, "cnn": 1000, "deep_cnn": 500}


def shallow_mlp(
    image_shape: ImageShape, classes: int, *, seed: int, width: int = WIDTHS["shallow_mlp"]
) -> nn.Sequential:
    """Build 2000 tanh units and a read-out: 1 590 010 parameters on MNIST."""
    return _mlp(image_shape, (width,), classes, seed)


def deep_mlp(
    image_shape: ImageShape, classes: int, *, seed: int, width: int = WIDTHS["deep_mlp"]
) -> nn.Sequential:
    """Build three layers of 1000 tanh units and a read-out: 2 797 010 parameters on MNIST."""
    return _mlp(image_shape, (width, width, width), classes, seed)


def cnn(
    image_shape: ImageShape, classes: int, *, seed: int, width: int = WIDTHS["cnn"]
) -> nn.Sequential:
    """Build two convolutions with pooling, and the dense head that the experiments regularised.

    conv 16 - pool - conv 32 - pool - dense 1000 - read-out; 815 810 parameters on MNIST,
    1 168 098 on CIFAR-10. The paper's text leaves out the pooling and the head (`cnn_no_head`).
    """
    return _cnn(image_shape, (16, 32), width, classes, seed)


def deep_cnn(
    image_shape: ImageShape, classes: int, *, seed: int, width: int = WIDTHS["deep_cnn"]
) -> nn.Sequential:
    """Build three convolutions, two of them pooled, and a dense head of 500.

    163 558 parameters on MNIST, 275 846 on CIFAR-10; in the authors' code of 2023, not the paper.
    """
    return _cnn(image_shape, (16, 32, 32), width, classes, seed)


@torch.random.fork_rng(devices=())  # torch's own initialisation, overwritten, draws from it
def cnn_no_head(image_shape: ImageShape, classes: int, *, seed: int) -> nn.Sequential:
    """Build the network as the text words it: two convolutions, no pooling, then the read-out.

    The regularised layer is the flattened map of the second convolution, 18 432 units on MNIST.
    """
    _check_size(image_shape, smallest=5)
    channels, height, width = image_shape
    layers: list[tuple[str, nn.Module]] = [
        ("conv1", nn.Conv2d(channels, 16, 3)),
        ("tanh1", nn.Tanh()),
        ("conv2", nn.Conv2d(16, 32, 3)),
        ("tanh2", nn.Tanh()),
        ("hidden", nn.Flatten()),
        ("output", nn.Linear(32 * (height - 4) * (width - 4), classes)),
    ]
    return _initialised(layers, seed)


NETWORKS: dict[str, Callable[..., nn.Sequential]] = {
    "shallow_mlp": shallow_mlp,
    "deep_mlp": deep_mlp,
    "cnn": cnn,
    "cnn_no_head": cnn_no_head,
    "deep_cnn": deep_cnn,
}


def hidden_layers(network: nn.Sequential) -> tuple[str, ...]:
    """Name the hidden layers of one of these networks, first to last: its tanhs.

    The last one goes by ``hidden``, also where that is a tanh's output made flat.
    """
    tanhs = [name for name, layer in network.named_children() if isinstance(layer, nn.Tanh)]
    return (*tanhs[:-1], "hidden")


def keras_adam(
    parameters: Iterable[nn.Parameter], *, learning_rate: float, weight_decay: float = 0.0
) -> torch.optim.Adam:
    """Return Adam with the ε of Keras, at the place where Keras adds it.

    Keras divides by ``sqrt(v) + 1e-7``; torch divides by ``sqrt(v / (1 - β₂ᵗ)) + ε``. The two are
    the same update if torch's ε is ``1e-7 / sqrt(1 - β₂ᵗ)``, which is set before every step.

    Parameters
    ----------
    parameters
        What is optimised.
    learning_rate
        Of Adam.
    weight_decay
        That many times each parameter, biases too, is added to its gradient: the L2 penalty of
        torch's Adam, which Adam then divides by the gradient's size like everything else. It is
        not the decoupled decay of AdamW. The paper has none.
    """
    adam = torch.optim.Adam(
        parameters, lr=learning_rate, betas=(0.9, 0.999), eps=1e-7, weight_decay=weight_decay
    )

    def place_epsilon(optimizer: torch.optim.Optimizer, *_: object) -> None:
        for group in optimizer.param_groups:
            # A parameter without gradient has no steps.
            states = (optimizer.state.get(parameter, {}) for parameter in group["params"])
            step = max(float(state.get("step", 0)) for state in states) + 1
            group["eps"] = 1e-7 / (1 - group["betas"][1] ** step) ** 0.5

    adam.register_step_pre_hook(place_epsilon)
    return adam


@torch.random.fork_rng(devices=())
def _mlp(
    image_shape: ImageShape, widths: tuple[int, ...], classes: int, seed: int
) -> nn.Sequential:
    channels, height, width = image_shape
    sizes = (channels * height * width, *widths)
    layers: list[tuple[str, nn.Module]] = [("flatten", nn.Flatten())]
    for i, (inputs, units) in enumerate(zip(sizes, widths, strict=False), start=1):
        layers.append((f"dense{i}", nn.Linear(inputs, units)))
        layers.append((f"tanh{i}" if i < len(widths) else "hidden", nn.Tanh()))
    return _initialised([*layers, ("output", nn.Linear(sizes[-1], classes))], seed)


@torch.random.fork_rng(devices=())
def _cnn(
    image_shape: ImageShape, filters: tuple[int, ...], head: int, classes: int, seed: int
) -> nn.Sequential:
    _check_size(image_shape, smallest=10 if len(filters) == 2 else 18)
    channels, height, width = image_shape
    layers: list[tuple[str, nn.Module]] = []
    for i, count in enumerate(filters, start=1):
        layers.append((f"conv{i}", nn.Conv2d(channels, count, 3)))
        layers.append((f"tanh{i}", nn.Tanh()))
        channels, height, width = count, height - 2, width - 2
        if i <= 2:
            layers.append((f"pool{i}", nn.MaxPool2d(2)))
            height, width = height // 2, width // 2
    layers += [
        ("flatten", nn.Flatten()),
        ("dense", nn.Linear(channels * height * width, head)),
        ("hidden", nn.Tanh()),
        ("output", nn.Linear(head, classes)),
    ]
    return _initialised(layers, seed)


def _initialised(layers: list[tuple[str, nn.Module]], seed: int) -> nn.Sequential:
    """Draw weights Glorot-uniform and set biases to zero, the Keras defaults."""
    model = nn.Sequential(OrderedDict(layers))
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            nn.init.xavier_uniform_(parameter, generator=generator)
        else:
            nn.init.zeros_(parameter)
    return model


def _check_size(image_shape: ImageShape, *, smallest: int) -> None:
    if min(image_shape[1:]) < smallest:
        raise ValueError(
            f"images of {image_shape[1]}×{image_shape[2]} pixels are too small for this network, "
            f"which needs {smallest}×{smallest}; use shallow_mlp or deep_mlp"
        )
