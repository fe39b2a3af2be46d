"""From result files to networks that predicted the same neurons, under which conditions."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from striate.report.names import in_order, layers, models, recordings, told
from striate.report.section import Record
from striate.results import Result, Score, Setting, layers_of

# In the order of the page; others follow.
PROTOCOLS = ("paper", "consistent", "authors")
REGRESSIONS = {"pls": "PLS", "ridge": "ridge"}
UNGROUPED = (None, "none")
# What the figures vary. A network for which anything else varies counts as several.
CONDITIONS = ("protocol", "grouped", "stimulus_deg")
# What else moves a number: networks that differ in it do not stand against each other.
MOVING = (
    "pictures", "images", "crop_px", "splits", "seed", "components", "lambdas",
    "minimum_reliability",
)  # fmt: skip
# The field may be the protocol's own, and larger for a network that takes larger images.
FIELD = "field_deg"
# What a network is called that any other should beat: the image itself, the energies of a bank of
# Gabor filters, or weights that nothing was learned by.
PLAIN = re.compile(r"pixels|energy|untrained|random weights")
NAMED = ("study", "kind", "label", "layers", "model", "model_sha256", "recording", "population")
OF_LAYERS = ("predictivity", "predictivity_raw", "feve", "predictivity_train")
BEST, NESTED = "v1_layer", "v1_layer_nested"
OF_NEURONS = ("reliability", "ceiling")
DIFFERENCE = "difference"

Settings = Mapping[str, Setting]
Key = tuple[Setting, ...]


class Layer(NamedTuple):
    """A layer: its name for figures and in full, its scores by name, and its neurons.

    `corrected` are noise-corrected correlations (splits × neurons of the recording) if they were
    saved, NaN where a neuron was left out.
    """

    label: str
    name: str
    scores: Mapping[str, Score]
    corrected: np.ndarray | None


class Run(NamedTuple):
    """What one network predicted under one set of conditions, which are in `settings`.

    `best` is its V1-like layer; `scores` belong to no layer or to the chosen one.
    """

    label: str
    model: str
    settings: Settings
    layers: Sequence[Layer]
    best: Layer
    scores: Mapping[str, Score]
    differences: Sequence[Score]

    @property
    def protocol(self) -> str:
        """How features were prepared."""
        return str(self.settings.get("protocol"))

    @property
    def grouped(self) -> bool:
        """Whether siblings, such as frames of one movie, stayed on one side of each split."""
        return self.settings.get("grouped") not in UNGROUPED

    @property
    def display(self) -> float | None:
        """How many degrees an image of the recording is said to span."""
        value = self.settings.get("stimulus_deg")
        return float(value) if isinstance(value, int | float) else None

    @property
    def flat(self) -> bool:
        """Whether there is one layer only, and no depth to draw it against."""
        return len(self.layers) == 1

    @property
    def baseline(self) -> bool:
        """Whether the network, by its name, is one that any other should beat."""
        return PLAIN.search(re.split(r"[:/]", self.model)[-1]) is not None

    @property
    def score(self) -> Score:
        """Predictivity of the best layer."""
        return self.scores.get(BEST, self.best.scores["predictivity"])


class Together(NamedTuple):
    """Networks, by their labels, that predicted the same neurons with the same regression."""

    label: str
    recording: str
    regression: str
    networks: Sequence[str]
    runs: Sequence[Run]

    @property
    def protocols(self) -> list[str]:
        """Those there are, in the order of the page."""
        there = sorted({run.protocol for run in self.runs})
        return sorted(there, key=lambda one: PROTOCOLS.index(one) if one in PROTOCOLS else 99)


def found(records: Sequence[Record]) -> list[Together]:
    """Sort the study's result files; a file without the predictivity of a layer is left out."""
    full = [one for one in records if any(r.name == OF_LAYERS[0] for r in _of_layers(one.results))]
    names = models(record.task for record in full)
    places = recordings(_source(record.task) for record in full)
    groups: dict[Key, list[Record]] = {}
    for record in full:
        key = (_source(record.task), record.task.get("regression"))
        groups.setdefault(key, []).append(record)
    made = []
    for (source, regression), mine in groups.items():
        how = REGRESSIONS.get(str(regression), str(regression))
        runs = sorted(_runs(mine, names), key=_order)
        # One layer under one condition is one under all, so that its look does not change.
        labels = list(dict.fromkeys(run.label for run in runs))
        label = f"{places[str(source)]}, {how}"
        made.append(Together(label, str(source), how, labels, runs))
    return sorted(made, key=lambda one: in_order(one.label))


def flats(together: Together) -> set[str]:
    """Return the labels that only ever have one layer."""
    deep = {run.label for run in together.runs if not run.flat}
    return set(together.networks) - deep


def displays(runs: Iterable[Run]) -> list[float | None]:
    """Return the assumed sizes, smallest first; None, where it is not said, last."""
    return sorted({run.display for run in runs}, key=lambda one: (one is None, one or 0.0))


def alike(one: Run, other: Run, *, but: Collection[str] = ()) -> bool:
    """Say whether two runs agree in all that moves a number, `but` for these."""
    names = [name for name in (*CONDITIONS, *MOVING) if name not in but]
    same = all(one.settings.get(name) == other.settings.get(name) for name in names)
    return same and (FIELD in but or _same_field(one, other))


def _same_field(one: Run, other: Run) -> bool:
    """Say whether two networks see as many degrees, or as many in a pixel."""
    fields = [run.settings.get(FIELD) for run in (one, other)]
    sizes = [run.settings.get("size") for run in (one, other)]
    if fields[0] == fields[1] or not all(isinstance(x, int | float) for x in fields + sizes):
        return fields[0] == fields[1]
    first, second = (float(x or 0) for x in fields)
    return bool(np.isclose(first * float(sizes[1] or 0), second * float(sizes[0] or 0)))


def _source(task: Settings) -> str:
    """Name the recording with its population, as `recordings` reads it."""
    head, colon, rest = str(task.get("recording")).partition(": ")
    population = task.get("population")
    missing = population is not None and str(population) not in head
    return f"{head} {population}{colon}{rest}" if missing else f"{head}{colon}{rest}"


def _runs(records: Sequence[Record], names: Mapping[Key, str]) -> list[Run]:
    """Make one run of the files of a network under the same conditions."""
    by_model: dict[Key, list[Record]] = {}
    for record in records:
        key = (record.task.get("model"), record.task.get("model_sha256"))
        by_model.setdefault(key, []).append(record)
    made = []
    for model, mine in by_model.items():
        varied = _varied(mine)
        groups: dict[Key, list[Record]] = {}
        for record in mine:
            key = tuple(record.task.get(name) for name in (*CONDITIONS, *varied))
            groups.setdefault(key, []).append(record)
        for key, group in groups.items():
            about = zip(varied, key[len(CONDITIONS) :], strict=True)
            extra = [told(name, value) for name, value in about]
            made.append(_run(", ".join([names[model], *extra]), group))
    return made


def _varied(records: Sequence[Record]) -> list[str]:
    """Name the settings, other than conditions, that differ between files of one network.

    The field, which may be the protocol's, is compared within a protocol; what moves a number,
    over all conditions, so that no difference between two of them is owed to it; the rest, under
    the same conditions.
    """
    every = dict.fromkeys(name for record in records for name in record.task)
    candidates = [
        name
        for name in every
        if name not in (*CONDITIONS, *NAMED, "regression") and not name.startswith("against")
    ]
    within = {FIELD: ("protocol",), **dict.fromkeys(MOVING, ())}
    return [name for name in candidates if _differs(name, records, within.get(name, CONDITIONS))]


def _differs(name: str, records: Sequence[Record], within: Sequence[str]) -> bool:
    """Say whether a setting has several values among files that agree in others."""
    values: dict[Key, set[Setting]] = {}
    for record in records:
        key = tuple(record.task.get(other) for other in within)
        values.setdefault(key, set()).add(record.task.get(name))
    return any(len(found) > 1 for found in values.values())


def _run(label: str, records: Sequence[Record]) -> Run:
    """Put files together that differ in their layers, or in what the network was compared with."""
    parts: dict[str, dict[str, Score]] = {}
    scores: dict[str, Score] = {}
    differences: dict[str, Score] = {}
    for one in (result for record in records for result in record.results):
        if not isinstance(one, Score):
            continue
        layer = one.settings.get("layer")
        if one.name == DIFFERENCE:
            differences.setdefault(str(one.settings.get("against")), one)
        elif one.name in (BEST, NESTED):
            kept = scores.get(one.name)
            scores[one.name] = one if kept is None or one.value > kept.value else kept
        elif one.name in OF_NEURONS:
            scores.setdefault(one.name, one)
        elif layer is not None:
            parts.setdefault(str(layer), {}).setdefault(one.name, one)
    parts = {name: mine for name, mine in parts.items() if OF_LAYERS[0] in mine}
    if len({record.task.get("layers") for record in records}) > 1:
        scores.pop(NESTED, None)  # each file chose among its own layers
    order = _in_order(parts, records)
    short = layers(order)
    made = [Layer(short[name], name, parts[name], _corrected(name, records)) for name in order]
    named = scores[BEST].settings.get("layer") if BEST in scores else None
    chosen = [layer for layer in made if layer.name == named]
    best = chosen[0] if chosen else max(made, key=lambda one: one.scores[OF_LAYERS[0]].value)
    task = records[0].task
    return Run(label, str(task.get("model")), task, made, best, scores, [*differences.values()])


def _in_order(names: Iterable[str], records: Sequence[Record]) -> list[str]:
    """Sort layers as the file has them; of several files the names are all there is to go by."""
    there = list(names)
    listed = [layers_of(record.task) for record in records]
    longest = max(listed, key=len)
    if set(there) <= set(longest):
        return [name for name in longest if name in there]
    return there if len(records) == 1 else sorted(there, key=in_order)


def _corrected(layer: str, records: Sequence[Record]) -> np.ndarray | None:
    """Return the noise-corrected correlations, with NaN for neurons that were not kept."""
    for record in records:
        values, kept = (record.arrays.get(name) for name in (f"{layer}/noise_corrected", "kept"))
        if values is None or kept is None:
            continue
        if values.shape[1:] != kept.shape:
            raise ValueError(
                f"the results of {record.task.get('model')} have {layer}/noise_corrected of shape "
                f"{values.shape} and kept of shape {kept.shape}; delete them and rerun"
            )
        return np.where(kept, values.astype(float), np.nan)
    return None


def _of_layers(results: Iterable[Result]) -> list[Result]:
    return [one for one in results if one.settings.get("layer") is not None]


def _order(run: Run) -> tuple[bool, list[tuple[int, str]], int, bool, float]:
    place = PROTOCOLS.index(run.protocol) if run.protocol in PROTOCOLS else len(PROTOCOLS)
    return run.flat, in_order(run.label), place, not run.grouped, run.display or np.inf
