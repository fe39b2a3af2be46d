"""Reading result files: what is not whole is refused by name, whatever it holds."""

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from striate.results.files import FORMAT, digest
from striate.results.given import as_path
from striate.results.nouns import Curve, Result, Score

# What every result file has; by the last two it is known.
PARTS, SEAL = ("task", "provenance", "results"), ("format", "sha256")


class DamagedError(ValueError):
    """A file that is not what was once written: cut, altered, or never a result.

    Attributes
    ----------
    file
        Which.
    foreign
        Whether it is whole, but has nothing of a result: somebody else's file.
    """

    def __init__(self, message: str, file: Path | None = None, *, foreign: bool = False) -> None:
        super().__init__(message)
        self.file, self.foreign = file, foreign


def read_record(path: str | Path) -> dict[str, Any]:
    """Return a result file as it lies on disk: task, provenance, results, and perhaps arrays.

    Raises
    ------
    DamagedError
        If the file is not a result file, or is damaged. It is a ValueError.
    ValueError
        If the file was written by a newer format.
    """
    path = as_path("path", path)
    foreign = False
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        foreign = not isinstance(record, dict) or not any(key in record for key in SEAL)
        _check_parts(record)
        content = {key: record[key] for key in PARTS}
        if "arrays" in record:
            content["arrays"] = record["arrays"]
        written, checksum = record["format"], record["sha256"]
        found = digest(content)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise DamagedError(
            f"{path} is not a result file ({error}); move it away and rerun",
            path,
            foreign=foreign,
        ) from error
    if written != FORMAT:
        raise ValueError(
            f"{path} has format {written}, this version reads {FORMAT}; upgrade striate"
        )
    if found != checksum:
        raise DamagedError(
            f"{path} is damaged: its checksum does not match; delete it and rerun", path
        )
    kinds = {"task": dict, "provenance": dict, "results": list, "arrays": dict}
    for key, part in content.items():
        if not isinstance(part, kinds[key]):
            raise DamagedError(
                f"{path} is not a result file (its {key} is a {type(part).__name__}); "
                "move it away and rerun",
                path,
            )
    return record


def _check_parts(record: object) -> None:
    """Refuse JSON that is no record of a task, and say in words what it has not."""
    if not isinstance(record, dict):
        raise TypeError("it holds no record of a task")
    lacking = [key for key in (*PARTS, *SEAL) if key not in record]
    if lacking:
        raise ValueError(f"it has no {', '.join(lacking)}")


def load(path: str | Path) -> list[Result]:
    """Read the scores and curves of one result file.

    Raises
    ------
    ValueError
        As `read_record`; and if one of its entries is neither a score nor a curve.
    """
    path = as_path("path", path)
    return _revived(path, read_record(path))


def load_arrays(path: str | Path) -> dict[str, np.ndarray]:
    """Read the arrays that lie beside one result file; none for a result without.

    Parameters
    ----------
    path
        Of the result file, not of its arrays.

    Raises
    ------
    ValueError
        As `read_record`; and if the file of its arrays is missing or is not the one written.
    """
    path = as_path("path", path)
    return _arrays_of(path, read_record(path))


class Whole(NamedTuple):
    """A result file, read once: as it lies on disk, its scores and curves, its arrays."""

    record: dict[str, Any]
    results: list[Result]
    arrays: dict[str, np.ndarray]


def load_whole(path: str | Path) -> Whole:
    """Read all that one result file holds, and check it once.

    Raises
    ------
    ValueError
        As `load` and `load_arrays`.
    """
    path = as_path("path", path)
    record = read_record(path)
    return Whole(record, _revived(path, record), _arrays_of(path, record))


def _arrays_of(path: Path, record: Mapping[str, Any]) -> dict[str, np.ndarray]:
    found = _archive(path, record)
    if found is None:
        return {}
    beside, archive = found
    try:
        with np.load(io.BytesIO(archive), allow_pickle=False) as arrays:
            return {name: _numbers(arrays[name]) for name in arrays.files}
    except Exception as error:  # what a decoder says of foreign bytes is not ours to list
        raise DamagedError(
            f"{beside} holds no arrays that can be read ({error}); delete it and rerun",
            beside,
        ) from error


def load_all(directory: str | Path) -> list[Result]:
    """Read every result file below `directory`, in the order of their names.

    Raises
    ------
    ValueError
        If `directory` does not exist, or one of the files is not a sound result file.
    """
    return [result for path in paths(directory) for result in load(path)]


def check(path: str | Path) -> dict[str, Any]:
    """Return the record of a result file that is as it was written, its arrays included.

    Raises
    ------
    ValueError
        As `read_record`; and if the file of its arrays is missing or is not the one written. What
        is damaged is a `DamagedError`.
    """
    path = as_path("path", path)
    record = read_record(path)
    _archive(path, record)
    return record


def paths(directory: str | Path) -> Iterator[Path]:
    """Yield the result files below `directory` by name; unfinished work is left out.

    Raises
    ------
    ValueError
        If `directory` does not exist.
    """
    directory = as_path("directory", directory)
    if not directory.is_dir():
        raise ValueError(f"no results folder at {directory}; `striate run … --results` makes one")
    for path in sorted(directory.rglob("*.json")):
        hidden = any(part.startswith(".") for part in path.relative_to(directory).parts)
        if not hidden and not path.is_dir():  # a link to nowhere is one that cannot be read
            yield path


def _archive(path: Path, record: Mapping[str, Any]) -> tuple[Path, bytes] | None:
    """Return where the arrays of a record lie, and their bytes, which are those once written."""
    if "arrays" not in record:
        return None
    file, expected = (record["arrays"].get(key) for key in ("file", "sha256"))
    # A bare name: what a file from elsewhere says may not lead out of its folder.
    if not isinstance(file, str) or not file.endswith(".npz") or Path(file).name != file:
        raise DamagedError(f"{path} does not say where its arrays are; delete it and rerun", path)
    beside = path.parent / file
    try:
        archive = beside.read_bytes()
    except FileNotFoundError as error:
        raise DamagedError(
            f"{path} has arrays in {beside.name}, which is missing; copy it too, or delete the "
            "result and rerun",
            beside,
        ) from error
    if hashlib.sha256(archive).hexdigest() != expected:
        raise DamagedError(
            f"{beside} is damaged, or of another result: its checksum is not the one in "
            f"{path.name}; delete both and rerun",
            beside,
        )
    return beside, archive


def _numbers(member: object) -> np.ndarray:
    if not isinstance(member, np.ndarray):
        raise TypeError("it holds other files, too")
    return member


def _revived(path: Path, record: Mapping[str, Any]) -> list[Result]:
    try:
        return [_revive(entry) for entry in record["results"]]
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise DamagedError(
            f"{path} holds what is neither a score nor a curve ({error}); delete it and rerun",
            path,
        ) from error


def _revive(entry: Mapping[str, Any]) -> Result:
    fields: dict[str, Any] = {  # JSON has lists where a curve has tuples
        key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()
    }
    named = all(isinstance(fields.get(key, ""), str) for key in ("name", "source"))
    if not named or not isinstance(fields.get("settings", {}), dict):
        raise TypeError("a name or source that is no text, or settings that have no names")
    return {"Score": Score, "Curve": Curve}[fields.pop("kind")](**fields)
