"""The image that a channel of a network likes best, and what is in it.

Pixels are in [0, 1], so a model must normalise its own input. Models are run in evaluation mode,
put back into their own, and get no parameter gradient.
"""

from striate.visualize.optimum import OptimalStimuli, check_temperature, optimal_stimulus
from striate.visualize.peak import Peaks, peak_frequency
from striate.visualize.transforms import TRANSFORMS, Jitter, Pad, Rotate, Scale, Transform

__all__ = [
    "TRANSFORMS",
    "Jitter",
    "OptimalStimuli",
    "Pad",
    "Peaks",
    "Rotate",
    "Scale",
    "Transform",
    "check_temperature",
    "optimal_stimulus",
    "peak_frequency",
]
