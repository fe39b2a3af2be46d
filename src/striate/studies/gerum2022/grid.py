"""The grids of Gerum et al. 2022, and the cells they are made of."""

from collections.abc import Mapping
from itertools import pairwise, product
from typing import Any, NamedTuple

import torch
from torch import Tensor

from striate import datasets, layers
from striate.models import NETWORKS
from striate.results import Setting
from striate.spectra import Form, SpectralPenalty, check_ranks
from striate.studies.gerum2022.cell import LAYER
from striate.study import Task

NAME = "gerum2022"
VERSION = 1  # rises when numbers change, not when code does
PROTOCOLS = ("paper", "authors")


class Plan(NamedTuple):
    """A grid, and how each of its cells is trained and attacked."""

    alphas: tuple[float, ...]
    betas: tuple[float, ...]
    seeds: int
    epochs: int
    attack_epochs: tuple[int, ...]
    batch_size: int
    epsilons: tuple[float, ...]
    form: Form = "slope"
    ranks: tuple[int, int] = (6, 50)
    learning_rate: float = 1e-4
    train_images: int | None = None  # None: all there are
    attack_images: int | None = None


def _steps(first: float, last: float, step: float) -> tuple[float, ...]:
    count = round((last - first) / step) + 1
    return tuple(round(first + i * step, 6) for i in range(count))


EPSILONS = _steps(0.0, 0.19, 0.01)
_MLP = Plan(_steps(0.6, 4.0, 0.2), (0, 0.1, 1), 2, 50, (50,), 1500, EPSILONS)
_CNN = Plan(_steps(0.6, 4.0, 0.2), (0, 0.1, 1), 3, 200, (50, 200), 6000, EPSILONS)

# The grids of May-September 2022 (the figures), by network.
_PAPER = {
    "shallow_mlp": _MLP._replace(alphas=_steps(0.6, 5.0, 0.2), batch_size=2500),
    "deep_mlp": _MLP,
    "cnn": _CNN,
    "cnn_no_head": _CNN,
    "deep_cnn": _CNN,
}
_2023: dict[str, Any] = {
    "alphas": _steps(0.0, 4.0, 0.2),
    "betas": (0, 1, 10),
    "seeds": 5,
    "epochs": 100,
    "attack_epochs": (50, 100),
    "form": "line",
    "ranks": (1, 10),
}
# Ours, for a first look in minutes. Steps × learning rate, which decides how far Adam goes, is that
# of the paper's shallow MLP on MNIST (1200 × 1e-4), in a sixth of its steps.
_QUICK: dict[str, Any] = {"alphas": (1, 2, 3), "seeds": 1, "attack_images": 500}
_QUICK_MNIST = _QUICK | {
    "learning_rate": 6e-4,
    "epochs": 10,
    "attack_epochs": (10,),
    "batch_size": 500,
    "train_images": 10_000,
    "epsilons": (0.0, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1),
}
_QUICK_DIGITS = _QUICK | {
    "learning_rate": 1e-3,
    "epochs": 40,
    "attack_epochs": (40,),
    "batch_size": 479,
    "epsilons": (*_steps(0.0, 0.1, 0.02), 0.15, 0.2, 0.25, 0.3),
}
PRESETS = ("quick", "paper", "2023", "2023-long")


def plan(*, preset: str, protocol: str, data: str, network: str) -> Plan:
    """Return the grid and settings of a preset.

    Parameters
    ----------
    preset
        ``quick``: ours, minutes. ``paper``: the grids behind the figures. ``2023``: the authors'
        last grids; ``2023-long`` with 1000 epochs, as they reran the CNN on CIFAR-10.
    protocol
        ``paper`` or ``authors``, as the table above says.
    data, network
        Names in `striate.datasets.DATASETS` and `striate.models.NETWORKS`.

    Raises
    ------
    ValueError
        If a name is unknown.
    """
    for name, given, known in (
        ("preset", preset, PRESETS),
        ("protocol", protocol, PROTOCOLS),
        ("data", data, tuple(datasets.DATASETS)),
        ("network", network, tuple(NETWORKS)),
    ):
        if given not in known:
            raise ValueError(f"{name}={given!r}; choose one of {', '.join(known)}")
    chosen = _PAPER[network]
    if protocol == "authors" and network == "shallow_mlp":
        chosen = chosen._replace(batch_size=1500)
    if protocol == "authors" and "cnn" in network:
        chosen = chosen._replace(attack_epochs=(50,))
    if preset == "quick":
        return chosen._replace(**(_QUICK_DIGITS if data == "digits" else _QUICK_MNIST))
    if preset == "2023":
        return chosen._replace(**_2023)
    if preset == "2023-long":
        return chosen._replace(**_2023 | {"epochs": 1000, "attack_epochs": (50, 1000)})
    return chosen


def tasks(
    *, preset: str, protocol: str, data: str, network: str, overrides: Mapping[str, Any]
) -> list[Task]:
    """Return the cells of a grid, each baseline once, as settings that determine them.

    Parameters
    ----------
    preset, protocol, data, network
        As `plan`.
    overrides
        Fields of `Plan` to change, e.g. ``{"alphas": (1, 2, 3), "seeds": 2}``.

    Raises
    ------
    ValueError
        If a name or value cannot work: unknown, out of range, a batch larger than the data set, a
        window that the last batch of an epoch, the test images or the layer cannot fill, images
        too small for the network, an attack after the end of training.
    """
    chosen = plan(preset=preset, protocol=protocol, data=data, network=network)
    unknown = overrides.keys() - set(Plan._fields)
    if unknown:
        raise ValueError(f"no setting {sorted(unknown)}; there are {', '.join(Plan._fields)}")
    chosen = chosen._replace(**overrides)
    train, test = (datasets.DATASETS[data](split).images for split in ("train", "test"))
    train_images, test_images = len(train), len(test)
    chosen = chosen._replace(
        alphas=tuple(map(float, chosen.alphas)),
        betas=tuple(map(float, chosen.betas)),
        train_images=train_images if chosen.train_images is None else chosen.train_images,
        attack_images=test_images
        if chosen.attack_images is None
        else min(chosen.attack_images, test_images),
    )
    _check(chosen, data, train_images)
    _check_window(chosen.ranks, network, test)
    common: dict[str, Setting] = {
        "study": NAME,
        "version": VERSION,
        "preset": preset,
        "protocol": protocol,
        "data": data,
        "fingerprint": datasets.fingerprint(data),
        "network": network,
        **_spelled(chosen),
        "test_images": test_images,
    }
    return [
        _cell(common, beta, target, (repeat + 1) * 1234)
        for beta in chosen.betas
        for target in ((None,) if beta == 0 else chosen.alphas)
        for repeat in range(chosen.seeds)
    ]


def _cell(
    common: Mapping[str, Setting], beta: float, target: float | None, seed: int
) -> dict[str, Setting]:
    aim = "" if target is None else f"-alpha{target:g}"
    label = f"{common['network']}-{common['data']}-beta{beta:g}{aim}-seed{seed}"
    return {**common, "label": label, "beta": beta, "target": target, "seed": seed}


def _spelled(plan: Plan) -> dict[str, Setting]:
    """Say what each cell shares of its plan in plain values; the grid itself is not among it."""
    shared = plan._asdict()
    for grid in ("alphas", "betas", "seeds"):
        del shared[grid]
    return shared | {
        "ranks": f"{plan.ranks[0]}-{plan.ranks[1]}",
        "weights": "none",
        "attack_epochs": " ".join(map(str, plan.attack_epochs)),
        "epsilons": " ".join(f"{eps:.15g}" for eps in plan.epsilons),
        "pgd_steps": 40,
        "pgd_step_size": 0.01,
    }


def _check(plan: Plan, data: str, available: int) -> None:
    check_ranks(plan.ranks, available=plan.ranks[1])
    size, batch = plan.train_images or 0, plan.batch_size
    if not 1 <= size <= available:
        raise ValueError(f"train_images={size}, but {data} has {available} training images here")
    if (plan.attack_images or 0) < 1:
        raise ValueError(f"attack_images={plan.attack_images}; attack at least one image")
    if not 1 <= batch <= size:
        raise ValueError(
            f"batch_size={batch}, but there are {size} training images of {data}; "
            f"use --preset quick or a --batch-size from 1 to {size}"
        )
    smallest = size % batch or batch
    if plan.ranks[1] > smallest - 1:
        raise ValueError(
            f"ranks={plan.ranks} need batches of at least {plan.ranks[1] + 1} images, but the "
            f"smallest batch of an epoch has {smallest} ({size} images in batches of {batch}); "
            "change --batch-size or --ranks"
        )
    if not plan.alphas or not plan.betas or plan.seeds < 1:
        raise ValueError("the grid is empty; give at least one alpha, one beta and one seed")
    for grid, values in (("alphas", plan.alphas), ("betas", plan.betas)):
        if len(set(values)) < len(values):
            raise ValueError(f"{grid}={values}: give each value once")
    for alpha, beta in product(plan.alphas, plan.betas):  # let the penalty say what is wrong
        SpectralPenalty(alpha=alpha, beta=beta, ranks=plan.ranks, form=plan.form)
    if plan.epochs < 1 or not 0 < plan.learning_rate < float("inf"):
        raise ValueError(
            f"epochs={plan.epochs}, learning_rate={plan.learning_rate}: give positive numbers"
        )
    if not plan.attack_epochs or not all(1 <= e <= plan.epochs for e in plan.attack_epochs):
        raise ValueError(
            f"attack_epochs={plan.attack_epochs}, but training has epochs 1 to {plan.epochs}"
        )
    rising = all(low < high for low, high in pairwise(plan.epsilons))
    if len(plan.epsilons) < 2 or plan.epsilons[0] != 0 or not rising or plan.epsilons[-1] > 1:
        raise ValueError(f"epsilons={plan.epsilons} must start at 0 and rise, up to at most 1")


def _check_window(ranks: tuple[int, int], network: str, test: Tensor) -> None:
    """Refuse images the network cannot take, and ranks that its layer or the test set lacks."""
    model = NETWORKS[network](tuple(test.shape[1:]), 1, seed=0)
    with torch.no_grad(), layers.capture(model, LAYER) as hidden:
        model(test[:1])
        units = hidden().numel()
    if ranks[1] > min(units, len(test) - 1):
        raise ValueError(
            f"ranks={ranks} end beyond what α can be measured on: {LAYER} of {network} has {units} "
            f"units, and {len(test)} test images have {len(test) - 1} ranks; change --ranks"
        )
