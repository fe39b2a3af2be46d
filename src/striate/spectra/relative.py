"""The spectrum that is penalised: the leading eigenvalues, as parts of the total variance."""

import torch
from jaxtyping import Float
from torch import Tensor

from striate.spectra.components import Find, exact_components, variances
from striate.spectra.distances import slope
from striate.spectra.power_law import check_ranks
from striate.spectra.processes import ALONE, Processes
from striate.spectra.units import arrange

# The total variance by which parts are divided at least. Parts of a smaller one fade to zero.
LEAST = torch.finfo(torch.float32).tiny


def batch_alpha(
    activations: Float[Tensor, "batch *axes"], *, ranks: tuple[int, int]
) -> Float[Tensor, ""]:
    """Measure α as Gerum et al. 2022 did: plain least squares on the floored relative spectrum.

    Raises
    ------
    ValueError
        If the batch cannot fill `ranks`.
    """
    with torch.no_grad(), torch.autocast(activations.device.type, enabled=False):
        return slope(relative_spectrum(activations, ranks=ranks), ranks)


def relative_spectrum(
    activations: Float[Tensor, "batch *axes"],
    *,
    ranks: tuple[int, int],
    find: Find | None = None,
    processes: Processes = ALONE,
) -> Float[Tensor, " ranks"]:
    """Eigenvalues 1 … last of `ranks`, as parts of the total variance.

    Runs in at least float32 whatever autocast says: half precision destroys the tail. The scale of
    the activations does not matter, down to a total variance of 1e-38.

    Parameters
    ----------
    activations
        Axes behind the first are flattened into units.
    ranks
        The last one decides how many eigenvalues are found.
    find
        How; by default by an eigendecomposition.
    processes
        Who else holds a part of the batch.

    Raises
    ------
    ValueError
        If `ranks` are none, the batch cannot fill them, or it has no axis of units.
    """
    check_ranks(ranks)
    responses = arrange(activations, "flat")
    stimuli = processes.rows(responses)
    available = min(stimuli - 1, responses.shape[1])
    if ranks[1] > available:
        raise ValueError(
            f"ranks={ranks} need {ranks[1]} eigenvalues, but a batch of {stimuli} "
            f"with {responses.shape[1]} units has {available}; use a larger batch or fewer ranks"
        )
    if responses.dtype not in (torch.float32, torch.float64):
        responses = responses.float()
    find = find or (lambda batch: exact_components(batch, ranks[1], processes=processes))
    with torch.autocast(responses.device.type, enabled=False):
        leading, total = variances(responses, find, processes)
        # Of a dead layer nothing is left, and of one that nearly is a gradient that float32 holds.
        return (leading / total.clamp_min(LEAST)).to(responses.dtype)
