"""Spike counts from Neurodata Without Borders (NWB 2) files, which are HDF5.

O. Rübel et al. 2022, "The Neurodata Without Borders ecosystem for neurophysiological data
science", eLife 11:e78362. Read here: the tables ``units`` and ``intervals/*``.
"""

import math
from collections.abc import Sequence
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from striate.datasets._arrays import HDF5, content_of, hdf5, items_of, text_of
from striate.datasets._recording import (
    Recording,
    assemble,
    existing,
    in_presentation_order,
    listed,
    ragged,
    span,
)

DEFAULT_COLUMN = "stimulus_id"
# The standard's own table of what is to be left out of any analysis; it holds no presentations.
INVALID = "invalid_times"
# An open h5py.File: the library is imported where it is needed.
_File = Any


def nwb(
    path: str | Path,
    *,
    start_s: float,
    length_s: float,
    table: str | None = None,
    stimulus: str = DEFAULT_COLUMN,
    drop: Sequence[str] = (),
) -> Recording:
    """Count the spikes of each unit in a window after the onset of each stimulus.

    Parameters
    ----------
    path
        An NWB 2 file with ``units/spike_times`` and a table of presentations in ``intervals``.
    start_s
        Where the window begins, in seconds after the onset.
    length_s
        How long it is, in seconds; its end is not included.
    table
        Which one of ``intervals``, e.g. ``"trials"``. It may be left out if there is only one.
    stimulus
        The column of the table that says which stimulus it was: text or numbers.
    drop
        Stimuli that are none, as text: a blank, a grey screen. NaN, as a number or as text in
        either case, and empty text always are.

    Returns
    -------
    Recording
        Repeats in the order of presentation, NaN where a stimulus was shown less often than
        another, the unit was not observed during the whole window (``units/obs_intervals``), or
        the presentation, from its start to its stop, or its window overlaps one of
        ``intervals/invalid_times``, whatever its tags.
        Stimuli are sorted by name, numbers by size; the names are `image_ids`. Images are not
        read.

    Raises
    ------
    ValueError
        If the window is none, a group, table or column is absent (those that are there are named)
        or holds something else, or `drop` names something that was not shown.
    """
    window = (start_s, length_s)
    if not all(isinstance(s, Real) and math.isfinite(s) for s in window) or length_s <= 0:
        raise ValueError(
            f"start_s={start_s!r}, length_s={length_s!r}: give a window of positive length, in "
            "seconds"
        )
    path = existing(path)
    with path.open("rb") as file:
        if file.read(len(HDF5)) != HDF5:
            raise ValueError(f"{path} is not an NWB file, which would be HDF5")
    with hdf5(path) as file:
        onsets, shown, chosen = _presentations(path, file, table, stimulus)
        spoilt = _invalid(path, file, chosen, onsets, start_s, length_s)
        _check_drop(path, drop, shown, chosen)
        valid = np.array([not (_is_none(name) or name in drop) for name in shown.tolist()])
        if not valid.any():
            raise ValueError(f"{path}: intervals/{chosen} holds no stimulus in column {stimulus!r}")
        onsets, shown, spoilt = onsets[valid], shown[valid], spoilt[valid]
        if spoilt.all():
            raise ValueError(
                f"{path}: every presentation of intervals/{chosen} overlaps intervals/{INVALID}; "
                "there is nothing to count"
            )
        if not np.isfinite(onsets).all():
            raise ValueError(f"{path}: intervals/{chosen}/start_time is not finite everywhere")
        order = np.argsort(onsets, kind="stable")
        counts = _counts(path, file, onsets[order] + start_s, length_s)
        counts[spoilt[order]] = np.nan
    names, index = _sorted_names(shown[order])
    rows = in_presentation_order(index, len(names))
    return assemble(
        path,
        ragged(counts, rows),
        image_ids=names,
        notes=[
            f"spikes counted from {start_s:g} to {start_s + length_s:g} s after the onset, by "
            f"intervals/{chosen}",
            f"{span([len(some) for some in rows])} presentations of each stimulus",
            f"dropped {int((~valid).sum())} presentations of no stimulus",
            *_told_invalid(int(spoilt.sum())),
            *_told(start_s, length_s, stimulus, drop),
        ],
    )


def _told_invalid(count: int) -> list[str]:
    """Say how many presentations are missing; nothing where none is: results keep their names."""
    which = "presentation overlaps" if count == 1 else "presentations overlap"
    return [f"NaN, as {count} {which} intervals/{INVALID}"] if count else []


def _told(start_s: float, length_s: float, stimulus: str, drop: Sequence[str]) -> list[str]:
    """Say what of the options the other notes leave open; nothing where that is nothing.

    Notes are part of the name of a result: another column of the same file is another recording.
    """
    start, length = float(start_s), float(length_s)
    options: dict[str, object] = {}
    if stimulus != DEFAULT_COLUMN:
        options["stimulus"] = stimulus
    if dropped := sorted({name for name in drop if not _is_none(name)}):
        options["drop"] = dropped
    # The note of the window has six digits; its end may need more where both options do not.
    ends = float(f"{start + length:g}"), start + length
    if start != float(f"{start:g}") or not math.isclose(*ends, rel_tol=1e-12, abs_tol=1e-12):
        options |= {"start_s": start, "length_s": length}
    if not options:
        return []
    return ["read with " + ", ".join(f"{name}={value!r}" for name, value in options.items())]


def _check_drop(path: Path, drop: Sequence[str], shown: np.ndarray, table: str) -> None:
    """Refuse what was not shown: a slip of the pen would keep what was to be dropped."""
    there = sorted(set(shown.tolist()), key=_number_first)
    if (
        isinstance(drop, str)
        or not isinstance(drop, Sequence)
        or not all(isinstance(name, str) and (name in there or _is_none(name)) for name in drop)
    ):
        raise ValueError(
            f"drop={drop!r}; choose from the stimuli of {path}, intervals/{table}, as a list of "
            f"text: {listed(there)}"
        )


def _presentations(
    path: Path, file: _File, table: str | None, stimulus: str
) -> tuple[np.ndarray, np.ndarray, str]:
    there = [name for name in _groups(file, "intervals") if name != INVALID]
    if table == INVALID:
        raise ValueError(
            f"table={table!r} says when {path} is not to be used, and not what was shown; there "
            f"are: {listed(there) or 'none'}"
        )
    if table is None and len(there) != 1:
        raise ValueError(
            f"{path} has {len(there)} tables of intervals: {listed(there) or 'none'}; "
            "name the one of the stimuli, table=…"
        )
    table = there[0] if table is None else table
    if table not in there:
        raise ValueError(f"{path} has no intervals/{table}; there are: {listed(there) or 'none'}")
    onsets = _numbers(path, file, f"intervals/{table}", "start_time")
    _column(path, file, f"intervals/{table}", "stop_time")
    ids = _column(path, file, f"intervals/{table}", stimulus)
    if ids.shape != onsets.shape or ids.dtype.kind not in "biufUS":
        raise ValueError(
            f"{path}: intervals/{table}/{stimulus} is {ids.dtype} of shape {ids.shape}; it must "
            f"name one stimulus for each of {len(onsets)} presentations"
        )
    return onsets.astype(np.float64), np.array(text_of(ids)), table


def _invalid(
    path: Path, file: _File, table: str, onsets: np.ndarray, start: float, length: float
) -> np.ndarray:
    """Say which presentations, or windows after their onsets, overlap a time that is invalid.

    What touches does not overlap. Without such times nothing more is read of the presentations.
    """
    if INVALID not in _groups(file, "intervals"):
        return np.zeros(len(onsets), bool)
    first, last = (
        _numbers(path, file, f"intervals/{INVALID}", name).astype(np.float64)
        for name in ("start_time", "stop_time")
    )
    if first.shape != last.shape or not (first <= last).all():
        raise ValueError(
            f"{path}: intervals/{INVALID} has {len(first)} start_time and {len(last)} stop_time; "
            "there must be one of each for an interval, the start not after the stop"
        )
    stops = _numbers(path, file, f"intervals/{table}", "stop_time").astype(np.float64)
    if stops.shape != onsets.shape:
        raise ValueError(
            f"{path}: intervals/{table}/stop_time has {len(stops)} entries for {len(onsets)} "
            "presentations"
        )
    counted = onsets + start
    shown = _overlap(onsets, stops, first, last)
    return np.logical_or(shown, _overlap(counted, counted + length, first, last))


def _overlap(
    begins: np.ndarray, ends: np.ndarray, first: np.ndarray, last: np.ndarray
) -> np.ndarray:
    """Say of each span from one of `begins` whether any of the intervals has a part of it."""
    return np.asarray(((begins[:, None] < last) & (ends[:, None] > first)).any(1))


def _counts(path: Path, file: _File, starts: np.ndarray, length: float) -> np.ndarray:
    """Return spikes (presentations, units) from each start, for so many seconds."""
    times = _ragged_column(path, file, "spike_times")
    seen = None
    if "obs_intervals" in file["units"]:
        seen = _ragged_column(path, file, "obs_intervals")
        shape = (len(seen), seen[0].shape[1])
        if shape != (len(times), 2):
            raise ValueError(
                f"{path}: units/obs_intervals holds {shape[1]} times in each interval, of "
                f"{shape[0]} units; there must be a first and a last, of {len(times)} units"
            )
    counts = np.empty((len(starts), len(times)), np.float32)
    for unit, spikes in enumerate(times):
        spikes = np.sort(spikes)
        ends = np.searchsorted(spikes, starts + length, side="left")
        counts[:, unit] = ends - np.searchsorted(spikes, starts, side="left")
        if seen is not None:
            first, last = _joined(seen[unit]).T
            inside = (starts[:, None] >= first) & (starts[:, None] + length <= last)
            counts[~inside.any(1), unit] = np.nan
    return counts


def _joined(intervals: np.ndarray) -> np.ndarray:
    """Return intervals (intervals, 2) with those that touch or overlap made one."""
    joined: list[list[float]] = []
    for first, last in sorted(intervals[intervals[:, 0] <= intervals[:, 1]].tolist()):
        if joined and first <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], last)
        else:
            joined.append([first, last])
    return np.array(joined).reshape(-1, 2)


def _ragged_column(path: Path, file: _File, name: str) -> list[np.ndarray]:
    """Return one array per unit: the index holds where each ends."""
    values = _numbers(path, file, "units", name, axes=2 if name == "obs_intervals" else 1)
    ends = _numbers(path, file, "units", f"{name}_index", kinds="iu").astype(np.int64)
    if not len(ends) or (np.diff(ends, prepend=0) < 0).any() or ends[-1] != len(values):
        raise ValueError(f"{path}: units/{name}_index does not cut up {len(values)} {name}")
    return np.split(values, ends[:-1])


def _column(path: Path, file: _File, group: str, name: str) -> np.ndarray:
    import h5py

    columns = [key for key, item in _items(file, group) if isinstance(item, h5py.Dataset)]
    if name not in columns:
        found = listed(columns) if columns else "no such group, or nothing in it"
        raise ValueError(f"{path} has no {group}/{name}; there: {found}")
    return content_of(file[group][name])


def _numbers(
    path: Path, file: _File, group: str, name: str, *, axes: int = 1, kinds: str = "iuf"
) -> np.ndarray:
    """Return a column that must hold numbers, if it does."""
    values = _column(path, file, group, name)
    if values.ndim != axes or values.dtype.kind not in kinds:
        what = "whole numbers" if kinds == "iu" else "numbers"
        raise ValueError(
            f"{path}: {group}/{name} is {values.dtype} of shape {values.shape}; it must hold "
            f"{what} along {axes} {'axis' if axes == 1 else 'axes'}"
        )
    return values


def _groups(file: _File, group: str) -> list[str]:
    import h5py

    return [key for key, item in _items(file, group) if isinstance(item, h5py.Group)]


def _items(file: _File, group: str) -> list[tuple[str, Any]]:
    return items_of(file[group]) if group in file else []


def _sorted_names(shown: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Return the names, numbers by size, and the index of each presentation."""
    names = sorted(set(shown.tolist()), key=_number_first)
    place = {name: index for index, name in enumerate(names)}
    return names, np.array([place[name] for name in shown.tolist()])


def _is_none(name: str) -> bool:
    return name.lower() in ("", "nan")


def _number_first(name: str) -> tuple[float, str]:
    try:
        size = float(name)
    except ValueError:
        size = math.inf
    # What is not finite counts as text: NaN is neither before nor after anything.
    return (size if math.isfinite(size) else math.inf), name
