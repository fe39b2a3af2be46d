r"""Eigenspectra of any network's layers, of any recording, and both compared (Kong et al. 2021).

Is the spectrum of a layer's responses to natural images a power law, with V1's exponent?

Commands
    ``striate measure spectrum MODEL --images DIR|cifar10 --layers '**' --memory 4GB``
    ``striate spectrum RECORDING --ranks 5-40 [--dimensions D]``
    ``striate compare MODEL RECORDING --layers … --ranks 5-12 [--stimulus-deg 2,4]``
Cost
    As many forward passes over the images as the memory makes necessary, and per layer an
    eigendecomposition of images × images for each of 3 sets and 20 parts of the jackknife.
Expect
    Kong et al. 2021: macaque V1 has α near 1; the layers of networks trained on ImageNet mostly
    less. What we got stands in ``docs/spectra.md``.

Where paper and code differ
---------------------------
``paper``: ranks 10–1000. ``authors``: ranks 10–999, as their indices have it (D2), of at most 2000
components and one fewer than the layer has units, as many as they ask of PCA. Both z-score
each unit (D1, the text is silent) and weigh rank n by 1/n (D3, the text is silent). Sets of images
are the same for all layers here; in their code each layer saw others. cvPCA: ``text`` is the
paper's algebra, ``released`` the code's, which differs where the mean over neurons follows the
stimulus (D5).
"""

from striate.studies.spectra.about import NAME
from striate.studies.spectra.chosen import chosen_layers, notes_of
from striate.studies.spectra.compared import (
    as_seen,
    comparison_notes,
    comparison_task,
    measure_comparison,
)
from striate.studies.spectra.networks import (
    draws_of,
    measure_network,
    network_task,
    take_of,
)
from striate.studies.spectra.pictures import Pictures, pictures
from striate.studies.spectra.recordings import (
    clusters_of,
    measure_recording,
    recording_notes,
    recording_task,
)

__all__ = [
    "NAME",
    "Pictures",
    "as_seen",
    "chosen_layers",
    "clusters_of",
    "comparison_notes",
    "comparison_task",
    "draws_of",
    "measure_comparison",
    "measure_network",
    "measure_recording",
    "network_task",
    "notes_of",
    "pictures",
    "recording_notes",
    "recording_task",
    "take_of",
]
