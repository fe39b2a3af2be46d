"""A network tried out before it is trained: on the smallest batch, in both modes."""

from collections.abc import Sequence
from contextlib import ExitStack
from copy import deepcopy
from typing import NamedTuple

import torch
from torch import Tensor, nn

from striate.layers import capture, match, run
from striate.models import Network
from striate.robustness.victim import frozen
from striate.studies.training.material import Material
from striate.studies.training.plans import Asked, Plan
from striate.training import Source
from striate.training.chance import repeatable, states_of
from striate.training.checkpoint import check_state, unsaved


class Tried(NamedTuple):
    """What trying out a network told.

    Attributes
    ----------
    layers
        Those that are penalised.
    draws
        Whether the network draws random numbers in training mode, as dropout does.
    """

    layers: tuple[str, ...]
    draws: bool


@torch.no_grad()
def try_out(network: Network, material: Material, plan: Plan, *, processes: int = 1) -> Tried:
    """Show the smallest batch to a network once in each mode.

    Parameters
    ----------
    network, material, plan, processes
        As in `striate.studies.training.network_task`.

    Raises
    ------
    ValueError
        As in `striate.studies.training.network_task`.
    """
    count, batch = len(material.labels), plan.batch_size
    if batch > count:
        raise ValueError(f"batch_size={batch} is more than the {count} training images")
    last = count % batch or batch
    steps = -(-count // batch)
    if plan.spectral is not None and plan.spectral.every > steps:
        raise ValueError(
            f"spectral_every={plan.spectral.every} is more than the {steps} steps of an epoch"
        )
    check_state(network.model)
    layers = () if plan.spectral is None else tuple(match(network.model, plan.spectral.layers))
    if not any(parameter.requires_grad for parameter in network.model.parameters()):
        raise ValueError(f"{network.name} has no parameter that can be trained")
    few = _taken(material.images, torch.arange(last))
    logits, hidden = _shown(network, few, layers)
    if logits.ndim != 2 or logits.shape[1] != material.classes:
        raise ValueError(
            f"{network.name} answers an image with {tuple(logits.shape[1:])} numbers, and "
            f"{material.name.split(' ')[0]} has {material.classes} classes; give a network with an "
            "output for each"
        )
    left = {1: "one image"}.get(last, f"{last} images")
    draws = _try_training(
        network, few[: max(1, last // processes)], layers, classes=material.classes,
        processes=processes, of=f"batch_size={batch} leaves a last batch of {left}"
        + (f" for {processes} processes" if processes > 1 else ""),
    )  # fmt: skip
    if plan.spectral is not None:
        for layer, activations in hidden.items():
            _try_penalty(plan.spectral, layer, activations, last)
    return Tried(layers, draws)


def _shown(
    network: Network, images: Tensor, layers: tuple[str, ...]
) -> tuple[Tensor, dict[str, Tensor]]:
    place = next((part.device for part in network.model.parameters()), torch.device("cpu"))
    with ExitStack() as hooks:
        outputs = {name: hooks.enter_context(capture(network.model, name)) for name in layers}
        hooks.enter_context(frozen(network.model))  # in training mode normalisation would learn
        logits = run(network.model, images.to(place))
        hidden = {name: output() for name, output in outputs.items()}
    if not isinstance(logits, Tensor):
        raise ValueError(f"{network.name} puts out a {type(logits).__name__}, not logits")
    return logits, hidden


def _try_training(
    network: Network,
    images: Tensor,
    layers: tuple[str, ...],
    *,
    classes: int,
    processes: int,
    of: str,
) -> bool:
    """Show images, `of` which batch is said, to a copy in training mode; tell whether it draws.

    There a network may need more of them, as batch-norm does, or answer otherwise. To a copy, as
    normalisation learns from what it is shown; and what torch draws is put back.
    """
    copy = deepcopy(network.model).train()
    place = next(part.device for part in copy.parameters())
    with ExitStack() as hooks, repeatable(place)(), torch.set_grad_enabled(processes > 1):
        outputs = [hooks.enter_context(capture(copy, name)) for name in layers]
        before, kept = states_of(place), deepcopy(unsaved(copy))
        try:
            logits = run(copy, images.to(place))
        except ValueError as error:
            raise ValueError(
                f"{of}, on which {network.name} cannot be trained ({error}); choose another batch "
                "size or number of training images"
            ) from error
        after = states_of(place)
        if not isinstance(logits, Tensor) or logits.shape[1:] != (classes,):
            shape = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
            raise ValueError(
                f"{network.name} answers with logits in evaluation mode, and with {shape} in "
                "training mode; give a network that answers with logits in both, without auxiliary "
                "outputs (in torchvision aux_logits=False)"
            )
        # A new one, or one of another size, is a cache, which is made again.
        changed = [
            one
            for one, now in unsaved(copy).items()
            if one in kept and now.shape == kept[one].shape and not _equal(now, kept[one])
        ]
        if changed:
            raise ValueError(
                f"{network.name} learns in training mode what its state_dict leaves out: "
                f"{', '.join(changed)}; register such buffers as persistent, or the weights that "
                "are written are those of another network"
            )
        if processes > 1:
            _check_used(network.name, copy, [logits, *(output() for output in outputs)], processes)
    return any(not torch.equal(before[one], after[one]) for one in before)


def _equal(one: Tensor, other: Tensor) -> bool:
    return bool(((one == other) | ((one != one) & (other != other))).all())


def _check_used(name: str, model: nn.Module, outputs: Sequence[Tensor], processes: int) -> None:
    """Refuse parameters for whose gradient several processes would wait in vain."""
    trained = {key: part for key, part in model.named_parameters() if part.requires_grad}
    total = torch.stack([output.float().sum() for output in outputs]).sum()
    slopes: Sequence[Tensor | None] = [None] * len(trained)
    if total.requires_grad:
        slopes = torch.autograd.grad(total, list(trained.values()), allow_unused=True)
    idle = [key for key, slope in zip(trained, slopes, strict=True) if slope is None]
    if idle:
        more = f" and {len(idle) - 3} more" if len(idle) > 3 else ""
        raise ValueError(
            f"{name} has parameters that take no part in its answer, and {processes} processes "
            f"wait for the gradient of each: {', '.join(idle[:3])}{more}; set requires_grad=False "
            "on them"
        )


def _try_penalty(asked: Asked, layer: str, activations: Tensor, count: int) -> None:
    try:
        asked.penalty().measure(activations)
    except ValueError as error:
        raise ValueError(
            f"spectral_layers={layer!r}: of the smallest batch, of {count} images, it has no such "
            f"spectrum: {error}"
        ) from error


def _taken(images: Tensor | Source, indices: Tensor) -> Tensor:
    if isinstance(images, Tensor):
        return images[indices]
    return images.take(indices, torch.Generator().manual_seed(0))
