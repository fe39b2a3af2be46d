"""Images with their classes, in batches that are always the same."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor, nn


@runtime_checkable
class Batches(Protocol):
    """Batches of pixels in [0, 1] by number, as an `ImageFolder` or a list of tensors has them."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Tensor: ...


class Part(NamedTuple):
    """Some of the images, with their classes.

    Attributes
    ----------
    name
        From which image to before which.
    images, labels
        On the CPU.
    """

    name: str
    images: Tensor
    labels: Tensor

    def on(self, model: nn.Module) -> tuple[Tensor, Tensor]:
        """Bring them to where a model is."""
        place = next((one.device for one in model.parameters()), torch.device("cpu"))
        return self.images.to(place), self.labels.to(place)


class Shown(NamedTuple):
    """What a network is shown.

    Attributes
    ----------
    batches
        See `Batches`.
    labels
        The class of each image.
    batch_size
        Of all batches but the last.
    """

    batches: Batches
    labels: Tensor
    batch_size: int

    def first(self, count: int) -> Iterator[Part]:
        """Go through the first images."""
        for index, start in enumerate(range(0, count, self.batch_size)):
            stop = min(start + self.batch_size, count)
            images = self.batches[index][: stop - start]
            yield Part(f"{start}-{stop}", images, self.labels[start:stop])

    def check(self) -> None:
        """Refuse images that are too few, or not as many as classes.

        Raises
        ------
        ValueError
            If they are.
        """
        if self.batch_size < 1:
            raise ValueError(f"batch_size={self.batch_size}; show at least one image at a time")
        if len(self.labels) < 2:
            raise ValueError(f"{len(self.labels)} images leave no interval; give at least two")
        if len(self.batches) != -(-len(self.labels) // self.batch_size):
            raise ValueError(
                f"{len(self.batches)} batches of {self.batch_size} but {len(self.labels)} labels; "
                "give a class to each image"
            )


def in_batches(images: Tensor, labels: Tensor, *, batch_size: int) -> Shown:
    """Cut images that are in memory into batches.

    Raises
    ------
    ValueError
        If they are not as many as classes, or a batch is of no image.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size={batch_size}; show at least one image at a time")
    for name, given in (("images", images), ("labels", labels)):
        if not isinstance(given, Tensor):
            raise ValueError(f"{name} are a {type(given).__name__}; give a torch.Tensor")
    if len(images) != len(labels):
        raise ValueError(f"{len(images)} images but {len(labels)} labels; give a class to each")
    return Shown(images.split(batch_size), labels, batch_size)
