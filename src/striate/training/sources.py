"""Images that do not lie in memory: decoded batch by batch, ahead of the network."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, TypeVar, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from striate.training.crops import DRAWS, check_window, random_window

Item = TypeVar("Item")


@runtime_checkable
class Source(Protocol):
    """Images by number."""

    def __len__(self) -> int:
        """Return how many images there are."""
        ...

    def take(
        self, indices: Int[Tensor, " batch"], generator: torch.Generator
    ) -> Float[Tensor, "batch channels height width"]:
        """Return these images, pixels in [0, 1]; `generator` decides what is random about them."""
        ...


@runtime_checkable
class Photographs(Protocol):
    """What `ImageSource` needs of a folder: `striate.datasets.ImageFolder` has it."""

    @property
    def names(self) -> tuple[str, ...]:
        """One for each image."""
        ...

    def cut(
        self,
        indices: Sequence[int],
        place: Callable[[int, int, int], tuple[int, int, int, int]],
    ) -> Float[Tensor, "batch 3 side side"]:
        """Decode images, each cut at ``place(which of them, height, width)`` and resized."""
        ...


@dataclass(frozen=True)
class ImageSource:
    """Photographs of a folder, each time another part of them, flipped every other time.

    torchvision's ``RandomResizedCrop`` and ``RandomHorizontalFlip``, on the images as they lie on
    disk, resized by the folder's ``interpolation``.

    Parameters
    ----------
    folder
        From `striate.datasets.images`; its ``crop`` is the side of the images given, in pixels, its
        ``threads`` decode. Its ``labels`` are those to train with.
    scale
        Least and largest part of a photograph's area.
    ratio
        Least and largest width over height.

    Raises
    ------
    ValueError
        If one of them is out of range; when taken from, if a file can no longer be read.
    """

    folder: Photographs
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)

    def __post_init__(self) -> None:
        check_window(self.scale, self.ratio)

    def __len__(self) -> int:
        return len(self.folder.names)

    def take(
        self, indices: Int[Tensor, " batch"], generator: torch.Generator
    ) -> Float[Tensor, "batch 3 side side"]:
        """Decode these images; the same generator cuts and flips them in the same way."""
        draws = torch.rand(
            len(indices),
            DRAWS + 1,
            dtype=torch.float64,
            device=generator.device,
            generator=generator,
        ).cpu()

        def place(which: int, height: int, width: int) -> tuple[int, int, int, int]:
            return random_window(
                height, width, draws[which, :DRAWS], scale=self.scale, ratio=self.ratio
            )

        images = self.folder.cut(indices.tolist(), place)
        turned = draws[:, DRAWS, None, None, None] < 0.5
        return torch.where(turned, images.flip(-1), images)


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """Give what `items` gives, each made in a thread while the one before is in use."""
    with ThreadPoolExecutor(1) as worker:
        coming = worker.submit(list, islice(items, 1))
        while found := coming.result():
            coming = worker.submit(list, islice(items, 1))
            yield found[0]
