"""What a training step minimises: functions of ``(model, images, labels)``.

Bind an objective's settings with `functools.partial`, or name it with `make_objective`; another
objective is another function. Attacks inside an objective run the model in evaluation mode, put its
mode back, and leave no parameter gradient.
"""

from striate.training.objectives.attacked import adversarial
from striate.training.objectives.divergence import Order, trades
from striate.training.objectives.free import Free
from striate.training.objectives.making import complete_settings, make_objective
from striate.training.objectives.penalties import penalised, spectral
from striate.training.objectives.plain import standard
from striate.training.objectives.presets import PRESETS, Recipe
from striate.training.objectives.seeding import Seeded
from striate.training.objectives.slopes import Direction, gradient_penalty
from striate.training.objectives.steps import Images, Labels, Objective, Step, bare

__all__ = [
    "PRESETS",
    "Direction",
    "Free",
    "Images",
    "Labels",
    "Objective",
    "Order",
    "Recipe",
    "Seeded",
    "Step",
    "adversarial",
    "bare",
    "complete_settings",
    "gradient_penalty",
    "make_objective",
    "penalised",
    "spectral",
    "standard",
    "trades",
]
