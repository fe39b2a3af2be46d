"""From summaries of networks to sets of networks that were measured alike."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from striate.report.kong2021.published import rows
from striate.report.kong2021.words import NAMES, PREDICTED, REGRESSIONS
from striate.report.names import distinct, models, recordings
from striate.report.section import Record
from striate.results import Score, Setting

# What is the same for all networks that one correlation is over.
SHARED = ("protocol", "pictures", "recording", "stimulus_deg", "grouped", "quick")
# So too, where a step was done that depends on it; in a set's name only if nothing else differs.
STEPS_OF = {
    "field_deg": ("tuning", "pls", "ridge"),
    "crop_px": ("pls", "ridge"),
    "splits": ("pls", "ridge"),
    "lambdas": ("ridge",),
    "per_neuron": ("ridge",),
    "components": ("pls",),
    "minimum_reliability": ("pls", "ridge"),
    "attacked": ("robustness",),
    "sets": ("spectra",),
    "set_size": ("spectra",),
    "experiments": ("tuning",),
    "draws": ("tuning",),
    "seed": ("spectra", "tuning", "pls", "ridge", "robustness"),
}
STEPS = STEPS_OF["seed"]  # of a row; it names the file of each
SETTINGS = (*SHARED, *STEPS_OF)
USUAL = {"components": 25, "minimum_reliability": 0.0}  # of rows that do not say
UNKNOWN = "unknown"  # a setting that rows did not have when this one was written
WITHOUT = {"crop_px": "none", "attacked": "all"}  # what None is of a setting
LEFT_OUT = "left out"  # a setting of steps that were not done, which hinders no comparison
PREPARED = re.compile(r" [0-9a-f]{12}\b")  # what stands for content and preparation
BY_REGRESSION = ("predictivity", "predictivity_nested", "alpha", "frequency_score")
UNTOLD = "The network’s summary has no such number, and does not say why."
BY_RECORDING = "A recording was given, and says which layer stands for the network."

Cell = tuple[str, str]  # quantity and regression


class Network(NamedTuple):
    """A network that was measured.

    Attributes
    ----------
    name
        Of the row of Table S1 that it stands for, or its own.
    entry
        That row; None for a network of the user's.
    robust
        Whether it was trained to be; None where that is not known.
    scores
        What was measured, by quantity and regression (``""``: no regression).
    missing
        Why other numbers were not.
    """

    name: str
    entry: str | None
    robust: bool | None
    sha: str
    settings: Mapping[str, Setting]
    scores: Mapping[Cell, Score]
    missing: Mapping[Cell, str]

    def of(self, quantity: str, regression: str) -> Score | None:
        """Return what was measured; of a quantity without regressions, whatever is asked for."""
        return self.scores.get((quantity, regression if quantity in BY_REGRESSION else ""))

    def reason(self, quantity: str, regression: str) -> str:
        """Say why there is no such number."""
        key = (quantity, regression if quantity in BY_REGRESSION else "")
        told = self.missing.get(key) or self.missing.get((quantity, ""))
        if told or quantity not in BY_REGRESSION:
            return told or UNTOLD
        if not regression:
            return BY_RECORDING if any(way for _, way in self.scores) else UNTOLD
        # Of the layer that predicts best, where none does
        return self.missing.get((PREDICTED, regression)) or UNTOLD


class Together(NamedTuple):
    """Networks that were measured alike, each once.

    `label` is empty where there is one such set only; `again` names networks with further rows of
    the same set, and says how many these are.
    """

    label: str
    settings: Mapping[str, Setting]
    networks: Sequence[Network]
    again: Mapping[str, int] = MappingProxyType({})

    def grouped(self) -> bool | None:
        """Say whether related pictures were kept together; None where nothing was predicted."""
        predicted = any(one.of(PREDICTED, way) for one in self.networks for way in REGRESSIONS)
        return is_grouped(self.settings["grouped"]) if predicted else None


Key = tuple[Setting, ...]  # values of `SETTINGS`
NOTHING = Together("", dict.fromkeys(SETTINGS), ())  # where no network could be measured


def found(records: Sequence[Record]) -> list[Together]:
    """Read the summaries, and put together those with the same settings.

    A network that has several rows is there once in a set, by the one with the most numbers: twice
    it would be two networks to every correlation.

    Raises
    ------
    ValueError
        If a summary stands for a row that Table S1 does not have.
    """
    for record in records:
        entry = record.task.get("entry")
        if entry is not None and entry not in rows():
            raise ValueError(
                f"a summary of {record.task.get('model')} stands for entry={entry!r}, which is no "
                "row of Kong et al. 2021, Table S1; move it away and rerun"
            )
    sets = _sets(_current(records))
    labels = _labels([key for key, _ in sets])
    return [_together(labels[key], key, mine) for key, mine in sets]


def is_grouped(value: Setting) -> bool:
    """Say whether this value of ``grouped`` keeps related pictures together."""
    return value not in (None, False, "none")


def _current(records: Sequence[Record]) -> list[Record]:
    """Leave out rows of which another row of the same network has every file, and more or as many.

    They were written when less was wanted, or before rows had all of `SETTINGS`.
    """
    files = [{(step, file) for step in STEPS if (file := one.task.get(step))} for one in records]
    networks = [_network_key(one) for one in records]

    def is_in(one: int, other: int) -> bool:
        if one == other or not files[one] or networks[one] != networks[other]:
            return False
        same = files[one] == files[other]
        return files[one] < files[other] or (
            same and _wealth(records, one) < _wealth(records, other)
        )

    every = range(len(records))
    return [records[one] for one in every if not any(is_in(one, other) for other in every)]


def _wealth(records: Sequence[Record], place: int) -> tuple[int, ...]:
    """Order rows of one network: the last stands for it. No two are equal."""
    record = records[place]
    task = record.task
    return (
        sum(one.name != "missing" for one in record.results),
        sum(name in task for name in SETTINGS),
        int(task.get("robust") is not None),
        len(str(task.get("layers") or "").split()),
        place,
    )


def _sets(records: Sequence[Record]) -> list[tuple[Key, list[Record]]]:
    """Put together rows that agree in all settings of what was done in both."""
    groups: dict[Key, list[Record]] = {}
    for record in records:
        groups.setdefault(_settings(record), []).append(record)
    sets: list[tuple[Key, list[Record]]] = []
    # A row with something left out could be of several sets; it goes to the largest.
    for key in sorted(groups, key=lambda one: (one.count(LEFT_OUT), -len(groups[one]))):
        for place, (other, mine) in enumerate(sets):
            if all(a == b or LEFT_OUT in (a, b) for a, b in zip(key, other, strict=True)):
                both = tuple(b if a == LEFT_OUT else a for a, b in zip(key, other, strict=True))
                sets[place] = both, [*mine, *groups[key]]
                break
        else:
            sets.append((key, groups[key]))
    order = {id(one): place for place, one in enumerate(records)}
    return sorted(sets, key=lambda one: min(order[id(record)] for record in one[1]))


def _settings(record: Record) -> Key:
    task = record.task
    further = [
        _written(task, name) if any(task.get(step) for step in steps) else LEFT_OUT
        for name, steps in STEPS_OF.items()
    ]
    return (*(_value(record, name) for name in SHARED), *further)


def _written(task: Mapping[str, Setting], name: str) -> Setting:
    value = task.get(name, USUAL.get(name, UNKNOWN))
    return WITHOUT.get(name) if value is None else value


def _value(record: Record, name: str) -> Setting:
    """Return a setting that is shared; of pictures, the set without how it was prepared.

    Networks that take larger images see the same photographs, whose digits are others.
    """
    value = record.task.get(name)
    return PREPARED.sub("", str(value)) if name == "pictures" and value else value


def _together(label: str, key: Key, records: Sequence[Record]) -> Together:
    """Make a set of its rows, one for each network."""
    best: dict[Key, int] = {}
    for place in sorted(range(len(records)), key=lambda one: _wealth(records, one)):
        best[_network_key(records[place])] = place
    number = Counter(map(_network_key, records))
    networks = _networks([records[place] for place in sorted(best.values())])
    again = {
        one.name: number[one.entry, one.sha] - 1
        for one in networks
        if number[one.entry, one.sha] > 1
    }
    return Together(label, dict(zip(SETTINGS, key, strict=True)), networks, again)


def _labels(keys: Sequence[Key]) -> dict[Key, str]:
    """Name the sets by the settings in which they differ."""
    told = [place for place in range(len(SHARED)) if len({key[place] for key in keys}) > 1]
    short = recordings([str(value) for key in keys if (value := key[SHARED.index("recording")])])
    texts = {key: [_told(SHARED[place], key[place], short) for place in told] for key in keys}
    labels = {key: ", ".join(filter(None, parts)) for key, parts in texts.items()}
    return {key: text.removeprefix(", ") for key, text in distinct(labels, SETTINGS).items()}


def _told(name: str, value: Setting, short: Mapping[str, str]) -> str:
    """Write a setting as part of a name."""
    match name:
        case "pictures":
            return str(value).partition(", seed")[0] if value else "no photographs"
        case "recording":
            return short[str(value)] if value else "no recording"
        case "stimulus_deg":
            return f"{value:g}°" if isinstance(value, int | float) else "no degrees"
        case "grouped" if value is None:
            return ""  # there is no recording, which is said
        case "grouped":
            return "related pictures together" if is_grouped(value) else "pictures split freely"
        case "quick":
            return "quick" if value else "in full"
    return f"{name} {value}"


def _networks(records: Sequence[Record]) -> list[Network]:
    """Return the networks: rows in the order of the table, then those of the user's."""
    short = models([record.task for record in records])
    order = {name: place for place, name in enumerate(rows())}
    ranked = sorted(
        records,
        key=lambda one: (
            order.get(str(one.task.get("entry")), len(order)),
            short[_key(one)],
            str(one.task.get("model_sha256")),
        ),
    )
    names = [str(one.task.get("entry") or short[_key(one)]) for one in ranked]
    clash = Counter(names)
    return [
        _network(one, f"{name} ({_sha(one)[:6]})" if clash[name] > 1 else name)
        for one, name in zip(ranked, names, strict=True)
    ]


def _network(record: Record, name: str) -> Network:
    scores: dict[Cell, Score] = {}
    missing: dict[Cell, str] = {}
    for one in record.results:
        if not isinstance(one, Score):
            continue
        if one.name == "missing":
            about = one.settings
            cell = (str(about.get("quantity")), str(about.get("regression") or ""))
            missing[cell] = str(about.get("reason") or UNTOLD)
        else:
            regression = one.settings.get("regression") if one.name in BY_REGRESSION else ""
            scores[one.name, str(regression or "")] = one
    entry, robust = record.task.get("entry"), record.task.get("robust")
    return Network(
        name,
        None if entry is None else str(entry),
        bool(robust) if robust is not None else None,
        _sha(record),
        record.task,
        {cell: score for cell, score in scores.items() if _is_known(cell)},
        missing,
    )


def _is_known(cell: Cell) -> bool:
    return cell[0] in NAMES and cell[1] in REGRESSIONS


def _network_key(record: Record) -> Key:
    """Return what says that two rows are of one network: its row of the table, and its weights."""
    entry = record.task.get("entry")
    return (None if entry is None else str(entry), _sha(record))


def _key(record: Record) -> tuple[Setting, ...]:
    return (record.task.get("model"), record.task.get("model_sha256"))


def _sha(record: Record) -> str:
    return str(record.task.get("model_sha256") or "")
