"""The cells a grid is made of, and what is refused before any of them is trained."""

from collections.abc import Mapping
from itertools import pairwise, product
from typing import Any, get_args

import torch
from torch import Tensor

from striate import datasets, layers
from striate.models import WIDTHS
from striate.results import Setting
from striate.spectra import SpectralPenalty, check_ranks
from striate.studies.gerum2022.cell import build, penalised
from striate.studies.gerum2022.presets import JUDGED, Layers, Plan, plan
from striate.study import Task

NAME = "gerum2022"
VERSION = 1  # rises when numbers change, not when code does


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
        window that the last batch of an epoch, the test images or a layer cannot fill, images
        too small for the network, more images to attack than there are, a width for a network
        that has none, an attack after the end of training.
    """
    chosen = plan(preset=preset, protocol=protocol, data=data, network=network)
    unknown = overrides.keys() - set(Plan._fields)
    if unknown:
        raise ValueError(f"no setting {sorted(unknown)}; there are {', '.join(Plan._fields)}")
    chosen = chosen._replace(**overrides)
    train, test = (datasets.DATASETS[data](split).images for split in ("train", "test"))
    train_images, test_images = len(train), len(test)
    if chosen.width == WIDTHS.get(network):
        chosen = chosen._replace(width=None)  # it is the paper's, whoever names it
    chosen = chosen._replace(
        alphas=tuple(map(float, chosen.alphas)),
        betas=tuple(map(float, chosen.betas)),
        train_images=train_images if chosen.train_images is None else chosen.train_images,
        attack_images=test_images
        if chosen.attack_images is None
        else min(chosen.attack_images, test_images),
    )
    asked = overrides.get("attack_images") or 0  # a preset's number is for larger data sets
    if asked > test_images:
        raise ValueError(f"attack_images={asked}, but {data} has {test_images} test images here")
    _check_images(chosen, data, train_images)
    _check_training(chosen)
    _check_network(chosen, network, test)
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
    if plan.verdict:
        shared["verdict"] = "against a baseline"  # and not by itself, as it once was
    else:
        del shared["verdict"]  # results of before there were verdicts keep their names
    if plan.verdict_images in (None, min(JUDGED, plan.attack_images or 0)):
        del shared["verdict_images"]  # and those of before their number was a choice
    if plan.every == 1:
        del shared["every"]  # nor do those of before there was this choice change theirs
    return shared | {
        "ranks": f"{plan.ranks[0]}-{plan.ranks[1]}",
        "weights": "none",
        "attack_epochs": " ".join(map(str, plan.attack_epochs)),
        "epsilons": " ".join(f"{eps:.15g}" for eps in plan.epsilons),
        "pgd_steps": 40,
        "pgd_step_size": 0.01,
    }


def _check_images(plan: Plan, data: str, available: int) -> None:
    """Refuse batches that the images cannot fill, or that cannot fill the window."""
    check_ranks(plan.ranks, available=plan.ranks[1])
    size, batch = plan.train_images or 0, plan.batch_size
    if not 1 <= size <= available:
        raise ValueError(f"train_images={size}, but {data} has {available} training images here")
    if (plan.attack_images or 0) < 1:
        raise ValueError(f"attack_images={plan.attack_images}; attack at least one image")
    _check_verdict(plan)
    if not 1 <= batch <= size:
        raise ValueError(
            f"batch_size={batch}, but there are {size} training images of {data}; "
            f"use --preset quick or a --batch-size from 1 to {size}"
        )
    steps = -(-size // batch)
    if plan.every > steps:
        raise ValueError(f"every={plan.every} is more than the {steps} steps of an epoch")
    smallest = size % batch or batch
    if plan.ranks[1] > smallest - 1:
        raise ValueError(
            f"ranks={plan.ranks} need batches of at least {plan.ranks[1] + 1} images, but the "
            f"smallest batch of an epoch has {smallest} ({size} images in batches of {batch}); "
            "change --batch-size or --ranks"
        )


def _check_verdict(plan: Plan) -> None:
    """Refuse a number of images to judge by that is none, or more than are attacked."""
    wanted, attacked = plan.verdict_images, plan.attack_images or 0
    if wanted is not None and not plan.verdict:
        raise ValueError(f"verdict_images={wanted} is of a verdict; give --verdict as well")
    if wanted is not None and not 1 <= wanted <= attacked:
        raise ValueError(
            f"verdict_images={wanted}: judge by 1 to {attacked} images, as many as are attacked"
        )


def _check_training(plan: Plan) -> None:
    """Refuse numbers with which nothing can be trained or attacked."""
    if not plan.alphas or not plan.betas or plan.seeds < 1:
        raise ValueError("the grid is empty; give at least one alpha, one beta and one seed")
    for grid, values in (("alphas", plan.alphas), ("betas", plan.betas)):
        if len(set(values)) < len(values):
            raise ValueError(f"{grid}={values}: give each value once")
    for alpha, beta in product(plan.alphas, plan.betas):  # let the penalty say what is wrong
        SpectralPenalty(
            alpha=alpha,
            beta=beta,
            ranks=plan.ranks,
            form=plan.form,
            solver=plan.solver,
            every=plan.every,
        )
    if not 0 <= plan.weight_decay < float("inf"):
        raise ValueError(f"weight_decay={plan.weight_decay}: give 0 or a positive number")
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


def _check_network(plan: Plan, network: str, test: Tensor) -> None:
    """Refuse images the network cannot take, and ranks that its layers or the test set lack."""
    if plan.layers not in get_args(Layers):
        raise ValueError(f"layers={plan.layers!r}; choose one of {', '.join(get_args(Layers))}")
    if plan.width is not None and network not in WIDTHS:
        raise ValueError(f"width={plan.width}, but {network} has no dense layer; leave it out")
    if plan.width is not None and plan.width < 1:
        raise ValueError(f"width={plan.width}: a layer has at least one unit")
    settings = {"network": network, "width": plan.width}
    channels, height, width = test.shape[1:]
    model = build(settings, (channels, height, width), 1, seed=0)
    names = penalised(model, plan.layers)
    if plan.layers == "all" and len(names) == 1:
        raise ValueError(f"layers='all', but {network} has one hidden layer; leave it out")
    for layer in names:
        with torch.no_grad(), layers.capture(model, layer) as output:
            model(test[:1])
            units = output().numel()
        if plan.ranks[1] > min(units, len(test) - 1):
            raise ValueError(
                f"ranks={plan.ranks} end beyond what α can be measured on: {layer} of {network} "
                f"has {units} units, and {len(test)} test images have {len(test) - 1} ranks; "
                "change --ranks or --width"
            )
