"""``striate models``: the paper's networks, what layers are called, and old checkpoints."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from striate.cli.options import Layers, Model

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
    """List a network's layers: name, kind, output for one image, and its number of units."""
    from math import prod

    from striate.layers import places
    from striate.models import load, outline
    from striate.models.outline import image_channels

    network = load(model, pretrained=False, seed=0)  # what layers are called is not in the weights
    asked = places(network.model, [name.strip() for name in layers.split(",")])
    chosen = {place.layer for place in asked.values()}
    known = dict(network.model.named_modules())
    if channels is None:
        channels = image_channels(network.model)
    for layer in outline(network.model, network.size, channels=channels):
        if known[layer.name] not in chosen:
            continue
        shape = "–" if layer.shape is None else "×".join(map(str, layer.shape))
        units = "–" if layer.shape is None else str(prod(layer.shape))
        calls = "" if layer.calls == 1 else f"ran {layer.calls} times"
        print(layer.name, layer.kind, shape, units, calls, sep="\t")


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
