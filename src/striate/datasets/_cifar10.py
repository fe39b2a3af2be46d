"""CIFAR-10: 50 000 + 10 000 colour photographs of 32x32, from the official binary version.

A. Krizhevsky 2009, "Learning multiple layers of features from tiny images", technical report,
University of Toronto. Each record is a label byte and 3072 pixel bytes: red, green, blue plane.
"""

import re
import shutil
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from striate.datasets import _files
from striate.datasets._images import LabelledImages, Split, check_split
from striate.results import digest

FOLDER = "cifar-10-batches-bin"
URLS = ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",)
# As several independent projects pin it; 170 052 171 bytes.
ARCHIVE_SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
BATCHES = {
    "train": tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
    "test": ("test_batch.bin",),
}
OFFICIAL = {"train": 50_000, "test": 10_000}
SHAPE = (3, 32, 32)
RECORD_BYTES = 1 + 3 * 32 * 32
CLASSES = 10
# Written beside the batches after a download, in the format of `sha256sum --check`; whoever
# prepares a folder may do the same. Where it is, the batches are held to it.
CHECKSUMS = "SHA256SUMS"
_CHECKSUM_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)", re.IGNORECASE)


def cifar10(
    split: Split, *, root: str | Path | None = None, download: bool = True
) -> LabelledImages:
    """Load colour photographs of ten classes, 50 000 for training and 10 000 for testing.

    A folder that was prepared by hand may hold fewer training batches; `source` then says how
    many of the official images there are.

    Parameters
    ----------
    split
        The official one.
    root
        Folder that holds ``cifar-10-batches-bin/``. Without it, ``STRIATE_DATA`` and then the
        cache.
    download
        Whether to fetch into the cache what is in neither.

    Returns
    -------
    LabelledImages
        Images of shape (images, 3, 32, 32), channels red, green, blue.

    Raises
    ------
    ValueError
        If the data are absent and cannot be fetched, or a file is not made of CIFAR-10 records
        or not the one that ``SHA256SUMS`` beside it lists.
    """
    check_split(split)
    folder = _files.obtain("cifar10", locate=locate, fetch=fetch if download else None, root=root)
    records = torch.cat([_records(path) for path in _batches(folder, split)])
    # Written straight into float32: twice as fast as a conversion followed by a division.
    pixels = records[:, 1:]
    images = torch.div(pixels, 255, out=torch.empty_like(pixels, dtype=torch.float32))
    source = (
        f"cifar10 {split}: {_count(len(images), split)} images of 3x32x32, {CLASSES} classes, "
        f"sha256 {_fingerprint(folder)}"
    )
    return LabelledImages(images.view(-1, *SHAPE), records[:, 0].long(), source)


def locate(root: str | Path | None) -> Path | None:
    """Return the folder that holds batches, or None."""
    return _files.locate(FOLDER, lambda folder: bool(_present(folder)), root)


def fetch() -> Path:
    """Download and unpack the official archive, unless the cache has all its batches."""
    cache = _files.cache_directory()
    folder = cache / FOLDER
    if len(_present(folder)) == len(_names()):
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    # A scratch folder of one's own: processes that fetch at the same time do not meet, and an
    # interrupted one leaves no half a data set behind.
    with tempfile.TemporaryDirectory(dir=cache, prefix=f".{FOLDER}.") as name:
        scratch = Path(name)
        archive = _files.download(URLS, sha256=ARCHIVE_SHA256, folder=scratch)
        unpacked = (*_extract(archive, scratch), _write_checksums(scratch))
        folder.mkdir(exist_ok=True)
        for path in unpacked:
            path.replace(folder / path.name)
    return folder


def verify(root: str | Path | None) -> str:
    """Check every batch again and say what is there."""
    folder = _files.obtain("cifar10", locate=locate, fetch=None, root=root)
    _hashes(folder, _files.sha256_of)
    counts = dict.fromkeys(BATCHES, 0)
    for split, names in BATCHES.items():
        for path in (folder / name for name in names if (folder / name).is_file()):
            counts[split] += len(_records(path))
    listed = (folder / CHECKSUMS).is_file()
    proof = "as downloaded" if listed else "a prepared folder: sizes and labels are right"
    train, test = (_count(counts[split], split) for split in BATCHES)
    return (
        f"cifar10 in {folder}: {train} train and {test} test images; {proof}, "
        f"sha256 {_fingerprint(folder)}"
    )


def fingerprint(root: str | Path | None) -> str:
    """Return the content hash of the batches that are there, once held to ``SHA256SUMS``."""
    return _fingerprint(_files.obtain("cifar10", locate=locate, fetch=None, root=root))


def _fingerprint(folder: Path) -> str:
    return digest(_hashes(folder, _files.remembered_sha256_of))[:12]


def _hashes(folder: Path, sha256_of: Callable[[Path], str]) -> dict[str, str]:
    """Hash the batches that are there, and hold them to ``SHA256SUMS`` if that is there."""
    hashes = {path.name: sha256_of(path) for path in _present(folder)}
    listed = _read_checksums(folder)
    if listed is None:
        return hashes
    for name, found in hashes.items():
        if name not in listed:
            raise ValueError(
                f"{folder / CHECKSUMS} lists no {name}; add its line, or delete the file if the "
                "batches are to be taken as they are"
            )
        if found != listed[name]:
            raise _files.altered("cifar10", folder / name, expected=listed[name], found=found)
    return hashes


def _names() -> tuple[str, ...]:
    return (*BATCHES["train"], *BATCHES["test"])


def _present(folder: Path) -> list[Path]:
    return [folder / name for name in _names() if (folder / name).is_file()]


def _batches(folder: Path, split: str) -> list[Path]:
    paths = [folder / name for name in BATCHES[split] if (folder / name).is_file()]
    if not paths:
        raise ValueError(
            f"{folder} holds no {split} images, that is none of {', '.join(BATCHES[split])}; "
            "add them, or type `striate data fetch cifar10` and unset STRIATE_DATA"
        )
    return paths


def _records(path: Path) -> UInt8[Tensor, "images bytes"]:
    size = path.stat().st_size
    if size == 0 or size % RECORD_BYTES:
        raise ValueError(
            f"{path} holds {size} bytes, not a whole number of records of {RECORD_BYTES}; "
            "delete it and type `striate data fetch cifar10`"
        )
    records = torch.from_numpy(np.fromfile(path, np.uint8)).view(-1, RECORD_BYTES)
    wrong = (records[:, 0] >= CLASSES).nonzero()
    if len(wrong):
        first = int(wrong[0])
        raise ValueError(
            f"{path} is not CIFAR-10: the label of image {first} is {int(records[first, 0])}, "
            f"expected 0 to {CLASSES - 1}; delete it and type `striate data fetch cifar10`"
        )
    return records


def _count(images: int, split: str) -> str:
    official = OFFICIAL[split]
    return str(images) if images == official else f"{images} of the official {official}"


def _extract(archive: Path, folder: Path) -> list[Path]:
    """Unpack the six batches by name; whatever else an archive holds stays in it."""
    paths = []
    with tarfile.open(archive) as tar:
        members = {member.name: member for member in tar if member.isfile()}
        for name in _names():
            content = members.get(f"{FOLDER}/{name}")
            stream = content and tar.extractfile(content)
            if not stream:
                raise ValueError(f"{archive.name} holds no file {FOLDER}/{name}")
            paths.append(folder / name)
            with stream, paths[-1].open("wb") as file:
                shutil.copyfileobj(stream, file)
    return paths


def _write_checksums(folder: Path) -> Path:
    path = folder / CHECKSUMS
    path.write_text(
        "".join(f"{_files.sha256_of(batch)}  {batch.name}\n" for batch in _present(folder))
    )
    return path


def _read_checksums(folder: Path) -> dict[str, str] | None:
    """Return the hash of each name in ``SHA256SUMS``, None if there is no such file."""
    path = folder / CHECKSUMS
    if not path.is_file():
        return None
    listed = {}
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        if (read := _CHECKSUM_LINE.fullmatch(line)) is None:
            raise ValueError(
                f"{path}: line {number} is {line[:80]!r}; each must be a SHA-256 and a name, as "
                "sha256sum writes them"
            )
        listed[read[2]] = read[1].lower()
    return listed
