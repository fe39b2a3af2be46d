"""How often the model is right, with and without an attack."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from jaxtyping import Bool, Int
from torch import Tensor, nn

from striate.robustness.balls import Images
from striate.robustness.victim import check, frozen

Labels = Int[Tensor, " batch"]
Attack = Callable[[nn.Module, Tensor, Tensor], Tensor]


@torch.no_grad()
def correct(
    model: nn.Module, images: Images, labels: Labels, *, batch_size: int = 1000
) -> Bool[Tensor, " batch"]:
    """Tell for each image whether `model` names its class, in evaluation mode."""
    check(images, labels)
    with frozen(model):
        return torch.cat(
            [
                model(some).argmax(1) == true
                for some, true in zip(
                    images.split(batch_size), labels.split(batch_size), strict=True
                )
            ]
        )


def robust_accuracy(
    model: nn.Module, images: Images, labels: Labels, attack: Attack, *, batch_size: int = 1000
) -> Bool[Tensor, " batch"]:
    """Tell for each image whether `model` still names its class after `attack`.

    Parameters
    ----------
    model, images, labels
        As in `fgsm`.
    attack
        ``(model, images, labels) -> adversarial images``, e.g.
        ``partial(fgsm, ball=LinfBall(0.05))``.
    batch_size
        Images attacked at a time; the outcome of an attack without chance does not depend on it.

    Returns
    -------
    outcomes
        True where the answer is right; its mean is the robust accuracy.
    """
    check(images, labels)
    return torch.cat(
        [
            correct(model, attack(model, some, true), true, batch_size=batch_size)
            for some, true in zip(images.split(batch_size), labels.split(batch_size), strict=True)
        ]
    )


def epsilon_at(
    epsilons: Sequence[float], accuracies: Sequence[float], *, fraction: float = 0.5
) -> float:
    """Find the strength at which accuracy has fallen to `fraction` of the clean accuracy.

    Gerum et al. 2022 show the strength that about halves accuracy. Linear between the points.

    Parameters
    ----------
    epsilons
        Strengths, rising from 0.
    accuracies
        Accuracy at each; the first is the clean one.
    fraction
        In (0, 1).

    Raises
    ------
    ValueError
        If the curve does not start at 0, does not rise, or never falls that far.
    """
    if len(epsilons) != len(accuracies) or not epsilons or epsilons[0] != 0:
        raise ValueError("epsilons and accuracies need one length, and the first epsilon is 0")
    if any(low >= high for low, high in pairwise(epsilons)):
        raise ValueError(f"epsilons={list(epsilons)} must rise")
    if not 0 < fraction < 1:
        raise ValueError(f"fraction={fraction}: give a part of the clean accuracy, in (0, 1)")
    if not accuracies[0] > 0:
        raise ValueError(f"the clean accuracy is {accuracies[0]}; there is nothing to halve")
    wanted = fraction * accuracies[0]
    for i in range(1, len(epsilons)):
        if accuracies[i] <= wanted:
            rise, fall = epsilons[i] - epsilons[i - 1], accuracies[i - 1] - accuracies[i]
            return epsilons[i - 1] + rise * (accuracies[i - 1] - wanted) / fall
    raise ValueError(
        f"accuracy falls to {min(accuracies):.3g}, not to {wanted:.3g} = {fraction} of the clean "
        f"one, up to epsilon {epsilons[-1]}; attack with larger epsilons"
    )
