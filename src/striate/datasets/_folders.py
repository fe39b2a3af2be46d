"""Photographs in a folder, decoded batch by batch, prepared exactly as torchvision does it."""

import errno
import operator
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

import torch
from jaxtyping import Float, Int64
from PIL import Image
from torch import Tensor

from striate.datasets._decoding import (
    Interpolation,
    check_interpolation,
    check_mode,
    colours,
    cut,
    pixels,
    prepared,
)
from striate.results import digest
from striate.results.given import as_path

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"}
# Errors of the system that a file is to blame for: a damaged one, whose parts would lie before its
# beginning, and a link that leads nowhere.
OF_FILES = (errno.EINVAL, errno.EOVERFLOW, errno.ENOENT, errno.ELOOP)


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
    found = _find(folder)
    if not found:
        raise ValueError(f"{folder} holds no image, that is no {', '.join(sorted(SUFFIXES))}")
    names, unreadable = _select(folder, found, _order(len(found), n, seed), n, threads)
    classes = _classes(folder, found)
    place = {name: index for index, name in enumerate(classes)}
    labels = torch.tensor([place[name.split("/")[0]] for name in names]) if classes else None
    contents = [_sha256(folder / name) for name in names]
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
        threads, fingerprint, source, interpolation,
    )  # fmt: skip


def _check(folder: Path, counts: dict[str, int]) -> None:
    if not folder.is_dir():
        raise ValueError(f"folder={str(folder)!r} is not a folder; name one that holds images")
    for name, value in counts.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name}={value!r}; give a positive whole number")


def _order(found: int, n: int | None, seed: int | None) -> list[int]:
    if n is None:
        if seed is not None:
            raise ValueError(f"seed={seed} without n, how many images to draw")
        return list(range(found))
    if seed is None:
        raise ValueError(f"n={n} images are drawn at random; give a seed")
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise ValueError(f"seed={seed!r}; give a whole number")
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= found:
        raise ValueError(f"n={n} of {found} images; draw at least 1 and no more than there are")
    return torch.randperm(found, generator=torch.Generator().manual_seed(seed)).tolist()


def _find(folder: Path) -> list[str]:
    """Return the images below `folder`, sorted folder by folder.

    Links to folders are followed after everything else, by name, and no folder is gone into twice:
    links may lead round in circles, and an image that is there twice would count twice.
    """
    found, seen, waiting = [], set(), [folder]
    for start in waiting:  # grows on the way
        links = []
        for parent, below, files in os.walk(start):
            here = Path(parent)
            real = here.resolve()
            if real in seen:
                below.clear()
                continue
            seen.add(real)
            below[:] = [name for name in below if not name.startswith(".")]
            links += [here / name for name in below if (here / name).is_symlink()]
            found += [
                (here / name).relative_to(folder)
                for name in files
                if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES
            ]
        waiting += sorted(links)
    return [path.as_posix() for path in sorted(found, key=lambda path: path.parts)]


def _classes(folder: Path, found: Sequence[str]) -> tuple[str, ...]:
    """Return the classes if the layout is ``<class>/<file>``: an empty one counts as well."""
    if any(name.count("/") != 1 for name in found):
        return ()
    below = (path for path in folder.iterdir() if path.is_dir())
    return tuple(sorted(path.name for path in below if not path.name.startswith(".")))


def _select(
    folder: Path, found: Sequence[str], order: Sequence[int], n: int | None, threads: int
) -> tuple[list[str], list[tuple[str, str]]]:
    """Go through the files in order until `n` can be read; say which could not."""
    wanted = len(order) if n is None else n
    names: list[str] = []
    unreadable: list[tuple[str, str]] = []
    place = 0
    with ThreadPoolExecutor(threads) as pool:
        while len(names) < wanted and place < len(order):
            some = [found[index] for index in order[place : place + wanted - len(names)]]
            place += len(some)
            problems = list(pool.map(lambda name: _problem(folder / name), some))
            for name, problem in zip(some, problems, strict=True):
                if problem is None:
                    names.append(name)
                else:
                    unreadable.append((name, problem))
    if not names or (n is not None and len(names) < n):
        name, problem = unreadable[0]
        raise ValueError(
            f"{folder}: {len(unreadable)} of {place} images cannot be read"
            f"{f', and n={n} are wanted' if names else ''}; the first is {name}: {problem}"
        )
    return names, unreadable


def _sha256(path: Path) -> str:
    """Hash a file that has just been decoded, and so lies in memory."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _problem(path: Path) -> str | None:
    """Return why a file cannot be decoded. JPEGs are decoded at an eighth of their size.

    Raises
    ------
    OSError
        If it is not the file that is wrong: without it the data set would be another one.
    """
    try:
        with Image.open(path) as image:
            check_mode(image)
            image.draft(None, (1, 1))
            image.load()
    # A damaged file can make a decoder raise nearly anything.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        if _is_of_the_machine(error):
            raise OSError(
                f"{path} could not be read, which may not be for what is in it: {reason}; see that "
                "it can be, and try again"
            ) from error
        return reason
    return None


def _is_of_the_machine(error: Exception) -> bool:
    """Tell whether an error is of memory, rights, discs and the like, and not of a file."""
    if isinstance(error, OSError):  # a decoder's own have no number
        return error.errno not in (None, *OF_FILES)
    return isinstance(error, MemoryError)
