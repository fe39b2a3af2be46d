"""A results folder as the study of Kong et al. 2021 leaves it, with planted numbers."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from striate import results
from striate.reference import kong2021_table_s1
from striate.results import Result, Score

TABLE = kong2021_table_s1().set_index("model")
PICTURES = "photographs 123abc"
RECORDING = "macaque.npz: 40 units, sha256 0123456789abcdef"
ATTACKS = {"accuracy_Linf": 1 / 1020, "accuracy_L2": 0.15, "accuracy_L1": 40.0}
COLUMNS = ("top1_linf_1_1020", "top1_l2_0_15", "top1_l1_40")
NOT_ATTACKED = "No photographs were given, so nothing was attacked."
STEPS = {
    "spectra": {"alpha pls", "alpha ridge", "alpha "},
    "tuning": {"frequency_score pls", "frequency_score ridge", "frequency_score "},
    "pls": {"predictivity pls"},
    "ridge": {"predictivity ridge"},
    "robustness": {"clean_accuracy", "adversarial_accuracy"},
}
LAYERS = {"pls": "layer1.0", "ridge": "layer2.1"}
FEW = ("alexnet", "resnet18", "resnet50", "squeezenet1_1", "vgg16")
ROBUST = ("robust_resnet18_linf_1", "robust_resnet50_l2_3", "igr_robust_resnet50")


def planted(entry: str, *, scale: float = 0.5, seed: int = 0) -> dict[str, float]:
    """Return numbers of a network that stands for a row, on another recording and photographs."""
    row = TABLE.loc[entry]
    noise = np.random.default_rng([seed, list(TABLE.index).index(entry)]).standard_normal(8) / 100
    made = {"clean_accuracy": float(row["top1_clean"]) + noise[0]}
    made |= {
        name: float(row[column]) + noise[1] for name, column in zip(ATTACKS, COLUMNS, strict=True)
    }
    made["adversarial_accuracy"] = float(np.mean([made[name] for name in ATTACKS]))
    made["predictivity pls"] = scale * float(row["v1_predictivity_pls"]) + noise[2]
    made["predictivity ridge"] = made["predictivity pls"] + noise[3]
    for number, regression in enumerate(LAYERS):
        made[f"alpha {regression}"] = 0.6 + 0.3 * float(row["robust"]) + 4 * noise[4 + number]
        made[f"frequency_score {regression}"] = (
            0.74 + 0.06 * float(row["robust"]) + 2 * noise[6 + number]
        )
    return {name: float(value) for name, value in made.items()}


def save_summary(
    folder: Path,
    values: Mapping[str, float],
    *,
    model: str = "nets.py:mine",
    sha: str = "aaaaaaaaaaaa",
    entry: str | None = None,
    robust: bool | None = None,
    pictures: str | None = PICTURES,
    recording: str | None = RECORDING,
    quick: bool = False,
    missing: Sequence[tuple[str, str, str]] = (),
    eps: float | None = None,
    ends: Mapping[str, tuple[float, float]] | None = None,
    started: str | None = None,
    **changes: object,
) -> Path:
    """Save the summary of a network with these numbers, named by quantity and regression."""
    about = {"model": model, "model_sha256": sha}
    entries: list[Result] = []
    for name, value in values.items():
        quantity, _, regression = name.partition(" ")
        settings: dict[str, object] = {**about}
        error = None
        if quantity in ("predictivity", "predictivity_nested", "alpha", "frequency_score"):
            error = 0.02
            settings |= {"regression": regression, "error": f"sd of {quantity}"}
            settings |= {"layer": LAYERS.get(regression, "conv1")}
            settings |= {"rule": "highest frequency score"} if not regression else {}
        if quantity == "clean_accuracy":
            settings["images"] = 1000
        if ends is not None and quantity in ends:
            low, high = ends[quantity]
            error = (high - low) / 2
            settings |= {"low": low, "high": high, "error": "half the 95 % interval"}
        if quantity in ATTACKS:
            settings["eps"] = ATTACKS[quantity] if eps is None else eps
        entries.append(Score(quantity, value, error, model, settings))
    for quantity, regression, reason in missing:
        settings = {**about, "quantity": quantity, "regression": regression, "reason": reason}
        entries.append(Score("missing", 0.0, source=model, settings=settings))
    shown = recording is not None
    task = {
        "study": "kong2021", "version": 1, "kind": "network", "label": "summary", **about,
        "size": 224, "entry": entry, "robust": robust, "protocol": "paper", "pictures": pictures,
        "recording": recording, "stimulus_deg": 1.14 if shown else None,
        "grouped": "none" if shown else None, "quick": quick, "field_deg": None, **changes,
    }  # fmt: skip
    # Each row has files of its own, unless it is told which.
    which = results.digest([task, dict(values)])[:12]
    task = {
        **{
            step: f"{step}/{which}.json" if cells & {*values} else None
            for step, cells in STEPS.items()
        },
        **task,
    }
    path = folder / "kong2021" / f"{results.digest(task)[:16]}.json"
    at = {} if started is None else {"started": started}
    results.save(path, entries, task=task, provenance={"striate": "0.1.0", "torch": "2.13.0", **at})
    return path


def save_step(
    folder: Path, *, sha: str = "aaaaaaaaaaaa", study: str = "robustness", **more: object
) -> None:
    """Save what a step says of its images and classes."""
    task = {"study": study, "kind": "network", "model_sha256": sha, **more}
    score = Score("clean_accuracy", 0.5, source="step")
    results.save(
        folder / study / f"{results.digest(task)[:16]}.json", [score], task=task, provenance={}
    )


def save_row(folder: Path, entry: str, *, scale: float = 0.5, **more: object) -> Path:
    """Save a measured network that stands for a row of Table S1."""
    return save_summary(
        folder,
        planted(entry, scale=scale),
        model=f"kong2021/{entry}",
        sha=results.digest(entry)[:12],
        entry=entry,
        robust=bool(TABLE.loc[entry, "robust"]),
        **more,
    )


def save_study(folder: Path, names: Sequence[str] = (*FEW, *ROBUST)) -> None:
    """Save some rows and a network of the user's."""
    for name in names:
        save_row(folder, name)
    mine = {
        "clean_accuracy": 0.66, "accuracy_Linf": 0.42, "accuracy_L2": 0.47, "accuracy_L1": 0.46,
        "adversarial_accuracy": 0.45, "predictivity pls": 0.297, "predictivity ridge": 0.31,
        "alpha pls": 0.85, "alpha ridge": 0.8, "frequency_score pls": 0.79,
        "frequency_score ridge": 0.77, "predictivity_nested pls": 0.29,
    }  # fmt: skip
    save_summary(folder, mine)
