"""Mouse V1 as it was published: the line that cortex draws in figures about spectra."""

import numpy as np
import pandas as pd

from striate.reference import mouse_v1_spectrum

# Stringer et al. 2019, as stored with the code of Gerum et al. 2022
# (evaluation/additional_data/stringer.npy): the fit to the spectrum divided by its sum, weights
# 1/rank, over these ranks.
MOUSE_ALPHA, MOUSE_AMPLITUDE, MOUSE_RANKS = 0.973356, 0.152814, (12, 500)


def mouse_spectrum() -> pd.DataFrame:
    """Return the spectrum as shares of the variance: `x` (rank) and `y`."""
    spectrum = mouse_v1_spectrum()
    rank = np.arange(1, len(spectrum) + 1)
    return pd.DataFrame({"x": rank, "y": spectrum / spectrum.sum()})


def mouse_fit() -> pd.DataFrame:
    """Return both ends of the published power law: `x` and `y`."""
    ends = np.array(MOUSE_RANKS, dtype=float)
    return pd.DataFrame({"x": ends, "y": MOUSE_AMPLITUDE * ends**-MOUSE_ALPHA})
