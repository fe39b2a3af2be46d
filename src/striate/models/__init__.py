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

__all__ = [
    "NETWORKS",
    "WIDTHS",
    "cnn",
    "cnn_no_head",
    "deep_cnn",
    "deep_mlp",
    "hidden_layers",
    "keras_adam",
    "shallow_mlp",
]
