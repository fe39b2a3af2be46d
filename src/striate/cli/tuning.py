"""``striate measure tuning`` and ``striate visualize``."""

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from striate.cli.jobs import Job, job_of, measure, of_one
from striate.cli.measuring import bar, tell_scores
from striate.cli.options import (
    Device,
    Execution,
    Layers,
    Model,
    Models,
    Protocol,
    ResultsFolder,
    Seed,
    Weights,
    check_device,
    check_folder,
    names_of,
    numbers,
)
from striate.cli.spread import spread
from striate.cli.sweeping import Many

if TYPE_CHECKING:  # the command line starts without torch
    import numpy as np

    from striate.results import Setting

TEMPERATURE = 1.0


@spread
def measure_tuning(
    model: Models,
    layers: Layers = "**",
    results: ResultsFolder = Path("results"),
    weights: Weights = None,
    images: Annotated[
        str | None,
        typer.Option(
            help="photographs (a folder | digits | mnist | cifar10), to compare the frequencies of "
            "principal components with their ranks"
        ),
    ] = None,
    protocol: Protocol = "paper",
    field_deg: Annotated[
        float | None, typer.Option(help="degrees that an image spans; default: 35 pixels each")
    ] = None,
    optimal: Annotated[
        int, typer.Option(help="channels of each layer whose optimal stimulus is made")
    ] = 0,
    temperature: Annotated[
        float, typer.Option(help="of the softmax over channels, in the unit of the activations")
    ] = TEMPERATURE,
    experiments: Annotated[int, typer.Option(help="samples of channels")] = 1000,
    draws: Annotated[int, typer.Option(help="channels in each")] = 150,
    *,
    execution: Execution,
    many: Many,
) -> None:
    """Measure what networks' channels are tuned to, and how like V1 that is."""
    many.check()
    if temperature != TEMPERATURE and not optimal:
        raise ValueError(f"--temperature {temperature:g} is of optimal stimuli; add --optimal 3")
    check_device(execution.device)
    check_folder(results)
    prepare = partial(
        _tuning_of,
        layers=names_of(layers),
        weights=weights,
        images=images,
        protocol=protocol,
        field_deg=field_deg,
        optimal=optimal,
        temperature=temperature,
        experiments=experiments,
        draws=draws,
        execution=execution,
    )
    asked = {name: partial(prepare, name) for name in of_one(model, weights=weights)}
    measure(asked, results, device=execution.device, many=many, tell=tell_scores)


def _tuning_of(
    model: str,
    *,
    layers: Sequence[str],
    weights: Path | None,
    images: str | None,
    protocol: str,
    field_deg: float | None,
    optimal: int,
    temperature: float,
    experiments: int,
    draws: int,
    execution: Execution,
) -> Job:
    from striate.activations import centre
    from striate.models import load
    from striate.studies import spectra, tuning

    network = load(model, weights=weights)
    network.model.to(execution.device)
    pictures = None if images is None else spectra.pictures(images, network)
    chosen = spectra.chosen_layers(network, layers, reduce=centre)
    task = tuning.network_task(
        network,
        list(chosen.places),
        protocol=protocol,
        field_deg=field_deg,
        pictures=pictures,
        experiments=experiments,
        draws=draws,
        optimal=optimal,
        temperature=temperature,
        seed=execution.seed,
    )
    way = partial(
        tuning.measure_network,
        network=network,
        field_deg=field_deg,
        pictures=pictures,
        memory=execution.memory,
        batch_size=execution.batch_size,
    )
    left_out = "" if pictures is None else pictures.left_out
    return job_of("tuning", [task], way, (left_out, *spectra.notes_of(network, chosen.left_out)))


def visualize(
    model: Model,
    layer: Annotated[str, typer.Argument(help="the name of one layer")],
    channels: Annotated[str, typer.Argument(help="counted from 0, e.g. 0,3,17")],
    out: Annotated[Path, typer.Option("--out", help="the folder for the images")],
    weights: Weights = None,
    size: Annotated[int | None, typer.Option(help="in pixels; default: the network's")] = None,
    steps: Annotated[int, typer.Option(help="of gradient ascent")] = 512,
    temperature: Annotated[
        float, typer.Option(help="of the softmax over channels, in the unit of the activations")
    ] = TEMPERATURE,
    seed: Seed = 0,
    device: Device = "cpu",
) -> None:
    """Make the images that channels of a layer prefer, one PNG each; what is there stays.

    Printed are the file, the channel's response to it, and the logarithm of its share among all
    channels of the layer. How the image was made is kept in the file, as text beside the pixels.
    """
    from striate.models import fingerprint, load
    from striate.results import write_atomically
    from striate.studies.spectra.about import file_stem
    from striate.studies.tuning import planes_of
    from striate.study.tuning import optimal_images

    check_device(device)
    check_folder(out, "out")
    wanted = numbers("channels", channels, int) or ()
    if len(set(wanted)) < len(wanted):
        raise ValueError(f"channels {channels}: name each channel once")
    network = load(model, weights=weights)
    network.model.to(device)
    size = network.size if size is None else size
    how = {"model": network.name, "model_sha256": fingerprint(network.model)[:12], "layer": layer}
    how |= {"size": size, "steps": steps, "temperature": temperature, "seed": seed}
    stem = f"{file_stem(network.name)}-{file_stem(layer)}"
    paths = {channel: out / f"{stem}-{channel}.png" for channel in wanted}
    there = {one: _there(path, {**how, "channel": one}) for one, path in paths.items()}
    missing = [channel for channel, about in there.items() if about is None]
    if missing:
        with bar("gradient ascent") as progress:
            made = optimal_images(
                network.model,
                layer,
                missing,
                size=size,
                planes=planes_of(network),
                seed=seed,
                steps=steps,
                temperature=temperature,
                progress=progress,
            )
        found = made.found
        for number, channel in enumerate(missing):
            about = {
                "response": found.activation[number].item(),
                "objective": found.objective[number].item(),
                "of_grey": found.of_grey[number].item(),
            }
            shown = _png(made.pixels[number], {**how, "channel": channel, **about})
            write_atomically(paths[channel], shown)
            there[channel] = about
    for channel, about in there.items():
        if about is not None:
            _tell(paths[channel], channel, layer, about)


def _there(path: Path, how: "Mapping[str, Setting]") -> dict[str, float] | None:
    """Read what is told of an image that is there, if it was made in this way."""
    from PIL import Image

    if not path.exists():
        return None
    with Image.open(path) as image:
        text = dict(getattr(image, "text", {}))
    other = {
        name: value for name, value in how.items() if text.get(f"striate:{name}") != str(value)
    }
    if other:
        was = ", ".join(f"{name}={text.get(f'striate:{name}', 'not told')}" for name in other)
        now = ", ".join(f"{name}={value}" for name, value in other.items())
        raise ValueError(
            f"{path} is there already, made with {was} instead of {now}; give another --out, or "
            "move it away"
        )
    return {name: float(text[f"striate:{name}"]) for name in ("response", "objective", "of_grey")}


def _tell(path: Path, channel: int, layer: str, about: "Mapping[str, float]") -> None:
    print(path, f"{about['response']:.4g}", f"{about['objective']:.4g}", sep="\t")
    if about["response"] <= about["of_grey"]:
        print(
            f"channel {channel} of layer {layer} responds to its image with "
            f"{about['response']:.4g}, and to plain grey with {about['of_grey']:.4g}: nothing was "
            "found that it likes; a dead channel has no more to show, others may with more --steps "
            "or another --temperature",
            file=sys.stderr,
        )


def _png(pixels: "np.ndarray", about: "Mapping[str, Setting]") -> bytes:
    """Encode an image, and what is told about it as text."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    told, content = PngInfo(), BytesIO()
    for name, value in about.items():
        told.add_itxt(f"striate:{name}", str(value))
    Image.fromarray(pixels).save(content, format="png", pnginfo=told)
    return content.getvalue()
