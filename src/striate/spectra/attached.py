"""Penalties on layers of somebody's network, while a block runs."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn

from striate import layers


@contextmanager
def attach(model: nn.Module, penalties: Mapping[str, nn.Module]) -> Iterator[Callable[[], Tensor]]:
    """Apply a penalty to each of several layers of `model` while the block runs.

    Parameters
    ----------
    model
        Any module.
    penalties
        By name of the layer in ``model.named_modules()``: a `SpectralPenalty`, or another module
        that makes a penalty of a layer's output. The former remembers its layer's last batch, so
        give each layer one of its own.

    Yields
    ------
    term
        A function that returns the sum of the penalties of the forward pass just made; passes
        without gradient, as for validation, do not count, nor do those of an attack
        (`striate.robustness`).

    Warns
    -----
    UserWarning
        From ``term()``, if what a layer put out has no gradient, so that nothing can be moved.

    Raises
    ------
    ValueError
        If there is no such layer, no penalty, or one is given twice; from ``term()``, if the model
        has not been run once since.
    """
    if not isinstance(penalties, Mapping) or not penalties:
        raise ValueError(
            f"penalties={penalties!r}: name at least one layer and give it a SpectralPenalty, "
            "{'layer': penalty}"
        )
    for name, penalty in penalties.items():
        if not isinstance(penalty, nn.Module):
            raise ValueError(
                f"penalties[{name!r}] is a {type(penalty).__name__}; give a SpectralPenalty"
            )
    if len({id(penalty) for penalty in penalties.values()}) < len(penalties):
        raise ValueError("penalties holds one SpectralPenalty twice; give each layer its own")
    with ExitStack() as hooks:
        outputs = {
            name: hooks.enter_context(layers.capture(model, name, with_gradient=True))
            for name in penalties
        }

        def term() -> Tensor:
            hidden = {name: output() for name, output in outputs.items()}
            if torch.is_grad_enabled():
                _warn_of_idle(name for name, some in hidden.items() if not some.requires_grad)
            terms = [penalty(hidden[name]) for name, penalty in penalties.items()]
            return torch.stack(terms).sum()

        yield term


def _warn_of_idle(frozen: Iterable[str]) -> None:
    for name in frozen:
        warnings.warn(
            f"what layer {name!r} put out has no gradient, so a penalty on it moves nothing: no "
            "parameter up to there is being trained",
            stacklevel=3,
        )
