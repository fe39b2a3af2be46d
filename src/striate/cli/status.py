"""``striate status``: how far the sweeps of a results folder are."""

import json
import sys
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
    forget: Annotated[
        str | None,
        typer.Option(
            metavar="GLOB", help="first drop what is failed or missing, by STUDY/LABEL, e.g. 'a/*'"
        ),
    ] = None,
) -> None:
    """List what is done, running, failed and missing, and why; absent is what could not be had.

    Exit status 1 if a task has failed, or something is absent.
    """
    from striate.study.status import ABSENT, STATES
    from striate.study.status import forget as drop
    from striate.study.status import status as read

    if forget is not None:
        for name in drop(results, forget):
            print("forgotten", name, sep="\t", file=sys.stderr)
    found = list(read(results))
    for one in found:
        if as_json:
            print(json.dumps(one._asdict(), ensure_ascii=False))
        elif every or one.state != "done":
            print(one.state, f"{one.study}/{one.label}", one.reason, sep="\t")
    counts = Counter(one.state for one in found)
    if not as_json:
        told = [state for state in STATES if state != ABSENT or counts[state]]
        print(", ".join(f"{counts[state]} {state}" for state in told))
    if counts["failed"] or counts[ABSENT]:
        raise typer.Exit(1)
