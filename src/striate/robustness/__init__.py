"""Adversarial images: the ball a perturbation may use, and ways to search it.

Pixels are in [0, 1] and strengths in the same unit, so a model must normalise its own input. An
attack is a function of ``(model, images, labels)``; bind its settings with `functools.partial`.
Attacks run the model in evaluation mode, put its mode back, and leave no parameter gradient.
"""

from striate.robustness.accuracy import Attack, correct, epsilon_at, robust_accuracy
from striate.robustness.attacks import fgsm, pgd, summed_cross_entropy
from striate.robustness.balls import Ball, LinfBall

__all__ = [
    "Attack",
    "Ball",
    "LinfBall",
    "correct",
    "epsilon_at",
    "fgsm",
    "pgd",
    "robust_accuracy",
    "summed_cross_entropy",
]
