"""Macaque V1, and networks beside it, as they were published."""

from typing import NamedTuple

import numpy as np

from striate.reference import devalois1982


class PublishedScore(NamedTuple):
    """Likeness to V1 of a network's layer that predicts V1 best: mean and sd over experiments."""

    network: str
    score: float
    sd: float


# Kong et al. 2021, in the text on its Figure 4. "robust": trained against attacks, which is all
# that it says.
SCORES = (
    PublishedScore("ResNet-50", 0.763, 0.033),
    PublishedScore("ResNet-50, robust", 0.817, 0.032),
    PublishedScore("ResNet-18", 0.771, 0.039),
    PublishedScore("ResNet-18, robust", 0.790, 0.036),
)
V1 = "macaque V1"


class Cells(NamedTuple):
    """Which frequencies V1 cells prefer: bins by their edges, and the share of cells in each."""

    edges_cpd: np.ndarray
    shares: np.ndarray
    number: int


def v1_cells() -> Cells:
    """Return the cells of foveal macaque V1 (De Valois et al. 1982)."""
    table = devalois1982()
    edges = np.array([*table["bin_left_cpd"], table["bin_right_cpd"].iloc[-1]])
    counts = table["count"].to_numpy()
    return Cells(edges, counts / counts.sum(), int(counts.sum()))
