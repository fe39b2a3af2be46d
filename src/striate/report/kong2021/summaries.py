"""The summaries of networks, each read once: whose it is, and under which settings."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from striate.report.kong2021.published import rows
from striate.report.names import models
from striate.report.section import Record
from striate.report.words import listed
from striate.results import Setting, layers_of

NAME = "kong2021"
ABSENT = "absent"  # the kind of a record of a network that could not be had

# What is the same for all networks that one correlation is over.
SHARED = ("protocol", "pictures", "recording", "stimulus_deg", "grouped", "quick")
# So too, where a step was done that depends on it; in a set's name only if nothing else differs.
STEPS_OF = {
    "photographs": ("spectra", "pls", "ridge", "robustness"),
    "photographs_sha256": ("spectra", "pls", "ridge", "robustness"),
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

Key = tuple[Setting, ...]  # values of `SETTINGS`


class Summary(NamedTuple):
    """A summary of one network: a row that was measured.

    Attributes
    ----------
    record
        As it was read.
    entry
        The row of Table S1 that it stands for; None for a network of the user's.
    sha
        Of the network's weights.
    settings
        Values of `SETTINGS`; `LEFT_OUT` where they are of steps that were not done.
    files
        Steps that were done, each with the file that it was read from.
    wealth
        Of two summaries of one network under the same settings, the one with more stands for it,
        and of as many the one that was written last; no two are equal.
    classes
        Among which its accuracies are; None where no result says so.
    """

    record: Record
    entry: str | None
    sha: str
    settings: Key
    files: frozenset[tuple[str, Setting]]
    wealth: tuple[int, int, int, int, str, int]
    classes: int | None

    @property
    def network(self) -> tuple[str | None, str]:
        """Whose it is: a row of the table and weights."""
        return self.entry, self.sha


def summaries(records: Sequence[Record]) -> list[Summary]:
    """Read the summaries, without those of which another has every file, and more or as many.

    These were written when less was wanted, or before there were all of `SETTINGS`. Records of
    other studies say how many photographs and classes there were.

    Raises
    ------
    ValueError
        If a summary stands for a row that Table S1 does not have.
    """
    made = _every(records)
    return [one for one in made if not any(_is_in(one, other) for other in made)]


def disputes(records: Sequence[Record]) -> list[str]:
    """Say of which networks one summary claims what another denies."""
    groups: dict[str, list[Summary]] = {}
    for one in _every(records):
        groups.setdefault(one.sha, []).append(one)
    short = models([mine[0].record.task for mine in groups.values()])
    said = []
    for model, (sha, mine) in zip(short.values(), groups.items(), strict=True):
        if not sha:
            continue
        robust = {one.record.task.get("robust") for one in mine}
        if robust >= {True, False}:
            said.append(
                f"Rows of {model} contradict each other: trained to be robust, and not. Of rows "
                "that have the same numbers the one written last counts; move the wrong ones away."
            )
        entries = sorted({one.entry or "no row" for one in mine})
        if len(entries) > 1:
            said.append(
                f"Rows of {model} contradict each other: it stands for {listed(entries)} of the "
                "table, and counts as a network for each; move the wrong ones away."
            )
    return said


def _every(records: Sequence[Record]) -> list[Summary]:
    """Read all summaries, with what the results say that they were made of."""
    known = [one.task for one in records if one.task.get("study") != NAME]
    # Rows of before did not say which photographs there were, and how many; the digest in their
    # name stands for both.
    counts = {task.get("pictures"): task["available"] for task in known if task.get("available")}
    digests = {
        one.task.get("pictures"): digest
        for one in records
        if one.task.get("study") == NAME and (digest := one.task.get("photographs_sha256"))
    }
    classes = {
        str(task.get("model_sha256")): number
        for task in known
        if isinstance(number := task.get("classes"), int)
    }
    rows_here = [
        one for one in records if one.task.get("study") == NAME and one.task.get("kind") != ABSENT
    ]
    known_of = {"photographs": counts, "photographs_sha256": digests}
    return [_summary(record, place, known_of, classes) for place, record in enumerate(rows_here)]


def _is_in(one: Summary, other: Summary) -> bool:
    if not one.files or one.network != other.network:
        return False
    less = one.files == other.files and one.wealth < other.wealth
    return one.files < other.files or less


def _summary(
    record: Record,
    place: int,
    known_of: Mapping[str, Mapping[Setting, Setting]],
    classes: Mapping[str, int],
) -> Summary:
    pictures = record.task.get("pictures")
    inferred = {name: known.get(pictures, UNKNOWN) for name, known in known_of.items()}
    task = {**inferred, **record.task}
    entry = task.get("entry")
    if entry is not None and entry not in rows():
        raise ValueError(
            f"a summary of {task.get('model')} stands for entry={entry!r}, which is no "
            "row of Kong et al. 2021, Table S1; move it away and rerun"
        )
    wealth = (
        sum(one.name != "missing" for one in record.results),
        sum(name in task for name in SETTINGS),
        int(task.get("robust") is not None),
        len(layers_of(task)),
        str(record.provenance.get("started") or ""),
        place,
    )
    sha = str(task.get("model_sha256") or "")
    return Summary(
        record,
        None if entry is None else str(entry),
        sha,
        _settings(task),
        frozenset((step, file) for step in STEPS if (file := task.get(step))),
        wealth,
        classes.get(sha),
    )


def _settings(task: Mapping[str, Setting]) -> Key:
    further = [
        _written(task, name) if any(task.get(step) for step in steps) else LEFT_OUT
        for name, steps in STEPS_OF.items()
    ]
    return (*(_shared(task, name) for name in SHARED), *further)


def _written(task: Mapping[str, Setting], name: str) -> Setting:
    value = task.get(name, USUAL.get(name, UNKNOWN))
    return WITHOUT.get(name) if value is None else value


def _shared(task: Mapping[str, Setting], name: str) -> Setting:
    """Return a setting that is shared; of pictures, the set without how it was prepared.

    Networks that take larger images see the same photographs, whose digits are others.
    """
    value = task.get(name)
    return PREPARED.sub("", str(value)) if name == "pictures" and value else value
