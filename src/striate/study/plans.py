"""What a folder of results is to hold: each sweep leaves the list of its tasks there."""

import json
from collections.abc import Container, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from striate import results
from striate.results.files import plain
from striate.results.merging import PLANS as FOLDER
from striate.study.run import Task, path_of


class Plan(NamedTuple):
    """The tasks of one sweep, and the command that asked for them.

    Attributes
    ----------
    file
        Where it lies.
    command
        As it was typed.
    tasks
        What it does.
    summaries
        What follows from its results, such as the row of a network: of each task, the settings that
        are known before.
    """

    file: Path
    command: str
    tasks: list[dict[str, Any]]
    summaries: list[dict[str, Any]]


def leave(
    tasks: Sequence[Task], directory: Path, *, command: str, summaries: Sequence[Task] = ()
) -> Path:
    """Write down a plan in the results folder `directory`, as in `Plan`; the same is one file.

    What all tasks share is written once.
    """
    shared = {
        key: value
        for key, value in (tasks[0] if tasks else {}).items()
        if all(is_part({key: value}, task) for task in tasks)
    }
    own = [{key: value for key, value in task.items() if key not in shared} for task in tasks]
    also = {"summaries": [dict(one) for one in summaries]} if summaries else {}
    content = {"command": command, "shared": shared, "tasks": own, **also}
    named = results.digest([shared, own, *also.values()])
    name = f"{shared.get('study', 'several')}-{named[:12]}.json"
    record = {"sha256": results.digest(content), **content}
    file = directory / FOLDER / name
    results.write_atomically(file, json.dumps(record, allow_nan=False, default=plain).encode())
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
            content |= {key: record[key] for key in ("summaries",) if key in record}
            sound = results.digest(content) == record["sha256"]
        except (ValueError, KeyError, TypeError, RecursionError):
            sound, content = False, {}
        if not sound:
            raise ValueError(f"{file} is damaged; delete it, the next run writes it again")
        tasks = [{**content["shared"], **task} for task in content["tasks"]]
        yield Plan(file, content["command"], tasks, content.get("summaries", []))


def drop(directory: Path, gone: Container[Path]) -> None:
    """Take out of all plans in `directory` what would lie, by `path_of`, where `gone` says."""
    for plan in left(directory):
        tasks = [task for task in plan.tasks if path_of(task, directory) not in gone]
        follow = [task for task in plan.summaries if path_of(task, directory) not in gone]
        if (len(tasks), len(follow)) == (len(plan.tasks), len(plan.summaries)):
            continue
        if tasks or follow:
            leave(tasks, directory, command=plan.command, summaries=follow)
        plan.file.unlink()


def is_part(part: Task, task: Task) -> bool:
    """Say whether `task` has all settings of `part`."""
    return all(key in task and _same(task[key], value) for key, value in part.items())


def _same(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other
