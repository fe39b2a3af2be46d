"""Attacks of packages that the user may have installed."""

from importlib import import_module
from types import ModuleType
from typing import Literal, get_args

import torch
from torch import nn

from striate.robustness.attacks import Labels
from striate.robustness.balls import Ball, Images
from striate.robustness.limits import within
from striate.robustness.victim import check, frozen

Version = Literal["standard", "plus", "rand"]


@torch.no_grad()
def autoattack(
    model: nn.Module,
    images: Images,
    labels: Labels,
    *,
    ball: Ball,
    version: Version = "standard",
    seed: int,
    batch_size: int,
) -> Images:
    """Attack with the package ``autoattack`` of Croce and Hein 2020.

    Bound with `functools.partial` it is an attack as `pgd` is. The package searches the same ball
    in its own way: of `ball` it is told the norm and eps.

    Parameters
    ----------
    model, images, labels, ball
        As in `fgsm`.
    version
        ``"standard"``, ``"plus"``, or ``"rand"`` for randomised models.
    seed
        The package draws from torch's global generators; they are put back afterwards.
    batch_size
        Images attacked at a time.

    Returns
    -------
    adversarial
        Images in [0, 1] within `ball` of `images`, detached; those that no attack of the package
        turns are returned as they were.

    Raises
    ------
    ValueError
        If the package is not installed, a setting is out of range, or as in `fgsm`.
    """
    check(images, labels)
    if version not in get_args(Version):
        raise ValueError(f"version={version!r}: give one of {', '.join(get_args(Version))}")
    if batch_size < 1:
        raise ValueError(f"batch_size={batch_size}: need at least one image at a time")
    package = _package()
    devices = [images.device] if images.is_cuda else []
    with frozen(model), torch.random.fork_rng(devices), torch.enable_grad():
        adversary = package.AutoAttack(
            model,
            norm=ball.norm,
            eps=ball.eps,
            version=version,
            seed=seed,
            verbose=False,
            device=images.device,
        )
        found = adversary.run_standard_evaluation(images.detach(), labels, bs=batch_size)
    return within(ball, found.detach().clamp(0, 1), images)


def _package() -> ModuleType:
    try:
        return import_module("autoattack")
    except ModuleNotFoundError as error:
        if error.name != "autoattack":
            raise
        raise ValueError(
            "the package autoattack is not installed; it is not on PyPI: "
            "pip install git+https://github.com/fra31/auto-attack"
        ) from error
