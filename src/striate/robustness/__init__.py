"""Adversarial images: the ball a perturbation may use, and ways to search it.

Pixels are in [0, 1] and strengths in the same unit, so a model must normalise its own input. An
attack is a function of ``(model, images, labels)``; bind its settings with `functools.partial`.
Attacks run the model in evaluation mode, put its mode back, and leave no parameter gradient.
"""

from striate.robustness.accuracy import (
    Attack,
    correct,
    epsilon_at,
    robust_accuracy,
    robust_curve,
)
from striate.robustness.attacks import fgsm, pgd, summed_cross_entropy, summed_margin
from striate.robustness.balls import Ball, Geometry, L1Ball, L2Ball, LinfBall, Norm, ball
from striate.robustness.black_box import random_search
from striate.robustness.external import autoattack
from striate.robustness.gradients import (
    Gradient,
    Loss,
    bfloat16_gradient,
    float16_gradient,
    plain_gradient,
)
from striate.robustness.judging import Verdict, verdict
from striate.robustness.probing import Probe, probes
from striate.robustness.warning_signs import Sign, signs

__all__ = [
    "Attack",
    "Ball",
    "Geometry",
    "Gradient",
    "L1Ball",
    "L2Ball",
    "LinfBall",
    "Loss",
    "Norm",
    "Probe",
    "Sign",
    "Verdict",
    "autoattack",
    "ball",
    "bfloat16_gradient",
    "correct",
    "epsilon_at",
    "fgsm",
    "float16_gradient",
    "pgd",
    "plain_gradient",
    "probes",
    "random_search",
    "robust_accuracy",
    "robust_curve",
    "signs",
    "summed_cross_entropy",
    "summed_margin",
    "verdict",
]
