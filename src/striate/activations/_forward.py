"""Show a model one batch, look at some of its layers, and leave it as it was."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import torch
from jaxtyping import Float64
from torch import Tensor, nn

from striate.activations._reducing import Reduce
from striate.layers import Place, first_weight, run, select, wrong_call

Take = Callable[[Tensor], None]
WITNESSES = 256  # numbers per image by which an output is known again
WRAPPERS = (nn.DataParallel, nn.parallel.DistributedDataParallel)


class Outputs(NamedTuple):
    """What a layer puts out.

    Attributes
    ----------
    units
        Numbers per image.
    dtype, device
        Their type and place.
    witness
        Some of them, spread over the whole output, for each of the images that were looked at.
    """

    units: int
    dtype: torch.dtype
    device: torch.device
    witness: Float64[Tensor, "images some"]


class _Reached(BaseException):
    """All is seen; what is deeper need not run. Not an `Exception`, which a model might catch."""


@contextmanager
def observed(model: nn.Module) -> Iterator[nn.Module]:
    """Evaluation mode, without gradients and uncompiled, until the block ends.

    Yields
    ------
    model
        Without the wrappers that spread a batch over devices: its pieces would come out of order.
    """
    modes = [(module, module.training) for module in model.modules()]
    core = model
    while isinstance(core, WRAPPERS):
        core = core.module
    with ExitStack() as stack:
        stack.enter_context(torch.no_grad())
        if "torch._dynamo" in sys.modules:  # else nothing is compiled, and importing it takes long
            # Compiled code does not see hooks that are set after its first run.
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        try:
            model.eval()
            yield core
        finally:
            for module, mode in modes:
                module.training = mode


def home(model: nn.Module) -> torch.device:
    """Return the device that float64 sums about `model` can be made on: its own, if that can."""
    device = next((tensor.device for tensor in model.parameters()), torch.device("cpu"))
    return torch.device("cpu") if device.type == "mps" else device


def forward(
    model: nn.Module,
    batch: Tensor,
    takes: Mapping[str, tuple[Place, Take]],
    units: Mapping[str, int],
    reduce: Reduce | None = None,
) -> None:
    """Show a batch, and stop as soon as each place has been seen.

    Parameters
    ----------
    model
        As from `observed`.
    batch
        Images.
    takes
        By the name of a place, that place and what to do with its output (batch, units), which
        will not be the same afterwards: a layer may yet work on it in place.
    units
        How many each place puts out, as was found before (`probe`).
    reduce
        What to make of an output first.

    Raises
    ------
    ValueError
        If a place is seen twice or never, its output is not one floating-point row per image, or
        has not as many units as before.
    """
    seen: set[str] = set()

    def see(place: Place, output: object) -> None:
        if place.name in seen:
            raise ValueError(
                f"layer {place.name!r} runs once with some images and several times with others; "
                f"choose a call, as in '{place.name}@1'"
            )
        rows = rows_of(place, output, len(batch), reduce)
        if rows.shape[1] != units[place.name]:
            raise ValueError(
                f"layer {place.name!r} puts out {rows.shape[1]} units per image for {len(batch)} "
                f"image(s), and {units[place.name]} for others; choose a layer whose width does "
                "not depend on which images are shown together"
            )
        takes[place.name][1](rows)
        seen.add(place.name)
        if len(seen) == len(takes):
            raise _Reached

    with ExitStack() as stack:
        for place, _ in takes.values():
            stack.callback(place.layer.register_forward_hook(_counting(place, see)).remove)
        try:
            model(prepared(model, batch))
        except _Reached:
            return
    missing = next(name for name in takes if name not in seen)
    raise ValueError(f"layer {missing!r} does not run with all images; choose one that does")


def _counting(place: Place, see: Callable[[Place, object], None]) -> Callable[..., None]:
    """Return a hook that calls `see` at the call that `place` names."""
    calls = 0

    def hook(_layer: nn.Module, _inputs: object, output: object) -> None:
        nonlocal calls
        calls += 1
        if place.call in (None, calls):
            see(place, output)

    return hook


def probe(
    model: nn.Module,
    batch: Tensor,
    places: Mapping[str, Place],
    name: str = "images",
    reduce: Reduce | None = None,
) -> dict[str, Outputs]:
    """Run a small batch through the whole model to learn what each place puts out, reduced.

    Returns
    -------
    outputs
        In the order in which they are put out.

    Raises
    ------
    ValueError
        If the model cannot take the images, called `name`; if a layer does not run, runs more or
        fewer times than its place says, or its output is not one floating-point row per image.
    """
    calls = dict.fromkeys((place.layer for place in places.values()), 0)
    found: dict[str, Outputs] = {}

    def look(layer: nn.Module, _inputs: object, output: object) -> None:
        calls[layer] += 1
        for place in places.values():
            if place.layer is layer and (place.call or 1) == calls[layer]:
                rows = rows_of(place, output, len(batch), reduce)
                found[place.name] = Outputs(rows.shape[1], rows.dtype, rows.device, _witness(rows))

    with ExitStack() as stack:
        for layer in calls:
            stack.callback(layer.register_forward_hook(look).remove)
        run(model, prepared(model, batch), name=name)
    for place in places.values():
        _check_calls(place, calls[place.layer])
    return found


def _witness(rows: Tensor) -> Tensor:
    """Copy some units: the next layer may work in place."""
    units = rows.shape[1]
    every = torch.linspace(0, units - 1, min(WITNESSES, units), dtype=torch.float64)
    return rows[:, every.round().long().to(rows.device)].cpu().to(torch.float64)


def _check_calls(place: Place, calls: int) -> None:
    if calls == 0:
        raise ValueError(
            f"layer {place.name!r} does not run in a forward pass; choose one that does"
        )
    if (place.call is None and calls > 1) or (place.call or 0) > calls:
        raise ValueError(wrong_call(place, calls))


def rows_of(place: Place, output: object, images: int, reduce: Reduce | None) -> Tensor:
    """Return what is at `place` in a layer's output, reduced: one row per image.

    Raises
    ------
    ValueError
        If there is no such tensor, or `reduce` does not take it.
    """
    tensor = select(place, output)
    if not _is_rows(tensor, images):
        raise ValueError(
            f"layer {place.name!r} puts out {tensor.dtype} of shape {tuple(tensor.shape)} for "
            f"{images} image(s); choose a layer that puts out floating point, with one row per "
            "image"
        )
    tensor = tensor.detach()
    return (tensor if reduce is None else _reduced(place, tensor, reduce)).reshape(images, -1)


def _reduced(place: Place, tensor: Tensor, reduce: Reduce) -> Tensor:
    try:
        reduced = reduce(tensor)
    except ValueError as error:
        raise ValueError(f"layer {place.name!r} {error}") from error
    except (RuntimeError, TypeError, LookupError) as error:
        raise ValueError(
            f"reduce stops at what layer {place.name!r} puts out, {tuple(tensor.shape)}: {error}"
        ) from error
    if not isinstance(reduced, Tensor) or not _is_rows(reduced, len(tensor)):
        found = getattr(reduced, "shape", type(reduced).__name__)
        raise ValueError(
            f"reduce made {found} of what layer {place.name!r} puts out, {tuple(tensor.shape)}; "
            "keep floating point, with one row per image"
        )
    return reduced


def _is_rows(tensor: Tensor, images: int) -> bool:
    shape = tuple(tensor.shape)
    return bool(shape) and shape[0] == images and 0 not in shape and tensor.is_floating_point()


def prepared(model: nn.Module, batch: Tensor) -> Tensor:
    """Copy images to where the model is, in the precision of its weights.

    A copy in any case: a model that normalises its input in place would change those of the caller,
    and channels that share memory as often as there are channels.
    """
    weight = first_weight(model)
    return batch.clone() if weight is None else batch.to(weight.device, weight.dtype, copy=True)


def check_kept(dtype: torch.dtype | None, device: torch.device | str | None = None) -> None:
    """Refuse a type that would change responses, and a device on which none can be put.

    Raises
    ------
    ValueError
        If `dtype` is not of floating point, or of less than two bytes, or `device` is not there.
    """
    known = dtype is None or (isinstance(dtype, torch.dtype) and dtype.is_floating_point)
    if not known or (dtype is not None and dtype.itemsize < 2):
        raise ValueError(
            f"dtype={dtype!r}: responses need floating point of 16 bits or more, e.g. torch.float32"
        )
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"device={device!r} cannot be used here: {reason}") from error


def check_progress(progress: object) -> None:
    """Refuse what cannot be told how far the work is.

    Raises
    ------
    ValueError
        If it is no function.
    """
    if progress is not None and not callable(progress):
        raise ValueError(f"progress={progress!r}: give a function of images shown, and of all")


def not_finite(layer: str, kept: torch.dtype) -> str:
    """Say that a layer puts out NaN or infinity, or what is infinite as it is kept."""
    most = torch.finfo(kept).max
    advice = f" ({kept} holds at most {most:.4g}; try bfloat16)" if most < 1e5 else ""
    return f"layer {layer!r} puts out values that are not finite{advice}"
