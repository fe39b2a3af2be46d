"""Adversarial robustness on the page."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from matplotlib import rc_context

from striate.report.crowd import MANY
from striate.report.figures import HOUSE, Plate, once
from striate.report.known import READS, Key, Known, known
from striate.report.robustness.attacks import attacks_plate
from striate.report.robustness.curves import curves_plate
from striate.report.robustness.findings import findings
from striate.report.robustness.found import NAME, Together, found
from striate.report.robustness.many import many_plates
from striate.report.robustness.passbands import passbands_plate
from striate.report.robustness.probes import probes_plate
from striate.report.robustness.table import accuracy_cells, robustness_table, trial_cells
from striate.report.robustness.words import VERDICTS
from striate.report.section import KONG, Record, Section, Study, duration
from striate.report.words import plural


def section(records: Sequence[Record], folder: Path) -> Section | None:
    """Make the section of the study.

    Parameters
    ----------
    records
        Its result files, and those of trainings, by which networks are told apart.
    folder
        Where they came from.

    Returns
    -------
    section
        None where nothing was attacked.

    Raises
    ------
    ValueError
        If the files hold no accuracy.
    """
    mine = [record for record in records if record.task.get("study") == NAME]
    if not mine:
        return None
    there, about = found(records), known(records)
    if not there:
        raise ValueError(
            f"the results of robustness in {folder} hold no accuracy; move them away and rerun"
        )
    seconds = [record.provenance.get("seconds") for record in mine]
    took = [value for value in seconds if isinstance(value, int | float)]
    trials = {one.label: cells for one in there if (cells := trial_cells(one))}
    words = {
        "findings": findings(there),
        "tables": {one.label: accuracy_cells(one) for one in there},
        "trials": trials,
        "verdicts": VERDICTS,
        "time": duration(sum(took)) if took else "",
        "missing": _missing(there),
    }
    networks = {(net.label, net.model) for one in there for net in one.networks}
    return Section(
        "How well do networks see when pixels are changed against them?",
        "Adversarial robustness, after Kong et al. 2021",
        f"{plural(len(networks), 'network')}, {plural(len(there), 'set')} of images",
        "robustness.html.jinja",
        words,
        plates(there, about),
        {NAME: robustness_table(there)},
        (KONG,),
    )


STUDY = Study(NAME, "striate measure robustness MODEL --images DIR", section, (NAME, *READS))


@rc_context(HOUSE)
def plates(
    there: Sequence[Together], about: Mapping[Key, Known] = MappingProxyType({})
) -> list[Plate]:
    """Draw every figure these results can fill; what the paper claims is said once.

    `about` is what else is known of the networks.
    """
    return once(one for together in there for one in _plates(together, about))


def _plates(together: Together, about: Mapping[Key, Known]) -> Iterator[Plate]:
    if len(together.networks) > MANY:
        yield from many_plates(together, about)
        return
    if any(one.clean or one.attacked for one in together.networks):
        yield attacks_plate(together)
    rest = (curves_plate, probes_plate, passbands_plate)
    yield from (plate for make in rest if (plate := make(together)) is not None)


def _missing(there: Sequence[Together]) -> list[str]:
    """List what the numbers need to be believed and these results do not have."""
    notes = []
    every = [(one, network) for one in there for network in one.networks]
    judged = {(net.label, net.model) for _, net in every if any(t.verdict for t in net.trials)}
    networks = dict.fromkeys((net.label, net.model) for _, net in every)
    unjudged = [label for label, model in networks if (label, model) not in judged]
    if unjudged:
        some = unjudged[0] if len(unjudged) == 1 else f"{len(unjudged)} networks"
        notes.append(
            f"No verdict on {some}: what one attack leaves may be what it failed to find. "
            "`striate measure robustness MODEL … --verdict` judges."
        )
    if not any(net.mean for _, net in every):
        notes.append("No mean of the paper's three attacks (L∞ 1/1020, L2 0.15, L1 40).")
    if not any(net.passed for _, net in every):
        notes.append(
            "No accuracy by spatial frequency: `striate measure robustness MODEL … --passbands` "
            "measures it."
        )
    notes += [
        f"{one.networks[0].label} is alone on {one.label}: nothing to compare it with."
        for one in there
        if len(one.networks) == 1
    ]
    return notes
