"""One door to all recordings: what a file is, is seen from its content."""

import inspect
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

from striate.datasets._arrays import HDF5, arrays, hdf5, names
from striate.datasets._cadena2019 import cadena2019
from striate.datasets._henaff2021 import TABLE, henaff2021
from striate.datasets._nwb import nwb
from striate.datasets._recording import Recording, existing
from striate.datasets._stringer2019 import stringer2019

UNDERSTOOD = (
    "npz and HDF5 (arrays 'responses' or 'responses_<population>'), the npz of Hénaff et al. "
    "2021, the .mat of Stringer et al. 2019, the .pkl of Cadena et al. 2019, and NWB"
)


def recording(path: str | Path, **options: Any) -> Recording:  # noqa: ANN401  those of five functions
    """Read a recording, whichever of the known formats it is in.

    Parameters
    ----------
    path
        The file.
    **options
        Those of `arrays`, `henaff2021`, `stringer2019`, `cadena2019` or `nwb`.

    Raises
    ------
    ValueError
        If the format is none of these, it has no such option or needs one, or the file is not
        what it should be.
    """
    path = existing(path)
    reader = _reader(path)
    _check_options(path, reader, options)
    return reader(path, **options)


def _reader(path: Path) -> Callable[..., Recording]:
    with path.open("rb") as file:
        start = file.read(32)
    if start.startswith(HDF5):
        return _hdf5_reader(path)
    if start.startswith(b"PK"):
        return henaff2021 if TABLE in names(path) else arrays
    if start.startswith(b"MATLAB 5.0") or path.suffix == ".mat":
        return stringer2019
    # Protocols before 2 have no mark of their own.
    if start.startswith(pickle.PROTO) or path.suffix in (".pkl", ".pickle"):
        return cadena2019
    raise ValueError(f"{path} is in no format that is understood; these are: {UNDERSTOOD}")


def _hdf5_reader(path: Path) -> Callable[..., Recording]:
    with hdf5(path) as file:
        is_nwb = path.suffix == ".nwb" or "nwb_version" in file.attrs
    return nwb if is_nwb else arrays


def _check_options(
    path: Path, reader: Callable[..., Recording], options: dict[str, object]
) -> None:
    known = {
        name: parameter
        for name, parameter in inspect.signature(reader).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    unknown = [name for name in options if name not in known]
    if unknown:
        raise ValueError(
            f"{unknown[0]}={options[unknown[0]]!r} is no option for {path}, read by "
            f"{reader.__name__}; there are {', '.join(known)}"
        )
    needed = [n for n, p in known.items() if p.default is p.empty and n not in options]
    if needed:
        raise ValueError(f"{path}, read by {reader.__name__}, needs {' and '.join(needed)}")
