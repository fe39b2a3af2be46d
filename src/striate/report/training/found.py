"""From result files to networks that were trained, each with the objective and all settings."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from striate.report.names import distinct, in_order, told
from striate.report.section import Record
from striate.results import Curve, Result, Score, Setting

NAME = "training"
OBJECTIVES = {
    "standard": "standard",
    "adversarial": "adversarial",
    "trades": "TRADES",
    "igr": "gradient penalty",
    "free": "free adversarial",
}
# What is no part of how a network was trained, or differs between seeds.
ASIDE = (
    *("study", "version", "kind", "label", "initial_sha256", "size", "data", "classes", "seed"),
)

Settings = Mapping[str, Setting]
Key = tuple[Setting, ...]


class Lesson(NamedTuple):
    """A network that was trained.

    `kind` is the same for networks of one data set that differ in nothing but the seed; `sha` is
    the fingerprint of the trained network, by which other studies know it.
    """

    label: str
    kind: str
    objective: str
    model: str
    sha: str
    data: str
    settings: Settings
    results: Sequence[Result]

    def score(self, name: str, on: str) -> Score | None:
        """Return a score on training or test images."""
        for one in self.results:
            if isinstance(one, Score) and (one.name, one.settings.get("on")) == (name, on):
                return one
        return None

    def curves(self, name: str) -> list[Curve]:
        """Return the curves over epochs whose name begins with `name`."""
        there = [one for one in self.results if isinstance(one, Curve)]
        return [one for one in there if one.name.startswith(name)]


def lessons(records: Sequence[Record]) -> list[Lesson]:
    """Sort the study's result files among `records`; those without any result are left out."""
    there = [r for r in records if r.task.get("study") == NAME and r.results]
    kinds = _kinds(there)
    made = []
    for record, kind in zip(there, kinds, strict=True):
        task = record.task
        abouts = [task, *(one.settings for one in record.results)]
        sha = next((str(one["model_sha256"]) for one in abouts if one.get("model_sha256")), "")
        data = str(task.get("data"))
        label = f"{kind}, seed {task.get('seed')}"
        objective = str(task.get("objective"))
        model = str(task.get("model"))
        made.append(Lesson(label, kind, objective, model, sha, data, task, record.results))
    return sorted(made, key=lambda one: (in_order(data_of(one)), in_order(one.label)))


def data_of(lesson: Lesson) -> str:
    """Name the data without the fingerprint behind the name."""
    return _name(lesson.data)


def recipe(task: Settings) -> str:
    """Say how a network was trained: its objective, and what was added to it."""
    objective = str(task.get("objective"))
    parts = [OBJECTIVES.get(objective, objective)]
    alpha = task.get("spectral_alpha")
    if isinstance(alpha, int | float):
        parts.append(f"α → {alpha:g}")
    if task.get("blur"):
        parts.append(f"blur {task['blur']}")
    noise = task.get("noise")
    if isinstance(noise, int | float) and noise:
        parts.append(f"noise {noise:.3g}")
    return " + ".join(parts)


def _kinds(records: Sequence[Record]) -> list[str]:
    """Name how each was trained, with the settings that it takes to tell it from the others."""
    names = sorted({name for record in records for name in record.task} - {*ASIDE})
    by_data: dict[str, dict[Key, str]] = {}
    keys = []
    for record in records:
        key = tuple(record.task.get(name) for name in names)
        data = _name(record.task.get("data"))
        keys.append((data, key))
        by_data.setdefault(data, {})[key] = recipe(record.task)
    named = {data: distinct(labels, names) for data, labels in by_data.items()}
    alike = [(data, named[data][key]) for data, key in keys]
    # What settings do not tell: other images under one name, and a network that was rewritten.
    alike = _apart(records, alike, "data", among=())
    return [kind for _, kind in _apart(records, alike, "initial_sha256", among=("seed",))]


def _apart(
    records: Sequence[Record], kinds: Sequence[tuple[str, str]], name: str, *, among: Sequence[str]
) -> list[tuple[str, str]]:
    """Add a setting to the kinds of networks that differ in it, though not in those `among`."""
    groups = [
        (*kind, *(record.task.get(other) for other in among))
        for record, kind in zip(records, kinds, strict=True)
    ]
    values: dict[Key, set[Setting]] = {}
    for record, group in zip(records, groups, strict=True):
        values.setdefault(group, set()).add(record.task.get(name))
    return [
        (data, kind if len(values[group]) == 1 else f"{kind}, {told(name, record.task.get(name))}")
        for record, (data, kind), group in zip(records, kinds, groups, strict=True)
    ]


def _name(data: Setting) -> str:
    return str(data).split(" ")[0]
