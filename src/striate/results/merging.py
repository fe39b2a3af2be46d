"""Bring the results of several machines into one folder."""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from striate.results.damage import set_aside
from striate.results.files import naming, unnamed
from striate.results.given import as_path
from striate.results.reading import DamagedError, check, load_whole, paths

PLANS = ".plans"


class Merged(NamedTuple):
    """What a merge did.

    Attributes
    ----------
    copied
        Results that were new.
    present
        How many were there already, with the same numbers.
    differing
        Results that were there already with other numbers; those that were there are kept.
    damaged
        Why a result was not copied, by its path: it is damaged, or what is there is of a newer
        format.
    aside
        Damaged results of the destination that were moved aside for sound ones.
    """

    copied: list[Path]
    present: int
    differing: list[Path]
    damaged: Mapping[Path, str]
    aside: list[Path]


def merge(sources: Sequence[str | Path], destination: str | Path) -> Merged:
    """Copy every sound result below each of `sources`, and what lies beside it, to `destination`.

    It lies there in the folder of its study, where a run looks for it, wherever it lay before; one
    without a study keeps its place below the source. What is there is kept: a result is written
    once. Times are not compared, numbers are. Plans are copied too, so that the destination knows
    what is missing.

    Raises
    ------
    ValueError
        If one of `sources` does not exist, or is the destination, or they are no list.
    """
    if isinstance(sources, str | Path):
        raise ValueError(f"sources={str(sources)!r} is one path; give a list of folders")
    folders = [as_path("sources", source) for source in sources]
    destination = as_path("destination", destination)
    for source in folders:
        next(paths(source), None)  # refuses what does not exist before anything is copied
        if destination.exists() and source.samefile(destination):
            raise ValueError(f"{source} cannot be merged into itself; name another folder")
    merged = Merged([], 0, [], {}, [])
    for source in folders:
        for path in paths(source):
            try:
                record = load_whole(path).record
            except (ValueError, OSError) as error:
                merged = merged._replace(damaged={**merged.damaged, path: str(error)})
                continue
            place = destination / _place(record["task"].get("study"), path.relative_to(source))
            merged = _take(merged, path, record, place)
        for plan in sorted((source / PLANS).glob("*.json")):
            if not (target := destination / PLANS / plan.name).exists():
                _copy(plan, target)
    return merged


def _place(study: object, path: Path) -> Path:
    """Say where below a folder a result belongs; a study that is no bare name gives no folder."""
    if isinstance(study, str) and study and Path(study).name == study and study[0] != ".":
        return Path(study, path.name)
    return path


def _take(merged: Merged, path: Path, record: Mapping[str, Any], target: Path) -> Merged:
    if target.exists():
        try:
            there = check(target)
        except DamagedError:
            merged.aside.append(set_aside(target))
        except ValueError as error:  # of a newer format: it is no less sound
            return merged._replace(damaged={**merged.damaged, path: str(error)})
        else:
            if _numbers(there) == _numbers(record):
                return merged._replace(present=merged.present + 1)
            merged.differing.append(path)
            return merged
    for beside in _beside(path, record):  # what has such a name there is of no result
        _copy(beside, target.parent / beside.name)
    _copy(path, target)
    merged.copied.append(path)
    return merged


def _numbers(record: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what was measured; not how long it took, and not where its arrays lie."""
    measured = [entry for entry in record["results"] if entry["name"] != "seconds"]
    return record["task"], measured, record.get("arrays", {}).get("sha256")


def _beside(path: Path, record: Mapping[str, Any]) -> Iterator[Path]:
    """Yield the files that go with a result: its arrays, and the weights of a training."""
    if "arrays" in record:
        yield path.parent / record["arrays"]["file"]
    for file in sorted(path.parent.iterdir()):
        if file.stem == path.stem and file.suffix not in (".json", ".npz") and file.is_file():
            yield file


def _copy(source: Path, target: Path) -> None:
    """Copy a file so that it is there whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, there = unnamed(target.parent, f".{target.name}.")
    try:
        with naming(target), os.fdopen(handle, "wb") as written, source.open("rb") as read:
            shutil.copyfileobj(read, written, 1 << 20)
            written.flush()
            os.fsync(written.fileno())
        there.replace(target)
    finally:
        there.unlink(missing_ok=True)
