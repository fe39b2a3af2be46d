"""A results folder as `striate measure tuning` leaves it, with planted preferences."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from striate import results
from striate.results import Curve, Result, Score

CPD = tuple(f / 6.4 for f in (2.5, 3.5, 5, 7.1, 10, 14.1, 20, 28.3, 40, 56))
ORIENTATIONS = tuple(float(angle) for angle in np.linspace(0, 172.5, 10))
OF_GRATINGS = tuple(18.0 * step for step in range(10))
PER_IMAGE = tuple(float(f) for f in np.geomspace(1, 14, 16))
SD = "sd over experiments"
BOOTSTRAP = "bootstrap over channels, half the 95 % interval"
JACKKNIFE = "jackknife over images, half the 95 % interval"
FIELDS = (2.0, 4.0, 6.4, 8.0, 12.0)


def save_tuning(
    folder: Path,
    layers: Mapping[str, float | None],
    *,
    model: str = "nets.py:plain",
    sha: str = "aaaaaaaaaaaa",
    gratings: bool = False,
    optimal: int = 0,
    pictures: str | None = None,
    protocol: str = "paper",
    channels: int = 64,
    silent: int = 4,
    field_deg: float = 6.4,
    shift: float = 0.0,
    degrees: bool | None = None,
    measured: int = 50,
    without: Sequence[str] = (),
) -> Path:
    """Save the tuning of layers, given with their scores; one with None does not respond.

    The n-th of the layers, counted from 0, prefers the n-th frequency from the top in 3 of 4
    channels, and the lowest in the others; its median frequency is 2 to the power of 5 - n / 2,
    less `shift`, by which the other medians and correlations differ, too. Bandwidth is known of
    `measured` channels. Frequencies are in degrees unless these are gratings, or as `degrees` says;
    scores whose names are in `without` are left out.
    """
    degrees = not gratings if degrees is None else degrees
    pixels = 32 if gratings else round(35 * field_deg)
    per_degree = pixels / field_deg if gratings else 35.0
    shown = {
        "protocol": protocol,
        "stimulus": "grating" if gratings else "gabor",
        "unit": "cycles/degree" if degrees else "cycles/image",
        "pixels": pixels,
        "pixels_per_degree": per_degree if degrees else None,
        "field_deg": field_deg if degrees else None,
    }
    about = {"model": model, "model_sha256": sha, "pictures": pictures, **shown}
    entries: list[Result] = []
    arrays: dict[str, np.ndarray] = _stimuli(gratings)
    for number, (name, score) in enumerate(layers.items()):
        here = {**about, "layer": name, "channels": channels, "seed": 0, "rectified": number == 0}
        if score is None:
            entries.append(Score("responsive", 0.0, source=model, settings={**here, "selected": 0}))
            continue
        here |= {"selected": channels - silent}
        found = _layer(number, score, here, model, shift, measured, gratings)
        entries += [one for one in found if one.name not in without]
        chosen = [7, 21, 40][: optimal or 3]
        entries += [one for channel in chosen for one in _example(channel, number, here, gratings)]
        if optimal:
            rng = np.random.default_rng(number)
            side = 32 if gratings else 224
            shape = (len(chosen), side, side, 3)
            arrays[f"{name}/optimal"] = rng.integers(0, 256, shape, dtype=np.uint8)
            arrays[f"{name}/optimal_channels"] = np.array(chosen)
        if pictures is not None:
            entries += _components(number, here, model, shift, gratings)
    task = {"study": "tuning", "version": 1, "kind": "network", **about, "size": shown["pixels"]}
    task |= {"layers": " ".join(layers), "experiments": 1000, "draws": 150, "seed": 0}
    task |= {"label": "tuning", "optimal": optimal}
    path = folder / "tuning" / f"{results.digest([task, folder.name])[:16]}.json"
    provenance = {"striate": "0.1.0", "seconds": 30.0}
    results.save(path, entries, task=task, provenance=provenance, arrays=arrays)
    return path


def save_everything(folder: Path) -> None:
    """Save two networks shown patches and photographs, and two shown gratings."""
    plain = {"conv1": 0.2, "block1.relu": 0.5, "block2.relu": 0.75, "block3.relu": 0.4}
    robust = {"conv1": 0.3, "block1.relu": 0.82, "block2.relu": 0.7, "block3.relu": 0.6}
    robustly = {"model": "nets.py:robust", "sha": "bbbbbbbbbbbb", "shift": 0.5}
    save_tuning(folder, plain, optimal=3, pictures="val 123abc")
    save_tuning(folder, robust, optimal=3, pictures="val 123abc", **robustly)
    for name, sha, shift in (("one", "cccccccccccc", 0.0), ("two", "dddddddddddd", 0.5)):
        small = dict.fromkeys("abc", 0.0)
        about = {"model": f"small.py:{name}", "sha": sha, "gratings": True, "shift": shift}
        save_tuning(folder, small, **about)


def preferences(number: int, frequencies: tuple[float, ...]) -> tuple[float, ...]:
    """Return the planted shares of channels: three quarters at the n-th frequency from the top."""
    shares = [0.0] * len(frequencies)
    shares[0] += 0.25
    shares[-1 - number] += 0.75
    return tuple(shares)


def _layer(
    number: int,
    score: float,
    here: dict,
    model: str,
    shift: float,
    measured: int,
    gratings: bool,
) -> list[Result]:
    field = here["field_deg"] or 1.0
    frequencies = tuple(f / field for f in PER_IMAGE) if gratings else CPD
    shares = preferences(number, frequencies)
    medians = {
        "median_log2_frequency": 5 - number / 2 - shift,
        "median_circular_variance": 0.5 + number / 10 - shift / 5,
        "median_phase_modulation": 1.2 - number / 10 - shift / 5,
        "median_bandwidth_octaves": 2 + number / 10 - shift,
    }
    sure = {**here, "measured": here["selected"], "error": BOOTSTRAP}
    part = {**sure, "measured": measured}
    if measured < here["selected"]:
        part["error"] = BOOTSTRAP.replace("over", f"over {measured} of {here['selected']}")
    drawn = {**here, "experiments": 1000, "draws": 150}
    oriented = tuple([0.55] + [0.05] * 9)
    entries: list[Result] = [
        Score("responsive", here["selected"] / here["channels"], source=model, settings=here),
        *(
            Score(name, value, 0.1, model, part if "bandwidth" in name else sure)
            for name, value in medians.items()
        ),
        Curve("preferred_frequency", frequencies, shares, None, model, here),
        Curve("preferred_frequency_experiment", frequencies, shares, None, model, drawn),
        Curve("preferred_orientation", _angles(gratings), oriented, None, model, sure),
    ]
    if here["unit"] == "cycles/degree":
        by_field = tuple(score * field / 12 for field in FIELDS)
        error = (0.03,) * len(FIELDS)
        sd = {**drawn, "error": SD}
        entries.append(Score("frequency_score", score, 0.03, model, sd))
        away = {**sd, "field_deg": None}
        entries.append(Curve("frequency_score_by_field", FIELDS, by_field, error, model, away))
    return entries


def _example(channel: int, number: int, here: dict, gratings: bool) -> list[Result]:
    frequencies = PER_IMAGE if gratings else CPD
    peak = len(frequencies) - 1 - (number + channel) % 8
    y = [float(np.exp(-((place - peak) ** 2) / 8)) for place in range(len(frequencies))]
    settings = {**here, "channel": channel}
    return [
        Curve("frequency_tuning", frequencies, tuple(y), settings=settings),
        Curve("orientation_tuning", _angles(gratings), (1.0,) * 10, settings=settings),
    ]


def _angles(gratings: bool) -> tuple[float, ...]:
    return OF_GRATINGS if gratings else ORIENTATIONS


def _components(number: int, here: dict, model: str, shift: float, gratings: bool) -> list[Result]:
    frequencies = PER_IMAGE if gratings else CPD
    ranks = tuple(float(rank) for rank in range(1, 301))
    y = [frequencies[min(int(1.7 * np.log(rank) / 1.2), len(frequencies) - 1)] for rank in ranks]
    about = {**here, "z_scored": True, "images": 600, "units": 5000, "ranks": "1-300"}
    rho = {**about, "error": JACKKNIFE}
    return [
        Curve("frequency_by_rank", ranks, tuple(y), None, model, about),
        Score("frequency_by_rank", 0.6 - 0.25 * number - shift / 5, 0.1, model, rho),
    ]


def _stimuli(gratings: bool) -> dict[str, np.ndarray]:
    side = 32 if gratings else 224
    frequencies = PER_IMAGE if gratings else CPD
    x = np.arange(side) - side / 2
    pictures, about = [], []
    for number in range(5):
        frequency = frequencies[1 + 2 * number]
        angle = _angles(gratings)[2 * number]
        along = np.add.outer(x * np.cos(np.radians(angle)), x * np.sin(np.radians(angle)))
        wave = np.cos(2 * np.pi * frequency * along * (1 / side if gratings else 1 / 35))
        around = 1 if gratings else np.exp(-np.add.outer(x**2, x**2) / (2 * 35**2))
        pictures.append((127.5 * (1 + around * wave)).astype(np.uint8))
        about.append([angle, frequency, 40.0 * number])
    return {"stimuli": np.stack(pictures), "stimuli_about": np.array(about)}
