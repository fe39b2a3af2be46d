"""Predictivity of V1's neurons on the page."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from matplotlib import rc_context

from striate.reference import kong2021_table_s1
from striate.report.crowd import MANY
from striate.report.figures import HOUSE, Plate, once
from striate.report.known import READS, Key, Known, known
from striate.report.predictivity.display import display_plate
from striate.report.predictivity.findings import findings
from striate.report.predictivity.found import NESTED, Together, flats, found
from striate.report.predictivity.layers import (
    is_shown_by_protocol,
    layers_plate,
    protocols_plate,
)
from striate.report.predictivity.many import labelled_bases, many_plates, of_many
from striate.report.predictivity.neurons import neurons_plates
from striate.report.predictivity.table import (
    difference_table,
    predictivity_cells,
    predictivity_table,
)
from striate.report.predictivity.words import usual
from striate.report.section import KONG, Record, Section, Study, Work, duration
from striate.report.words import plural, span

CADENA = Work(
    "The recording by which the published networks were scored",
    "S. A. Cadena, G. H. Denfield, E. Y. Walker, L. A. Gatys, A. S. Tolias, M. Bethge, A. S. Ecker "
    "(2019).",
    "Deep convolutional models improve predictions of macaque V1 responses to natural images.",
    "PLOS Computational Biology 15(4), e1006897.",
)


NAME = "predictivity"


def section(records: Sequence[Record], folder: Path) -> Section | None:
    """Make the section of the study.

    Parameters
    ----------
    records
        Its result files, and those by which networks are known.
    folder
        Where they came from.

    Returns
    -------
    section
        None where nothing was predicted.

    Raises
    ------
    ValueError
        If the files hold nothing about a layer, or arrays that do not belong together.
    """
    mine = [record for record in records if record.task.get("study") == NAME]
    if not mine:
        return None
    there, about = found(mine), known(records)
    if not there:
        raise ValueError(
            f"the results of predictivity in {folder} say nothing about a layer; move them away "
            "and rerun"
        )
    seconds = [record.provenance.get("seconds") for record in mine]
    took = [value for value in seconds if isinstance(value, int | float)]
    runs = [run for together in there for run in together.runs]
    published = kong2021_table_s1()["v1_predictivity_pls"]
    words = {
        "findings": _findings(there, about),
        "usual": usual(there),
        "many": any(_is_many(one) for one in there),
        "rows": predictivity_cells(there),
        "columns": _columns(there),
        "published": span([*published], 3),
        "models": len(published),
        "regressions": sorted({together.regression for together in there}),
        "ungrouped": any(not run.grouped for run in runs),
        "sized": any(run.display is not None for run in runs),
        "time": duration(sum(took)) if took else "",
        "missing": _missing(there),
    }
    tables = {"predictivity": predictivity_table(there)}
    differences = difference_table(there)
    if len(differences):
        tables["predictivity_differences"] = differences
    networks = {(run.model, run.settings.get("model_sha256")) for run in runs}
    recordings = {together.recording for together in there}
    return Section(
        "How well do layers of networks predict the neurons of V1?",
        "Predictivity of V1, after Kong et al. 2021",
        f"{plural(len(networks), 'network')}, {plural(len(recordings), 'recording')}",
        "predictivity.html.jinja",
        words,
        plates(there, about),
        tables,
        (KONG, CADENA),
    )


COMMAND = "striate measure predictivity MODEL --recording FILE --images DIR --stimulus-deg DEGREES"
STUDY = Study(NAME, COMMAND, section, (NAME, *READS))


@rc_context(HOUSE)
def plates(
    there: Sequence[Together], about: Mapping[Key, Known] = MappingProxyType({})
) -> list[Plate]:
    """Draw every figure these results can fill; what the paper claims is said once.

    `about` is what else is known of the networks.
    """
    return once(one for together in there for one in _plates(together, about))


def _is_many(together: Together) -> bool:
    return len(set(together.networks) - flats(together)) > MANY


def _findings(there: Sequence[Together], about: Mapping[Key, Known]) -> list[str]:
    few = [one for one in there if not _is_many(one)]
    many = [one for one in there if _is_many(one)]
    return [*findings(few), *(line for one in many for line in of_many(one, about))]


def _plates(together: Together, about: Mapping[Key, Known]) -> Iterator[Plate]:
    bases = labelled_bases(together, about)
    if _is_many(together):
        yield from many_plates(together, about)
        yield from neurons_plates(together, bases, 0)
        return
    for protocol in together.protocols:
        if not is_shown_by_protocol(together, protocol):
            yield layers_plate(together, protocol)
    yield from neurons_plates(together, bases)
    later = [display_plate(together, protocol) for protocol in together.protocols]
    yield from (plate for plate in (*later, protocols_plate(together)) if plate is not None)


def _columns(there: Sequence[Together]) -> dict[str, str]:
    """Choose the columns of the short table: what is the same in all rows, or absent, is not one.

    The key is that of `predictivity_cells`, the value the column's head.
    """
    heads = {
        "display": "display", "splits": "splits of", "protocol": "protocol", "layer": "best layer",
        "predictivity": "predictivity", "nested": "nested", "raw": "correlation", "feve": "FEVE",
        "train": "train", "neurons": "neurons", "pca": "components",
    }  # fmt: skip
    cells = [row for rows in predictivity_cells(there).values() for row in rows]
    return {key: head for key, head in heads.items() if any(row[key] for row in cells)}


def _missing(there: Sequence[Together]) -> list[str]:
    """List what the paper has and these results do not, and what to type for it."""
    notes = []
    runs = [run for together in there for run in together.runs]
    if not any(run.grouped for run in runs):
        notes.append(
            "No grouped splits, `--grouped movie`: images that stem from one source may lie on "
            "both sides of a split, and predictivity be too high."
        )
    if not any(NESTED in run.scores for run in runs):
        notes.append("No nested choice of layer: scores of best layers are best cases.")
    if not any(run.differences for run in runs):
        notes.append(
            "No difference tested: `striate measure predictivity MODEL … --against RESULT.json` "
            "compares two networks."
        )
    notes += [
        f"{one.networks[0]} is alone on {one.label}: nothing to compare it with."
        for one in there
        if len(one.networks) == 1
    ]
    notes += [
        f"No baseline on {one.label}, such as pixels or a network that was not trained."
        for one in there
        if len(one.networks) > 1 and not any(run.baseline for run in one.runs)
    ]
    return notes
