"""A model that takes pixels, and the images it wants to see."""

from collections.abc import Sequence
from math import inf
from numbers import Real
from typing import Any, Literal, NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from striate import layers
from striate.results import digest

CODE = "made_of_code"
# Those of `striate.datasets.images`, which this box does not see.
Interpolation = Literal["bilinear", "bicubic"]


class Network(NamedTuple):
    """A model that takes pixels in [0, 1], and the images it wants to see.

    Attributes
    ----------
    name
        What it was asked for by.
    model
        In evaluation mode. Normalisation is done on the way in; layers keep their names.
    resize
        Length of the short side that images are first brought to, in pixels.
    size
        Side of the square then cut from their centre.
    interpolation
        How they are resized: ``"bilinear"`` or ``"bicubic"`` (`striate.datasets.images`).
    """

    name: str
    model: nn.Module
    resize: int
    size: int
    interpolation: Interpolation = "bilinear"

    def preparation(self) -> dict[str, Any]:
        """Say how photographs are prepared, in the words of `striate.datasets.images`."""
        return {"resize": self.resize, "crop": self.size, "interpolation": self.interpolation}

    def takes(self) -> str:
        """Say how large its images are, for who gave others; and how a file says that (`load`)."""
        told = f"{self.name} takes {self.size}×{self.size}"
        file, _, function = self.name.rpartition(":")
        if not file.endswith(".py"):
            return told
        return f"{told}, which a striate.models.Network that {function} returns decides"


class Normalise:
    """Subtract the mean and divide by the standard deviation of each channel, before a model runs.

    A hook rather than a layer, so that the layers of the model keep their names.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        self.mean, self.std = tuple(mean), tuple(std)

    def __call__(self, _: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the inputs of the model, the first of them normalised."""
        pixels: Float[Tensor, "images channels height width"] = inputs[0]
        if pixels.ndim < 3 or pixels.shape[-3] != len(self.mean):
            raise ValueError(
                f"images of shape {tuple(pixels.shape[1:])} meet a normalisation of "
                f"{len(self.mean)} channels; give images of as many, or another mean and std"
            )
        mean, std = (pixels.new_tensor(part).reshape(-1, 1, 1) for part in (self.mean, self.std))
        return (pixels - mean) / std, *inputs[1:]


def normalised(model: nn.Module, mean: Sequence[float], std: Sequence[float]) -> nn.Module:
    """Let `model` take pixels in [0, 1], and return it.

    Parameters
    ----------
    model
        Any module whose input is a batch of images.
    mean, std
        Of each channel, as in training.

    Raises
    ------
    ValueError
        If they are not as many numbers, a mean is not in [0, 1], or a standard deviation is not
        positive and finite.
    """
    layers.check_module(model)
    given = all(
        isinstance(part, Sequence) and all(isinstance(value, Real) for value in part)
        for part in (mean, std)
    )
    given = given and 0 < len(mean) == len(std)
    if not given or not all(0 <= m <= 1 and 0 < s < inf for m, s in zip(mean, std, strict=True)):
        raise ValueError(
            f"mean={mean}, std={std}: give one number of each per channel, for pixels in [0, 1]; "
            "a mean lies in that range, and std is positive and finite"
        )
    model.register_forward_pre_hook(Normalise(mean, std))
    return model


def with_code(model: nn.Module, code: str) -> None:
    """Note on a model which code it is made of; a copy of the model keeps it."""
    vars(model)[CODE] = code  # past a module's own way to set attributes


def fingerprint(model: nn.Module) -> str:
    """SHA-256 of a model's layers, weights and buffers, and of how it, or a layer, is `normalised`.

    Of a network of a file of one's own (`load`), also of the part of the file that makes it.
    """
    seen_as = [
        [name, hook.mean, hook.std]
        for name, layer in model.named_modules()
        for hook in layer._forward_pre_hooks.values()
        if isinstance(hook, Normalise)
    ]
    # As it was before layers could be normalised too, so that what was measured is known again.
    if [name for name, *_ in seen_as] in ([], [""]):
        seen_as = [row[1:] for row in seen_as]
    code = [vars(model)[CODE]] if CODE in vars(model) else []
    return digest([layers.fingerprint(model), seen_as, *code])
