"""The tasks of one network: those that each measurement has when it is asked for alone."""

from collections.abc import Callable
from typing import NamedTuple

from striate._checks import check_whole
from striate.activations import parse_memory
from striate.models import fingerprint
from striate.results import spelled_layers
from striate.studies import predictivity, robustness, spectra, tuning
from striate.studies.kong2021.plan import MAPS, STEPS, Plan
from striate.studies.kong2021.shown import Shown, few
from striate.studies.kong2021.subject import Subject
from striate.studies.kong2021.summary import NAME, VERSION
from striate.studies.robustness.pictures import Labelled
from striate.studies.spectra.about import file_stem
from striate.study import Task
from striate.study.predictivity import splits_of
from striate.study.robustness import Attacks

LEFT_OUT = "left out of this run"
NO_RECORDING = "no recording was given"


class Planned(NamedTuple):
    """What is to be measured of one network.

    Attributes
    ----------
    pictures
        The photographs.
    labelled
        Those that are attacked; None if they are not.
    attacks
        What they are attacked by.
    tasks
        By step: what determines its result.
    reasons
        By step: why it is not done.
    row
        The settings of the network's row, as far as they are known before.
    """

    pictures: spectra.Pictures
    labelled: Labelled | None
    attacks: Attacks
    tasks: dict[str, Task]
    reasons: dict[str, str]
    row: Task


def check(
    shown: Shown, plan: Plan, *, memory: str = "4GB", batch_size: int = 32, seed: int = 0
) -> None:
    """Refuse what is wrong for every network, which is no reason of one of them.

    Parameters
    ----------
    shown, plan, memory, batch_size, seed
        As in `measure_all`.

    Raises
    ------
    ValueError
        If the plan is none, or nothing is left to measure without a recording; what is shown cannot
        be, or not so; the recording has too few stimuli for its splits or maps; or a number is out
        of range.
    """
    plan.check()
    shown.check()
    parse_memory(memory)
    check_whole("batch_size", batch_size)
    check_whole("seed", seed, least=0)
    cortex = shown.cortex
    if cortex is None and set(STEPS) <= {*plan.without, *MAPS}:
        raise ValueError(
            f"without={','.join(plan.without)!r} leaves nothing to measure, for there is no "
            "recording"
        )
    maps = [] if cortex is None else [name for name in MAPS if name not in plan.without]
    if cortex is not None and maps:
        parts = splits_of(len(cortex.recording.kept), count=plan.splits, groups=cortex.groups())
        for name in maps:
            plan.regression(name).check_room(parts, plan.components)


def planned(subject: Subject, shown: Shown, plan: Plan, *, batch_size: int, seed: int) -> Planned:
    """Describe all measurements of a network; what cannot be done has a reason instead.

    Parameters
    ----------
    subject
        The network.
    shown
        What it sees.
    plan
        How much of each.
    batch_size
        Of images that are attacked and kept at a time.
    seed
        Of all draws.

    Raises
    ------
    ValueError
        As `check`, or if there are no photographs for this network.
    """
    check(shown, plan, batch_size=batch_size, seed=seed)
    network = subject.network
    pictures = few(shown.images, network, plan.photographs, seed=seed)
    attacks = robustness.attacks_of(plan.protocol)
    labelled: list[Labelled] = []

    def attacked() -> Task:
        labelled.append(_labelled(subject, shown, plan, batch_size=batch_size, seed=seed))
        return robustness.network_task(
            network, labelled[0], attacks, protocol=plan.protocol, seed=seed
        )

    makers: dict[str, Callable[[], Task]] = {
        "spectra": lambda: spectra.network_task(
            network,
            pictures,
            subject.layers,
            protocol=plan.protocol,
            sets=plan.sets,
            set_size=plan.set_size,
            seed=seed,
        ),
        "tuning": lambda: tuning.network_task(
            network,
            subject.layers,
            protocol=plan.protocol,
            field_deg=shown.field_deg,
            experiments=plan.experiments,
            draws=plan.draws,
            seed=seed,
        ),
        "pls": lambda: _predicted(subject, shown, plan, pictures, "pls", seed),
        "ridge": lambda: _predicted(subject, shown, plan, pictures, "ridge", seed),
        "robustness": attacked,
    }
    tasks: dict[str, Task] = {}
    reasons: dict[str, str] = {}
    for name, make in makers.items():
        if name in plan.without:
            reasons[name] = LEFT_OUT
        elif name in MAPS and shown.cortex is None:
            reasons[name] = NO_RECORDING
        else:
            try:
                tasks[name] = make()
            except ValueError as error:  # of this network and these images, not of the plan
                reasons[name] = str(error)
    row = _row(subject, shown, plan, pictures, seed)
    return Planned(pictures, labelled[0] if labelled else None, attacks, tasks, reasons, row)


def _row(subject: Subject, shown: Shown, plan: Plan, pictures: spectra.Pictures, seed: int) -> Task:
    network, cortex, entry = subject.network, shown.cortex, subject.entry
    return {
        "study": NAME,
        "version": VERSION,
        "kind": "network",
        "label": f"{NAME}-{file_stem(network.name)}",
        "model": network.name,
        "model_sha256": fingerprint(network.model)[:12],
        "size": network.size,
        "entry": None if entry is None else entry.name,
        "robust": subject.robust,
        "protocol": plan.protocol,
        "quick": plan.quick,
        "layers": spelled_layers(subject.layers),
        "pictures": pictures.name,
        "photographs": pictures.available,
        "photographs_sha256": pictures.content,
        "recording": None if cortex is None else cortex.recording.responses.source,
        "stimulus_deg": None if cortex is None else cortex.stimulus_deg,
        "grouped": None if cortex is None else cortex.grouped,
        "crop_px": None if cortex is None else cortex.crop_px,
        "field_deg": shown.field_deg,
        **plan.settings(),
        "seed": seed,
    }


def _predicted(
    subject: Subject, shown: Shown, plan: Plan, pictures: spectra.Pictures, name: str, seed: int
) -> Task:
    cortex, presentation = shown.cortex, shown.presentation(subject.network, plan.protocol)
    if cortex is None or presentation is None:
        raise ValueError(NO_RECORDING)
    return predictivity.network_task(
        subject.network,
        cortex.recording,
        pictures,
        subject.layers,
        presentation=presentation,
        population=cortex.population,
        protocol=plan.protocol,
        regression=plan.regression(name),
        grouped=cortex.grouped,
        splits=plan.splits,
        minimum_reliability=plan.minimum_reliability,
        seed=seed,
    )


def _labelled(
    subject: Subject, shown: Shown, plan: Plan, *, batch_size: int, seed: int
) -> Labelled:
    every = {"batch_size": batch_size, "classes": shown.classes, "seed": seed}
    found = robustness.labelled(shown.images, subject.network, **every)
    if plan.attacked is None or found.available <= plan.attacked:
        return found
    return robustness.labelled(shown.images, subject.network, count=plan.attacked, **every)
