"""Numbers as NetCDF packs them: attributes say which stand for none, and how they are scaled.

The conventions are CF's (cfconventions.org, "Missing Data" and "Packed Data"): a value equal to
``_FillValue`` or to one of ``missing_value`` was not recorded; the others are multiplied by
``scale_factor``, to which ``add_offset`` is added. ``_Unsigned``, of NetCDF's users' guide, says
that signed integers are to be read as unsigned ones. Files of NetCDF-4, which are HDF5, mean it so.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from striate.datasets._recording import floats

MARKS = ("_FillValue", "missing_value")
SCALE, OFFSET = "scale_factor", "add_offset"
UNSIGNED = "_Unsigned"


def attributes_of(dataset: Any) -> dict[str, np.ndarray]:  # noqa: ANN401  an h5py.Dataset
    """Return those of an HDF5 data set that say how it is packed."""
    there = {
        name: np.asarray(dataset.attrs[name])
        for name in (*MARKS, SCALE, OFFSET)
        if name in dataset.attrs
    }
    # A text, or nothing at all, is no number that could be meant.
    found = {name: v for name, v in there.items() if name not in MARKS or v.dtype.kind in "iuf"}
    if dataset.dtype.kind == "i" and _says_true(dataset.attrs.get(UNSIGNED)):
        found[UNSIGNED] = np.array(True)
    return found


def _says_true(held: object) -> bool:
    text = np.asarray(held).ravel()[:1].tolist()
    return text in (["true"], [b"true"])


def unpacked(
    path: Path, name: str, values: np.ndarray, packing: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, list[str]]:
    """Return numbers as they were before they were packed, and what was done, in a sentence.

    Where that changes nothing they are returned as they are, and no sentence.

    Parameters
    ----------
    path, name
        The file and what `values` is called in it, for errors and the sentence.
    values
        As stored.
    packing
        Of `attributes_of`.

    Raises
    ------
    ValueError
        If an attribute is not one number (``missing_value``: or several), or cannot be meant.
    """
    if not packing or values.dtype.kind not in "iuf":
        return values, []
    done = []
    if UNSIGNED in packing:
        if values.min(initial=0) < 0:
            done.append(f"integers were read as unsigned, for {UNSIGNED}")
        values, packing = _unsigned(values, packing)
    for attribute, held in packing.items():
        _check(path, name, attribute, held)
    none = _marked(path, name, values, packing)
    scale, offset = (
        packing[key].item() if key in packing else usual
        for key, usual in ((SCALE, 1.0), (OFFSET, 0.0))
    )
    if none.any():
        # Before anything is made of what only marks: it may be larger than all that was recorded.
        values = floats(np.where(none, values.dtype.type(0), values))
        done.append(f"{int(none.sum())} numbers are NaN, for {_marks(packing)}")
    if (scale, offset) != (1.0, 0.0):
        with np.errstate(over="ignore"):  # what is then infinite is refused as such
            values = values.astype(np.float64) * scale + offset
        done.append(f"scale_factor {scale:g} and add_offset {offset:g} were applied")
    if none.any():
        values[none] = np.nan
    return values, [f"{name}, as its attributes say: {'; '.join(done)}"] if done else []


def _unsigned(
    values: np.ndarray, packing: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Read signed integers, and marks that are stored like them, as unsigned ones."""
    kind = values.dtype
    other = np.dtype(kind.str.replace("i", "u"))
    left = {name: held for name, held in packing.items() if name != UNSIGNED}
    marks = {
        name: held.astype(kind).view(other)
        for name, held in left.items()
        if name in MARKS and held.dtype.kind == "i" and held.dtype.itemsize == kind.itemsize
    }
    return values.view(other), left | marks


def _marked(
    path: Path, name: str, values: np.ndarray, packing: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Say which numbers are those that stand for none."""
    none = np.zeros(values.shape, bool)
    for attribute in MARKS:
        for mark in packing.get(attribute, np.empty(0)).ravel():
            none |= values == _as_stored(path, name, attribute, mark, values.dtype)
    return none


def _marks(packing: Mapping[str, np.ndarray]) -> str:
    there = [name for name in MARKS if name in packing]
    return " or ".join(f"{name} {', '.join(map(str, packing[name].ravel()))}" for name in there)


def _check(path: Path, name: str, attribute: str, held: np.ndarray) -> None:
    several = attribute == "missing_value" and held.ndim == 1
    if held.dtype.kind not in "iuf" or (held.size != 1 and not several):
        raise ValueError(
            f"{path}: {attribute} of {name} is {held.dtype} of shape {held.shape}; it must be one "
            f"number{', or several in a row' if attribute == 'missing_value' else ''}"
        )
    value = held.ravel()
    if attribute in (SCALE, OFFSET) and not np.isfinite(value).all():
        raise ValueError(f"{path}: {attribute} of {name} is {value[0]}; it must be finite")
    if attribute == SCALE and value[0] == 0:
        raise ValueError(
            f"{path}: {attribute} of {name} is 0, which makes all responses alike; it must be "
            "what numbers are to be multiplied by"
        )


def _as_stored(
    path: Path, name: str, attribute: str, mark: np.number, kind: np.dtype
) -> np.ndarray:
    """Return a mark as a number of the kind that is stored; among integers none is NaN.

    Raises
    ------
    ValueError
        If the kind has no such number, as unsigned ones have no −1: another must be meant.
    """
    if kind.kind == "f" or not np.isfinite(mark):
        with np.errstate(over="ignore"):
            return np.asarray(mark).astype(kind if kind.kind == "f" else np.float64)
    limits = np.iinfo(kind)
    if int(mark) != mark or not limits.min <= int(mark) <= limits.max:
        raise ValueError(
            f"{path}: {attribute} of {name} is {mark}, which no {kind} is; store it as {kind}"
        )
    return np.asarray(int(mark), kind)
