"""Spectra of networks and of recordings, and the two compared: what `striate` says about them.

Kong et al. 2021. Each function returns scores and curves whose settings say how many images there
were, and with which window and weights an exponent was fitted.
"""

from striate.study.spectra.compared import fair_comparison
from striate.study.spectra.networks import (
    SET_SIZE,
    SETS,
    Take,
    Taken,
    network_spectra,
    spectra_of,
    spectrum_draws,
    taking,
)
from striate.study.spectra.recordings import recording_spectra
from striate.study.spectra.window import PROTOCOLS, Window

__all__ = [
    "PROTOCOLS",
    "SETS",
    "SET_SIZE",
    "Take",
    "Taken",
    "Window",
    "fair_comparison",
    "network_spectra",
    "recording_spectra",
    "spectra_of",
    "spectrum_draws",
    "taking",
]
