"""Features of a layer for a recording's stimuli: scores on principal components of photographs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from striate.activations import Images, Progress, kernels
from striate.responses import Kernel
from striate.spectra import gram_eigenspectrum, principal_scores

MOST_COMPONENTS = 1000  # Kong et al. 2021
LEAST_IMAGES = 3  # two components and the mean
# Of the mean variance: below it a component may be the rounding of float32 activations.
ROUNDING = 1e-5


class Protocol(NamedTuple):
    """How units are scaled before principal components.

    Attributes
    ----------
    z_scored
        Whether components are those of z-scored responses.
    raw
        Whether they are then applied to responses as they are.
    pixels_per_degree
        Of a network's field, if its degrees are not given; None: it is 6.4 degrees of any network.
    """

    z_scored: bool
    raw: bool
    pixels_per_degree: float | None

    def field_deg(self, size: int) -> float:
        """Width of the field of a network that takes images of `size` pixels."""
        return 6.4 if self.pixels_per_degree is None else size / self.pixels_per_degree


PROTOCOLS = {
    "paper": Protocol(z_scored=False, raw=False, pixels_per_degree=None),
    "authors": Protocol(z_scored=True, raw=True, pixels_per_degree=35.0),
    "consistent": Protocol(z_scored=True, raw=False, pixels_per_degree=None),
}


def layer_features(
    model: nn.Module,
    photographs: Images,
    shown: Mapping[str, Images],
    layers: str | Sequence[str],
    *,
    protocol: Protocol,
    most: int = MOST_COMPONENTS,
    memory: str | int = "4GB",
    batch_size: int = 32,
    progress: Progress | None = None,
    partial: Path | None = None,
) -> dict[str, dict[str, Float[Tensor, "stimuli components"]]]:
    """Show photographs and a recording's stimuli, and score these on the photographs' components.

    The photographs cross the model once, in however many ways the stimuli are presented.

    Parameters
    ----------
    model
        Takes pixels in [0, 1].
    photographs
        Natural images.
    shown
        The recording's stimuli by the name of their presentation, as the model takes them.
    layers, memory, batch_size, progress, partial
        As in `striate.activations.kernels`.
    protocol
        How units are scaled.
    most
        So many components at most. Fewer if there are not more photographs or units: one less than
        photographs, and as many as there are directions in which the layer varies.

    Returns
    -------
    features
        By layer, then by presentation; float64, on the CPU.

    Raises
    ------
    ValueError
        As `kernels`; if there are fewer than three photographs, or a layer responds to all alike.
    """
    raw = list(shown) if protocol.raw else []
    found = kernels(
        model,
        photographs,
        layers,
        z_scored=protocol.z_scored,
        others=shown,
        raw=raw,
        memory=memory,
        batch_size=batch_size,
        progress=progress,
        partial=partial,
        keep_partial=True,
    )
    return {layer: scores_of(layer, kernel, most=most) for layer, kernel in found.items()}


def scores_of(
    layer: str, kernel: Kernel, *, most: int = MOST_COMPONENTS
) -> dict[str, Float[Tensor, "stimuli components"]]:
    """Score the stimuli of each cross-kernel on the principal components of a kernel.

    Parameters
    ----------
    layer
        Its name, for messages.
    kernel
        Of photographs, crossed with the stimuli.
    most
        As in `layer_features`.

    Raises
    ------
    ValueError
        If there are fewer than three photographs, or the layer responds to all alike.
    """
    if len(kernel.gram) < LEAST_IMAGES:
        raise ValueError(
            f"{len(kernel.gram)} photographs have no principal components to speak of; give more, "
            f"about {MOST_COMPONENTS}"
        )
    spectrum = gram_eigenspectrum(kernel.gram)
    vary = int((spectrum > ROUNDING * spectrum.mean()).sum())
    count = min(most, vary, kernel.varying)
    if count < 1:
        raise ValueError(f"layer {layer!r} responds alike to all photographs; leave it out")
    # All presentations at once: the eigendecomposition is the same.
    scores = principal_scores(kernel.gram, torch.cat(list(kernel.cross.values())), count=count).new
    rows = [len(cross) for cross in kernel.cross.values()]
    return dict(zip(kernel.cross, scores.cpu().split(rows), strict=True))
