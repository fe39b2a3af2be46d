"""A results folder as attacks and trainings leave it, with planted accuracies."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from striate import results
from striate.results import Curve, Result, Score

BOOTSTRAP = "bootstrap over images, half the 95 % interval"
PAPER = {"Linf": 1 / 1020, "L2": 0.15, "L1": 40.0}
GRIDS = {
    "Linf": (1 / 1020, 1 / 255, 4 / 255),
    "L2": (0.15, 0.6, 2.4),
    "L1": (40.0, 160.0, 640.0),
}
SIGNS = (
    *("random forward", "probabilities", "zero gradients"),
    *("flat over eps", "random search wins", "loss does not rise"),
)
PROBES = ("plain", "restarts", "margin", "fine steps", "logit scale", "random search")
VALUES = {"robust": 1.0, "undecided": 0.0, "masked": -1.0, "none": -2.0}
CUTOFFS = (1.0, 2.0, 4.0, 8.0, 16.0)


def half(accuracy: float, images: int) -> float:
    """Half the 95 % interval of an accuracy."""
    return float(1.96 * np.sqrt(accuracy * (1 - accuracy) / images))


def attacked(clean: float, strength: float, place: int) -> float:
    """Accuracy at the n-th radius of a grid; a net of strength 1 loses nothing."""
    return clean * strength**place


def save_robustness(
    folder: Path,
    *,
    model: str = "nets.py:plain",
    sha: str = "aaaaaaaaaaaa",
    clean: float = 0.8,
    strength: float = 0.5,
    images: int = 500,
    pictures: str = "val 123abc",
    norms: Sequence[str] = ("Linf", "L2", "L1"),
    word: str | None = None,
    worst: float | None = None,
    raised: Sequence[str] = (),
    passbands: bool | str = False,
    only_clean: bool = False,
    geometry: str = "paper",
    steps: int = 20,
    grids: Mapping[str, Sequence[float]] = GRIDS,
    judged: int | None = None,
    baseline: float | None = None,
    started: str = "2026-01-01T00:00:00+00:00",
) -> Path:
    """Save a network whose accuracy is multiplied by `strength` at each radius of the grids.

    `passbands` may be the name of their filter; `judged` is how many of the images are.
    """
    about = {"model": model, "model_sha256": sha, "pictures": pictures, "protocol": "paper"}
    about |= {"images": images}

    def score(name: str, value: float, **more: object) -> Score:
        error = half(value, images)
        ends = {"low": value - error, "high": value + error, "error": BOOTSTRAP}
        return Score(name, value, error, model, {**about, **more, **ends})

    entries: list[Result] = [score("clean_accuracy", clean)]
    for norm in () if only_clean else norms:
        how = {"attack": "pgd", "norm": norm, "steps": steps, "attack_wrong": False}
        how |= {"geometry": geometry} if norm == "L1" else {}
        grid = (0.0, *grids[norm])
        y = tuple(attacked(clean, strength, place) for place in range(len(grid)))
        for eps, value in zip(grid[1:], y[1:], strict=True):
            entries.append(score("adversarial_accuracy", value, **how, eps=eps))
        errors = tuple(half(value, images) for value in y)
        curve = {**about, **how, "error": BOOTSTRAP}
        entries.append(Curve("accuracy_pgd", grid, y, errors, model, curve))
        if word is not None:
            here = {**how, "eps": grid[1], "images": judged or images}
            entries += _judged(score, about, model, here, word, y[1], worst, raised, baseline)
    if not only_clean and set(norms) == set(PAPER) and (geometry, steps) == ("paper", 20):
        mean = attacked(clean, strength, 1)
        entries.append(score("mean_adversarial_accuracy", mean, steps=20))
    if passbands:
        for name, up in (("accuracy_low_pass", 1), ("accuracy_high_pass", -1)):
            y = tuple(clean * (place + 1) / 5 for place in range(5))[::up]
            named = "ideal" if passbands is True else passbands
            error = {**about, "filter": named, "error": BOOTSTRAP}
            errors = tuple(half(value, images) for value in y)
            entries.append(Curve(name, CUTOFFS, y, errors, model, error))
    task = {"study": "robustness", "version": 1, "kind": "network", "label": "robustness", **about}
    task |= {"classes": 10, "steps": steps, "attack_wrong": False, "seed": 0, "judged": word}
    task |= {"precision": "float32", "geometry": geometry, "judged_images": judged}
    task |= {"baseline": baseline, "filter": passbands}
    radii = [list(grids[norm]) for norm in norms]
    path = (
        folder / "robustness" / f"{results.digest([task, list(norms), radii, started])[:16]}.json"
    )
    told = {"striate": "0.1.0", "seconds": 60.0, "started": started}
    results.save(path, entries, task=task, provenance=told)
    return path


def _judged(score, about, model, here, word, plain, worst, raised, baseline) -> list[Result]:
    left = plain if worst is None else worst
    entries: list[Result] = [
        Score(
            "sign",
            float(name in raised),
            source=model,
            settings={
                **about, **here, "sign": name, "measured": 0.25 if name in raised else 0.0,
                "limit": 0.1, "meaning": f"share where {name} <was> seen",
            },
        )
        for name in SIGNS
    ]  # fmt: skip
    for place, name in enumerate(PROBES):
        value = plain + (left - plain) * place / (len(PROBES) - 1)
        entries.append(score("probe", value, **here, probe=name))
    said = {"verdict": word, "reason": f"planted {word}", "plain": plain, "worst": left}
    said["baseline"] = baseline
    entries.append(Score("verdict", VALUES[word], source=model, settings={**about, **here, **said}))
    return entries


def save_training(
    folder: Path,
    *,
    sha: str = "aaaaaaaaaaaa",
    objective: str = "standard",
    seed: int = 0,
    data: str = "cifar10 1234abcd",
    alpha: float | None = None,
    accuracy: float = 0.7,
    **changes: object,
) -> Path:
    """Save the training of a network that ends at `accuracy` on test images."""
    settings: Mapping[str, object] = {"eps": 8 / 255, "steps": 7} if objective != "standard" else {}
    task = {
        "study": "training", "version": 1, "kind": "network", "label": f"net-{objective}",
        "model": "small/cnn-3x32", "initial_sha256": f"{seed:012d}", "size": 32, "data": data,
        "images": 10_000, "classes": 10, "objective": objective, **settings, "epochs": 4,
        "batch_size": 100, "learning_rate": 0.05, "momentum": 0.9, "weight_decay": 5e-4,
        "optimizer": "sgd", "schedule": "constant", "drops": None, "replays": 1,
        "precision": "float32", "augment": True, "blur": None, "blur_sigma": 0.0, "noise": 0.0,
        "spectral_alpha": alpha, "spectral_beta": None if alpha is None else 0.1,
        "spectral_layers": None if alpha is None else "conv1 conv2",
        "spectral_ranks": None if alpha is None else "6-50",
        "spectral_units": None if alpha is None else "maps", "seed": seed, **changes,
    }  # fmt: skip
    about = {"model": task["model"], "data": data, "objective": objective, "seed": seed}
    about |= {"model_sha256": sha, "weights": f"net-{objective}-{sha}.safetensors"}
    epochs = (1.0, 2.0, 3.0, 4.0)
    train = {**about, "on": "train", "epoch": 4}
    entries: list[Result] = [
        Curve("loss", epochs, (2.0, 1.5, 1.2, 1.0), settings=train),
        Score("loss", 1.0, settings=train),
        Curve("accuracy", epochs, tuple(accuracy * n / 4 for n in epochs), settings=train),
        Score("accuracy", accuracy, settings=train),
        Score("accuracy", accuracy - 0.05, settings={**about, "on": "test", "images": 10_000}),
        Score("seconds", 40.0, settings={**about, "part": "training", "epoch": 4}),
    ]
    if alpha is not None:
        path = tuple(alpha + 1 / epoch for epoch in epochs)
        entries += [Curve(f"alpha_{name}", epochs, path, settings=train) for name in ("conv1",)]
    path = folder / "training" / f"{results.digest([task, sha])[:16]}.json"
    results.save(path, entries, task=task, provenance={"striate": "0.1.0", "seconds": 41.0})
    return path
