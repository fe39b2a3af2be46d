"""How often a network is right under attack, and whether that is real, as scores and curves.

Kong et al. 2021. Each result has in its settings which attack it was and on how many images.
"""

from striate.study.robustness.attacks import (
    NORMS,
    PAPER,
    PROTOCOLS,
    STEPS,
    Attacks,
    Precision,
    Protocol,
)
from striate.study.robustness.images import Shown, in_batches
from striate.study.robustness.judged import QUERIES, RESTARTS, Judge
from striate.study.robustness.networks import accuracy_at, network_robustness
from striate.study.robustness.passbands import Passbands, octaves, passed

__all__ = [
    "NORMS",
    "PAPER",
    "PROTOCOLS",
    "QUERIES",
    "RESTARTS",
    "STEPS",
    "Attacks",
    "Judge",
    "Passbands",
    "Precision",
    "Protocol",
    "Shown",
    "accuracy_at",
    "in_batches",
    "network_robustness",
    "octaves",
    "passed",
]
