"""``striate status``: how far the sweeps of a results folder are."""

import json
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from striate.cli.options import ResultsFolder


def status(
    results: ResultsFolder = Path("results"),
    every: Annotated[
        bool, typer.Option("--all", help="a line for each task that is done, too")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="one JSON object a line, for other programs")
    ] = False,
) -> None:
    """List what is done, running, failed and missing, and why.

    Exit status 1 if a task has failed.
    """
    from striate.study.status import STATES
    from striate.study.status import status as read

    found = list(read(results))
    for one in found:
        if as_json:
            print(json.dumps(one._asdict(), ensure_ascii=False))
        elif every or one.state != "done":
            print(one.state, f"{one.study}/{one.label}", one.reason, sep="\t")
    counts = Counter(one.state for one in found)
    if not as_json:
        print(", ".join(f"{counts[state]} {state}" for state in STATES))
    if counts["failed"]:
        raise typer.Exit(1)
