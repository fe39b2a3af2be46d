"""How often the model is right, with and without an attack."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from jaxtyping import Bool
from torch import Tensor, nn

from striate.robustness.attacks import Labels
from striate.robustness.balls import Images
from striate.robustness.victim import answers, check, frozen

Attack = Callable[[nn.Module, Tensor, Tensor], Tensor]


@torch.no_grad()
def correct(
    model: nn.Module, images: Images, labels: Labels, *, batch_size: int = 1000
) -> Bool[Tensor, " batch"]:
    """Tell for each image whether `model` names its class, in evaluation mode.

    Raises
    ------
    ValueError
        If images or labels are none, or the model does not answer each image with a number for
        each of several classes, none of them NaN.
    """
    check(images, labels)
    if batch_size < 1:
        raise ValueError(f"batch_size={batch_size}: give at least one image")
    with frozen(model):
        return torch.cat(
            [
                answers(model, some, true).argmax(1) == true
                for some, true in zip(
                    images.split(batch_size), labels.split(batch_size), strict=True
                )
            ]
        )


def robust_accuracy(
    model: nn.Module,
    images: Images,
    labels: Labels,
    attack: Attack,
    *,
    batch_size: int = 1000,
    attack_wrong: bool = False,
) -> Bool[Tensor, " batch"]:
    """Tell for each image whether `model` names its class before and after `attack`.

    Parameters
    ----------
    model, images, labels
        As in `fgsm`.
    attack
        ``(model, images, labels) -> adversarial images``, e.g.
        ``partial(fgsm, ball=LinfBall(0.05))``.
    batch_size
        Images attacked at a time; the outcome of an attack without chance does not depend on it.
    attack_wrong
        An image that is wrong without an attack is wrong under it, as the image itself lies in
        every ball; so it is not attacked, and costs one forward pass. True attacks it all the same
        and looks at the answer after the attack alone, as the released code of Kong et al. 2021 and
        Gerum et al. 2022 does: an attack may by chance end where a wrong answer is right again.

    Returns
    -------
    outcomes
        True where the answer is right; its mean is the robust accuracy.
    """
    check(images, labels)
    attacked = (
        torch.ones(len(images), dtype=torch.bool, device=images.device)
        if attack_wrong
        else correct(model, images, labels, batch_size=batch_size)
    )
    return _survivors(model, images, labels, attack, attacked, batch_size)


def robust_curve(
    model: nn.Module,
    images: Images,
    labels: Labels,
    attack_at: Callable[[float], Attack],
    epsilons: Sequence[float],
    *,
    batch_size: int = 1000,
    attack_wrong: bool = False,
) -> Bool[Tensor, "epsilons batch"]:
    """Tell for each strength and image whether `model` still names its class.

    One clean pass serves all strengths. At 0 its outcome is the answer, and nothing is attacked.

    Parameters
    ----------
    model, images, labels, batch_size, attack_wrong
        As in `robust_accuracy`.
    attack_at
        The attack of a given strength above 0.
    epsilons
        Strengths, in any order.

    Returns
    -------
    outcomes
        One row per strength; the mean over images is the curve.

    Raises
    ------
    ValueError
        If a strength is negative, there is none, or as in `attack_at`.
    """
    check(images, labels)
    epsilons = [float(eps) for eps in epsilons]
    if not epsilons or not all(eps >= 0 for eps in epsilons):
        raise ValueError(f"epsilons={epsilons}: give at least one strength, none negative")
    attacks = [attack_at(eps) if eps > 0 else None for eps in epsilons]
    clean = correct(model, images, labels, batch_size=batch_size)
    attacked = torch.ones_like(clean) if attack_wrong else clean
    return torch.stack(
        [
            clean
            if attack is None
            else _survivors(model, images, labels, attack, attacked, batch_size)
            for attack in attacks
        ]
    )


def _survivors(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    attack: Attack,
    attacked: Tensor,
    batch_size: int,
) -> Tensor:
    """Outcome of the images that are attacked, in full batches; False for the others."""
    outcomes = torch.zeros_like(attacked)
    if attacked.any():
        for some in attacked.nonzero()[:, 0].split(batch_size):
            true = labels[some]
            with frozen(model):  # whatever mode the attack leaves it in
                found = attack(model, images[some], true)
            outcomes[some] = correct(model, found, true, batch_size=batch_size)
    return outcomes


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
        If the curve does not start at 0, does not rise, holds what is no accuracy, or never falls
        that far.
    """
    epsilons, accuracies = ([float(one) for one in some] for some in (epsilons, accuracies))
    if len(epsilons) != len(accuracies) or not epsilons or epsilons[0] != 0:
        raise ValueError("epsilons and accuracies need one length, and the first epsilon is 0")
    if not all(low < high for low, high in pairwise(epsilons)):
        raise ValueError(f"epsilons={epsilons} must rise")
    if not all(0 <= accuracy <= 1 for accuracy in accuracies):
        raise ValueError(f"accuracies={accuracies} must lie in [0, 1]")
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
