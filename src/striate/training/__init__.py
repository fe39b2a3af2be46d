"""Train a network: one readable loop over objectives that are functions."""

from striate.training.inputs import (
    Inputs,
    blurred,
    composed,
    cropped,
    curriculum,
    flipped,
    noisy,
    resized_crop,
    sigma_at,
)
from striate.training.loop import train
from striate.training.objectives import (
    PRESETS,
    Free,
    Objective,
    Recipe,
    Step,
    adversarial,
    complete_settings,
    gradient_penalty,
    make_objective,
    penalised,
    spectral,
    standard,
    trades,
)
from striate.training.reading import Reading
from striate.training.schedules import RateSchedule, cosine, dropped
from striate.training.sources import ImageSource, Source
from striate.training.watch import watch

__all__ = [
    "PRESETS",
    "Free",
    "ImageSource",
    "Inputs",
    "Objective",
    "RateSchedule",
    "Reading",
    "Recipe",
    "Source",
    "Step",
    "adversarial",
    "blurred",
    "complete_settings",
    "composed",
    "cosine",
    "cropped",
    "curriculum",
    "dropped",
    "flipped",
    "gradient_penalty",
    "make_objective",
    "noisy",
    "penalised",
    "resized_crop",
    "sigma_at",
    "spectral",
    "standard",
    "trades",
    "train",
    "watch",
]
