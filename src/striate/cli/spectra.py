"""``striate measure spectrum``, ``striate spectrum`` and ``striate compare``."""

from collections.abc import Sequence
from functools import partial
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer
from rich.console import Console

from striate.cli.jobs import Job, job_of, measure, of_one, tell_notes
from striate.cli.measuring import measure_once, tell_scores
from striate.cli.options import (
    STIMULUS_DEG,
    BatchSize,
    CropPx,
    Device,
    Execution,
    FieldDeg,
    Layers,
    Model,
    Models,
    Population,
    Protocol,
    Reader,
    ResultsFolder,
    Seed,
    Weights,
    check_device,
    check_folder,
    names_of,
    numbers,
    ranks_of,
    recorded,
)
from striate.cli.spread import spread
from striate.cli.sweeping import Many

if TYPE_CHECKING:  # the command line starts without torch
    from striate.datasets import Recording
    from striate.spectra import Algorithm as SpectralAlgorithm
    from striate.study.spectra import Window


class FitOptions(NamedTuple):
    """How α of a recording is found.

    Attributes
    ----------
    ranks, weights
        Of the fit, as typed; `window` reads them.
    algorithm
        Of the cross-validation; `how` knows those there are.
    dimensions
        Of the stimuli; many if None.
    """

    ranks: Annotated[str, typer.Option(help="fit window, e.g. 9-100")]
    weights: Annotated[str, typer.Option(help="rank | none: of the fit")] = "rank"
    algorithm: Annotated[
        str,
        typer.Option(help="text | released: cvPCA as the papers write it, or as their code has it"),
    ] = "text"
    dimensions: Annotated[
        float | None,
        typer.Option(help="d of the stimuli: a smooth code has α above 1 + 2/d; default: many, 1"),
    ] = None

    def window(self) -> "Window":
        """Read the window of the fit."""
        from striate.study.spectra import Window
        from striate.study.spectra.window import check_octave

        if self.weights not in ("rank", "none"):
            raise ValueError(f"--weights {self.weights!r}; choose rank (1/n) or none")
        first_last = ranks_of(self.ranks) or (1, 2)
        window = Window(first_last, self.weights)
        check_octave(window)
        return window

    def how(self) -> "SpectralAlgorithm":
        """Return the algorithm, if it is one."""
        if self.algorithm not in ("text", "released"):
            raise ValueError(f"--algorithm {self.algorithm!r}; choose text or released")
        return self.algorithm

    def check_dimensions(self) -> None:
        """Refuse dimensions that stimuli cannot have."""
        if self.dimensions is not None and not 0 < self.dimensions < inf:
            raise ValueError(
                f"--dimensions {self.dimensions:g}: give how many dimensions the stimuli have, "
                "above 0, or leave it out for many"
            )


@spread
def measure_spectrum(
    model: Models,
    images: Annotated[str, typer.Option(help="a folder of photographs | digits | mnist | cifar10")],
    layers: Layers = "**",
    results: ResultsFolder = Path("results"),
    weights: Weights = None,
    protocol: Protocol = "paper",
    sets: Annotated[int, typer.Option(help="random sets of images")] = 3,
    set_size: Annotated[int, typer.Option(help="images in each")] = 2816,
    *,
    execution: Execution,
    many: Many,
) -> None:
    """Measure the eigenspectrum and α of networks' layers on natural images."""
    many.check()
    check_device(execution.device)
    check_folder(results)
    prepare = partial(
        _spectra_of,
        images=images,
        layers=names_of(layers),
        weights=weights,
        protocol=protocol,
        sets=sets,
        set_size=set_size,
        execution=execution,
    )
    asked = {name: partial(prepare, name) for name in of_one(model, weights=weights)}
    measure(asked, results, device=execution.device, many=many, tell=tell_scores)


def _spectra_of(
    model: str,
    *,
    images: str,
    layers: Sequence[str],
    weights: Path | None,
    protocol: str,
    sets: int,
    set_size: int,
    execution: Execution,
) -> Job:
    from striate.models import load
    from striate.studies import spectra

    network = load(model, weights=weights)
    network.model.to(execution.device)
    shown = spectra.pictures(images, network)
    chosen = spectra.chosen_layers(network, layers)
    task = spectra.network_task(
        network,
        shown,
        list(chosen.places),
        protocol=protocol,
        sets=sets,
        set_size=set_size,
        seed=execution.seed,
    )
    way = partial(
        spectra.measure_network,
        network=network,
        shown=shown,
        memory=execution.memory,
        batch_size=execution.batch_size,
    )
    notes = (shown.left_out, *spectra.notes_of(network, chosen.left_out))
    return job_of("images shown", [task], way, notes)


@spread
def spectrum(
    recording: Annotated[Path, typer.Argument(help="npz | h5 | mat | pkl | nwb")],
    *,
    fit: FitOptions,
    results: ResultsFolder = Path("results"),
    population: Population = None,
    reader: Reader = None,
    shuffles: Annotated[int, typer.Option(help="halvings of the trials")] = 20,
    seed: Seed = 0,
) -> None:
    """Measure the cross-validated eigenspectrum and α of a recording."""
    from striate.studies import spectra

    window, how = fit.window(), fit.how()
    fit.check_dimensions()
    check_folder(results)
    read = recorded(recording, population, reader)
    task = spectra.recording_task(
        read,
        window=window,
        algorithm=how,
        shuffles=shuffles,
        seed=seed,
        dimensions=fit.dimensions,
    )
    _tell(read)
    tell_notes([spectra.recording_notes(read, seed=seed)])
    way = partial(spectra.measure_recording, recording=read, window=window, algorithm=how)
    measure_once(task, results, way)


@spread
def compare(
    model: Model,
    recording: Annotated[Path, typer.Argument(help="npz | h5 | mat | pkl, with its images")],
    *,
    fit: FitOptions,
    layers: Layers = "**",
    results: ResultsFolder = Path("results"),
    population: Population = None,
    reader: Reader = None,
    model_weights: Weights = None,
    stimulus_deg: Annotated[str | None, STIMULUS_DEG] = None,
    field_deg: FieldDeg = None,
    crop_px: CropPx = None,
    gains: Annotated[
        str,
        typer.Option(
            help="of neurons: equal (those that respond reliably) | own (all, as they are)"
        ),
    ] = "equal",
    batch_size: BatchSize = 32,
    seed: Seed = 0,
    device: Device = "cpu",
) -> None:
    """Compare a network with a recording: same images, as many units, as much noise."""
    from striate.datasets import Presentation
    from striate.models import load
    from striate.studies import predictivity, spectra

    if gains not in ("equal", "own"):
        raise ValueError(f"--gains {gains!r}; choose equal or own")
    given = {"window": fit.window(), "algorithm": fit.how(), "gains": gains}
    fit.check_dimensions()
    widths = _widths(stimulus_deg, field_deg, crop_px)
    check_device(device)
    check_folder(results)
    network = load(model, weights=model_weights)
    ways: Sequence[Presentation | None] = [None]
    if widths is not None:
        ways = predictivity.presentations(
            widths, size=network.size, protocol="paper", field_deg=field_deg, crop_px=crop_px
        )
    read = recorded(recording, population, reader)
    network.model.to(device)
    chosen = spectra.chosen_layers(network, names_of(layers))
    describe = partial(
        spectra.comparison_task,
        network,
        read,
        list(chosen.places),
        seed=seed,
        dimensions=fit.dimensions,
        **given,
    )
    wanted = [(describe(presentation=way), way) for way in ways]
    _tell(read)
    about = spectra.comparison_notes(  # the same for all sizes
        network, read, window=given["window"], gains=gains, seed=seed, presentation=ways[0]
    )
    tell_notes([spectra.notes_of(network, chosen.left_out), about])
    for task, way in wanted:
        compared = partial(
            spectra.measure_comparison,
            network=network,
            recording=read,
            presentation=way,
            batch_size=batch_size,
            **given,
        )
        measure_once(task, results, compared, device=device)


def _widths(
    stimulus_deg: str | None, field_deg: float | None, crop_px: int | None
) -> tuple[float, ...] | None:
    """Read how wide stimuli are; None if that is not said and they fill all a network takes."""
    for name, given in (("field-deg", field_deg), ("crop-px", crop_px)):
        if stimulus_deg is None and given is not None:
            raise ValueError(
                f"--{name} {given:g} says nothing without --stimulus-deg: give the degrees that a "
                "stimulus is wide"
            )
    return numbers("--stimulus-deg", stimulus_deg, float)


def _tell(read: "Recording") -> None:
    """Say on standard error what was understood of a recording."""
    console = Console(stderr=True, highlight=False)
    for note in (read.responses.source, *read.notes):
        console.print(note, soft_wrap=True)
