"""Networks to measure and train."""

from striate.models.gerum2022 import (
    NETWORKS,
    WIDTHS,
    cnn,
    cnn_no_head,
    deep_cnn,
    deep_mlp,
    hidden_layers,
    keras_adam,
    shallow_mlp,
)
from striate.models.loading import Network, fingerprint, load, normalised
from striate.models.outline import Outlined, outline

__all__ = [
    "NETWORKS",
    "WIDTHS",
    "Network",
    "Outlined",
    "cnn",
    "cnn_no_head",
    "deep_cnn",
    "deep_mlp",
    "fingerprint",
    "hidden_layers",
    "keras_adam",
    "load",
    "normalised",
    "outline",
    "shallow_mlp",
]
