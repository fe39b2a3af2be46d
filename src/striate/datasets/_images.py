"""What a labelled data set is once it is in memory."""

from typing import Literal, NamedTuple, get_args

from jaxtyping import Float, Int64
from torch import Tensor

Split = Literal["train", "test"]


class LabelledImages(NamedTuple):
    """Images, the class of each, and one line that says where they came from.

    Attributes
    ----------
    images
        Pixels in [0, 1], float32.
    labels
        Classes, counted from 0.
    source
        For people and for result files, e.g.
        ``"mnist train: 60000 images of 1x28x28, 10 classes, sha256 0123456789ab"``, where the
        hash is the data set's `fingerprint`.
    """

    images: Float[Tensor, "images channels height width"]
    labels: Int64[Tensor, " images"]
    source: str


def check_split(split: str) -> None:
    """Refuse a split that does not exist."""
    if split not in get_args(Split):
        choices = " or ".join(repr(choice) for choice in get_args(Split))
        raise ValueError(f"there is no split {split!r}; type {choices}")
