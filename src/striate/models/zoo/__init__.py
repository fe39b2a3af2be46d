"""The 40 networks of Kong et al. 2021: what they are, what is looked at in them, old weights."""

from striate.models.zoo.converting import Converted, convert
from striate.models.zoo.entries import ZOO, Entry, entry_of, layers_for
from striate.models.zoo.places import default_layers, paper_layers

__all__ = [
    "ZOO",
    "Converted",
    "Entry",
    "convert",
    "default_layers",
    "entry_of",
    "layers_for",
    "paper_layers",
]
