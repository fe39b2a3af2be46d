"""Train a network: one readable loop over objectives that are functions."""

from striate.training.loop import train
from striate.training.objectives import Objective, Step, spectral, standard

__all__ = ["Objective", "Step", "spectral", "standard", "train"]
