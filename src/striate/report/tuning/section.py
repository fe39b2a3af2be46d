"""Tuning of networks' channels on the page."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from matplotlib import rc_context

from striate.report.crowd import MANY
from striate.report.figures import HOUSE, Plate, once
from striate.report.known import READS, Key, Known, known
from striate.report.section import KONG, Record, Section, Study, Work, duration
from striate.report.tuning.chosen import crowd_of
from striate.report.tuning.components import components_plate
from striate.report.tuning.findings import findings
from striate.report.tuning.found import Together, found, photographs
from striate.report.tuning.histograms import layers_plate, networks_plate
from striate.report.tuning.many import line_plates, of_scores
from striate.report.tuning.maps import map_plates
from striate.report.tuning.medians import medians_plate, missing_medians
from striate.report.tuning.orientations import orientation_plate
from striate.report.tuning.pictures import examples_plate, stimuli_plate
from striate.report.tuning.scores import field_plate, scores_plate
from striate.report.tuning.table import tuning_cells, tuning_table
from striate.report.words import plural

DE_VALOIS = Work(
    "The cells of macaque V1 and the frequencies that they prefer",
    "R. L. De Valois, D. G. Albrecht, L. G. Thorell (1982).",
    "Spatial frequency selectivity of cells in macaque visual cortex.",
    "Vision Research 22, 545–559.",
)


NAME = "tuning"


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
        None where nothing was shown to a network.

    Raises
    ------
    ValueError
        If the study's files hold nothing about a layer.
    """
    mine = [record for record in records if record.task.get("study") == NAME]
    if not mine:
        return None
    there, about = found(mine), known(records)
    if not there:
        raise ValueError(
            f"the results of tuning in {folder} say nothing about a layer; move them away and rerun"
        )
    seconds = [record.provenance.get("seconds") for record in mine]
    took = [value for value in seconds if isinstance(value, int | float)]
    words = {
        "findings": _findings(there, about),
        "rows": tuning_cells(there),
        "many": any(len(one.networks) > MANY for one in there),
        "ranks": any(photographs(one) for one in there),
        "degrees": any(one.in_degrees for one in there),
        # Gratings can be in degrees, too: where it was said how many a small image spans.
        "patches": any(one.settings["stimulus"] == "gabor" for one in there),
        "gratings": any(one.settings["stimulus"] != "gabor" for one in there),
        "time": duration(sum(took)) if took else "",
        "missing": _missing(there),
    }
    networks = {(one.label, one.model) for together in there for one in together.networks}
    layers = sum(len(one.layers) for together in there for one in together.networks)
    return Section(
        "Are networks tuned to the patterns that V1 is tuned to?",
        "Tuning of channels, after Kong et al. 2021",
        f"{plural(len(networks), 'network')}, {plural(layers, 'layer')}",
        "tuning.html.jinja",
        words,
        plates(there, about),
        {NAME: tuning_table(there)},
        (KONG, DE_VALOIS),
    )


STUDY = Study(NAME, "striate measure tuning MODEL", section, (NAME, *READS))


@rc_context(HOUSE)
def plates(
    there: Sequence[Together], about: Mapping[Key, Known] = MappingProxyType({})
) -> list[Plate]:
    """Draw every figure these results can fill; what the paper claims is said once.

    `about` is what else is known of the networks.
    """
    return once(
        one
        for together in there
        for one in (_plates(together) if len(together.networks) <= MANY else _many(together, about))
    )


def _many(together: Together, about: Mapping[Key, Known]) -> Iterator[Plate]:
    yield from _drawn(plate(together) for plate in (stimuli_plate, examples_plate))
    yield from map_plates(together, about)
    yield from line_plates(together, about)


def _findings(there: Sequence[Together], about: Mapping[Key, Known]) -> list[str]:
    few = [one for one in there if len(one.networks) <= MANY]
    many = [one for one in there if len(one.networks) > MANY]
    sentences = findings(few) if few else []
    return [
        *sentences,
        *(line for one in many for line in of_scores(one, crowd_of(one, about))),
    ]


def _plates(together: Together) -> Iterator[Plate]:
    first = (stimuli_plate, examples_plate, networks_plate)
    yield from _drawn(plate(together) for plate in first)
    yield from _drawn(layers_plate(one, together) for one in together.networks)
    rest = (scores_plate, field_plate, medians_plate, orientation_plate)
    yield from _drawn(plate(together) for plate in rest)
    for seen in photographs(together):
        yield components_plate(together, seen)


def _drawn(made: Iterator[Plate | None]) -> Iterator[Plate]:
    return (plate for plate in made if plate is not None)


def _missing(there: Sequence[Together]) -> list[str]:
    """List what the paper has and these results do not, and what to type for it."""
    every = [one for together in there for network in together.networks for one in network.layers]
    notes = []
    if not any(together.in_degrees for together in there):
        notes.append(
            "No score against V1: Gabor patches of the paper's size need images of 140 pixels or "
            "more."
        )
    if not any(one.optimal is not None for layer in every for one in layer.examples):
        notes.append(
            "No image that a channel prefers: `striate measure tuning MODEL --optimal 3` makes "
            "some."
        )
    notes += [
        f"No optimal stimulus of {layer.name} of {network.label}: {reason}."
        for together in there
        for network in together.networks
        for layer in network.layers
        if "responsive" in layer.scores
        and (reason := layer.scores["responsive"].settings.get("optimal_missing"))
    ]
    notes += [note for together in there for note in missing_medians(together)]
    if not any(layer.ranks for layer in every):
        notes.append(
            "No principal components: `striate measure tuning MODEL --images DIR` finds the "
            "frequencies that they prefer."
        )
    notes += [
        f"{together.networks[0].label} is alone on {together.label}: nothing to compare it with."
        for together in there
        if len(together.networks) == 1
    ]
    return notes
