"""Writing result files: all or nothing, and never over somebody else's."""

import hashlib
import io
import json
import os
import secrets
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np

from striate.results.given import as_path
from striate.results.nouns import Result, Setting

FORMAT = 1


def digest(content: object) -> str:
    """SHA-256 of anything JSON can hold, independent of the order of its keys."""
    text = json.dumps(
        content, sort_keys=True, allow_nan=False, separators=(",", ":"), default=plain
    )
    return hashlib.sha256(text.encode()).hexdigest()


def plain(value: object) -> int:
    """Return a whole number that JSON does not know, as NumPy's, as one that it does.

    Raises
    ------
    TypeError
        If it is none, as JSON asks for.
    """
    if isinstance(value, Integral):
        return int(value)
    raise TypeError(f"{value!r} is a {type(value).__name__}, which JSON does not hold")


def save(
    path: str | Path,
    results: Sequence[Result],
    *,
    task: Mapping[str, Setting],
    provenance: Mapping[str, Setting],
    arrays: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Write one task's results to `path`, all or nothing.

    Parameters
    ----------
    path
        Ends in ``.json``. Its folder is made if need be.
    results
        What the task measured.
    task
        Everything that determines the results: measurement, version, data, settings, seed.
    provenance
        What does not determine them but explains them: versions, device, seconds.
    arrays
        What is too long for JSON, by name. It is written to ``STEM.npz`` beside `path`, before it:
        a result that is there is whole. Where other arrays have that name already, those of this
        result get one with their hash: of two writers, each finds its own.

    Raises
    ------
    ValueError
        If one of `arrays` is no array of numbers or truth values.
    """
    path = as_path("path", path)
    content: dict[str, Any] = {
        "task": dict(task),
        "provenance": dict(provenance),
        "results": [{"kind": type(result).__name__, **asdict(result)} for result in results],
    }
    if arrays:
        archive = _packed(arrays)
        content["arrays"] = {
            "file": _placed(path.with_suffix(".npz"), archive).name,
            "sha256": hashlib.sha256(archive).hexdigest(),
            "contents": {
                name: {"shape": list(array.shape), "dtype": str(array.dtype)}
                for name, array in arrays.items()
            },
        }
    record = {"format": FORMAT, "sha256": digest(content), **content}
    write_atomically(path, json.dumps(record, indent=1, allow_nan=False, default=plain).encode())


def _packed(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return what `numpy.savez_compressed` would write, without the time: same arrays, same bytes.

    Of two runs, the hashes can then be compared.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            if not isinstance(array, np.ndarray) or array.dtype.kind not in "biufc":
                kind = getattr(array, "dtype", type(array).__name__)
                raise ValueError(f"arrays[{name!r}] is of {kind}; give a numpy array of numbers")
            member = io.BytesIO()
            np.lib.format.write_array(member, array, allow_pickle=False)
            about = zipfile.ZipInfo(f"{name}.npy")  # of 1980
            archive.writestr(about, member.getvalue(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _placed(path: Path, content: bytes) -> Path:
    """Put `content` at `path`, or under its hash if something else is there; return where."""
    if _created(path, content) or path.read_bytes() == content:
        return path
    own = path.with_name(f"{path.stem}-{hashlib.sha256(content).hexdigest()[:12]}{path.suffix}")
    write_atomically(own, content)
    return own


def _created(path: Path, content: bytes) -> bool:
    """Put `content` at `path` if nothing is there; of several at once, one succeeds."""
    if path.exists():
        return False
    with _temporary(path, content) as written:
        try:
            path.hardlink_to(written)
        except FileExistsError:
            return False
        except OSError:  # a file system without links
            written.replace(path)
    return True


def write_atomically(path: Path, content: bytes) -> None:
    """Put `content` at `path` so that a reader sees the old file or the new one, never a part."""
    with _temporary(path, content) as written:
        written.replace(path)


def remove(folder: Path, pattern: str) -> None:
    """Delete the files in `folder` that fit a glob, and what killed processes left of writing such.

    They must be nobody else's: a write that is under way would lose its file.
    """
    for one in (pattern, f".{pattern}.*"):  # as `_temporary` names them
        for file in folder.glob(one):
            file.unlink(missing_ok=True)


@contextmanager
def _temporary(path: Path, content: bytes) -> Iterator[Path]:
    """Yield a file beside `path` that holds `content` on disk; what is left of it goes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, written = unnamed(path.parent, f".{path.name}.")
    try:
        with naming(path), os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield written
    finally:
        written.unlink(missing_ok=True)


def unnamed(folder: Path, start: str, end: str = "") -> tuple[int, Path]:
    """Make a file under a name that is free, open for writing; return its handle and path.

    Unlike those of `tempfile` it is not for its owner alone: who may read and write it is for the
    umask and the folder to say, as of any file.
    """
    while True:
        path = folder / f"{start}{secrets.token_hex(4)}{end}"
        with suppress(FileExistsError):
            return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), path


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Name `path` in an error of the system that names no file, as "File too large"."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise
