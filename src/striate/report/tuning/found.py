"""From result files to networks that were shown the same stimuli, and what their layers did."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from striate.report.names import distinct, in_order, layers, models
from striate.report.section import Record
from striate.results import Curve, Result, Score, Setting

# Networks are set side by side if they saw the same stimuli, and were sampled alike. Images may
# differ in size as long as a degree has as many pixels.
SHARED = (
    *("protocol", "stimulus", "unit", "pixels_per_degree"),
    *("experiments", "draws", "seed", "version"),
)
DEGREES = "cycles/degree"
EXAMPLES = ("frequency_tuning", "orientation_tuning")
RANKS = "frequency_by_rank"
# Principal components are those of certain photographs.
SEEN = ("pictures", "images", "z_scored")

Settings = Mapping[str, Setting]
Key = tuple[Setting, ...]


class Stimulus(NamedTuple):
    """An example of what was shown; frequency in the unit of the stimuli."""

    pixels: np.ndarray
    orientation_deg: float
    frequency: float
    phase_deg: float


class Example(NamedTuple):
    """A channel: its curve, and the image that it prefers if that was made."""

    channel: int
    tuning: Curve
    optimal: np.ndarray | None


class Ranks(NamedTuple):
    """Preferred frequency by rank of principal component; no correlation if all prefer one."""

    curve: Curve
    rho: Score | None


class Layer(NamedTuple):
    """A layer: its name for figures and in full, its scores and curves by name, and more.

    `ranks` are by the photographs that the components are of, with the values of `SEEN`.
    """

    label: str
    name: str
    scores: Mapping[str, Score]
    curves: Mapping[str, Curve]
    examples: Sequence[Example]
    ranks: Mapping[Key, Ranks]


class Network(NamedTuple):
    """A network: what it is called on the page and in full, its layers from the first on."""

    label: str
    model: str
    settings: Settings
    layers: Sequence[Layer]
    stimuli: Sequence[Stimulus]


class Together(NamedTuple):
    """Networks that were shown the same stimuli."""

    label: str
    settings: Settings
    networks: Sequence[Network]

    @property
    def in_degrees(self) -> bool:
        """Whether frequencies are per degree, and can be set beside those of V1."""
        return self.settings["unit"] == DEGREES


def found(records: Sequence[Record]) -> list[Together]:
    """Sort the study's result files; a network that no layer was measured of is left out."""
    names = models(record.task for record in records)
    groups: dict[Key, dict[Key, list[Record]]] = {}
    for record in records:
        model = (record.task.get("model"), record.task.get("model_sha256"))
        groups.setdefault(_shared(record.task), {}).setdefault(model, []).append(record)
    labels = distinct({key: _stimuli_name(key) for key in groups}, (*SHARED, "pixels"))
    made = []
    for key, by_model in groups.items():
        networks = [_network(names[model], mine) for model, mine in by_model.items()]
        networks = [network for network in networks if network.layers]
        networks.sort(key=lambda network: in_order(network.label))
        if networks:
            settings = dict(zip((*SHARED, "pixels"), key, strict=True))
            made.append(Together(labels[key], settings, networks))
    return sorted(made, key=lambda one: (not one.in_degrees, in_order(one.label)))


def best_layer(network: Network) -> Layer | None:
    """Return the layer that is most like V1; None if none was compared with it."""
    scored = [layer for layer in network.layers if "frequency_score" in layer.scores]
    return max(scored, key=lambda layer: layer.scores["frequency_score"].value, default=None)


def unit_of(together: Together) -> str:
    """Write the unit of frequencies short."""
    return "cpd" if together.in_degrees else "cycles/image"


def photographs(together: Together) -> list[Key]:
    """Return the sets of photographs that components are of, with the values of `SEEN`."""
    every = [layer.ranks for one in together.networks for layer in one.layers]
    return list(dict.fromkeys(key for ranks in every for key in ranks))


def _shared(task: Settings) -> Key:
    small = task.get("unit") != DEGREES
    return (*(task.get(name) for name in SHARED), task.get("pixels") if small else None)


def _stimuli_name(key: Key) -> str:
    about = dict(zip((*SHARED, "pixels"), key, strict=True))
    stimulus = "Gabor patches" if about["stimulus"] == "gabor" else f"{about['stimulus']}s"
    return stimulus if about["pixels"] is None else f"{stimulus} of {about['pixels']} pixels"


def _network(label: str, records: Sequence[Record]) -> Network:
    parts: dict[str, list[Result]] = {}
    for record in records:
        for result in record.results:
            name = result.settings.get("layer")
            if name is not None:
                parts.setdefault(str(name), []).append(result)
    # One file has them in the network's order; of several, the names are all there is to go by.
    order = list(parts) if len(records) == 1 else sorted(parts, key=in_order)
    short, optimal = layers(order), _optimal(records)
    return Network(
        label,
        str(records[0].task.get("model")),
        records[0].task,
        [_layer(short[name], name, parts[name], optimal) for name in order],
        next(filter(None, map(_stimuli, records)), []),
    )


def _layer(
    short: str, name: str, results: Sequence[Result], optimal: Mapping[tuple[str, int], np.ndarray]
) -> Layer:
    """Collect what is known of a layer; what was measured twice counts once."""
    scores: dict[str, Score] = {}
    curves: dict[str, Curve] = {}
    tunings: dict[int, Curve] = {}
    for one in results:
        channel = one.settings.get("channel")
        if one.name == RANKS:
            continue
        if isinstance(one, Score):
            scores.setdefault(one.name, one)
        elif one.name not in EXAMPLES:
            curves.setdefault(one.name, one)
        elif one.name == EXAMPLES[0] and isinstance(channel, int):
            tunings.setdefault(channel, one)
    examples = [
        Example(channel, curve, optimal.get((name, channel))) for channel, curve in tunings.items()
    ]
    return Layer(short, name, scores, curves, examples, _ranks(results))


def _ranks(results: Iterable[Result]) -> dict[Key, Ranks]:
    curves: dict[Key, Curve] = {}
    rhos: dict[Key, Score] = {}
    for one in results:
        if one.name == RANKS:
            key = tuple(one.settings.get(name) for name in SEEN)
            if isinstance(one, Curve):
                curves.setdefault(key, one)
            else:
                rhos.setdefault(key, one)
    return {key: Ranks(curve, rhos.get(key)) for key, curve in curves.items()}


def _optimal(records: Iterable[Record]) -> dict[tuple[str, int], np.ndarray]:
    images: dict[tuple[str, int], np.ndarray] = {}
    for record in records:
        for name, channels in record.arrays.items():
            layer = name.removesuffix("/optimal_channels")
            pictures = record.arrays.get(f"{layer}/optimal")
            if layer != name and pictures is not None:
                for channel, picture in zip(channels.tolist(), pictures, strict=True):
                    images.setdefault((layer, channel), picture)
    return images


def _stimuli(record: Record) -> list[Stimulus]:
    pictures, about = (record.arrays.get(name) for name in ("stimuli", "stimuli_about"))
    if pictures is None or about is None:
        return []
    return [Stimulus(one, *row) for one, row in zip(pictures, about.tolist(), strict=True)]
