"""What to do about damaged files: find them, and move them aside without losing them."""

import contextlib
import re
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from striate.results.given import as_path
from striate.results.reading import DamagedError, load_whole, paths


def set_aside(path: str | Path) -> Path:
    """Rename a damaged result to ``NAME.json.damaged-N``, its arrays likewise; return where.

    Nobody takes such a file for a result, and nothing is lost: it may tell what went wrong. Of two
    processes at once, one does it. Arrays under a name of their own hash stay.
    """
    path = as_path("path", path)
    both = path, path.with_suffix(".npz")
    # Free for both: a pair has one number, and neither takes the place of another.
    pairs = ([one.with_name(f"{one.name}.damaged-{number}") for one in both] for number in count(1))
    aside = next(pair for pair in pairs if not any(one.exists() for one in pair))
    # Arrays first, so that a result that was moved has its own beside it.
    for old, new in reversed(list(zip(both, aside, strict=True))):
        with contextlib.suppress(FileNotFoundError):  # there was none, or somebody was faster
            old.rename(new)
    return aside[0]


class Verified(NamedTuple):
    """What a folder of results holds.

    Attributes
    ----------
    sound
        How many results are as they were written.
    damaged
        Why others are not, by their path.
    aside
        What runs have moved aside.
    leftovers
        Unfinished writes of processes that were killed. They may go once nothing runs.
    strays
        Arrays that belong to no result that is there.
    unread
        Why files cannot be read of which nothing says that they are damaged: a newer format, a
        lack of rights, JSON that is of somebody else.
    """

    sound: int
    damaged: Mapping[Path, str]
    aside: list[Path]
    leftovers: list[Path]
    strays: list[Path]
    unread: Mapping[Path, str]


def verify(directory: str | Path) -> Verified:
    """Read every result below `directory` from end to end.

    Raises
    ------
    ValueError
        If `directory` does not exist.
    """
    directory = as_path("directory", directory)
    damaged: dict[Path, str] = {}
    unread: dict[Path, str] = {}
    beside: set[Path] = set()
    sound = 0
    for path in paths(directory):
        try:
            record = load_whole(path).record
        except (ValueError, OSError) as error:
            ours = isinstance(error, DamagedError) and not error.foreign
            (damaged if ours else unread)[path] = str(error)
            beside |= _perhaps(path)
            continue
        sound += 1
        beside |= _named(path, record)
    files = sorted(directory.rglob("*"))
    ours = [file for file in files if not _hidden(file.parent.relative_to(directory))]
    return Verified(
        sound,
        damaged,
        [file for file in ours if ".damaged-" in file.suffix],
        [file for file in ours if file.name.startswith(".") and file.is_file()],
        [file for file in ours if file.suffix == ".npz" and file not in beside],
        unread,
    )


def _named(path: Path, record: Mapping[str, Any]) -> set[Path]:
    return {path.parent / record["arrays"]["file"]} if "arrays" in record else set()


def _perhaps(path: Path) -> set[Path]:
    """Return what may be the arrays of an unread result, by the names that `save` gives them."""
    own = re.compile(rf"{re.escape(path.stem)}(-[0-9a-f]{{12}})?\.npz")
    return {file for file in path.parent.glob("*.npz") if own.fullmatch(file.name)}


def _hidden(folder: Path) -> bool:
    return any(part.startswith(".") for part in folder.parts)
