"""The model that is looked into: left as it was found, and run no further than its layer."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from striate.layers import Place, channel_axis, first_weight, places, run, select, wrong_call

WRAPPERS = (nn.DataParallel, nn.parallel.DistributedDataParallel)
USUAL = 1  # axis of the channels of maps, where their shape does not tell


class _Reached(BaseException):
    """All is seen; what is deeper need not run. Not an `Exception`, which a model might catch."""


@contextmanager
def frozen(model: nn.Module) -> Iterator[nn.Module]:
    """Evaluation mode, uncompiled, and parameters that record no gradient, until the block ends.

    Yields
    ------
    model
        Without the wrappers that spread a batch over devices.
    """
    modes = [(module, module.training) for module in model.modules()]
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    core = model
    while isinstance(core, WRAPPERS):
        core = core.module
    with ExitStack() as stack:
        stack.enter_context(torch.enable_grad())
        if "torch._dynamo" in sys.modules:  # else nothing is compiled, and importing it takes long
            # Compiled code does not see hooks that are set after its first run.
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        try:
            model.eval()
            for parameter in trainable:
                parameter.requires_grad_(False)
            yield core
        finally:
            for parameter in trainable:
                parameter.requires_grad_(True)
            for module, training in modes:
                module.training = training


class Reader(NamedTuple):
    """Reads from a `frozen` model how strongly the channels of one layer respond."""

    model: nn.Module
    place: Place
    channel_axis: int

    def __call__(
        self, images: Float[Tensor, "batch planes height width"]
    ) -> Float[Tensor, "batch channels"]:
        """Return the mean of each channel over all positions, in the precision of `images`.

        Raises
        ------
        ValueError
            If one is not finite.
        """
        seen: list[Tensor] = []

        def see(output: object) -> None:
            seen.append(select(self.place, output))
            raise _Reached

        with _watched(self.place, see), suppress(_Reached):
            run(self.model, prepared(self.model, images))
        if not seen:
            raise ValueError(f"layer {self.place.name!r} does not run with all images")
        output = seen[0].movedim(self.channel_axis, 1).to(images.device, images.dtype)
        means = output.flatten(2).mean(2) if output.ndim > 2 else output
        if not means.isfinite().all():
            raise ValueError(
                f"layer {self.place.name!r} puts out values that are not finite "
                f"(it computes in {seen[0].dtype})"
            )
        return means


def reader(
    model: nn.Module, layer: str, image: Tensor, channel_axis: int | None
) -> tuple[Reader, int]:
    """Try a layer of a `frozen` model with one image.

    Parameters
    ----------
    model, layer, channel_axis
        As in `optimal_stimulus`.
    image
        A batch of one, of the size to come.

    Returns
    -------
    read
        What reads the layer.
    channels
        How many it has.

    Raises
    ------
    ValueError
        If the layer is not there, is not one, or cannot be reached with such an image; if it runs
        more or fewer times than its name says; if its output has not one row of several channels
        per image or does not depend on the pixels.
    """
    place = _place(model, layer)
    output = _first_output(model, place, image)
    shape = tuple(output.shape)
    if len(shape) < 2 or shape[0] != 1 or 0 in shape or not output.is_floating_point():
        raise ValueError(
            f"layer {place.name!r} puts out {output.dtype} of shape {shape} for 1 image; choose a "
            "layer that puts out floating point, with one row per image"
        )
    axis = _axis(place, shape, channel_axis)
    if shape[axis] < 2:
        raise ValueError(
            f"layer {place.name!r} puts out shape {shape}, with one channel at axis {axis}; the "
            "objective compares channels, so choose a layer with several"
        )
    if not output.requires_grad:
        raise ValueError(
            f"layer {place.name!r} puts out what has no gradient with respect to the image (it is "
            "detached, or computed under no_grad); choose a layer before that"
        )
    return Reader(model, place, axis), shape[axis]


def precision(model: nn.Module) -> tuple[torch.dtype, torch.device]:
    """Type and place of a model's weights; of one without any, float32 on the CPU."""
    weight = first_weight(model)
    weight = torch.empty(0, dtype=torch.float32) if weight is None else weight
    return weight.dtype, weight.device


def prepared(model: nn.Module, images: Tensor) -> Tensor:
    """Put images where the model is, in the precision of its weights."""
    dtype, device = precision(model)
    return images.to(device, dtype)


def _place(model: nn.Module, layer: str) -> Place:
    found = places(model, [layer])
    if len(found) > 1:
        raise ValueError(
            f"layer={layer!r} fits {len(found)} layers, {', '.join(map(repr, list(found)[:4]))}, "
            "…; name one"
        )
    return next(iter(found.values()))


def _first_output(model: nn.Module, place: Place, image: Tensor) -> Tensor:
    """Run the whole model once, so that calls can be counted."""
    outputs: list[Tensor] = []
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    with ExitStack() as stack:
        stack.callback(place.layer.register_forward_hook(count).remove)
        stack.enter_context(_watched(place, lambda output: outputs.append(select(place, output))))
        try:
            run(model, prepared(model, image).requires_grad_())
        except ValueError:
            # Beyond the layer, a model may want another size: it will not be run that far.
            if not outputs:
                raise
    if not calls:
        raise ValueError(
            f"layer {place.name!r} does not run in a forward pass; choose one that does"
        )
    if (place.call is None and calls > 1) or not outputs:
        raise ValueError(wrong_call(place, calls))
    return outputs[0]


@contextmanager
def _watched(place: Place, see: Callable[[object], None]) -> Iterator[None]:
    calls = 0

    def hook(_layer: nn.Module, _inputs: object, output: object) -> None:
        nonlocal calls
        calls += 1
        if calls == (place.call or 1):
            see(output)

    handle = place.layer.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def _axis(place: Place, shape: tuple[int, ...], given: int | None) -> int:
    axis = channel_axis(shape) if given is None else given
    if axis is None and len(shape) == 4:
        axis = USUAL
    if axis is None:
        raise ValueError(
            f"layer {place.name!r} puts out shape {shape}; say which axis counts the channels, "
            "e.g. channel_axis=1"
        )
    if not 1 <= axis % len(shape) < len(shape) or not -len(shape) < axis < len(shape):
        raise ValueError(
            f"channel_axis={given}: layer {place.name!r} puts out shape {shape}, so give "
            f"1 to {len(shape) - 1}, or -1 for the last"
        )
    return axis % len(shape)
