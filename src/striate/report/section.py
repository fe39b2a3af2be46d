"""What a study gives to the page: one `Section`, made from its result files.

A further study is one more module with a `Study` in it, listed in `striate.report.page.STUDIES`,
and a template for the words around its figures and tables.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd

from striate.report.figures import Plate
from striate.results import DamagedError, Result, Setting, digest, load_whole, paths, read_record

SOFTWARE = {
    "striate": "striate",
    "revision": "revision",
    "torch": "PyTorch",
    "python": "Python",
    "device": "device",
    "machine": "machine",
}


class Record(NamedTuple):
    """One result file: what was asked, on what it was computed, and what came out.

    `arrays` is what lies beside it, by name.
    """

    task: Mapping[str, Setting]
    provenance: Mapping[str, Setting]
    results: list[Result]
    arrays: Mapping[str, np.ndarray] = MappingProxyType({})


class Work(NamedTuple):
    """What a page cites: why it is cited, and the work."""

    role: str
    authors: str
    title: str
    where: str


# Works that several studies cite.
STRINGER = Work(
    "The published recording of mouse V1",
    "C. Stringer, M. Pachitariu, N. Steinmetz, M. Carandini, K. D. Harris (2019).",
    "High-dimensional geometry of population responses in visual cortex.",
    "Nature 571, 361–365.",
)
KONG = Work(
    "The question, and cross-validated spectra of macaque V1",
    "N. C. L. Kong, E. Margalit, J. L. Gardner, A. M. Norcia (2022).",
    "Increasing neural network robustness improves match to macaque V1 eigenspectrum, spatial "
    "frequency preference and predictivity.",
    "PLOS Computational Biology 18(1), e1009739.",
)


class Section(NamedTuple):
    """A study as a page shows it.

    Attributes
    ----------
    title
        The question it asks: the page's heading where it is alone.
    subject
        What a browser's tab says of it.
    summary
        How much there is, e.g. ``"24 networks"``.
    template
        Name of the template of its words, which is rendered with `words`, `plates`, their
        `pictures`, `provenance`, the name of the `study` and the level ``h`` of its headings.
    words
        What the template says, already as text where it is no table.
    plates
        The figures; their names are names of files, and unique on a page.
    tables
        The tables saved as CSV, by name.
    cited
        The works it rests on.
    """

    title: str
    subject: str
    summary: str
    template: str
    words: Mapping[str, object]
    plates: Sequence[Plate]
    tables: Mapping[str, pd.DataFrame]
    cited: Sequence[Work]


class Study(NamedTuple):
    """A kind of result that the page can show.

    Attributes
    ----------
    name
        What the tasks of its result files call their study.
    command
        What to type for such results, less the folder.
    section
        Makes the section of the records that it reads, of which there is at least one; None if
        they have nothing for it. The folder they came from is for messages.
    reads
        The studies whose records it is handed, where it is not its own alone.
    """

    name: str
    command: str
    section: Callable[[Sequence[Record], Path], Section | None]
    reads: Sequence[str] = ()


def read(folder: Path) -> list[Record]:
    """Read every result file below `folder`; of the same result in several places, the first.

    Raises
    ------
    ValueError
        If `folder` does not exist, or one of the files is not a sound result file, or lacks its
        arrays.
    """
    records: dict[str, Record] = {}
    for path in paths(folder):
        written, results, arrays = load_whole(path)
        record = Record(written["task"], written["provenance"], results, arrays)
        numbers = [entry for entry in written["results"] if entry["name"] != "seconds"]
        same = [written["task"], numbers, written.get("arrays", {}).get("sha256")]
        records.setdefault(digest(same), record)
    return list(records.values())


def failed(folder: Path) -> list[tuple[str, str]]:
    """Name the tasks that failed in `folder`, each with its error.

    A record of a failure that is itself damaged is left to ``striate status``.
    """
    found = []
    for path in sorted((folder / ".failed").glob("*.json")):
        try:
            record = read_record(path)
        except DamagedError:
            continue
        told = str(record["provenance"].get("error"))
        found.append((str(record["task"].get("label", path.stem)), told))
    return found


def provenance(records: Sequence[Record]) -> dict[str, str]:
    """Collect what the records say about software and machine; runs may differ."""
    values = {
        name: sorted(
            {str(one.provenance[key]) for one in records if one.provenance.get(key) is not None}
        )
        for key, name in SOFTWARE.items()
    }
    return {name: ", ".join(found) for name, found in values.items() if found}


def duration(seconds: float) -> str:
    """Write seconds as a reader would say them."""
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} seconds"
