"""From summaries of networks to sets of networks that were measured alike."""

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from striate.report.kong2021.networks import Network, networks_of
from striate.report.kong2021.summaries import LEFT_OUT, SETTINGS, SHARED, Key, Summary, summaries
from striate.report.kong2021.words import PREDICTED, REGRESSIONS
from striate.report.names import distinct, recordings
from striate.report.section import Record
from striate.results import Setting


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


NOTHING = Together("", dict.fromkeys(SETTINGS), ())  # where no network could be measured


def found(records: Sequence[Record]) -> list[Together]:
    """Read the summaries, and put together those with the same settings.

    A network that has several rows is there once in a set, by the one with the most numbers: twice
    it would be two networks to every correlation.

    Raises
    ------
    ValueError
        As `summaries`.
    """
    sets = _sets(summaries(records))
    labels = _labels([key for key, _ in sets])
    return [_together(labels[key], key, mine) for key, mine in sets]


def is_grouped(value: Setting) -> bool:
    """Say whether this value of ``grouped`` keeps related pictures together."""
    return value not in (None, False, "none")


def _sets(there: Sequence[Summary]) -> list[tuple[Key, list[Summary]]]:
    """Put together rows that agree in all settings of what was done in both."""
    groups: dict[Key, list[Summary]] = {}
    for one in there:
        groups.setdefault(one.settings, []).append(one)
    sets: list[tuple[Key, list[Summary]]] = []
    # A row with something left out could be of several sets; it goes to the largest.
    for key in sorted(groups, key=lambda one: (one.count(LEFT_OUT), -len(groups[one]))):
        for place, (other, mine) in enumerate(sets):
            if all(a == b or LEFT_OUT in (a, b) for a, b in zip(key, other, strict=True)):
                both = tuple(b if a == LEFT_OUT else a for a, b in zip(key, other, strict=True))
                sets[place] = both, [*mine, *groups[key]]
                break
        else:
            sets.append((key, groups[key]))
    order = {id(one): place for place, one in enumerate(there)}
    return sorted(sets, key=lambda one: min(order[id(row)] for row in one[1]))


def _together(label: str, key: Key, rows: Sequence[Summary]) -> Together:
    """Make a set of its rows, one for each network."""
    best = {one.network: one for one in sorted(rows, key=lambda one: one.wealth)}
    number = Counter(one.network for one in rows)
    networks = networks_of(list(best.values()))
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
