"""Spectra of networks and recordings on the page."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from matplotlib import rc_context

from striate.report.crowd import MANY
from striate.report.figures import HOUSE, Plate, once
from striate.report.known import READS, Key, Known, known
from striate.report.section import KONG, STRINGER, Record, Section, Study, duration
from striate.report.spectra.compared import comparison_plate
from striate.report.spectra.findings import findings
from striate.report.spectra.found import Found, found
from striate.report.spectra.layers import layers_plate
from striate.report.spectra.many import many_plates, of_many
from striate.report.spectra.recordings import recordings_plate
from striate.report.spectra.table import network_cells, spectra_cells, spectra_table
from striate.report.spectra.v1_layers import v1_plate
from striate.report.spectra.windows import windows_plates
from striate.report.words import plural

NAME = "spectra"


def section(records: Sequence[Record], folder: Path) -> Section | None:
    """Make the section of the study.

    Parameters
    ----------
    records
        Its result files, and those by which networks and their V1-like layers are known.
    folder
        Where they came from.

    Returns
    -------
    section
        None where no spectrum was measured.

    Raises
    ------
    ValueError
        If the study's files hold no spectrum.
    """
    mine = [record for record in records if record.task.get("study") == NAME]
    if not mine:
        return None
    there, about = found(mine), known(records)
    if not any(there):
        raise ValueError(
            f"the results of spectra in {folder} hold no spectrum; move them away and rerun"
        )
    table = spectra_table(there)
    seconds = [record.provenance.get("seconds") for record in mine]
    took = [value for value in seconds if isinstance(value, int | float)]
    words = {
        "findings": _findings(there, about),
        "rows": spectra_cells(table, MANY),
        "networks": network_cells(there, about, MANY),
        "time": duration(sum(took)) if took else "",
        "missing": _missing(there),
    }
    return Section(
        "Do networks see natural images with the spectrum of cortex?",
        "Spectra of layers and recordings, after Kong et al. 2021",
        _summary(there),
        "spectra.html.jinja",
        words,
        plates(there, about),
        {NAME: table},
        (KONG, STRINGER),
    )


STUDY = Study(NAME, "striate measure spectrum MODEL --images DIR", section, (NAME, *READS))


@rc_context(HOUSE)
def plates(there: Found, about: Mapping[Key, Known] = MappingProxyType({})) -> list[Plate]:
    """Draw every figure these results can fill; `about` is what else is known of the networks."""
    return once(_plates(there, about))


def _plates(there: Found, about: Mapping[Key, Known]) -> Iterator[Plate]:
    if there.populations:
        yield recordings_plate(there.populations)
    few = [one for one in there.together if len(one.networks) <= MANY]
    for together in there.together:
        if together not in few:
            yield from many_plates(together, about)
            continue
        yield layers_plate(together)
        plate = v1_plate(together, about)
        if plate is not None:
            yield plate
    for comparison in there.comparisons:
        yield comparison_plate(comparison)
    yield from windows_plates(there._replace(together=few))


def _findings(there: Found, about: Mapping[Key, Known]) -> list[str]:
    few = [one for one in there.together if len(one.networks) <= MANY]
    many = [one for one in there.together if len(one.networks) > MANY]
    return [
        *findings(there._replace(together=few)),
        *(sentence for together in many for sentence in of_many(together, about)),
    ]


def _summary(there: Found) -> str:
    networks = {one.label for together in there.together for one in together.networks}
    networks |= {match.network for one in there.comparisons for match in one.matches}
    sources = {one.source for one in [*there.populations, *there.comparisons]}
    parts = [(len(networks), "network"), (len(sources), "recorded population")]
    return ", ".join(plural(count, name) for count, name in parts if count)


def _missing(there: Found) -> list[str]:
    """List what the paper has and these results do not, and what to type for it."""
    notes = []
    if not there.populations:
        notes.append("No recording: `striate spectrum RECORDING --ranks 5-40` measures one.")
    if not there.together:
        notes.append(
            "No network on photographs: `striate measure spectrum MODEL --images DIR` measures one."
        )
    if not there.comparisons:
        notes.append(
            "No network under a recording's conditions: `striate compare MODEL RECORDING --ranks "
            "5-20` makes the comparison."
        )
    notes += [
        f"{one.networks[0].label} is alone on {one.label}: nothing to compare it with."
        for one in there.together
        if len(one.networks) == 1
    ]
    return notes
