"""Photographs in a folder, decoded batch by batch, prepared exactly as torchvision does it."""

import operator
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int64
from PIL import Image
from torch import Tensor

from striate._checks import check_whole
from striate.datasets._decoding import (
    Interpolation,
    check_interpolation,
    colours,
    cut,
    pixels,
    prepared,
)
from striate.datasets._finding import SUFFIXES, classes_of, find, order_of, select, sha256
from striate.results import digest
from striate.results.given import as_path


@dataclass(frozen=True, eq=False)
class ImageFolder:
    """Images of a folder: a sequence of batches, decoded each time they are asked for.

    ``len`` is the number of batches; ``for batch in folder`` and ``folder[index]`` give them:
    pixels in [0, 1], float32, shape (batch, 3, height, width).

    Attributes
    ----------
    folder
        Where they lie.
    names
        Their paths below `folder`, with slashes, in the order in which they are given.
    labels
        The class of each, counted from 0, if all images lie at ``<class>/<file>``; else None.
    classes
        The folders of the classes, sorted; empty without `labels`.
    unreadable
        Name and reason of every file that was left out because it could not be decoded.
    resize, crop, interpolation
        The preparation: see `images`.
    batch_size
        Images per batch; the last one may have fewer.
    threads
        How many images are decoded at a time.
    fingerprint
        Twelve hexadecimal digits that stand for the names, the bytes of the files and the
        preparation.
    content
        Twelve that stand for the names and the bytes alone: the same however they are prepared.
    source
        One line for people and result files.
    """

    folder: Path
    names: tuple[str, ...]
    labels: Int64[Tensor, " images"] | None
    classes: tuple[str, ...]
    unreadable: tuple[tuple[str, str], ...]
    resize: int | None
    crop: int
    batch_size: int
    threads: int
    fingerprint: str
    content: str
    source: str
    interpolation: Interpolation = "bilinear"

    @property
    def left_out(self) -> str:
        """Say which files could not be decoded, and why the first; empty if all could."""
        if not self.unreadable:
            return ""
        name, problem = self.unreadable[0]
        more = len(self.unreadable) - 1
        return (
            f"{self.folder.name}: left out, for {'they' if more else 'it'} cannot be read: {name} "
            f"({problem}){f' and {more} more' * (more > 0)}"
        )

    def check_classes(self) -> None:
        """Refuse a class of which no image can be read: without it a task would be another one.

        Raises
        ------
        ValueError
            If there is one; and the reason of its first image is said.
        """
        there = {name.split("/")[0] for name in self.names}
        for name, problem in self.unreadable:
            lost = name.split("/")[0]
            if lost in self.classes and lost not in there:
                raise ValueError(
                    f"{self.folder}: no image of class {lost!r} can be read; the first is {name}: "
                    f"{problem}"
                )

    def __len__(self) -> int:
        return -(-len(self.names) // self.batch_size)

    def __iter__(self) -> Iterator[Float[Tensor, "batch 3 height width"]]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Float[Tensor, "batch 3 height width"]:
        """Decode one batch, counted from 0.

        Raises
        ------
        IndexError
            If there is no such batch.
        ValueError
            If a file can no longer be read.
        """
        index = range(len(self))[operator.index(index)]
        some = self.names[index * self.batch_size :][: self.batch_size]
        with ThreadPoolExecutor(self.threads) as pool:
            return torch.stack(list(pool.map(self._image, some)))

    def cut(
        self, indices: Sequence[int], place: Callable[[int, int, int], tuple[int, int, int, int]]
    ) -> Float[Tensor, "batch 3 crop crop"]:
        """Decode chosen images, each cut where `place` says and resized to a square of `crop`.

        They are resized by `interpolation`; ``resize`` plays no part.

        Parameters
        ----------
        indices
            Which images, as `names` counts them.
        place
            ``(which of indices, height, width) -> (top, left, height, width)``, in pixels: called
            once for each, from several threads and in any order.

        Raises
        ------
        ValueError
            If a file can no longer be read.
        """

        def cut_out(which: int, index: int) -> Tensor:
            return self._read(
                self.names[index],
                lambda image: cut(
                    image,
                    place(which, image.height, image.width),
                    self.crop,
                    self.interpolation,
                ),
            )

        with ThreadPoolExecutor(self.threads) as pool:
            return torch.stack(list(pool.map(cut_out, range(len(indices)), indices)))

    def _image(self, name: str) -> Float[Tensor, "3 height width"]:
        return self._read(
            name, lambda image: prepared(image, self.resize, self.crop, self.interpolation)
        )

    def _read(self, name: str, prepare: Callable[[Image.Image], Image.Image]) -> Tensor:
        path = self.folder / name
        try:
            return pixels(prepare(colours(path)))
        except Exception as error:
            raise ValueError(f"{path} can no longer be read: {error}") from error


def images(
    folder: str | Path,
    *,
    resize: int | None = 256,
    crop: int = 224,
    interpolation: Interpolation = "bilinear",
    n: int | None = None,
    seed: int | None = None,
    batch_size: int = 256,
    threads: int = 1,
) -> ImageFolder:
    """Find the images below a folder and check that they can be decoded.

    Each is converted to RGB, its short side resized (Pillow's filters, which average
    when they shrink), and its centre cut out: torchvision's ``Resize(resize, interpolation)``,
    ``CenterCrop(crop)`` and ``ToTensor()``, to the last bit. Networks of 299 pixels take
    ``resize=299, crop=299`` (Kong et al. 2021). Where the image is smaller than the crop, it is
    surrounded with black. Rotation marks (EXIF) and transparency are not heeded.

    Parameters
    ----------
    folder
        Searched with all folders below it, sorted by name. Names that begin with a dot are passed
        over, and files that do not end as images do. Links to folders are followed, but no folder
        is gone into twice.
    resize
        Length of the short side, in pixels; None leaves the size alone.
    crop
        Side of the square that is cut out, in pixels.
    interpolation
        ``"bilinear"``, or ``"bicubic"``, which most newer networks were trained and tested with
        (`striate.models.Network` says which).
    n
        How many, drawn without replacement and given in the order in which they were drawn: fewer
        are the beginning of more. All, in order, if None.
    seed
        Of the draw; needed with `n`.
    batch_size
        Images per batch.
    threads
        How many images are decoded at a time.

    Returns
    -------
    ImageFolder
        Batches, decoded when asked for. Files that could not be decoded are in `unreadable`.

    Raises
    ------
    ValueError
        If the folder or an argument is none, no image can be read, or there are fewer than `n`.
    OSError
        If a file cannot be read for another reason than what it holds, such as a lack of memory,
        of rights or of files that may be open.
    """
    folder = as_path("folder", folder)
    counts = {"crop": crop, "batch_size": batch_size, "threads": threads}
    _check(folder, counts if resize is None else {"resize": resize, **counts})
    check_interpolation(interpolation)
    found = find(folder)
    if not found:
        raise ValueError(f"{folder} holds no image, that is no {', '.join(sorted(SUFFIXES))}")
    names, unreadable = select(folder, found, order_of(len(found), n, seed), n, threads)
    classes = classes_of(folder, found)
    place = {name: index for index, name in enumerate(classes)}
    labels = torch.tensor([place[name.split("/")[0]] for name in names]) if classes else None
    contents = [sha256(folder / name) for name in names]
    # What was prepared before there was a choice keeps its fingerprint.
    how = [] if interpolation == "bilinear" else [interpolation]
    fingerprint = digest([names, contents, resize, crop, *how])[:12]
    source = (
        f"{folder.name}: {len(names)} of {len(found)} images, resized to {resize}"
        f"{f' ({interpolation})' if how else ''}, cropped to {crop}, seed {seed}, "
        f"{len(unreadable)} unreadable, sha256 {fingerprint}"
    )
    return ImageFolder(
        folder, tuple(names), labels, classes, tuple(unreadable), resize, crop, batch_size,
        threads, fingerprint, digest([names, contents])[:12], source, interpolation,
    )  # fmt: skip


def _check(folder: Path, counts: dict[str, int]) -> None:
    if not folder.is_dir():
        raise ValueError(f"folder={str(folder)!r} is not a folder; name one that holds images")
    for name, value in counts.items():
        check_whole(name, value)
