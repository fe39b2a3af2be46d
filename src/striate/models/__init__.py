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
from striate.models.loading import load
from striate.models.network import Network, fingerprint, normalised
from striate.models.outline import Outlined, outline
from striate.models.zoo import (
    ZOO,
    Converted,
    Entry,
    convert,
    default_layers,
    entry_of,
    layers_for,
    paper_layers,
)

__all__ = [
    "NETWORKS",
    "WIDTHS",
    "ZOO",
    "Converted",
    "Entry",
    "Network",
    "Outlined",
    "cnn",
    "cnn_no_head",
    "convert",
    "deep_cnn",
    "deep_mlp",
    "default_layers",
    "entry_of",
    "fingerprint",
    "hidden_layers",
    "keras_adam",
    "layers_for",
    "load",
    "normalised",
    "outline",
    "paper_layers",
    "shallow_mlp",
]
