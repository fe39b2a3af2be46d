"""Tasks that failed: what went wrong is kept beside the results until they succeed."""

import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from striate import results
from striate.results import Setting

FOLDER = ".failed"


class Failed(NamedTuple):
    """A task that failed, now or in an earlier run.

    Attributes
    ----------
    task
        Its settings.
    error
        In one line.
    details
        The traceback, where there was one.
    attempts
        How often it failed.
    at
        When it last did, in ISO 8601.
    earlier
        Whether that was in an earlier run, and it was not tried again in this one.
    """

    task: Mapping[str, Setting]
    error: str
    details: str
    attempts: int
    at: str
    earlier: bool = False


def record(path: Path, task: Mapping[str, Setting], error: BaseException) -> Failed:
    """Keep at `path` why `task` failed, and return it."""
    before = read(path)
    failed = Failed(
        dict(task),
        " ".join(f"{type(error).__name__}: {error}".split()),
        "".join(traceback.format_exception(error)),
        1 if before is None else before.attempts + 1,
        datetime.now(UTC).isoformat(timespec="seconds"),
    )
    about: dict[str, Setting] = {
        key: value for key, value in failed._asdict().items() if key not in ("task", "earlier")
    }
    results.save(path, [], task=task, provenance=about)
    return failed


def read(path: Path) -> Failed | None:
    """Return the failure kept at `path`; None if there is none, or nothing that can be read."""
    try:
        found = results.read_record(path)
        return Failed(found["task"], **found["provenance"])
    except (FileNotFoundError, ValueError, TypeError):
        return None


def recorded(directory: Path) -> Iterator[Failed]:
    """Yield the failures kept in the results folder `directory`, by name."""
    for path in sorted((directory / FOLDER).glob("*.json")):
        if (failed := read(path)) is not None:
            yield failed
