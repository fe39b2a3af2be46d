"""Tuning of a network's channels to frequency, orientation and phase, as scores and curves.

Kong et al. 2021. Each result has in its settings which stimuli were shown and to how many channels.
"""

from striate.study.tuning.components import Components, frequency_by_rank
from striate.study.tuning.examples import optimal_images
from striate.study.tuning.networks import DRAWS, EXPERIMENTS, STEPS, check_numbers, network_tuning
from striate.study.tuning.stimuli import PROTOCOLS, Protocol, Shown, stimuli_for

__all__ = [
    "DRAWS",
    "EXPERIMENTS",
    "PROTOCOLS",
    "STEPS",
    "Components",
    "Protocol",
    "Shown",
    "check_numbers",
    "frequency_by_rank",
    "network_tuning",
    "optimal_images",
    "stimuli_for",
]
