"""MNIST: 60 000 + 10 000 handwritten digits of 28x28, from the four idx files of LeCun et al.

Y. LeCun, L. Bottou, Y. Bengio, P. Haffner 1998, "Gradient-based learning applied to document
recognition", Proceedings of the IEEE 86(11), 2278-2324.
"""

import gzip
import hashlib
import zlib
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import UInt8
from torch import Tensor

from striate.datasets import _files
from striate.datasets._images import LabelledImages, Split, check_split
from striate.results import digest

FOLDER = "mnist"
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)


class IdxFile(NamedTuple):
    """The two hashes of an official file.

    A download must match `compressed`. A file that is already there need only match `content`,
    because copies of MNIST that were packed anew, with the same bytes inside, are about.
    """

    compressed: str
    content: str


# Both columns agree with those that independent projects publish; the second was also computed.
FILES = {
    "train-images-idx3-ubyte.gz": IdxFile(
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    "train-labels-idx1-ubyte.gz": IdxFile(
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    "t10k-images-idx3-ubyte.gz": IdxFile(
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    "t10k-labels-idx1-ubyte.gz": IdxFile(
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
}
PREFIX = {"train": "train", "test": "t10k"}
LARGEST = 16 + 60_000 * 28 * 28  # bytes, of the training images


def mnist(split: Split, *, root: str | Path | None = None, download: bool = True) -> LabelledImages:
    """Load handwritten digits, 60 000 for training and 10 000 for testing.

    Parameters
    ----------
    split
        The official one.
    root
        Folder that holds ``mnist/``. Without it, ``STRIATE_DATA`` and then the cache.
    download
        Whether to fetch into the cache what is in neither.

    Returns
    -------
    LabelledImages
        Images of shape (images, 1, 28, 28).

    Raises
    ------
    ValueError
        If the data are absent and cannot be fetched, or a file is not the official one.
    """
    check_split(split)
    folder = _files.obtain("mnist", locate=locate, fetch=fetch if download else None, root=root)
    pixels = _idx(_content(folder / f"{PREFIX[split]}-images-idx3-ubyte.gz"))
    classes = _idx(_content(folder / f"{PREFIX[split]}-labels-idx1-ubyte.gz"))
    # Written straight into float32: twice as fast as a conversion followed by a division.
    images = torch.div(pixels, 255, out=torch.empty_like(pixels, dtype=torch.float32))
    height, width = images.shape[1:]
    source = (
        f"mnist {split}: {len(images)} images of 1x{height}x{width}, 10 classes, "
        f"sha256 {_fingerprint()}"
    )
    return LabelledImages(images.unsqueeze(1), classes.long(), source)


def locate(root: str | Path | None) -> Path | None:
    """Return the folder that holds all four files, or None."""
    return _files.locate(
        FOLDER, lambda folder: all((folder / name).is_file() for name in FILES), root
    )


def fetch() -> Path:
    """Download what the cache lacks of the four files."""
    folder = _files.cache_directory() / FOLDER
    for name, file in FILES.items():
        mirrors = [mirror + name for mirror in MIRRORS]
        _files.download(mirrors, sha256=file.compressed, folder=folder)
    return folder


def verify(root: str | Path | None) -> str:
    """Read every file again and say what is there."""
    folder = _files.obtain("mnist", locate=locate, fetch=None, root=root)
    train, _, test, _ = (_idx(_content(folder / name)) for name in FILES)
    return (
        f"mnist in {folder}: {len(train)} train and {len(test)} test images; "
        f"all {len(FILES)} files have the official content, sha256 {_fingerprint()}"
    )


def fingerprint(root: str | Path | None) -> str:
    """Return the content hash, once the files have been seen to deserve it."""
    folder = _files.obtain("mnist", locate=locate, fetch=None, root=root)
    for name in FILES:
        status = (folder / name).stat()
        _check_once(folder / name, status.st_size, status.st_mtime_ns)
    return _fingerprint()


def _fingerprint() -> str:
    return digest({name: file.content for name, file in FILES.items()})[:12]


@lru_cache(maxsize=64)
def _check_once(path: Path, size: int, time: int) -> None:
    _content(path)


def _content(path: Path) -> bytes:
    expected = FILES[path.name]
    try:
        with gzip.open(path) as file:
            # A byte too many is altered as well; a thousand times as many need not be unpacked.
            content = file.read(LARGEST + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        found = _files.sha256_of(path)
        raise _files.altered("mnist", path, expected=expected.compressed, found=found) from error
    found = hashlib.sha256(content).hexdigest()
    if found != expected.content:
        raise _files.altered("mnist", path, expected=expected.content, found=found)
    return content


def _idx(content: bytes) -> UInt8[Tensor, "..."]:
    """Unpack an idx file of bytes: 0, 0, 8, the number of axes, their lengths, the values."""
    axes = content[3]
    lengths = [int.from_bytes(content[at : at + 4], "big") for at in range(4, 4 + 4 * axes, 4)]
    # A copy, since torch does not take memory that it may not write to.
    return torch.frombuffer(bytearray(content), dtype=torch.uint8, offset=4 + 4 * axes).view(
        lengths
    )
