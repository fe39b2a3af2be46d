"""Spectra of networks and recordings on the page."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from matplotlib import rc_context

from striate.report.figures import HOUSE, Plate, unique
from striate.report.section import KONG, STRINGER, Record, Section, Study, duration
from striate.report.spectra.compared import comparison_plate
from striate.report.spectra.findings import findings
from striate.report.spectra.found import Found, found
from striate.report.spectra.layers import layers_plate
from striate.report.spectra.recordings import recordings_plate
from striate.report.spectra.table import spectra_cells, spectra_table
from striate.report.spectra.windows import windows_plates
from striate.report.words import plural


def section(records: Sequence[Record], folder: Path) -> Section:
    """Make the section of the study.

    Parameters
    ----------
    records
        Its result files.
    folder
        Where they came from.

    Raises
    ------
    ValueError
        If the files hold no spectrum.
    """
    there = found(records)
    if not any(there):
        raise ValueError(
            f"the results of spectra in {folder} hold no spectrum; move them away and rerun"
        )
    table = spectra_table(there)
    seconds = [record.provenance.get("seconds") for record in records]
    known = [value for value in seconds if isinstance(value, int | float)]
    words = {
        "findings": findings(there),
        "rows": spectra_cells(table),
        "time": duration(sum(known)) if known else "",
        "missing": _missing(there),
    }
    return Section(
        "Do networks see natural images with the spectrum of cortex?",
        "Spectra of layers and recordings, after Kong et al. 2021",
        _summary(there),
        "spectra.html.jinja",
        words,
        plates(there),
        {"spectra": table},
        (KONG, STRINGER),
    )


STUDY = Study("spectra", "striate measure spectrum MODEL --images DIR", section)


@rc_context(HOUSE)
def plates(there: Found) -> list[Plate]:
    """Draw every figure these results can fill."""
    return unique(_plates(there))


def _plates(there: Found) -> Iterator[Plate]:
    if there.populations:
        yield recordings_plate(there.populations)
    for number, together in enumerate(there.together):
        plate = layers_plate(together)
        yield plate if number == 0 else plate._replace(claim="")  # said once
    for comparison in there.comparisons:
        yield comparison_plate(comparison)
    yield from windows_plates(there)


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
