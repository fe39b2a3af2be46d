"""What the results of other studies say of a network: how it was trained, its V1-like layer."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from striate.reference import kong2021_table_s1
from striate.report.section import Record
from striate.report.words import plural
from striate.results import Score, Setting

# Studies whose results say how a network was trained, or which of its layers is like V1.
READS = ("training", "predictivity", "tuning", "kong2021")
PREDICTS = "predicts V1 best"
SCORES = "has the highest V1 frequency score"
MIDDLE = "is in the middle of those measured"

Key = tuple[Setting, ...]  # model and model_sha256


class Known(NamedTuple):
    """What is known of a network.

    Attributes
    ----------
    robust
        Whether it was trained to be robust; None where nothing says so.
    entry, base
        Its name in S1 Table of Kong et al. 2021, and that of the network of the same architecture
        that was trained as usual; nothing where it is not in the table.
    layer, rule
        Full name of its V1-like layer, and what makes it that; nothing where nothing says so.
    """

    robust: bool | None = None
    entry: str = ""
    base: str = ""
    layer: str = ""
    rule: str = ""


def known(records: Sequence[Record]) -> dict[Key, Known]:
    """Collect what `records`, of any study, say of each network, by model and fingerprint.

    The V1-like layer is the one that predicts V1 best, by PLS rather than by ridge regression and
    by grouped splits rather than others; where V1 was not predicted, the one with the highest
    frequency score.
    """
    by_model: dict[Key, list[Record]] = {}
    for record in records:
        if record.task.get("model") is not None:
            by_model.setdefault(key_of(record.task), []).append(record)
    trained = {
        str(result.settings["model_sha256"]): record.task.get("objective") != "standard"
        for record in records
        if record.task.get("study") == "training"
        for result in record.results
        if result.settings.get("model_sha256")
    }
    return {key: _known(key, mine, trained) for key, mine in by_model.items()}


def key_of(task: Mapping[str, Setting]) -> Key:
    """Return what a task says of its network: model and fingerprint."""
    return task.get("model"), task.get("model_sha256")


def entry_of(model: str) -> str:
    """Return the name in S1 Table of the network called `model`; nothing where it is not there.

    It is known by the weights it was given if these have a name of the table, else by its own.
    """
    name, _, weights = model.partition(", ")
    source, _, own = name.rpartition("/")
    if source == "kong2021" and weights != "random weights":
        return own if own in _table() else ""
    entry = weights if weights else own if source == "torchvision" else ""
    return entry if entry in _table() else ""


def rules_text(rules: Sequence[str]) -> str:
    """Say by which rules layers stand for their networks, given the rule of each network."""
    counts = Counter(rules)
    if len(counts) == 1:
        like = "" if rules[0] == MIDDLE else ", its V1-like layer"
        return f"Of each network one layer is shown, the one that {rules[0]}{like}."
    parts = [f"{rule} ({plural(count, 'network')})" for rule, count in counts.most_common()]
    return f"Of each network one layer is shown, the one that {'; or that '.join(parts)}."


def bases(labels: Mapping[str, Known]) -> list[tuple[str, str]]:
    """Return the labels of robust networks with those of their base networks, where both are."""
    by_entry = {about.entry: label for label, about in labels.items() if about.entry}
    return [
        (label, by_entry[about.base])
        for label, about in labels.items()
        if about.base and about.base in by_entry
    ]


@cache
def _table() -> dict[str, tuple[bool, str]]:
    """Return whether each network of S1 Table is robust, and its architecture."""
    rows = kong2021_table_s1().to_dict("records")
    return {str(row["model"]): (bool(row["robust"]), str(row["architecture"])) for row in rows}


def _known(key: Key, records: Sequence[Record], trained: Mapping[str, bool]) -> Known:
    entry = entry_of(str(key[0]))
    robust, architecture = _table().get(entry, (None, ""))
    robust = trained.get(str(key[1]), robust)
    for record in records:
        said = record.task.get("robust")
        if record.task.get("study") == "kong2021" and said is not None:
            robust = bool(said)
    base = architecture if robust and architecture in _table() else ""
    layer, rule = _v1_layer(records)
    return Known(robust, entry, base, layer, rule)


def _v1_layer(records: Iterable[Record]) -> tuple[str, str]:
    predicted, scored = [], []
    for record in records:
        about = record.task
        for one in record.results:
            layer = one.settings.get("layer")
            if not isinstance(one, Score) or layer is None:
                continue
            if (about.get("study"), one.name) == ("predictivity", "v1_layer"):
                first = about.get("regression") == "pls", about.get("protocol") == "paper"
                grouped = about.get("grouped") not in (None, "none")
                predicted.append((first, grouped, one.value, str(layer)))
            elif (about.get("study"), one.name) == ("tuning", "frequency_score"):
                scored.append((one.value, str(layer)))
    if predicted:
        return max(predicted)[-1], PREDICTS
    return (max(scored)[-1], SCORES) if scored else ("", "")
