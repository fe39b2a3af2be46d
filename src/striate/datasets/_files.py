"""Where data sets lie, and how they get there.

Data are looked for below ``STRIATE_DATA`` and then in the cache; only the cache is written to.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import pooch

from striate.results.given import as_path


def cache_directory() -> Path:
    """Return the folder that downloads go to: ``STRIATE_CACHE``, or the system's cache."""
    chosen = os.environ.get("STRIATE_CACHE")
    return Path(chosen or pooch.os_cache("striate"))


def search_path(root: str | Path | None) -> Iterator[Path]:
    """Yield the folders that may hold data sets, in the order in which they are tried.

    Parameters
    ----------
    root
        The only folder to look in, or None for ``STRIATE_DATA`` and then the cache.

    Raises
    ------
    ValueError
        If the folder that was asked for does not exist: most likely a slip of the pen, which
        must not end in data being taken from elsewhere.
    """
    if root is not None:
        yield _existing(as_path("root", root), "root")
        return
    chosen = os.environ.get("STRIATE_DATA")
    if chosen:
        yield _existing(Path(chosen), "STRIATE_DATA")
    yield cache_directory()


def _existing(folder: Path, setting: str) -> Path:
    if not folder.is_dir():
        raise ValueError(
            f"{setting} names {folder}, which is not a folder; correct it or leave it out"
        )
    return folder


def locate(folder: str, is_there: Callable[[Path], bool], root: str | Path | None) -> Path | None:
    """Return the first `folder` on the search path whose content `is_there`, or None."""
    places = (place / folder for place in search_path(root))
    return next((place for place in places if is_there(place)), None)


def obtain(
    name: str,
    *,
    locate: Callable[[str | Path | None], Path | None],
    fetch: Callable[[], Path] | None,
    root: str | Path | None,
) -> Path:
    """Return the folder of a data set, after a download if need be and `fetch` is given.

    An explicit `root` is never downloaded to, nor replaced by the cache.

    Raises
    ------
    ValueError
        If the data are nowhere and cannot be downloaded; it says where they were looked for.
    """
    found = locate(root)
    if found is not None:
        return found
    reason = ""
    if fetch is not None and root is None:
        try:
            return fetch()
        except (OSError, ValueError) as error:
            reason = f", and {error}"
    places = " or ".join(str(place) for place in search_path(root))
    raise ValueError(
        f"{name} is not in {places}{reason}; type `striate data fetch {name}` where there is a "
        "network, or set STRIATE_DATA to a folder that holds it"
    )


def download(urls: Sequence[str], *, sha256: str, folder: Path) -> Path:
    """Bring a file to `folder` from the first of its mirrors that delivers it whole.

    A file that is already there with the right hash is left alone, a wrong one is replaced;
    nothing appears under the final name before its hash has been checked.

    Raises
    ------
    ValueError
        If no mirror delivers it: the reason for each, with both hashes where they differ.
    """
    name = urls[0].rpartition("/")[2]
    failures = []
    for url in urls:
        try:
            return Path(pooch.retrieve(url, known_hash=sha256, fname=name, path=folder))
        except (OSError, ValueError) as error:
            failures.append(f"{url}: {_brief(error)}")
    raise ValueError(f"{name} could not be downloaded ({'; '.join(failures)})")


def _brief(error: Exception) -> str:
    # Imported here, as pooch does: only a download needs it. It would quote half the network stack.
    from requests.exceptions import ConnectionError as NoConnection

    return "no connection" if isinstance(error, NoConnection) else str(error)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remembered_sha256_of(path: Path) -> str:
    """As `sha256_of`, but read again only when the file's size or time has changed."""
    status = path.stat()
    return _sha256_by_status(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=64)
def _sha256_by_status(path: Path, size: int, time: int) -> str:
    return sha256_of(path)


def altered(name: str, path: Path, *, expected: str, found: str) -> ValueError:
    """Return the error for a file that is not what it should be."""
    return ValueError(
        f"{path} is truncated or altered: expected SHA-256 {expected}, found {found}; "
        f"delete it and type `striate data fetch {name}`"
    )
