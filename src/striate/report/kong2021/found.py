"""From summaries of networks to sets of networks that were measured alike."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from striate.report.kong2021.published import rows
from striate.report.kong2021.words import NAMES, REGRESSIONS
from striate.report.names import models, recordings
from striate.report.section import Record
from striate.results import Score, Setting

# What is the same for all networks that one correlation is over.
SHARED = ("protocol", "pictures", "recording", "stimulus_deg", "grouped", "quick")
PREPARED = re.compile(r" [0-9a-f]{12}\b")  # what stands for content and preparation
BY_REGRESSION = ("predictivity", "predictivity_nested", "alpha", "frequency_score")
UNTOLD = "The network’s summary has no such number, and does not say why."

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
        return self.missing.get(key) or self.missing.get((quantity, "")) or UNTOLD


class Together(NamedTuple):
    """Networks that were measured alike; `label` is empty where there is one such set only."""

    label: str
    settings: Mapping[str, Setting]
    networks: Sequence[Network]


def found(records: Sequence[Record]) -> list[Together]:
    """Read the summaries, and put together those with the same settings.

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
    groups: dict[tuple[Setting, ...], list[Record]] = {}
    for record in records:
        key = tuple(_value(record, name) for name in SHARED)
        groups.setdefault(key, []).append(record)
    labels = _labels(list(groups))
    return [
        Together(label, dict(zip(SHARED, key, strict=True)), _networks(groups[key]))
        for key, label in labels.items()
    ]


def _value(record: Record, name: str) -> Setting:
    """Return a setting that is shared; of pictures, the set without how it was prepared.

    Networks that take larger images see the same photographs, whose digits are others.
    """
    value = record.task.get(name)
    return PREPARED.sub("", str(value)) if name == "pictures" and value else value


def _labels(keys: Sequence[tuple[Setting, ...]]) -> dict[tuple[Setting, ...], str]:
    """Name the sets by the settings in which they differ."""
    told = [place for place in range(len(SHARED)) if len({key[place] for key in keys}) > 1]
    short = recordings([str(value) for key in keys if (value := key[SHARED.index("recording")])])
    seen: Counter[str] = Counter()
    made = {}
    for key in keys:
        label = ", ".join(_told(SHARED[place], key[place], short) for place in told)
        seen[label] += 1
        made[key] = f"{label} ({seen[label]})" if seen[label] > 1 else label
    return made


def _told(name: str, value: Setting, short: Mapping[str, str]) -> str:
    """Write a setting as part of a name."""
    match name:
        case "pictures":
            return str(value).partition(", seed")[0] if value else "no photographs"
        case "recording":
            return short[str(value)] if value else "no recording"
        case "stimulus_deg":
            return f"{value:g}°" if isinstance(value, int | float) else "no degrees"
        case "grouped":
            return "related pictures together" if value else "pictures split freely"
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


def _key(record: Record) -> tuple[Setting, ...]:
    return (record.task.get("model"), record.task.get("model_sha256"))


def _sha(record: Record) -> str:
    return str(record.task.get("model_sha256") or "")
