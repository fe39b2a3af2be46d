"""Find a module's layers by name, and look at what they put out.

Every hook set here is removed when its ``with`` block ends, whatever happened inside it.
"""

import difflib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import Tensor, nn


def find(model: nn.Module, name: str) -> nn.Module:
    """Return the layer of `model` called `name` in ``model.named_modules()``.

    Raises
    ------
    ValueError
        If there is no such layer; close names are suggested.
    """
    layers = {known: layer for known, layer in model.named_modules() if known}
    if name not in layers:
        close = difflib.get_close_matches(name, layers, n=3) or list(layers)[:8]
        raise ValueError(
            f"layer={name!r} is not a layer of this {type(model).__name__}; "
            f"did you mean {', '.join(map(repr, close)) or 'a model with named layers'}?"
        )
    return layers[name]


@contextmanager
def capture(model: nn.Module, name: str) -> Iterator[Callable[[], Tensor]]:
    """Keep the output of one layer while the block runs, gradient graph included.

    Parameters
    ----------
    model
        Any module.
    name
        The layer, as ``model.named_modules()`` spells it.

    Yields
    ------
    output
        A function that returns the layer's output in the forward pass made since it was last
        called. It raises ``ValueError`` if the layer ran not once but never or several times.

    Raises
    ------
    ValueError
        If `model` has no layer `name`.

    Examples
    --------
    >>> import torch
    >>> model = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2))
    >>> with capture(model, "1") as hidden:
    ...     logits = model(torch.zeros(4, 3))
    ...     hidden().shape
    torch.Size([4, 5])
    """
    outputs: list[Tensor] = []

    def take() -> Tensor:
        taken = outputs.copy()
        outputs.clear()
        if len(taken) != 1:
            raise ValueError(
                f"layer {name!r} ran {len(taken)} times since its output was last taken; "
                "run the model once, then take it"
            )
        return taken[0]

    def keep(_layer: nn.Module, _inputs: tuple[object, ...], output: Tensor) -> None:
        outputs.append(output)

    handle = find(model, name).register_forward_hook(keep)
    try:
        yield take
    finally:
        handle.remove()
        outputs.clear()
