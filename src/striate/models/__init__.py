"""Networks to measure and train."""

from striate.models.gerum2022 import (
    NETWORKS,
    cnn,
    cnn_no_head,
    deep_cnn,
    deep_mlp,
    keras_adam,
    shallow_mlp,
)

__all__ = [
    "NETWORKS",
    "cnn",
    "cnn_no_head",
    "deep_cnn",
    "deep_mlp",
    "keras_adam",
    "shallow_mlp",
]
