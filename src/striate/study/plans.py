"""What a folder of results is to hold: each sweep leaves the list of its tasks there."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from striate import results
from striate.results.merging import PLANS as FOLDER
from striate.study.run import Task


class Plan(NamedTuple):
    """The tasks of one sweep, and the command that asked for them."""

    command: str
    tasks: list[dict[str, Any]]


def leave(tasks: Sequence[Task], directory: Path, *, command: str) -> Path:
    """Write down `tasks` in the results folder `directory`; the same ones are one file.

    What all tasks share is written once.
    """
    shared = {
        key: value
        for key, value in (tasks[0] if tasks else {}).items()
        if all(key in task and _same(task[key], value) for task in tasks)
    }
    own = [{key: value for key, value in task.items() if key not in shared} for task in tasks]
    content = {"command": command, "shared": shared, "tasks": own}
    name = f"{shared.get('study', 'several')}-{results.digest([shared, own])[:12]}.json"
    record = {"sha256": results.digest(content), **content}
    file = directory / FOLDER / name
    results.write_atomically(file, json.dumps(record, allow_nan=False).encode())
    return file


def left(directory: Path) -> Iterator[Plan]:
    """Yield the plans in the results folder `directory`, by name.

    Raises
    ------
    ValueError
        If one is damaged.
    """
    for file in sorted((directory / FOLDER).glob("*.json")):
        try:
            record = json.loads(file.read_text(encoding="utf-8"))
            content = {key: record[key] for key in ("command", "shared", "tasks")}
            sound = results.digest(content) == record["sha256"]
        except (ValueError, KeyError, TypeError, RecursionError):
            sound, content = False, {}
        if not sound:
            raise ValueError(f"{file} is damaged; delete it, the next run writes it again")
        tasks = [{**content["shared"], **task} for task in content["tasks"]]
        yield Plan(content["command"], tasks)


def _same(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other
