"""Keep what one layer puts out while a block runs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from striate.layers.names import find


@contextmanager
def capture(
    model: nn.Module, name: str, *, with_gradient: bool = False
) -> Iterator[Callable[[], Tensor]]:
    """Keep the output of one layer while the block runs, gradient graph included.

    Parameters
    ----------
    model
        Any module.
    name
        The layer, as ``model.named_modules()`` spells it.
    with_gradient
        Whether to overlook passes made without gradient, as for validation.

    Yields
    ------
    output
        A function that returns the layer's output in the forward pass made since it was last
        called. It raises ``ValueError`` if the layer ran not once but never or several times, or
        put out something else than one tensor.

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
    outputs: list[object] = []

    def take() -> Tensor:
        taken = outputs.copy()
        outputs.clear()
        if len(taken) != 1:
            raise ValueError(
                f"layer {name!r} ran {len(taken)} times since its output was last taken; "
                "run the model once, then take it (a model compiled and run before this block "
                "does not see it)"
            )
        if not isinstance(taken[0], Tensor):
            raise ValueError(
                f"layer {name!r} put out a {type(taken[0]).__name__}; choose one that puts out "
                "one tensor, perhaps a layer inside it"
            )
        return taken[0]

    def keep(_layer: nn.Module, _inputs: tuple[object, ...], output: object) -> None:
        if torch.is_grad_enabled() or not with_gradient:
            outputs.append(output)

    handle = find(model, name).register_forward_hook(keep)
    try:
        yield take
    finally:
        handle.remove()
        outputs.clear()
