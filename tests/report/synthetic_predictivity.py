"""A results folder as `striate measure predictivity` leaves it, with planted correlations."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from striate import results
from striate.results import Curve, Result, Score

SD = {"error": "sd over splits"}
BOOTSTRAP = {"error": "bootstrap over neurons, half the 95 % interval"}
SOURCE = "v1.npz {}: 20 repeats x 440 stimuli x 24 units, sha256 abc"
NEURONS, DROPPED, SPLITS = 21, 3, 20
# What grouped splits take away, images of 2, 4 and 8 degrees, and the other protocols.
LEAK = 0.1
BY_SIZE = {2.0: -0.05, 4.0: 0.0, 8.0: -0.15}
BY_PROTOCOL = {"paper": 0.0, "consistent": 0.02, "authors": -0.04}
NETS = {
    "plain": {"conv1": 0.3, "block1.relu": 0.45, "block2.relu": 0.5, "block3.relu": 0.35},
    "robust": {"conv1": 0.4, "block1.relu": 0.58, "block2.relu": 0.52, "block3.relu": 0.45},
}


def deviations() -> np.ndarray:
    """Return how much neurons exceed the median neuron, which is the middle one."""
    return np.linspace(-0.3, 0.3, NEURONS)


def save_predictivity(
    folder: Path,
    layers: Mapping[str, float],
    *,
    model: str = "nets.py:plain",
    sha: str = "aaaaaaaaaaaa",
    population: str = "u1",
    protocol: str = "paper",
    regression: str = "pls",
    grouped: str = "movie",
    stimulus_deg: float | None = 4.0,
    against: Score | None = None,
    nested: float | None = -0.01,
    arrays: bool = True,
    **more: str | float,
) -> Path:
    """Save a network's layers, given with their predictivity.

    Predictivity before correction is 0.8 of it, on train images 0.1 more, and FEVE 0.5 of it; the
    sd over splits is 0.02. Neurons lie around the median as `deviations` says, in every other split
    0.02 above and else below. The layer chosen by other images is `nested` less good.
    """
    about = {
        "model": model, "model_sha256": sha, "size": 224, "recording": SOURCE.format(population),
        "population": population, "pictures": "val 123abc", "images": 600, "protocol": protocol,
        "grouped": grouped, "stimulus_deg": stimulus_deg, "field_deg": 6.4, "crop_px": "whole",
        "regression": regression, "splits": SPLITS, **more,
    }  # fmt: skip
    how = {"components": 25} if regression == "pls" else {"lambdas": "0.01 0.1 1 10"}
    here = {**about, **how, "neurons": NEURONS, "dropped": DROPPED, "stimuli": 440}
    entries: list[Result] = []
    for name, value in layers.items():
        entries += _layer(value, model, {**here, "layer": name, "pca": 599, **SD})
    best = max(layers, key=lambda name: layers[name])
    chosen = {**here, "layer": best, "pca": 599, **SD}
    count, values = len(layers), tuple(layers.values())
    x, error = tuple(float(n) for n in range(1, count + 1)), (0.02,) * count
    line = {**here, **SD, "layers": " ".join(layers)}
    entries += [
        Curve("predictivity_by_layer", x, values, error, model, line),
        Score("v1_layer", layers[best], 0.02, model, chosen),
        Score("reliability", 0.64, None, model, here),
        Score("ceiling", 0.8, None, model, here),
    ]
    if nested is not None:
        fewer = {**chosen, "chosen": 0.8}
        entries.append(Score("v1_layer_nested", layers[best] + nested, 0.03, model, fewer))
    if against is not None:
        entries.append(against)
    task = {"study": "predictivity", "version": 1, "kind": "network", **about, **how}
    task |= {"label": "predictivity", "layers": " ".join(layers), "pca": 599, "seed": 0}
    task |= {"against": None if against is None else against.settings["against"]}
    path = folder / "predictivity" / f"{results.digest([task, folder.name])[:16]}.json"
    provenance = {"striate": "0.1.0", "seconds": 30.0}
    kept = _arrays(layers) if arrays else {}
    results.save(path, entries, task=task, provenance=provenance, arrays=kept)
    return path


def difference(value: float, half: float, *, to: str = "nets.py:plain", size: float = 4.0) -> Score:
    """Return how much better a network predicts than another, as if it had been tested."""
    settings = {
        "against": f"{to} 0123456789ab", "against_layer": "block2.relu",
        "against_stimulus_deg": size, "low": value - half, "high": value + half,
        "p_one_sided": 0.0004, "p_two_sided": 0.0008, "resamples": 10000, "neurons": NEURONS,
        "layer": "block1.relu", "seed": 0, **BOOTSTRAP,
    }  # fmt: skip
    return Score("difference", value, half, "nets.py:robust", settings)


def save_everything(folder: Path) -> None:
    """Save two networks and pixels, shown in three sizes, two kinds of splits, three protocols.

    The robust one is compared with the plain one where images span 4 degrees.
    """
    for name, layers in NETS.items():
        net = {"model": f"nets.py:{name}", "sha": name}
        for size, less in BY_SIZE.items():
            tested = name == "robust" and size == 4.0
            gap = difference(0.08, 0.05) if tested else None
            save_predictivity(folder, _plus(layers, less), stimulus_deg=size, against=gap, **net)
            loose = _plus(layers, less + LEAK)
            save_predictivity(folder, loose, stimulus_deg=size, grouped="none", **net)
        for protocol in ("consistent", "authors"):
            other = _plus(layers, BY_PROTOCOL[protocol])
            save_predictivity(folder, other, protocol=protocol, **net)
        save_predictivity(folder, _plus(layers, 0.03), regression="ridge", **net)
    for size, less in BY_SIZE.items():
        pixels = {"model": "pixels", "sha": "pixels", "nested": 0.0}
        save_predictivity(folder, {"image": 0.2 + less / 2}, stimulus_deg=size, **pixels)


def _plus(layers: Mapping[str, float], more: float) -> dict[str, float]:
    return {name: value + more for name, value in layers.items()}


def _layer(value: float, model: str, here: dict) -> list[Result]:
    return [
        Score("predictivity", value, 0.02, model, here),
        Score("predictivity_raw", 0.8 * value, 0.01, model, here),
        Score("predictivity_train", value + 0.1, 0.01, model, here),
        Score("feve", 0.5 * value, 0.03, model, here),
    ]


def _arrays(layers: Mapping[str, float]) -> dict[str, np.ndarray]:
    kept = np.arange(NEURONS + DROPPED) < NEURONS
    made = {"kept": kept, "reliability": np.where(kept, 0.64, -0.1).astype(np.float32)}
    by_split = np.where(np.arange(SPLITS) % 2, 0.02, -0.02)
    for name, value in layers.items():
        values = np.full((SPLITS, len(kept)), np.nan, dtype=np.float32)
        values[:, kept] = value + np.add.outer(by_split, deviations())
        made |= {f"{name}/noise_corrected": values, f"{name}/correlation": 0.8 * values}
    return made
