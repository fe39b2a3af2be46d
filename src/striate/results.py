"""What a study leaves behind: `Score` and `Curve`, written once as small JSON files.

A result file is the list of scores and curves of one task. It is written atomically, carries a
checksum of its content, and can be copied, merged and diffed. What is too long for JSON, such as
numbers per unit, lies in an ``.npz`` beside it. Reading needs no torch.
"""

import hashlib
import io
import json
import math
import os
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

Setting = str | int | float | bool | None
FORMAT = 1


@dataclass(frozen=True)
class Score:
    """One cell of a table.

    `error`, where there is one, is explained by ``settings["error"]``, e.g. ``"sd over batches"``.
    """

    name: str
    value: float
    error: float | None = None
    source: str = ""
    settings: Mapping[str, Setting] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_numbers(self.name, [self.value], None if self.error is None else [self.error])
        _check_error_kind(self)


@dataclass(frozen=True)
class Curve:
    """One line of a figure: `y` (and its `error`) at `x`, plain floats.

    `error`, where there is one, is explained by ``settings["error"]``, e.g. ``"sem over seeds"``.
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    error: tuple[float, ...] | None = None
    source: str = ""
    settings: Mapping[str, Setting] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for axis in ("x", "y", "error"):
            values = getattr(self, axis)
            if values is not None:
                object.__setattr__(self, axis, tuple(float(value) for value in values))
        lengths = {len(axis) for axis in (self.x, self.y, self.error) if axis is not None}
        if len(lengths) != 1:
            raise ValueError(
                f"curve {self.name!r}: x, y and error need one length, got {len(self.x)}, "
                f"{len(self.y)} and {None if self.error is None else len(self.error)}"
            )
        _check_numbers(self.name, (*self.x, *self.y), self.error)
        _check_error_kind(self)


Result = Score | Curve


def _check_numbers(name: str, values: Iterable[float], error: Iterable[float] | None) -> None:
    if not all(math.isfinite(value) for value in (*values, *(error or ()))):
        raise ValueError(
            f"{name!r} holds a number that is not finite; a result records measurements"
        )


def _check_error_kind(result: Result) -> None:
    if result.error is not None and "error" not in result.settings:
        raise ValueError(
            f"{result.name!r} has an error but settings['error'] does not say which: "
            "write e.g. 'sd over batches', 'sem over seeds', 'bootstrap 95 %'"
        )


def digest(content: object) -> str:
    """SHA-256 of anything JSON can hold, independent of the order of its keys."""
    text = json.dumps(content, sort_keys=True, allow_nan=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def save(
    path: Path,
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
        a result that is there is whole.

    Raises
    ------
    ValueError
        If one of `arrays` is no array of numbers or truth values.
    """
    content: dict[str, Any] = {
        "task": dict(task),
        "provenance": dict(provenance),
        "results": [{"kind": type(result).__name__, **asdict(result)} for result in results],
    }
    if arrays:
        archive = _packed(arrays)
        content["arrays"] = {
            "file": path.with_suffix(".npz").name,
            "sha256": hashlib.sha256(archive).hexdigest(),
            "contents": {
                name: {"shape": list(array.shape), "dtype": str(array.dtype)}
                for name, array in arrays.items()
            },
        }
        write_atomically(path.with_suffix(".npz"), archive)
    record = {"format": FORMAT, "sha256": digest(content), **content}
    write_atomically(path, json.dumps(record, indent=1, allow_nan=False).encode())


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


def write_atomically(path: Path, content: bytes) -> None:
    """Put `content` at `path` so that a reader sees the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read_record(path: Path) -> dict[str, Any]:
    """Return a result file as it lies on disk: task, provenance, results, and perhaps arrays.

    Raises
    ------
    ValueError
        If the file is not a result file, is damaged, or was written by a newer format.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        content = {key: record[key] for key in ("task", "provenance", "results")}
        if "arrays" in record:
            content["arrays"] = record["arrays"]
        written, checksum = record["format"], record["sha256"]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{path} is not a result file ({error}); move it away and rerun"
        ) from error
    if written != FORMAT:
        raise ValueError(
            f"{path} has format {written}, this version reads {FORMAT}; upgrade striate"
        )
    if digest(content) != checksum:
        raise ValueError(f"{path} is damaged: its checksum does not match; delete it and rerun")
    return record


def load(path: Path) -> list[Result]:
    """Read the scores and curves of one result file.

    Raises
    ------
    ValueError
        As `read_record`.
    """
    return [_revive(entry) for entry in read_record(path)["results"]]


def load_arrays(path: Path) -> dict[str, np.ndarray]:
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
    about = read_record(path).get("arrays")
    if about is None:
        return {}
    beside = path.parent / Path(about["file"]).name
    try:
        archive = beside.read_bytes()
    except FileNotFoundError as error:
        raise ValueError(
            f"{path} has arrays in {beside.name}, which is missing; copy it too, or delete the "
            "result and rerun"
        ) from error
    if hashlib.sha256(archive).hexdigest() != about["sha256"]:
        raise ValueError(
            f"{beside} is damaged, or of another result: its checksum is not the one in "
            f"{path.name}; delete both and rerun"
        )
    with np.load(io.BytesIO(archive), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def load_all(directory: Path) -> list[Result]:
    """Read every result file below `directory`, in the order of their names.

    Raises
    ------
    ValueError
        If `directory` does not exist, or one of the files is not a sound result file.
    """
    return [result for path in paths(directory) for result in load(path)]


def paths(directory: Path) -> Iterator[Path]:
    """Yield the result files below `directory` by name; unfinished work is left out.

    Raises
    ------
    ValueError
        If `directory` does not exist.
    """
    if not directory.is_dir():
        raise ValueError(f"no results folder at {directory}; `striate run … --results` makes one")
    for path in sorted(directory.rglob("*.json")):
        if not any(part.startswith(".") for part in path.relative_to(directory).parts):
            yield path


def _revive(entry: Mapping[str, Any]) -> Result:
    fields: dict[str, Any] = {  # JSON has lists where a curve has tuples
        key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()
    }
    return {"Score": Score, "Curve": Curve}[fields.pop("kind")](**fields)
