"""Keep what one layer puts out while a block runs."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

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
        Whether to overlook passes made without gradient, as for validation, and those in which no
        parameter of the model records one though some did before, as an attack makes them.

    Yields
    ------
    output
        A function that returns the layer's output in the forward pass made since it was last
        called. It raises ``ValueError`` if the layer ran not once but never or several times, put
        out something else than one tensor, or a later layer has since written into that tensor.
        A pass that raised does not count, nor does what gradient checkpointing runs again during
        the backward pass, nor do copies of the model.

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
    outputs: list[tuple[object, int | None]] = []
    chosen = find(model, name)

    def take() -> Tensor:
        taken = outputs.copy()
        outputs.clear()
        return _one_tensor(name, taken, with_gradient=with_gradient)

    def keep(layer: nn.Module, _inputs: tuple[object, ...], output: object) -> None:
        eager = not torch.compiler.is_compiling()  # a compiler could not follow what is asked then
        recomputed = eager and torch._C._current_graph_task_id() != -1
        overlooked = with_gradient and (
            not torch.is_grad_enabled() or (eager and trained and not trains())
        )
        if layer is chosen and not recomputed and not overlooked:
            outputs.append((output, _version(output)))

    def trains() -> bool:
        return any(parameter.requires_grad for parameter in model.parameters())

    def begin(module: nn.Module, _inputs: tuple[object, ...]) -> None:
        nonlocal trained
        if torch.compiler.is_compiling() or module is not model:  # a copy has our hooks as well
            return
        trained = trained or trains()
        begun.append(len(outputs))

    def end(module: nn.Module, _inputs: tuple[object, ...], output: object) -> None:
        if torch.compiler.is_compiling() or module is not model or not begun:
            return  # without a beginning: the block was entered within a pass
        before = begun.pop()
        if output is None:  # an error has ended it, so that nothing counts since it began
            del outputs[before:]

    trained = trains()
    begun: list[int] = []  # how many outputs there were before each pass under way
    with ExitStack() as stack:
        for handle in (
            model.register_forward_pre_hook(begin, prepend=True),
            chosen.register_forward_hook(keep),
            model.register_forward_hook(end, always_call=True),
        ):
            stack.callback(handle.remove)
        stack.callback(outputs.clear)
        yield take


def _one_tensor(
    name: str, taken: Sequence[tuple[object, int | None]], *, with_gradient: bool
) -> Tensor:
    """Return what a layer put out, if that was once, one tensor, and is still the same."""
    if len(taken) != 1:
        uncounted = ", passes without gradient not counted" if with_gradient else ""
        raise ValueError(
            f"layer {name!r} ran {len(taken)} times since its output was last taken{uncounted}; "
            "run the model once, then take it, and choose a layer that runs once in a pass, "
            "outside of reentrant checkpointing (a model compiled and run before this block does "
            "not see it)"
        )
    ((output, version),) = taken
    if not isinstance(output, Tensor):
        raise ValueError(
            f"layer {name!r} put out a {type(output).__name__}; choose one that puts out one "
            "tensor, perhaps a layer inside it"
        )
    if version is not None and version != output._version:
        raise ValueError(
            f"a later layer has written into what {name!r} put out; choose that layer, or let it "
            "leave its input alone (inplace=False)"
        )
    return output


def _version(output: object) -> int | None:
    """Return how often a tensor was written into, where anybody counts."""
    if torch.compiler.is_compiling() or not isinstance(output, Tensor) or output.is_inference():
        return None
    return output._version
