"""Results for other programs: one long table, as CSV, Parquet or NetCDF."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from striate.results.files import naming, unnamed
from striate.results.given import as_path
from striate.results.nouns import Result, Score
from striate.results.reading import load_whole, paths

if TYPE_CHECKING:  # whoever only reads results needs none of these
    import pandas as pd
    import xarray as xr

MISSING = "missing"  # the name of a score that only says why there is no number
OWN = ("kind", "name", "x", "value", "error", "source", "file")


def long_table(directory: str | Path) -> "pd.DataFrame":
    """Return every result below `directory` as one tidy table.

    Returns
    -------
    table
        One row per score, and one per point of a curve, in the order of the files. Columns:
        ``kind`` (Score or Curve), ``name``, ``x`` (of a point; a score has none), ``value`` (of a
        curve: its y; of a score called ``missing``, which says why there is none: empty),
        ``error``, ``source``, ``file`` (below `directory`), then each setting of the results and
        of their tasks, by name. ``error_kind`` says which error it is. A setting called like one
        of the columns before is ``setting_NAME``.

    Raises
    ------
    ValueError
        As `striate.results.load_all`.
    """
    import pandas as pd

    rows = [row for about, one in _each(directory) for row in _rows(about, one)]
    columns = list(dict.fromkeys([*OWN, *(key for row in rows for key in row)]))
    table = pd.DataFrame(rows, columns=columns, dtype=object)
    return table.apply(_uniform)


def dataset(directory: str | Path) -> "xr.Dataset":
    """Return every result below `directory` as one labelled data set.

    Returns
    -------
    dataset
        Dimensions ``result`` and ``point``. ``value`` and ``error`` (result) are those of scores,
        NaN where a score is called ``missing``; ``x``, ``y`` and ``y_error`` (result × point) those
        of curves, with NaN beyond their ends. Everything else in `long_table` is a coordinate along
        ``result``.

    Raises
    ------
    ValueError
        As `striate.results.load_all`.
    """
    import numpy as np
    import pandas as pd
    import xarray as xr

    found = list(_each(directory))
    about = pd.DataFrame([words for words, _ in found], dtype=object).apply(_uniform)
    points = max((len(one.x) for _, one in found if not isinstance(one, Score)), default=0)
    scores = {name: np.full(len(found), np.nan) for name in ("value", "error")}
    curves = {name: np.full((len(found), points), np.nan) for name in ("x", "y", "y_error")}
    for row, (_, one) in enumerate(found):
        if isinstance(one, Score):
            scores["value"][row] = np.nan if one.name == MISSING else one.value
            scores["error"][row] = np.nan if one.error is None else one.error
        else:
            parts = (one.x, one.y, one.error or ())
            for name, part in zip(curves, parts, strict=True):
                curves[name][row, : len(part)] = part
    return xr.Dataset(
        {name: ("result", values) for name, values in scores.items()}
        | {name: (("result", "point"), values) for name, values in curves.items()},
        coords={str(name): ("result", _plain(about[name])) for name in about},
    )


def _csv(directory: Path, file: Path) -> None:
    long_table(directory).to_csv(file, index=False)


def _parquet(directory: Path, file: Path) -> None:
    long_table(directory).to_parquet(file, index=False)


def _netcdf(directory: Path, file: Path) -> None:
    dataset(directory).to_netcdf(file, engine="h5netcdf")


FORMATS: Mapping[str, Callable[[Path, Path], None]] = {
    ".csv": _csv,
    ".parquet": _parquet,
    ".nc": _netcdf,
}


def export(directory: str | Path, file: str | Path) -> None:
    """Write every result below `directory` to one file, in the format that its name ends in.

    Parameters
    ----------
    directory
        The results folder.
    file
        ``.csv`` or ``.parquet``: `long_table`. ``.nc``: `dataset`, as NetCDF 4. It is replaced if
        it is there, all at once.

    Raises
    ------
    ValueError
        If the ending is another, there are no results, one is damaged, or a package is missing.
    """
    directory, file = as_path("directory", directory), as_path("file", file)
    if file.suffix not in FORMATS:
        raise ValueError(f"file={str(file)!r} ends in none of {', '.join(FORMATS)}")
    if next(paths(directory), None) is None:
        raise ValueError(f"no results in {directory}; there is nothing to export")
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, written = unnamed(file.parent, f".{file.stem}.", file.suffix)
    os.close(handle)
    try:
        with naming(file):
            FORMATS[file.suffix](directory, written)
        written.replace(file)
    except ImportError as error:
        raise ValueError(
            f"{file.suffix} needs packages that are missing; type: pip install 'striate[export]'"
        ) from error
    finally:
        written.unlink(missing_ok=True)


def _each(directory: str | Path) -> Iterator[tuple[dict[str, Any], Result]]:
    """Yield what is known of each result, and the result."""
    directory = as_path("directory", directory)
    for path in paths(directory):
        record, results, _ = load_whole(path)
        for one in results:
            known = {**record["task"], **one.settings}
            if "error" in known:
                known["error_kind"] = known.pop("error")
            settings = {f"setting_{k}" if k in OWN else k: v for k, v in known.items()}
            own = {
                "kind": type(one).__name__,
                "name": one.name,
                "source": one.source,
                "file": path.relative_to(directory).as_posix(),
            }
            yield {**own, **settings}, one


def _rows(about: Mapping[str, Any], one: Result) -> Iterator[dict[str, Any]]:
    if isinstance(one, Score):
        value = None if one.name == MISSING else one.value
        yield {**about, "x": None, "value": value, "error": one.error}
        return
    errors = one.error or (None,) * len(one.x)
    for x, y, error in zip(one.x, one.y, errors, strict=True):
        yield {**about, "x": x, "value": y, "error": error}


def _uniform(column: "pd.Series") -> "pd.Series":
    """Give a column one type; where its values have several, each is written as JSON has it."""
    import pandas as pd

    if column.name in ("x", "value", "error"):
        return column.astype(float)
    kinds = {type(value) for value in column if not _missing(value)}
    if kinds <= {str}:
        return column.astype("string")
    if kinds == {bool}:
        return column.astype("boolean")
    exact = all(abs(value) < 2**53 for value in column if type(value) is int)
    if kinds == {int} and exact:
        return pd.Series([None if _missing(v) else v for v in column], dtype="Int64")
    if kinds <= {int, float} and exact:
        return column.astype(float)
    written = [
        None if _missing(value) else value if isinstance(value, str) else json.dumps(value)
        for value in column
    ]
    return pd.Series(written, dtype="string")


def _missing(value: object) -> bool:
    return value is None or value != value  # NaN, where pandas filled a gap


def _plain(column: "pd.Series") -> Any:  # noqa: ANN401  what NetCDF can hold: no gaps but NaN
    if column.dtype == "string":
        return column.fillna("").to_numpy(dtype=object)
    if column.dtype == "boolean":
        return column.astype("Int8").astype(float).to_numpy(dtype=float, na_value=float("nan"))
    return column.to_numpy(dtype=float, na_value=float("nan"))
