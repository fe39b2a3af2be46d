"""Hyperparameters of the robust ResNet-50s of Kong et al. 2021."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Recipe(NamedTuple):
    """How one network was trained.

    Attributes
    ----------
    objective, settings
        For `make_objective`.
    epochs, batch_size
        `epochs` as the loop counts them: with replays, each shows the images that often.
    learning_rate, momentum, weight_decay
        Of stochastic gradient descent; the decay is on all parameters.
    drops
        Epochs after which the learning rate is divided by ten.
    replays
        How often each batch is shown in a row.
    augment
        Whether images are cropped at random places and sizes, and flipped left to right by chance.
    source
        Where the numbers are from.
    """

    objective: str
    settings: Mapping[str, float | int | str]
    epochs: int
    batch_size: int
    learning_rate: float
    momentum: float
    weight_decay: float
    drops: tuple[int, ...]
    replays: int
    augment: bool
    source: str


def _recipe(
    objective: str,
    settings: dict[str, float | int | str],
    *,
    epochs: int,
    batch_size: int,
    drops: tuple[int, ...],
    source: str,
    replays: int = 1,
) -> Recipe:
    """Fill in what all four share."""
    return Recipe(
        objective=objective,
        settings=MappingProxyType(settings),
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=0.1,
        momentum=0.9,
        weight_decay=1e-4,
        drops=drops,
        replays=replays,
        augment=True,
        source=source,
    )


EPS = 4 / 255

PRESETS: Mapping[str, Recipe] = MappingProxyType({
    "resnet50-trades": _recipe(
        "trades",
        {
            "beta": 2.0,
            "norm": "Linf",
            "eps": EPS,
            "steps": 3,
            "step_size": EPS * 2 / 3,
            "order": "paper",
            "start_noise": 0.001,
        },
        epochs=80,
        batch_size=128,
        drops=(25, 45, 65),
        source="Kong et al. 2021 and their released code; order='authors' is that of the code, "
        "and the start noise is from there",
    ),
    "resnet50-igr": _recipe(
        "igr",
        {"strength": 0.3, "h": 0.01, "direction": "L2"},
        epochs=100,
        batch_size=128,
        drops=(35, 70, 90),
        source="Kong et al. 2021 and their released code",
    ),
    "resnet50-free": _recipe(
        "free",
        {"norm": "Linf", "eps": EPS, "step_size": EPS},
        epochs=23,
        batch_size=256,
        drops=(8, 16),
        replays=4,
        source="Kong et al. 2021; drops as in Shafahi et al.'s reference code, which counts the 30 "
        "epochs of the text in replays",
    ),
    "resnet50-adversarial": _recipe(
        "adversarial",
        {"norm": "Linf", "eps": EPS, "steps": 3, "step_size": EPS * 2 / 3},
        epochs=90,
        batch_size=512,
        drops=(30, 60),
        source="not from the paper, which took the weights of Salman et al. 2020: steps, batch "
        "and epochs as one of their authors states; step size, drops and the rest are usual values",
    ),
})  # fmt: skip
