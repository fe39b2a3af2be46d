"""``striate measure predictivity``."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from striate.cli.jobs import Job, job_of, measure, of_one
from striate.cli.measuring import tell_scores
from striate.cli.options import (
    STIMULUS_DEG,
    Components,
    CropPx,
    Execution,
    FieldDeg,
    Lambdas,
    Layers,
    MinimumReliability,
    Models,
    PerNeuron,
    Population,
    Reader,
    ResultsFolder,
    Splits,
    Weights,
    check_device,
    check_folder,
    names_of,
    numbers,
    recorded,
)
from striate.cli.spread import spread
from striate.cli.sweeping import Many

LAMBDAS, COMPONENTS = "0.01,0.1,1,10", 25

if TYPE_CHECKING:  # the command line starts without torch
    from striate.datasets import Recording
    from striate.study.predictivity import Regression


class RegressionOptions(NamedTuple):
    """How layers are mapped to neurons.

    Attributes
    ----------
    regression, lambdas, per_neuron, components
        As in `Regression`, as typed.
    """

    regression: Annotated[str, typer.Option(help="pls | ridge")] = "pls"
    lambdas: Lambdas = LAMBDAS
    per_neuron: PerNeuron = False
    components: Components = COMPONENTS

    def read(self) -> "Regression":
        """Refuse options of the map that is not fitted."""
        from striate.study.predictivity import Regression

        name = self.regression
        if name not in ("pls", "ridge"):
            raise ValueError(f"--regression {name!r}; choose pls or ridge")
        if self.per_neuron and name != "ridge":
            raise ValueError("--per-neuron chooses penalties of ridge; add --regression ridge")
        if self.lambdas != LAMBDAS and name != "ridge":
            raise ValueError(
                f"--lambdas {self.lambdas!r} are penalties of ridge; add --regression ridge"
            )
        if self.components != COMPONENTS and name != "pls":
            raise ValueError(
                f"--components {self.components} are of partial least squares; leave it out"
            )
        return Regression(
            name,
            self.components,
            lambdas=numbers("--lambdas", self.lambdas, float) or (),
            select="neuron" if self.per_neuron else "population",
        )


class RecordingOptions(NamedTuple):
    """What is predicted, and how its images are shown.

    Attributes
    ----------
    recording, population, reader
        The neurons.
    stimulus_deg
        Of its images; `widths` reads it.
    field_deg, crop_px
        As in `predictivity.presentations`.
    grouped
        What of its images stays together; `kinds` reads it.
    """

    recording: Annotated[
        Path, typer.Option(help="npz | h5 | mat | pkl, with its images and repeats")
    ]
    stimulus_deg: Annotated[str, STIMULUS_DEG]
    field_deg: FieldDeg = None
    crop_px: CropPx = None
    population: Population = None
    reader: Reader = None
    grouped: Annotated[
        str,
        typer.Option(help="movie: stimuli that stem from one stay together | none | both"),
    ] = "none"

    def widths(self) -> tuple[float, ...]:
        """Read how many degrees its images are wide, once for each measurement."""
        return numbers("--stimulus-deg", self.stimulus_deg, float) or ()

    def kinds(self) -> tuple[str, ...]:
        """Read which splits are made."""
        if self.grouped not in ("movie", "none", "both"):
            raise ValueError(f"--grouped {self.grouped!r}; choose movie, none or both")
        return ("movie", "none") if self.grouped == "both" else (self.grouped,)

    def read(self) -> "Recording":
        """Read it."""
        return recorded(self.recording, self.population, self.reader)


@spread
def measure_predictivity(
    model: Models,
    images: Annotated[
        str, typer.Option(help="photographs (a folder | digits | mnist | cifar10) for the PCA")
    ],
    layers: Layers = "**",
    results: ResultsFolder = Path("results"),
    weights: Weights = None,
    protocol: Annotated[str, typer.Option(help="paper | authors | consistent")] = "paper",
    splits: Splits = 20,
    minimum_reliability: MinimumReliability = 0.0,
    against: Annotated[
        Path | None, typer.Option(help="another network's result, to compare with")
    ] = None,
    *,
    predicted: RecordingOptions,
    regressed: RegressionOptions,
    execution: Execution,
    many: Many,
) -> None:
    """Measure how well networks' layers predict the neurons of a recording."""
    many.check()
    predicted.widths()  # which would be refused after the network is loaded
    mapped = regressed.read()
    check_device(execution.device)
    check_folder(results)
    prepare = partial(
        _predictivity_of,
        predicted=predicted,
        images=images,
        layers=names_of(layers),
        weights=weights,
        protocol=protocol,
        mapped=mapped,
        splits=splits,
        minimum_reliability=minimum_reliability,
        against=against,
        execution=execution,
        results=results,
    )
    asked = {name: partial(prepare, name) for name in of_one(model, weights=weights)}
    measure(asked, results, device=execution.device, many=many, tell=tell_scores)


def _predictivity_of(
    model: str,
    *,
    predicted: RecordingOptions,
    images: str,
    layers: Sequence[str],
    weights: Path | None,
    protocol: str,
    mapped: "Regression",
    splits: int,
    minimum_reliability: float,
    against: Path | None,
    execution: Execution,
    results: Path,
) -> Job:
    from striate.models import load
    from striate.studies import predictivity, spectra
    from striate.study.predictivity import population_of
    from striate.study.run import is_done

    rival = None if against is None else predictivity.read_rival(against)
    network = load(model, weights=weights)
    network.model.to(execution.device)
    shown = predictivity.presentations(
        predicted.widths(),
        size=network.size,
        protocol=protocol,
        field_deg=predicted.field_deg,
        crop_px=predicted.crop_px,
    )
    read = predicted.read()
    pictures = spectra.pictures(images, network)
    chosen = spectra.chosen_layers(network, layers)
    describe = partial(
        predictivity.network_task,
        network,
        read,
        pictures,
        list(chosen.places),
        population=predicted.population,
        protocol=protocol,
        regression=mapped,
        splits=splits,
        minimum_reliability=minimum_reliability,
        against=rival,
        seed=execution.seed,
    )
    wanted = [
        (describe(presentation=each, grouped=kind), each)
        for each in shown
        for kind in predicted.kinds()
    ]
    missing = [
        (task, way)
        for task, way in wanted
        if not is_done(task, results) and predictivity.measured_alone(task, results) is None
    ]
    features = predictivity.shared_features(
        [task for task, _ in missing],
        [way for _, way in missing],
        network=network,
        recording=read,
        pictures=pictures,
        memory=execution.memory,
        batch_size=execution.batch_size,
    )
    neurons = population_of(read.responses, minimum=minimum_reliability)
    way = partial(
        predictivity.measure_network,
        folder=results,
        network=network,
        recording=read,
        features=features,
        neurons=neurons,
        regression=mapped,
        against=rival,
    )
    alike = (line for kind in predicted.kinds() for line in predictivity.alike_across(read, kind))
    about = (read.responses.source, *read.notes, *neurons.notes(), *alike, pictures.left_out)
    notes = (*about, *spectra.notes_of(network, chosen.left_out))
    return job_of("images shown", [task for task, _ in wanted], way, notes)
