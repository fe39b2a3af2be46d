"""Images that are gone through several times, always the same and in the same order."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import zip_longest
from typing import Protocol, TypeGuard, runtime_checkable

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset


@runtime_checkable
class Hash(Protocol):
    """A running SHA-256."""

    def update(self, data: memoryview, /) -> None: ...
    def hexdigest(self) -> str: ...


@runtime_checkable
class Sliceable(Protocol):
    """Something long that gives images by ``images[first:last]``, as an open HDF5 data set does."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: slice, /) -> object: ...


Images = Tensor | np.ndarray | Sliceable | Iterable[object]


@dataclass(frozen=True)
class Stimuli:
    """Images that were gone through once.

    Attributes
    ----------
    name
        Of the argument they came from, for messages.
    images
        Where they come from.
    batch_size
        At most so many are given at a time.
    count
        How many there are.
    fingerprint
        Twelve hexadecimal digits of the SHA-256 of their pixels, however they were batched.
    first
        The first two, or the only one.
    digests
        Of the images up to the end of each batch; empty if they cannot change.
    """

    name: str
    images: Images
    batch_size: int
    count: int
    fingerprint: str
    first: Tensor
    digests: tuple[str, ...]

    def batches(self) -> Iterator[Tensor]:
        """Go through them once more.

        Raises
        ------
        ValueError
            If they are not the same as the first time.
        """
        given = _batches(self.images, self.batch_size, self.name)
        if not self.digests:
            yield from given
            return
        running = _started(self.first)
        for expected, batch in zip_longest(self.digests, given):
            if batch is not None:
                _add(running, batch)
            if batch is None or running.hexdigest() != expected:
                raise ValueError(
                    f"{self.name} are not the same, or not in the same order, as when they were "
                    "first gone through; switch off shuffling and random transforms"
                )
            yield batch


def survey(images: Images, *, batch_size: int, name: str = "images") -> Stimuli:
    """Go through images once: count them, check them, and take their fingerprint.

    Raises
    ------
    ValueError
        If they cannot be gone through again, are not tensors of one shape and type with pixels in
        [0, 1], or there are none.
    """
    _check_batch_size(batch_size)
    running, first, count = hashlib.sha256(), torch.empty(0), 0
    digests: list[str] = []
    for batch in _batches(images, batch_size, name):
        if not count:
            running = _started(batch)
        first = _first_two(first, batch, name)
        _add(running, batch)
        digests.append(running.hexdigest())
        count += len(batch)
    if not count:
        raise ValueError(f"{name} holds no image")
    fixed = isinstance(images, (Tensor, np.ndarray))
    fingerprint = running.hexdigest()[:12]
    return Stimuli(
        name, images, batch_size, count, fingerprint, first, () if fixed else tuple(digests)
    )


def glimpse(images: Images, *, batch_size: int, name: str = "images") -> Stimuli:
    """Look at the first two images only, so that mistakes cost no more than these.

    Returns
    -------
    stimuli
        As `survey` gives them, but without fingerprint and digests; `count` is how many there are
        at least.

    Raises
    ------
    ValueError
        As `survey`, as far as the first images tell.
    """
    _check_batch_size(batch_size)
    first = torch.empty(0)
    for batch in _batches(images, batch_size, name):
        first = _first_two(first, batch, name)
        if len(first) == 2:
            break
    if not len(first):
        raise ValueError(f"{name} holds no image")
    return Stimuli(name, images, batch_size, max(len(first), _least(images)), "", first, ())


def _first_two(first: Tensor, batch: Tensor, name: str) -> Tensor:
    """Check a batch, and return the first two images of it and those before it."""
    if len(first):
        _check(batch, first, name)
        return torch.cat([first, batch[: 2 - len(first)]])
    _check(batch, batch, name)
    return batch[:2].clone()


def _least(images: Images) -> int:
    """Count images as far as that is possible without going through them."""
    if isinstance(images, (list, tuple)):
        parts = (_image_part(batch) for batch in images)
        return sum(
            part.shape[0] for part in parts if isinstance(part, (Tensor, np.ndarray)) and part.ndim
        )
    if _slices(images):
        return len(images)
    size = getattr(images, "batch_size", None)  # such as of a DataLoader, whose last may be smaller
    try:
        return (len(images) - 1) * size + 1 if isinstance(size, int) else 0  # pyright: ignore
    except TypeError:  # it does not know
        return 0


def _batches(images: Images, batch_size: int, name: str) -> Iterator[Tensor]:
    for batch in _parts(images, batch_size, name):
        yield from (part for part in _tensor(batch, name).split(batch_size) if len(part))


def _parts(images: Images, batch_size: int, name: str) -> Iterable[object]:
    if isinstance(images, Iterator):
        raise ValueError(
            f"{name} is a {type(images).__name__}, which is used up once gone through; give a "
            "tensor, a list of batches, or a DataLoader that does not shuffle"
        )
    if not isinstance(images, (list, tuple)) and _slices(images):
        starts = range(0, len(images), batch_size)
        return (images[start : start + batch_size] for start in starts)
    if isinstance(images, (Dataset, str, Mapping)) or not isinstance(images, Iterable):
        _check_first(images)
        raise ValueError(
            f"{name} is a {type(images).__name__}, which gives no batches of images; give a "
            "tensor, a list of batches, or a DataLoader that does not shuffle"
        )
    return images


def _slices(images: object) -> TypeGuard[Sliceable]:
    """Tell whether several images are to be had at once by ``images[first:last]``."""
    if isinstance(images, (Tensor, np.ndarray)):
        return True
    if not isinstance(images, Sliceable):
        return False
    try:
        return isinstance(_image_part(images[0:1]), (Tensor, np.ndarray))
    except (TypeError, ValueError, LookupError, AttributeError):  # as its author saw fit
        return False


def _check_first(images: object) -> None:
    """Let the error through of what has no image to give, neither several at once nor one alone.

    Raises
    ------
    ValueError
        Its own, which says more than that it gives no batches.
    """
    if not isinstance(images, Sliceable):
        return
    alone: list[object] = []
    try:
        images[0:1]
    except ValueError as error:
        with suppress(TypeError, ValueError, LookupError, AttributeError):
            alone.append(images[0])  # pyright: ignore[reportArgumentType]
        if not alone:
            raise error from None
    except (TypeError, LookupError, AttributeError):  # as its author saw fit
        return


def _image_part(batch: object) -> object:
    """Of images with labels, the images."""
    return batch[0] if isinstance(batch, (list, tuple)) and batch else batch


def _tensor(batch: object, name: str) -> Tensor:
    images = _image_part(batch)
    if isinstance(images, np.ndarray) and images.dtype.kind in "biuf" and images.itemsize <= 8:
        # A copy in the machine's own order of bytes, and without negative strides.
        images = torch.from_numpy(images.astype(images.dtype.newbyteorder("=")))
    if not isinstance(images, Tensor) or images.ndim < 2 or not images.is_floating_point():
        found = (
            f"{images.dtype} of shape {tuple(images.shape)}"
            if isinstance(images, (Tensor, np.ndarray))
            else f"a {type(images).__name__}"
        )
        raise ValueError(
            f"{name} has a batch that is {found}; give tensors (batch, channels, height, width) "
            "of floating point with pixels in [0, 1]"
        )
    return images.detach()


def _check_batch_size(batch_size: object) -> None:
    if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size < 1:
        raise ValueError(f"batch_size={batch_size!r}; show at least one image at a time")


def _check(batch: Tensor, first: Tensor, name: str) -> None:
    if batch.shape[1:] != first.shape[1:] or batch.dtype != first.dtype:
        raise ValueError(
            f"{name} has images of shape {tuple(first.shape[1:])} in {first.dtype} and of "
            f"{tuple(batch.shape[1:])} in {batch.dtype}; give them one shape and type"
        )
    low, high = batch.min().item(), batch.max().item()
    if not (low >= 0 and high <= 1):
        raise ValueError(
            f"{name} lie in [{low:.3g}, {high:.3g}]; give pixels in [0, 1] and let the model "
            "normalise them"
        )


def _started(batch: Tensor) -> Hash:
    return hashlib.sha256(f"{batch.dtype}{tuple(batch.shape[1:])}".encode())


def _add(running: Hash, batch: Tensor) -> None:
    running.update(batch.cpu().contiguous().view(torch.uint8).numpy().data)
