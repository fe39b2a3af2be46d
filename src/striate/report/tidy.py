"""Results as tidy tables: a row per score, or a row per point of a curve; settings as columns."""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import pandas as pd

from striate.results import Curve, Result, Score, Setting


def frame(results: Iterable[Result]) -> pd.DataFrame:
    """Return one row per score, with its settings as columns; curves are left out.

    `error` is a number, and `error_kind` says which: what the score's settings call "error".

    Parameters
    ----------
    results
        Scores and curves, as `striate.results.load_all` gives them.
    """
    return pd.DataFrame(
        [
            {**_settings(score), "value": score.value, "error": score.error}
            for score in results
            if isinstance(score, Score)
        ]
    )


def points(results: Iterable[Result], names: Collection[str]) -> pd.DataFrame:
    """Return one row per point of the curves called `names`, with their settings as columns."""
    return pd.DataFrame(
        [
            {**_settings(curve), "x": x, "y": y}
            for curve in results
            if isinstance(curve, Curve) and curve.name in names
            for x, y in zip(curve.x, curve.y, strict=True)
        ]
    )


def of_study(results: Sequence[Result], study: str, *, folder: Path | str) -> list[Result]:
    """Return the results that belong to `study`; `folder` is where they came from.

    Raises
    ------
    ValueError
        If there are none.
    """
    ours = [result for result in results if result.settings.get("study") == study]
    if not ours:
        named = {result.settings.get("study") for result in results}
        others = sorted(str(name) for name in named if name)
        found = f" (only of {', '.join(others)})" if others else ""
        raise ValueError(
            f"no results of {study} in {folder}{found}; "
            f"run `striate run {study} --results {folder}` first"
        )
    return ours


def _settings(result: Result) -> dict[str, Setting]:
    renamed = {"error_kind" if key == "error" else key: v for key, v in result.settings.items()}
    return {"name": result.name, "source": result.source, **renamed}
