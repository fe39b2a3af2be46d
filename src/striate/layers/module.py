"""A whole network: whether it is one, which one it is, and what it says of images."""

import hashlib
import traceback
from itertools import chain

import torch
from torch import Tensor, nn


def check_module(model: object) -> None:
    """Refuse what is not a network of PyTorch, or one whose layers cannot be looked into.

    Raises
    ------
    ValueError
        If `model` is none, or is TorchScript, which takes no hooks.
    """
    if not isinstance(model, nn.Module):
        raise ValueError(f"model is a {type(model).__name__}; give a torch.nn.Module")
    check_hooks(model, "model")


def check_hooks(layer: nn.Module, name: str) -> None:
    """Refuse a layer, called `name`, that takes no hooks.

    Raises
    ------
    ValueError
        If it is TorchScript.
    """
    if isinstance(layer, torch.jit.ScriptModule):
        raise ValueError(
            f"{name} is TorchScript, which cannot be looked into; give the torch.nn.Module that it "
            "was made from"
        )


def run(model: nn.Module, images: Tensor, *, name: str = "images") -> object:
    """Show `images`, called `name`, to a model, in whose own words it says what it cannot take.

    It is shown a copy, as it may normalise its input in place.

    Raises
    ------
    ValueError
        If it stops at them, or a hook does.
    """
    try:
        return model(images.clone())
    except (RuntimeError, AssertionError, ValueError, TypeError, LookupError) as error:
        if isinstance(error, ValueError) and _is_ours(error):
            raise
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ValueError(
            f"{name} of shape {tuple(images.shape[1:])} do not pass through this "
            f"{type(model).__name__}: {reason}"
        ) from error


def _is_ours(error: ValueError) -> bool:
    """Tell whether striate raised it, as in a hook: it says itself what to do instead."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return frame.f_globals.get("__name__", "").startswith("striate.")


def fingerprint(model: nn.Module) -> str:
    """SHA-256 of what a model consists of, and of its weights and buffers, by name.

    What its code does with them is not in it.
    """
    proof = hashlib.sha256(repr(model).encode())
    for name, part in chain(model.named_parameters(), model.named_buffers()):
        proof.update(f"{name} {part.dtype} {tuple(part.shape)}".encode())
        proof.update(part.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return proof.hexdigest()
