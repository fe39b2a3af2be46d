"""Recordings as plain arrays in an npz or HDF5 file: the schema that this toolkit asks for.

``responses`` (repeats, stimuli, units), or one ``responses_<population>`` for each of several
populations that saw the same stimuli; optionally ``images`` and ``image_ids``.
"""

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from striate.datasets._packed import attributes_of, unpacked
from striate.datasets._recording import Recording, assemble, existing, listed, span

PREFIX = "responses_"
# What people call the axes of responses, in the order in which they are asked for.
AXES = (
    {"repeat", "repeats", "repetition", "repetitions", "trial", "trials"},
    {"stimulus", "stimuli", "image", "images", "stimulus_id", "image_id"},
    {"unit", "units", "neuron", "neurons", "neuroid", "neuroids", "cell", "cells", "channel"},
)
HDF5 = b"\x89HDF\r\n\x1a\n"


def arrays(path: str | Path, *, population: str | None = None) -> Recording:
    """Read a recording from the arrays of an npz or HDF5 file.

    Parameters
    ----------
    path
        The file. Its arrays are ``responses`` (repeats, stimuli, units), floating-point or
        integer, NaN where a trial was not recorded; or several ``responses_<population>``. Also,
        if wanted, ``images`` (stimuli, height, width) or (stimuli, channels, height, width),
        8-bit or in [0, 1], and ``image_ids`` (stimuli,), text or integers: equal for stimuli
        that stem from one photograph or movie. Other arrays are left alone. Attributes by which
        NetCDF packs responses are heeded (``_FillValue``, ``missing_value``, ``scale_factor``,
        ``add_offset``), and so are names of dimensions that say which axis is which (``repeat``,
        ``stimulus``, ``unit`` and the like); the notes then say so. Without, order counts.
    population
        Which one, of several; all of them, side by side, if None.

    Raises
    ------
    ValueError
        If an array is absent or is not of its shape and kind, such an attribute cannot be meant, or
        there is no such population.
    """
    path = existing(path)
    there = names(path)
    keys = responses_of(path, there, population)
    held = read(path, [*keys, *(key for key in ("images", "image_ids") if key in there)])
    parts, told = _unpacked(path, {key: held[key] for key in keys})
    values, notes = side_by_side(path, parts)
    ids = held.get("image_ids")
    if ids is not None and (ids.ndim != 1 or ids.dtype.kind not in "iuUS"):
        raise ValueError(
            f"{path}: image_ids is {ids.dtype} of shape {ids.shape}; give one text or integer "
            "per stimulus"
        )
    return assemble(
        path,
        values,
        name=" and ".join(keys),
        images=held.get("images"),
        image_ids=None if ids is None else text_of(ids),
        notes=[*told, *notes],
    )


def _unpacked(path: Path, stored: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], list[str]]:
    """Return arrays as an HDF5 file describes them, and what was done, if anything."""
    if not _is_hdf5(path):
        return stored, []
    with hdf5(path) as file:
        packing = {name: attributes_of(file[name]) for name in stored}
        axes = {name: _dimensions(file[name]) for name in stored}
    found = {name: unpacked(path, name, held, packing[name]) for name, held in stored.items()}
    notes = [line for _, told in found.values() for line in told]
    values = {name: held for name, (held, _) in found.items()}
    for name, called in axes.items():
        order = _order(called)
        if order not in (None, (0, 1, 2)):
            values[name] = np.ascontiguousarray(values[name].transpose(order))
            notes.append(f"{name}: its dimensions are {', '.join(called)}, and were put in order")
    return values, notes


def _dimensions(dataset: Any) -> list[str]:  # noqa: ANN401  an h5py.Dataset
    """Return what the axes of a data set are called: as one of `AXES` if any of their names is.

    NetCDF-4 names them by the scales that lie on them, others by a label.
    """
    known = set().union(*AXES)
    every = zip(_labels(dataset), map(_scales, dataset.dims), strict=True)
    named = [[name for name in (label, *scales) if name] for label, scales in every]
    return [
        next((name for name in names if name.lower() in known), names[0] if names else "")
        for names in named
    ]


def _labels(dataset: Any) -> list[str]:  # noqa: ANN401  an h5py.Dataset
    """Read the labels of axes as the attribute they are: HDF5 itself crashes on unusual ones."""
    held = np.atleast_1d(dataset.attrs.get("DIMENSION_LABELS", ()))[: dataset.ndim]
    labels = text_of(held) if held.dtype.kind in "OSU" else []
    return labels + [""] * (dataset.ndim - len(labels))


def _scales(axis: Any) -> list[str]:  # noqa: ANN401  an h5py dimension
    """Return the names of what lies on an axis; none if it was deleted."""
    try:
        return [str(scale.name).rpartition("/")[2] for scale in axis.values()]
    except (RuntimeError, ValueError, KeyError, OSError):
        return []


def _order(called: Sequence[str]) -> tuple[int, ...] | None:
    """Return where repeats, stimuli and units are, by their names; None if these do not say."""
    places = [[at for at, name in enumerate(called) if name.lower() in names] for names in AXES]
    if len(called) != len(AXES) or any(len(found) != 1 for found in places):
        return None
    return tuple(found[0] for found in places)


def populations(path: str | Path) -> tuple[str, ...]:
    """Return the populations in an npz or HDF5 file, in its order.

    Parameters
    ----------
    path
        The file: a population is an array whose name begins with ``responses_``.

    Returns
    -------
    tuple
        The rest of those names; empty for a file of one population, ``responses``.

    Raises
    ------
    ValueError
        If there is no such file, or it is neither npz nor HDF5.
    """
    return tuple(
        key.removeprefix(PREFIX) for key in names(existing(path)) if key.startswith(PREFIX)
    )


def responses_of(path: Path, there: Sequence[str], population: str | None) -> list[str]:
    """Return the names of the arrays that hold the responses asked for."""
    several = [key for key in there if key.startswith(PREFIX)]
    if population is not None:
        key = f"{PREFIX}{population}"
        if key not in several:
            known = (
                listed([key.removeprefix(PREFIX) for key in several]) or "only one, without name"
            )
            raise ValueError(f"{path} has no population {population!r}; there are: {known}")
        return [key]
    if "responses" in there:
        return ["responses"]
    if not several:
        raise ValueError(
            f"{path} holds neither an array 'responses' nor any '{PREFIX}<population>', but "
            f"{listed(there) or 'nothing'}; see docs/recordings.md"
        )
    return several


def side_by_side(path: Path, parts: dict[str, np.ndarray]) -> tuple[np.ndarray, list[str]]:
    """Put populations (repeats, stimuli, units) side by side, and say so.

    Where one has fewer repeats than another, the rest is NaN.

    Raises
    ------
    ValueError
        If they did not see the same number of stimuli.
    """
    if len(parts) == 1:
        return next(iter(parts.values())), []
    shapes = {key: part.shape for key, part in parts.items()}
    if any(len(s) != 3 for s in shapes.values()) or len({s[1] for s in shapes.values()}) > 1:
        raise ValueError(
            f"{path}: populations of shapes {shapes} have no stimuli in common; choose one with "
            "population="
        )
    repeats = [part.shape[0] for part in parts.values()]
    kind = np.result_type(np.float32, *parts.values())
    padded = [
        np.pad(
            part.astype(kind),
            ((0, max(repeats) - len(part)), (0, 0), (0, 0)),
            constant_values=np.nan,
        )
        for part in parts.values()
    ]
    members = [f"{key.removeprefix(PREFIX)} ({part.shape[2]})" for key, part in parts.items()]
    notes = [
        f"a pseudo-population: the units of {len(parts)} populations side by side, in this order: "
        f"{', '.join(members)}; noise that units share is lost between them"
    ]
    if min(repeats) < max(repeats):
        notes.append(f"{span(repeats)} repeats, padded with NaN to {max(repeats)}")
    return np.concatenate(padded, axis=2), notes


def names(path: Path) -> list[str]:
    """Return the names of the arrays in an npz or HDF5 file.

    Raises
    ------
    ValueError
        If it is damaged.
    """
    if _is_hdf5(path):
        import h5py

        with hdf5(path) as file:
            return [name for name, item in items_of(file) if isinstance(item, h5py.Dataset)]
    with _npz(path) as file:
        return list(file.files)


def items_of(group: Any) -> list[tuple[str, Any]]:  # noqa: ANN401  an h5py.Group
    """Return what lies in a group of an HDF5 file, by name.

    Raises
    ------
    ValueError
        If it is damaged: h5py gives a name that is no text as bytes.
    """
    found = list(group.items())
    strange = [name for name, _ in found if not isinstance(name, str)]
    if strange:
        raise ValueError(f"{group.file.filename} is damaged: something in it is {strange[0]!r}")
    return found


def read(path: Path, wanted: Sequence[str]) -> dict[str, np.ndarray]:
    """Return arrays of an npz or HDF5 file by their names.

    Raises
    ------
    ValueError
        If one of them holds Python objects, or is damaged.
    """
    if _is_hdf5(path):
        with hdf5(path) as file:
            return {name: content_of(file[name]) for name in wanted}
    with _npz(path) as file:
        return {name: _member(path, file, name) for name in wanted}


@contextmanager
def hdf5(path: Path) -> Iterator[Any]:
    """Open an HDF5 file; that it is damaged is an error that names it.

    Raises
    ------
    ValueError
        If it cannot be opened, or read while it is open.
    """
    import h5py

    try:
        with h5py.File(path) as file:
            yield file
    except (OSError, RuntimeError, KeyError, TypeError, OverflowError, MemoryError) as error:
        raise ValueError(f"{path} is a damaged HDF5 file: {error}") from error


def content_of(dataset: Any) -> np.ndarray:  # noqa: ANN401  an h5py.Dataset
    """Return the content of an HDF5 data set, text as text."""
    import h5py

    if h5py.check_string_dtype(dataset.dtype):
        return np.asarray(dataset.asstr("utf-8", "backslashreplace")[()], np.str_)
    return np.asarray(dataset[()])


def text_of(ids: np.ndarray) -> list[str]:
    """Return names as text, whether they were stored as bytes, text or integers."""
    return [
        # Whatever the encoding, names that differ stay different.
        item.decode(errors="backslashreplace") if isinstance(item, bytes) else str(item)
        for item in ids.tolist()
    ]


def _is_hdf5(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(HDF5)) == HDF5


def _npz(path: Path) -> np.lib.npyio.NpzFile:
    if not zipfile.is_zipfile(path):
        raise ValueError(
            f"{path} is neither an npz nor an HDF5 file; write one with "
            "numpy.savez(path, responses=array)"
        )
    try:
        return np.load(path, allow_pickle=False)
    except Exception as error:  # zipfile has many ways to say it
        raise ValueError(f"{path} is a damaged npz file: {error}") from error


def _member(path: Path, file: np.lib.npyio.NpzFile, name: str) -> np.ndarray:
    try:
        return file[name]
    except Exception as error:  # as many as zipfile and zlib have
        raise ValueError(f"{path}: array {name!r} cannot be read: {error}") from error
