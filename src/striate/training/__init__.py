"""Train a network: one readable loop over objectives that are functions."""

from striate.training.loop import train
from striate.training.objectives import Objective, Step, spectral, standard
from striate.training.reading import Reading
from striate.training.watch import watch

__all__ = ["Objective", "Reading", "Step", "spectral", "standard", "train", "watch"]
