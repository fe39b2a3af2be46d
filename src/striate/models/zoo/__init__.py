"""The 40 networks of Kong et al. 2021 as data: where they come from, what is looked at in them."""

from striate.models.zoo.entries import ZOO, Entry
from striate.models.zoo.places import default_layers, layers_of

__all__ = ["ZOO", "Entry", "default_layers", "layers_of"]
