"""The tasks of one network: those that each measurement has when it is asked for alone."""

from collections.abc import Callable
from typing import NamedTuple

from striate.studies import predictivity, robustness, spectra, tuning
from striate.studies.kong2021.plan import Plan
from striate.studies.kong2021.shown import Shown, few
from striate.studies.kong2021.subject import Subject
from striate.studies.robustness.pictures import Labelled
from striate.study import Task
from striate.study.predictivity import Regression
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
    """

    pictures: spectra.Pictures
    labelled: Labelled | None
    attacks: Attacks
    tasks: dict[str, Task]
    reasons: dict[str, str]


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
        If the plan is none, or there are no photographs for this network.
    """
    plan.check()
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
        elif name in ("pls", "ridge") and shown.cortex is None:
            reasons[name] = NO_RECORDING
        else:
            try:
                tasks[name] = make()
            except ValueError as error:  # of this network and these images, not of the plan
                reasons[name] = str(error)
    return Planned(pictures, labelled[0] if labelled else None, attacks, tasks, reasons)


def regression_of(plan: Plan, name: str) -> Regression:
    """Return the map that a step fits."""
    if name == "pls":
        return Regression("pls")
    select = "neuron" if plan.per_neuron else "population"
    return Regression("ridge", lambdas=plan.lambdas, select=select)


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
        regression=regression_of(plan, name),
        grouped=cortex.grouped,
        splits=plan.splits,
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
