"""All measurements of one network: each once, with the files that it has when asked for alone."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from torch import Tensor

from striate.activations import Progress, remove_partial
from striate.results import Result, Setting, digest, load
from striate.studies import predictivity, robustness, spectra, tuning
from striate.studies.kong2021.kernels import PHOTOGRAPHS, STIMULI, shared_kernels
from striate.studies.kong2021.plan import MAPS, Plan
from striate.studies.kong2021.shown import Shown
from striate.studies.kong2021.subject import Subject
from striate.studies.kong2021.summary import NAME, summarised
from striate.studies.kong2021.tasks import Planned, check, planned
from striate.study import Failed, Finished, Measured, Task, failures, run
from striate.study.claims import PARTIAL
from striate.study.predictivity import population_of, scores_of
from striate.study.progress import noted
from striate.study.run import Measure, checkpoint_of, failure_of, is_done
from striate.study.spectra import Taken

# Shows what is being done, by its name, and gives what is told how far it is.
Watch = Callable[[str], AbstractContextManager[Progress]]
ON_KERNELS = ("spectra", *MAPS)


def measure_all(
    subject: Subject,
    shown: Shown,
    plan: Plan,
    folder: Path,
    *,
    watch: Watch,
    memory: str = "4GB",
    batch_size: int = 32,
    seed: int = 0,
    device: str = "cpu",
    failed: Callable[[Failed], None] | None = None,
    retry_failed: bool = True,
    finished: Callable[[Finished], object] = lambda _: None,
) -> Path:
    """Measure a network in every way, and write one row of the table about it.

    Photographs and the images of a recording cross the network once for spectra and predictivity.
    What is in the folder is not measured again; a run that was stopped goes on from there. What
    cannot be measured of this network has its reason in the row.

    Parameters
    ----------
    subject
        The network, on `device`.
    shown
        What it sees.
    plan
        How much of each measurement.
    folder
        Of results.
    watch
        Called with what is being done.
    memory, batch_size
        As in `striate.activations.kernels`.
    seed
        Of all draws.
    device
        Where the network is, for the record.
    failed
        Hears of each measurement that failed; its reason is in the row, and the others go on.
        Without it only what a measurement finds wrong with this network is a reason, and every
        other error is raised.
    retry_failed
        Do again what `failed` was told of in an earlier run.
    finished
        Hears of each measurement, and at last of the row: also where damaged files were moved.

    Returns
    -------
    path
        Of the row's result file, of the study ``kong2021``.

    Raises
    ------
    ValueError
        As `check` and `planned`, before anything is written; or if `memory` is not enough.
    """
    check(shown, plan, memory=memory)
    mine = planned(subject, shown, plan, batch_size=batch_size, seed=seed)
    reasons, written = dict(mine.reasons), dict[str, Path]()

    def fails(step: str, failure: Failed) -> None:
        reasons[step] = failure.error.removeprefix("ValueError: ")
        if failed is not None:
            failed(failure)

    waiting = _waiting(mine.tasks, folder, again=failed is None or retry_failed)
    sums = _sums(mine.row, folder)
    given = _Given(subject, shown, plan, mine, folder, memory, batch_size)
    seen = _Once(partial(_seen, given, waiting, sums))
    for step, task in mine.tasks.items():
        with (
            watch(step) as progress,
            noted(checkpoint_of(task, folder), "batch", progress) as told,
        ):
            try:
                for done in run(
                    MEASURES[step](given, seen, told),
                    [task],
                    directory=folder,
                    explained={"device": device},
                    failed=None if failed is None else partial(fails, step),
                    retry_failed=retry_failed,
                ):
                    written[step] = done.path
                    finished(done)
            except ValueError as error:
                if seen.error is not None:  # not of this network: there is too little memory
                    raise
                reasons[step] = str(error)
    if all(is_done(task, folder) for step, task in mine.tasks.items() if step in ON_KERNELS):
        remove_partial(sums)  # which nobody needs any more
    row = _row(mine, written, reasons, folder)
    summarise = partial(_summarise, written=written, reasons=reasons)
    (done,) = run(summarise, [row], directory=folder, explained={"device": device})
    finished(done)
    return done.path


T = TypeVar("T")


class _Once(Generic[T]):
    """What several measurements share: made when the first asks, and not tried again in vain."""

    def __init__(self, make: Callable[[Progress], T]) -> None:
        self.make = make
        self.made: T | None = None
        self.error: Exception | None = None

    def __call__(self, progress: Progress) -> T:
        if self.error is not None:
            raise self.error
        if self.made is None:
            try:
                self.made = self.make(progress)
            except Exception as error:
                self.error = error
                raise
        return self.made


def _waiting(tasks: Mapping[str, Task], folder: Path, *, again: bool) -> dict[str, Task]:
    """Return what kernels are needed for: what is not done, and has not failed or is done again."""
    return {
        step: task
        for step, task in tasks.items()
        if step in ON_KERNELS
        and not is_done(task, folder)
        and (again or failures.read(failure_of(task, folder)) is None)
    }


class Seen(NamedTuple):
    """What is taken of the kernels of a network, none of which is held any longer.

    Attributes
    ----------
    spectra
        What spectra need, by layer and draw.
    features
        What regressions predict from, by layer; or why there are none.
    """

    spectra: dict[str, dict[str, Taken]]
    features: dict[str, Tensor] | ValueError


def _sums(row: Task, folder: Path) -> Path:
    """Say where unfinished sums lie: they are of no measurement alone, so any finds them."""
    return folder / PARTIAL / f"{NAME}-{row['model_sha256']}-{digest(row)[:12]}"


class _Given(NamedTuple):
    """What the measurements of one network are made of."""

    subject: Subject
    shown: Shown
    plan: Plan
    mine: Planned
    folder: Path
    memory: str
    batch_size: int


def _seen(given: _Given, waiting: Mapping[str, Task], sums: Path, progress: Progress) -> Seen:
    """Show all images once, and take of the kernels what is needed for the tasks that wait."""
    made, features = dict[str, dict[str, Taken]](), dict[str, Tensor]()
    wrong: ValueError | None = None
    spectrum, pictures = waiting.get("spectra"), given.mine.pictures
    take = None if spectrum is None else spectra.take_of(spectrum, pictures)
    for layer, name, kernel in shared_kernels(
        waiting,
        network=given.subject.network,
        pictures=pictures,
        shown=given.shown,
        memory=given.memory,
        batch_size=given.batch_size,
        progress=progress,
        partial=sums,
    ):
        if take is not None and name != PHOTOGRAPHS:
            made.setdefault(layer, {})[name] = take(name, kernel)
        elif wrong is None:
            try:
                features[layer] = scores_of(layer, kernel)[STIMULI]
            except ValueError as error:  # of this layer; spectra do without
                wrong = error
        del kernel  # before the next images are shown
    return Seen(made, features if wrong is None else wrong)


def _spectra(given: _Given, seen: _Once[Seen], told: Progress) -> Measure:
    return partial(
        spectra.measure_network,
        network=given.subject.network,
        shown=given.mine.pictures,
        taken=lambda: seen(told).spectra,
    )


def _tuning(given: _Given, _: _Once[Seen], told: Progress) -> Measure:
    return partial(
        tuning.measure_network,
        network=given.subject.network,
        field_deg=given.shown.field_deg,
        memory=given.memory,
        batch_size=given.batch_size,
        progress=told,
    )


def _regression(name: str, given: _Given, seen: _Once[Seen], told: Progress) -> Measure:
    def features(*_: object) -> dict[str, Tensor]:
        found = seen(told).features
        if isinstance(found, ValueError):
            raise found
        return found

    def measure(task: Task, partial_file: Path) -> Measured:
        if given.shown.cortex is None:
            raise ValueError("there is no recording to predict")
        recording = given.shown.cortex.recording
        return predictivity.measure_network(
            task,
            partial_file,
            folder=given.folder,
            network=given.subject.network,
            recording=recording,
            features=features,
            neurons=population_of(recording.responses, minimum=given.plan.minimum_reliability),
            regression=given.plan.regression(name),
        )

    return measure


def _robustness(given: _Given, _: _Once[Seen], told: Progress) -> Measure:
    if given.mine.labelled is None:
        raise ValueError("there are no images to attack")
    return partial(
        robustness.measure_network,
        network=given.subject.network,
        pictures=given.mine.labelled,
        attacks=given.mine.attacks,
        progress=told,
    )


# What measures each step, given whom to tell how far it is.
MEASURES: Mapping[str, Callable[[_Given, _Once[Seen], Progress], Measure]] = {
    "spectra": _spectra,
    "tuning": _tuning,
    **{name: partial(_regression, name) for name in MAPS},
    "robustness": _robustness,
}


def _row(
    mine: Planned, written: Mapping[str, Path], reasons: Mapping[str, str], folder: Path
) -> Task:
    steps: dict[str, Setting] = {
        step: path.relative_to(folder).as_posix() for step, path in written.items()
    }
    return {
        **mine.row,
        **{step: steps.get(step) for step in (*mine.tasks, *mine.reasons)},
        **{f"{step}_reason": reason for step, reason in reasons.items()},
    }


def _summarise(
    task: Task, _: Path, *, written: Mapping[str, Path], reasons: Mapping[str, str]
) -> list[Result]:
    found = {step: load(path) for step, path in written.items()}
    kept = ("model", "model_sha256", "entry", "robust", "quick")
    return summarised(found, reasons, {name: task[name] for name in kept})
