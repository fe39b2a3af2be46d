"""From files to tensors: images in [0, 1], recorded responses, and proof of which ones they are.

Folders of photographs are read by `images`, recordings by `recording`, and `present` shows a
recording's images to a network as large as they were. Every labelled data set
is a module with the functions of `_Source`; adding one is adding a line to `DATASETS` and one to
`_SOURCES`.
"""

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, runtime_checkable

from striate.datasets import _cifar10, _digits, _mnist
from striate.datasets._arrays import arrays, populations
from striate.datasets._cadena2019 import cadena2019
from striate.datasets._cifar10 import cifar10
from striate.datasets._digits import digits
from striate.datasets._folders import ImageFolder, images
from striate.datasets._henaff2021 import henaff2021
from striate.datasets._images import LabelledImages
from striate.datasets._mnist import mnist
from striate.datasets._nwb import nwb
from striate.datasets._presentation import (
    CADENA2019,
    STRINGER2019,
    Presentation,
    Presented,
    present,
)
from striate.datasets._recording import Recording
from striate.datasets._recordings import recording
from striate.datasets._stringer2019 import stringer2019

__all__ = [
    "CADENA2019",
    "DATASETS",
    "STRINGER2019",
    "ImageFolder",
    "LabelledImages",
    "Presentation",
    "Presented",
    "Recording",
    "arrays",
    "cadena2019",
    "cifar10",
    "digits",
    "fetch",
    "fingerprint",
    "henaff2021",
    "images",
    "locate",
    "mnist",
    "nwb",
    "populations",
    "present",
    "recording",
    "stringer2019",
    "verify",
]

DATASETS: dict[str, Callable[..., LabelledImages]] = {
    "digits": digits,
    "mnist": mnist,
    "cifar10": cifar10,
}


@runtime_checkable
class _Source(Protocol):
    """What the module of a data set offers besides its loader."""

    def locate(self, root: str | Path | None) -> Path | None: ...
    def fetch(self) -> Path: ...
    def verify(self, root: str | Path | None) -> str: ...
    def fingerprint(self, root: str | Path | None) -> str: ...


_SOURCES: dict[str, _Source] = {"digits": _digits, "mnist": _mnist, "cifar10": _cifar10}


def locate(name: str, root: str | Path | None = None) -> Path | None:
    """Return the folder a data set would be read from, or None if it would be downloaded.

    Parameters
    ----------
    name
        A key of `DATASETS`.
    root
        The only folder to look in. Without it, ``STRIATE_DATA`` and then the cache.

    Raises
    ------
    ValueError
        If there is no such data set, or `root` or ``STRIATE_DATA`` is not a folder.
    """
    return _source(name).locate(root)


def fetch(name: str) -> Path:
    """Download a data set into the cache, unless it is there, and return its folder.

    The cache is ``STRIATE_CACHE``, or the system's own folder for such things.

    Raises
    ------
    ValueError
        If there is no such data set, no mirror delivers what its SHA-256 promises, or the cache
        cannot be written to.
    """
    source = _source(name)
    try:
        return source.fetch()
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{name} was not fetched: {error}; try again where there is a network, set "
            "STRIATE_CACHE to a folder you may write to, or STRIATE_DATA to one that holds the data"
        ) from error


def verify(name: str, root: str | Path | None = None) -> str:
    """Read a data set from end to end and say in one sentence what is there.

    Parameters
    ----------
    name, root
        As `locate`.

    Raises
    ------
    ValueError
        If the data are absent, or a file is not what it should be: its name, the hash expected
        and the hash found.
    """
    return _source(name).verify(root)


def fingerprint(name: str, root: str | Path | None = None) -> str:
    """Return twelve hexadecimal digits that stand for the content of a data set.

    They do not depend on where it lies. A file is read once per process, and again only when
    its size or time changes.

    Parameters
    ----------
    name, root
        As `locate`.

    Raises
    ------
    ValueError
        If the data are absent or damaged.
    """
    return _source(name).fingerprint(root)


def _source(name: str) -> _Source:
    if not isinstance(name, str) or name not in _SOURCES:
        close = difflib.get_close_matches(str(name).lower(), _SOURCES, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise ValueError(f"there is no data set {name!r}; {hint}there are {', '.join(_SOURCES)}")
    return _SOURCES[name]
