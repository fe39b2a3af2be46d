"""Model × images × layers: responses of small layers, kernels of any, within a memory budget."""

from striate.activations._choosing import Readable, readable
from striate.activations._collect import Progress, collect
from striate.activations._images import Images
from striate.activations._kernels import kernels, kernels_of_views, remove_partial
from striate.activations._passes import View
from striate.activations._planning import Pass, Slice, parse_memory, plan
from striate.activations._reducing import Reduce, centre, position_mean

__all__ = [
    "Images",
    "Pass",
    "Progress",
    "Readable",
    "Reduce",
    "Slice",
    "View",
    "centre",
    "collect",
    "kernels",
    "kernels_of_views",
    "parse_memory",
    "plan",
    "position_mean",
    "readable",
    "remove_partial",
]
