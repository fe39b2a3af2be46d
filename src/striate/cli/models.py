"""``striate models``: the paper's networks, what layers are called, and old checkpoints."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from striate.cli.options import Layers, Model, names_of

if TYPE_CHECKING:  # the command line starts without torch
    from striate.models import Outlined

WAYS = 3  # names of one layer's outputs that are listed

models_app = typer.Typer(
    no_args_is_help=True, help="Networks: the paper's, their layers, old checkpoints."
)


@models_app.command("list")
def list_models() -> None:
    """List the 40 networks of Kong et al. 2021, as a table with tabs between its columns."""
    from striate.models import ZOO
    from striate.reference import kong2021_table_s1

    clean = kong2021_table_s1().set_index("model")["top1_clean"]
    print("name", "architecture", "trained", "pixels", "layers", "top-1", "weights", sep="\t")
    for entry in ZOO.values():
        print(
            f"kong2021/{entry.name}",
            entry.architecture,
            "robust" if entry.robust else "as usual",
            entry.size,
            len(entry.layers),
            f"{clean[entry.name]:.3f}",
            entry.weights or "torchvision",
            sep="\t",
        )


@models_app.command("layers")
def list_layers(
    model: Model,
    layers: Layers = "**",
    channels: Annotated[
        int | None, typer.Option(help="of the image shown; by default what its first layers want")
    ] = None,
) -> None:
    """List a network's layers: name, kind, output for one image, its number of units, and ways.

    Ways are names that --layers takes, where that of the layer alone will not do.
    """
    from math import prod

    import torch

    from striate.activations import readable
    from striate.layers import places
    from striate.models import load, outline
    from striate.models.outline import image_channels

    network = load(model, pretrained=False, seed=0)  # what layers are called is not in the weights
    asked = places(network.model, names_of(layers))
    chosen = {place.layer for place in asked.values()}
    known = dict(network.model.named_modules())
    if channels is None:
        channels = image_channels(network.model)
    every = outline(network.model, network.size, channels=channels)
    grey = torch.full((2, channels, network.size, network.size), 0.5)
    found = readable(network.model, grey, "**").places
    for layer in every:
        if known[layer.name] not in chosen:
            continue
        shape = "–" if layer.shape is None else "×".join(map(str, layer.shape))
        units = "–" if layer.shape is None else str(prod(layer.shape))
        ways = [name for name, one in found.items() if one.layer is known[layer.name]]
        print(layer.name, layer.kind, shape, units, _ways(layer, ways), sep="\t")


def _ways(layer: "Outlined", ways: Sequence[str]) -> str:
    """Say how the outputs of a layer are named, where its name alone will not do."""
    if ways == [layer.name]:
        return ""
    runs = "does not run" if layer.calls == 0 else f"ran {layer.calls} times"
    named = ", ".join(ways[:WAYS]) + (", …" if len(ways) > WAYS else "")
    parts = [runs if layer.calls != 1 else "", named or "cannot be read" * bool(layer.calls)]
    return ": ".join(filter(None, parts))


@models_app.command("convert")
def convert_checkpoint(
    file: Annotated[Path, typer.Argument(help="what torch.save wrote; nothing in it is run")],
    entry: Annotated[str, typer.Option(help="which of `striate models list` it is")],
    out: Annotated[Path, typer.Option(help="the file to write, NAME.safetensors")],
) -> None:
    """Make a file of weights out of an old checkpoint, for --weights."""
    from striate.models import convert

    found = convert(file, out, entry=entry)
    name = entry.removeprefix("kong2021/")
    print(f"{out}: {len(found.kept)} weights of {name}")
    if found.dropped:
        print(f"left out: {_summary(found.dropped)}")
    if found.asked:
        print(f"asked for and not run: {', '.join(found.asked)}")
    if not found.checked:
        print("names and shapes were not compared with the architecture: torchvision is not here")
    print(f"next: striate measure … kong2021/{name} --weights {out}")


def _summary(names: Sequence[str]) -> str:
    """Name single ones, and say of groups how many there are."""
    groups = Counter(re.sub(r"^((module|model)\.)+", "", name).partition(".")[0] for name in names)
    return ", ".join(
        f"{group} ({count} parts)" if count > 1 else group for group, count in groups.items()
    )
