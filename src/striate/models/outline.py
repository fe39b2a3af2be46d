"""What the layers of a network are called, and what they put out for one image."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from striate._checks import check_whole
from striate.layers import check_module, first_weight, run
from striate.models.network import Normalise


class Outlined(NamedTuple):
    """One layer.

    Attributes
    ----------
    name
        As ``model.named_modules()`` has it.
    kind
        Its class.
    shape
        Of its output for one image, without the batch; ``None`` if it put out something else than
        one tensor, or did not run.
    calls
        How often it ran in one pass.
    """

    name: str
    kind: str
    shape: tuple[int, ...] | None
    calls: int


def outline(model: nn.Module, size: int, *, channels: int = 3) -> list[Outlined]:
    """Run one grey image through a model, and say what each of its layers did.

    Parameters
    ----------
    model
        Any module that takes a batch of images.
    size
        Side of the image in pixels.
    channels
        Of the image.

    Raises
    ------
    ValueError
        If `model` is no module, or cannot take such an image.
    """
    check_module(model)
    check_whole("size", size)
    check_whole("channels", channels)
    ran: dict[nn.Module, list[tuple[int, ...] | None]] = {}

    def note(layer: nn.Module, _: tuple[object, ...], output: object) -> None:
        shape = tuple(output.shape[1:]) if isinstance(output, Tensor) else None
        ran.setdefault(layer, []).append(shape)

    training = {layer: layer.training for layer in model.modules()}
    hooks = [
        layer.register_forward_hook(note)
        for layer in model.modules()
        if not isinstance(layer, torch.jit.ScriptModule)  # which takes none
    ]
    weight = first_weight(model)
    like = torch.zeros(()) if weight is None else weight
    image = torch.full((1, channels, size, size), 0.5, device=like.device, dtype=like.dtype)
    try:
        with torch.no_grad():
            run(model.eval(), image)
    finally:
        for hook in hooks:
            hook.remove()
        for layer, before in training.items():
            layer.training = before
    return [_outlined(name, layer, ran) for name, layer in model.named_modules() if name]


def image_channels(model: nn.Module) -> int:
    """Say how many channels the images of a model have, as its layers tell; 3 if none does.

    The first normalisation does, or else the first convolution.
    """
    layers = list(model.modules())
    hooks = (hook for layer in layers for hook in layer._forward_pre_hooks.values())
    told = [len(hook.mean) for hook in hooks if isinstance(hook, Normalise)]
    told += [layer.in_channels for layer in layers if isinstance(layer, nn.Conv2d)]
    return told[0] if told else 3


def _outlined(
    name: str, layer: nn.Module, ran: dict[nn.Module, list[tuple[int, ...] | None]]
) -> Outlined:
    shapes = ran.get(layer, [])
    return Outlined(name, type(layer).__name__, shapes[0] if shapes else None, len(shapes))
