"""Scores of each epoch of a training, as curves over epochs."""

from collections.abc import Sequence

from striate.results import Curve, Result, Score, Setting

PARTS = ("training", "measuring alpha", "attacking")


def over_epochs(history: Sequence[Result], epochs: int) -> list[Result]:
    """Turn the scores of each epoch into curves over epochs, and keep those of the last one.

    Parameters
    ----------
    history
        What `striate.training.train` yielded, one epoch after the other.
    epochs
        How many.

    Returns
    -------
    results
        Curves and last values of losses, accuracies and exponents; what was measured once as it
        is; and the seconds of each part, over all epochs.
    """
    by_kind: dict[tuple[str, Setting], list[Score]] = {}
    kept: list[Result] = []
    for result in history:
        if isinstance(result, Score) and result.name.startswith(("loss", "accuracy", "alpha")):
            by_kind.setdefault((result.name, result.settings["on"]), []).append(result)
        elif result.name != "seconds":
            kept.append(result)
    for (name, on), scores in by_kind.items():
        at = tuple(float(score.settings["epoch"] or 0) for score in scores)
        values = tuple(score.value for score in scores)
        kept.append(Curve(name, at, values, settings={"on": on, "epoch": epochs}))
        kept.append(scores[-1])
    for part in PARTS:
        spent = [r for r in history if r.name == "seconds" and r.settings["part"] == part]
        seconds = [score.value for score in spent if isinstance(score, Score)]
        if seconds:
            kept.append(Score("seconds", sum(seconds), settings={"part": part, "epoch": epochs}))
    return kept
