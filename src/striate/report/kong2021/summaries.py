"""The summaries of networks, each read once: whose it is, and under which settings."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from striate.report.kong2021.published import rows
from striate.report.section import Record
from striate.results import Setting, layers_of

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
        Of two summaries of one network under the same settings, the one with more stands for it;
        no two are equal.
    """

    record: Record
    entry: str | None
    sha: str
    settings: Key
    files: frozenset[tuple[str, Setting]]
    wealth: tuple[int, ...]

    @property
    def network(self) -> tuple[str | None, str]:
        """Whose it is: a row of the table and weights."""
        return self.entry, self.sha


def summaries(records: Sequence[Record]) -> list[Summary]:
    """Read the summaries, without those of which another has every file, and more or as many.

    These were written when less was wanted, or before there were all of `SETTINGS`.

    Raises
    ------
    ValueError
        If a summary stands for a row that Table S1 does not have.
    """
    made = [_summary(record, place) for place, record in enumerate(records)]
    return [one for one in made if not any(_is_in(one, other) for other in made)]


def _is_in(one: Summary, other: Summary) -> bool:
    if not one.files or one.network != other.network:
        return False
    less = one.files == other.files and one.wealth < other.wealth
    return one.files < other.files or less


def _summary(record: Record, place: int) -> Summary:
    task = record.task
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
        place,
    )
    return Summary(
        record,
        None if entry is None else str(entry),
        str(task.get("model_sha256") or ""),
        _settings(task),
        frozenset((step, file) for step in STEPS if (file := task.get(step))),
        wealth,
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
