"""One row per network: the layer most like V1, and what each measurement says of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from striate.results import Result, Score, Setting
from striate.study import Task

NAME = "kong2021"
VERSION = 1  # rises when numbers change, not when code does
REGRESSIONS = ("pls", "ridge")
NORMS = ("Linf", "L2", "L1")
# The layer that stands for a network where no recording says which is most like V1.
BY_FREQUENCY = "highest frequency score"

Found = Mapping[str, Sequence[Result]]  # by step
Reasons = Mapping[str, str]


def summarised(found: Found, reasons: Reasons, about: Mapping[str, Setting]) -> list[Result]:
    """Take from the results of all steps the cells of one row of the table.

    Parameters
    ----------
    found
        What each step that was done wrote.
    reasons
        Of each step that was not: why.
    about
        Settings of every score: which network it is.

    Returns
    -------
    scores
        ``clean_accuracy``, ``accuracy_Linf``, ``accuracy_L2`` and ``accuracy_L1`` at the smallest
        strength of each norm, ``adversarial_accuracy`` (the mean of the three); of each regression
        ``predictivity`` and ``predictivity_nested``, and at its layer most like V1 ``alpha`` and
        ``frequency_score``; without any regression these two at the layer with the highest
        frequency score. What is not there is a score ``missing`` with the `reason` in its settings.
    """
    scores = _accuracies(found, reasons)
    layers: dict[str, str] = {}
    for regression in REGRESSIONS:
        mapped = found.get(regression)
        if mapped is None:
            scores.append(_missing("predictivity", reasons[regression], regression))
            continue
        best, nested = _only(mapped, "v1_layer"), _only(mapped, "v1_layer_nested")
        layers[regression] = str(best.settings["layer"])
        scores += [
            _renamed(best, "predictivity", regression=regression),
            _renamed(nested, "predictivity_nested", regression=regression),
        ]
    if not layers:
        best = _most_like_v1(found)
        layers[""] = "" if best is None else str(best.settings["layer"])
    for regression, layer in layers.items():
        for step, name in (("spectra", "alpha"), ("tuning", "frequency_score")):
            scores.append(_at(layer, step, name, regression, found, reasons))
    return [replace(score, settings={**score.settings, **about}) for score in scores]


def absent(task: Task, _: Path) -> list[Result]:
    """Say why there is nothing about a network of the table: what it was asked for did not load."""
    return [_missing("network", str(task["reason"]))]


def absent_task(entry: str, model: str, reason: str) -> Task:
    """Return the settings of a network of the table that could not be had.

    Parameters
    ----------
    entry
        Its row.
    model
        What it was asked for as.
    reason
        Why not.
    """
    return {
        "study": NAME,
        "version": VERSION,
        "kind": "absent",
        "label": f"{NAME}-absent-{entry}",
        "model": model,
        "entry": entry,
        "reason": reason,
    }


def _accuracies(found: Found, reasons: Reasons) -> list[Score]:
    results = found.get("robustness")
    if results is None:
        names = ("clean_accuracy", *(f"accuracy_{norm}" for norm in NORMS), "adversarial_accuracy")
        return [_missing(name, reasons["robustness"]) for name in names]
    attacked = [one for one in results if one.name == "adversarial_accuracy"]
    weakest = [
        min(
            (one for one in attacked if one.settings["norm"] == norm),
            key=lambda one: float(one.settings["eps"] or 0),
        )
        for norm in NORMS
    ]
    scores = [_renamed(_only(results, "clean_accuracy"), "clean_accuracy")]
    scores += [
        _renamed(one, f"accuracy_{norm}")
        for norm, one in zip(NORMS, weakest, strict=True)
        if isinstance(one, Score)
    ]
    return [*scores, _renamed(_only(results, "mean_adversarial_accuracy"), "adversarial_accuracy")]


def _at(layer: str, step: str, name: str, regression: str, found: Found, reasons: Reasons) -> Score:
    """Return what a step says of one layer."""
    results = found.get(step)
    if results is None:
        return _missing(name, reasons[step], regression)
    if not layer and name == "frequency_score":
        return _missing(name, _why_not(name, "any layer", results), regression)
    if not layer:
        why = "no layer stands for the network: there is neither a recording nor a frequency score"
        return _missing(name, why, regression)
    there = [one for one in results if one.name == name and one.settings.get("layer") == layer]
    if not there or not isinstance(there[0], Score):
        return _missing(name, _why_not(name, f"layer {layer}", results), regression, layer)
    rule = {} if regression else {"rule": BY_FREQUENCY}
    return _renamed(there[0], name, regression=regression, **rule)


def _why_not(name: str, layer: str, results: Sequence[Result]) -> str:
    if name == "alpha":
        return f"{layer} varies in too few directions for a window of ranks"
    units = {one.settings.get("unit") for one in results if "unit" in one.settings}
    if "cycles/image" in units:
        return "images this small have no degrees of their own; give --field-deg to assume some"
    return f"no channel of {layer} prefers a frequency: none of their means over phases varies"


def _most_like_v1(found: Found) -> Score | None:
    scored = [
        one
        for one in found.get("tuning", ())
        if one.name == "frequency_score" and isinstance(one, Score)
    ]
    return max(scored, key=lambda one: one.value, default=None)


def _only(results: Sequence[Result], name: str) -> Score:
    (one,) = (one for one in results if one.name == name)
    if not isinstance(one, Score):
        raise TypeError(f"{name} is a {type(one).__name__}")  # the studies write scores
    return one


def _renamed(score: Score, name: str, **more: Setting) -> Score:
    """Keep what tells where a number comes from, and leave the rest in its own file."""
    kept = (
        "layer", "error", "low", "high", "norm", "eps", "images", "pictures", "recording",
        "neurons", "stimuli", "splits", "ranks", "stimulus_deg", "field_deg", "grouped",
        "pixels", "stimulus",
    )  # fmt: skip
    settings = {key: score.settings[key] for key in kept if key in score.settings}
    return Score(name, score.value, score.error, score.source, {**settings, **more})


def _missing(quantity: str, reason: str, regression: str = "", layer: str = "") -> Score:
    told: dict[str, Setting] = {"quantity": quantity, "regression": regression, "reason": reason}
    return Score("missing", 0.0, settings=told | ({"layer": layer} if layer else {}))
