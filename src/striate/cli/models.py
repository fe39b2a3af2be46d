"""``striate models``: what the layers of a network are called."""

import typer

from striate.cli.options import Layers, Model

models_app = typer.Typer(no_args_is_help=True, help="Networks, and what their layers are called.")


@models_app.command("layers")
def list_layers(model: Model, layers: Layers = "**") -> None:
    """List a network's layers: name, kind, output for one image, and its number of units."""
    from math import prod

    from striate.layers import match
    from striate.models import load, outline

    network = load(model)
    chosen = match(network.model, layers.split(","))
    for layer in outline(network.model, network.size):
        if layer.name not in chosen:
            continue
        shape = "–" if layer.shape is None else "×".join(map(str, layer.shape))
        units = "–" if layer.shape is None else str(prod(layer.shape))
        calls = "" if layer.calls == 1 else f"ran {layer.calls} times"
        print(layer.name, layer.kind, shape, units, calls, sep="\t")
