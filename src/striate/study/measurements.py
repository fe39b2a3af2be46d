"""The Methods section: each measurement a function that returns scores and curves."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from striate import layers
from striate.results import Curve, Score
from striate.robustness import Attack, LinfBall, correct, robust_accuracy
from striate.robustness.victim import frozen
from striate.spectra import batch_alpha, eigenspectrum

Images = Float[Tensor, "images channels height width"]
Labels = Int[Tensor, " images"]


def accuracy(model: nn.Module, images: Images, labels: Labels) -> Score:
    """Part of `images` whose class the model names."""
    value = correct(model, images, labels).float().mean().item()
    return Score("accuracy", value, settings={"images": len(images)})


def layer_alpha(model: nn.Module, layer: str, images: Images, *, ranks: tuple[int, int]) -> Score:
    """α of one layer's responses to all of `images`, by plain least squares on `ranks`.

    The number of images is in the settings because it moves the value: the tail of a spectrum
    estimated from few images is too steep.
    """
    alpha = batch_alpha(_responses(model, layer, images), ranks=ranks).item()
    return Score("alpha", alpha, settings={"images": len(images)})


def layer_spectrum(model: nn.Module, layer: str, images: Images) -> Curve:
    """Eigenspectrum of one layer's responses to all of `images`, as parts of the variance."""
    eigenvalues = eigenspectrum(_responses(model, layer, images).double())
    ranks = range(1, len(eigenvalues) + 1)
    return Curve(
        "eigenspectrum",
        tuple(map(float, ranks)),
        tuple((eigenvalues / eigenvalues.sum()).tolist()),
        settings={"images": len(images)},
    )


def attack_curve(
    name: str,
    model: nn.Module,
    images: Images,
    labels: Labels,
    *,
    attack: Callable[[LinfBall], Attack],
    epsilons: Sequence[float],
) -> Curve:
    """Accuracy on `images` under an attack of rising strength, called ``accuracy_NAME``.

    Parameters
    ----------
    name
        Of the attack, e.g. ``"pgd"``.
    model, images, labels
        As in `striate.robustness.robust_accuracy`.
    attack
        The attack within a given ball.
    epsilons
        Radii of the L∞ ball, in pixel units.
    """
    reached = [
        robust_accuracy(model, images, labels, attack(LinfBall(eps)), attack_wrong=True)
        .float()
        .mean()
        .item()
        for eps in epsilons
    ]
    settings = {"images": len(images), "norm": "Linf"}
    return Curve(f"accuracy_{name}", tuple(epsilons), tuple(reached), settings=settings)


@torch.no_grad()
def _responses(model: nn.Module, layer: str, images: Tensor) -> Tensor:
    with frozen(model), layers.capture(model, layer) as output:
        batches = []
        for some in images.split(1000):
            model(some)
            batches.append(output().flatten(1))
    return torch.cat(batches)
