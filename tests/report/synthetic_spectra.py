"""A results folder as the commands on spectra leave it, with exact power laws as spectra."""

from math import inf
from pathlib import Path

from striate import results
from striate.results import Curve, Result, Score

JACKKNIFE = {"error": "jackknife over images, half the 95 % interval"}
FILE = "v1.npz {}: 50 repeats x 440 stimuli x 47 units, sha256 abc"


def power_law(alpha: float, count: int) -> tuple[float, ...]:
    """Shares of the variance that fall with `alpha`."""
    shape = [rank**-alpha for rank in range(1, count + 1)]
    return tuple(value / sum(shape) for value in shape)


def ranks(count: int) -> tuple[float, ...]:
    return tuple(float(rank) for rank in range(1, count + 1))


def _windows(alpha: float, count: int, settings: dict) -> list[Result]:
    """From rank 1, windows give half of α at half the ranks; from rank 10, half more at all."""
    ends = (float(count // 2), float(count))
    return [
        Curve("alpha_by_window", ends, (alpha / 2, alpha), settings={**settings, "first": 1}),
        Curve("alpha_by_window", ends, (alpha, alpha * 1.5), settings={**settings, "first": 10}),
    ]


def save_layers(
    folder: Path,
    layers: dict[str, float | None],
    *,
    model: str = "nets.py:plain",
    sha: str = "aaaaaaaaaaaa",
    pictures: str = "val 123abc",
    protocol: str = "paper",
    available: int = 200,
    count: int = 99,
    weights: str = "rank",
    spread: str = "sd over sets",
) -> Path:
    """Save the spectra of a network's layers, given with α; a layer without is too narrow.

    A `spread` that begins with ``none`` says why there is no error.
    """
    entries: list[Result] = []
    about = {"model": model, "model_sha256": sha, "pictures": pictures, "protocol": protocol}
    sets = {"z_scored": True, "sets": 3, "seed": 0, "available": available}
    for name, alpha in layers.items():
        here = {**about, **sets, "set_size": 100, "images": 100, "units": 500, "layer": name}
        shares = power_law(1.0 if alpha is None else alpha, 9 if alpha is None else count)
        sd, apart = {**here, "error": spread}, not spread.startswith("none")
        error = tuple(share / 10 for share in shares) if apart else None
        entries.append(Curve("eigenspectrum", ranks(len(shares)), shares, error, model, sd))
        if alpha is not None:
            fitted = {**here, "ranks": f"10-{count}", "weights": weights}
            sd = {**fitted, "error": spread}
            entries.append(Score("alpha", alpha, 0.02 if apart else None, model, sd))
            entries.append(Score("r_squared", 0.97, None, model, fitted))
            entries += _windows(alpha, count, fitted)
            whole = {**fitted, "ranks": "10-80", "images": available, **JACKKNIFE}
            entries.append(Score("alpha_all_images", alpha + 0.05, 0.1, model, whole))
    task = {"study": "spectra", "version": 1, "kind": "network", **about, **sets}
    task |= {"set_size": 2816, "layers": " ".join(layers)}
    return _save(folder, entries, task)


def save_recording(
    folder: Path,
    population: str,
    *,
    cross: float = 1.0,
    plain: float = 0.8,
    count: int = 47,
    negative: int = 0,
    window: str = "5-40",
    dimensions: float | None = None,
    corrected: tuple[float, float] | None = None,
) -> Path:
    """Save a recording's spectra; the last `negative` cross-validated variances are below zero."""
    source = FILE.format(population)
    about = {"ranks": window, "weights": "rank", "algorithm": "text", "shuffles": 20, "seed": 0}
    about |= {"dimensions": dimensions, "smoothness_bound": 1 + 2 / (dimensions or inf)}
    sizes = {"units": count, "stimuli": 440, "repeats": 50, "missing": "response", **about}
    entries: list[Result] = []
    methods = {
        "cvPCA": ("cross_validated_eigenspectrum", cross),
        "PCA of the trial mean": ("eigenspectrum", plain),
    }
    for method, (name, alpha) in methods.items():
        here = {**sizes, "method": method}
        shares = list(power_law(alpha, count))
        if negative and method == "cvPCA":
            shares[-negative:] = [-1e-4] * negative
        entries.append(Curve(name, ranks(count), tuple(shares), source=source, settings=here))
        ends = {} if corrected is None else {"corrected_low": corrected[0]}
        ends |= {} if corrected is None else {"corrected_high": corrected[1]}
        entries.append(Score("alpha", alpha, 0.1, source, {**here, **JACKKNIFE, **ends}))
        straight = 0.98 if method == "cvPCA" else 0.99
        entries.append(Score("r_squared", straight, None, source, here))
    entries += _windows(cross, count, {**sizes, "method": "cvPCA"})
    task = {"study": "spectra", "version": 1, "kind": "recording", "recording": source, **about}
    return _save(folder, entries, task)


def save_comparison(
    folder: Path,
    population: str,
    layers: dict[str, float],
    *,
    recorded: float = 1.0,
    half: float = 0.25,
    model: str = "nets.py:plain",
    sha: str = "aaaaaaaaaaaa",
    degrees: float | None = None,
    dimensions: float | None = None,
) -> Path:
    """Save a comparison of layers, given with α, and a recording; `half` its interval.

    A result of before R² and how large images were shown were kept is one without `degrees` and
    `dimensions`.
    """
    source = FILE.format(population)
    about = {"ranks": "5-20", "weights": "rank", "algorithm": "text", "shuffles": 10, "seed": 0}
    new = degrees is not None or dimensions is not None
    if new:
        about |= {"stimulus_deg": degrees, "field_deg": None if degrees is None else 6.4}
        about |= {"dimensions": dimensions, "smoothness_bound": 1 + 2 / (dimensions or inf)}
    entries: list[Result] = []
    for name, alpha in layers.items():
        here = {**about, "model": model, "model_sha256": sha, "recording": source, "layer": name}
        here |= {"units": 47, "stimuli": 440, "draws": 10}
        gap = alpha - recorded
        interval = {"low": gap - half, "high": gap + half, "error": "jackknife and draws"}
        for of, value in ((f"{model}:{name}", alpha), (source, recorded)):
            kind = {"error": "sd over draws"} if of != source else {}
            error = 0.05 if of != source else None
            seen = {**here, "reliability": 0.2}
            if new:
                straight = 0.9 if of == source else 0.8
                entries.append(Score("r_squared", straight, None, of, seen))
                seen |= {} if of == source else {"varying": 264}
            entries.append(Score("alpha_matched", value, error, of, {**seen, **kind}))
            entries.append(
                Curve("matched_eigenspectrum", ranks(47), power_law(value, 47), None, of, seen)
            )
        settings = {**here, **interval}
        entries.append(Score("alpha_difference", gap, half, f"{model}:{name}", settings))
    task = {"study": "spectra", "version": 1, "kind": "comparison", "recording": source, **about}
    task |= {"model": model, "model_sha256": sha, "layers": " ".join(layers)}
    return _save(folder, entries, task)


def save_everything(folder: Path) -> None:
    """Save two networks on the same images, two populations, and one comparison of both."""
    save_layers(folder, {"a": 0.5, "b": 1.0, "c": 1.5})
    save_layers(folder, {"a": 1.0, "b": 1.5, "c": 2.0}, model="nets.py:robust", sha="bbbbbbbbbbbb")
    save_recording(folder, "u1", cross=1.05, plain=0.8)
    save_recording(folder, "u2", cross=2.0, plain=1.5)
    save_comparison(folder, "u1", {"a": 0.5, "b": 1.1})
    save_comparison(folder, "u1", {"a": 2.0}, model="nets.py:robust", sha="bbbbbbbbbbbb")


def _save(folder: Path, entries: list[Result], task: dict) -> Path:
    path = folder / "spectra" / f"{results.digest([task, folder.name])[:16]}.json"
    results.save(path, entries, task=task, provenance={"striate": "0.1.0", "seconds": 30.0})
    return path
