"""Climb from noise to the image by which one channel stands out from all others of its layer."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import inf
from numbers import Integral
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from striate._checks import check_positive, check_whole
from striate.layers import check_module
from striate.visualize.fourier import Colour, check_colour, pixels, random_start
from striate.visualize.reading import Reader, frozen, precision, reader
from striate.visualize.transforms import TRANSFORMS, Transform, check_transforms, transformed


class OptimalStimuli(NamedTuple):
    """One image for each channel that was asked for, in that order.

    Attributes
    ----------
    images
        Pixels in [0, 1].
    objective
        Log-probability of the channel given its image as it is, without transforms: 0 at best.
    activation
        The channel's response to that image, averaged over positions.
    history
        The objective at each step, of the transformed image.
    of_grey
        The channel's response to an image that is mid-grey throughout. Where that of its own is no
        larger, as of a dead channel, the climb found nothing that the channel likes: the image is
        then one by which others of the layer respond less.
    """

    images: Float[Tensor, "channels planes height width"]
    objective: Float[Tensor, " channels"]
    activation: Float[Tensor, " channels"]
    history: Float[Tensor, "channels steps"]
    of_grey: Float[Tensor, " channels"]


def optimal_stimulus(
    model: nn.Module,
    layer: str,
    channels: Sequence[int],
    *,
    size: int | tuple[int, int],
    generator: torch.Generator,
    colour: Colour = "colour",
    planes: int = 3,
    steps: int = 512,
    learning_rate: float = 0.05,
    temperature: float = 1.0,
    transforms: Sequence[Transform] = TRANSFORMS,
    channel_axis: int | None = None,
    batch: int = 32,
    progress: Callable[[int, int], None] | None = None,
) -> OptimalStimuli:
    r"""Synthesise the images by which channels stand out from all others of their layer.

    Raises, by Adam, :math:`\log\frac{\exp(m_i/T)}{\sum_c \exp(m_c/T)}`, where :math:`m_c` is the
    mean of channel c over all positions (Kong et al. 2021, eq. 6, has T = 1). An image is the
    sigmoid of decorrelated colours, whose Fourier coefficients are the variables, scaled by
    1 / frequency (Olah et al. 2017). The defaults are those of Lucent, the tool that was used.
    Three things differ: mid-grey, not black, moves in at the edges; images are shifted to either
    side, not one; and they are cut to `size` again after the transforms, not shown to the model at
    some other size, so that any model can be looked into.

    The objective depends on the unit of the activations. Where they differ between channels by much
    more than `temperature`, it is at its best after a few steps, and the image stays pale and
    noisy; where they differ by much less, all channels but one count alike, and the image is that
    of the highest activation. In SqueezeNet, which computes in units of 1/255, T = 100 gives clear
    textures and T = 1 does not.

    Parameters
    ----------
    model
        Takes images with pixels in [0, 1], normalises them itself. It is left as it was found; it
        is not run beyond `layer`, except once.
    layer
        As ``model.named_modules()`` spells it, followed by ``@2`` for its second call and by
        ``[0]`` for an entry of a tuple, where there are several.
    channels
        Counted from 0.
    size
        Of the images in pixels: a side, or height and width.
    generator
        Source of all randomness, on any device. Start and transforms of a channel depend on it and
        on the channel, not on what other channels are asked for.
    colour
        ``"colour"``, or ``"grey"``: one plane, repeated.
    planes
        Of the images that the model takes: 3 if coloured.
    steps, learning_rate
        Of Adam.
    temperature
        T, in the unit of the activations.
    transforms
        Functions of ``(images, generator)``, applied in turn at each step; () for none.
    channel_axis
        Which axis of the layer's output counts the channels: by default the last of units and of
        tokens (batch, tokens, channels); of maps 1, or the last where the two before it are alone
        in being equal (batch, height, width, channels).
    batch
        How many images are made at a time. It moves memory, and results by rounding only.
    progress
        Called after each step with how many are done, of how many.

    Returns
    -------
    stimuli
        On the device of the model, in its precision, but at least float32.

    Raises
    ------
    ValueError
        If an argument is out of range, there is no such layer or channel, the layer cannot be
        reached with images of that size, puts out a number that is not finite, or has no gradient.

    Examples
    --------
    >>> from torch import nn
    >>> model = nn.Sequential(nn.Conv2d(3, 8, 5), nn.ReLU())
    >>> found = optimal_stimulus(
    ...     model, "1", [2, 5], size=32, steps=4, generator=torch.Generator().manual_seed(0)
    ... )
    >>> found.images.shape
    torch.Size([2, 3, 32, 32])
    """
    height, width = _checked_size(size)
    check_module(model)
    _check_generator(generator)
    for name, count in (("steps", steps), ("batch", batch), ("planes", planes)):
        check_whole(name, count)
    check_positive("learning_rate", learning_rate)
    check_temperature(temperature)
    check_colour(colour, planes)
    check_transforms(transforms)
    if channel_axis is not None and not isinstance(channel_axis, Integral):
        raise ValueError(f"channel_axis={channel_axis!r}: give a whole number, or None")
    if progress is not None and not callable(progress):
        raise ValueError(f"progress={progress!r}: give a function of steps done, and of all")
    with frozen(model) as core:
        dtype, device = precision(core)
        dtype = torch.promote_types(dtype, torch.float32)
        grey = torch.full((1, planes, height, width), 0.5, dtype=dtype, device=device)
        read, there = reader(core, layer, grey, channel_axis)
        wanted = _checked_channels(channels, layer, there)
        with torch.no_grad():
            (of_grey,) = read(grey)
        seeds = _seeds(there + 1, generator)
        found: list[OptimalStimuli] = []
        for first in range(0, len(wanted), batch):
            chosen = wanted[first : first + batch]
            start = random_start([seeds[channel] for channel in chosen], colour, height, width)
            climb = _Climb(
                read, chosen, start.to(device, dtype), width, planes, temperature, of_grey[chosen]
            )
            chance = torch.Generator().manual_seed(seeds[-1])
            history = []
            for objective in climb.run(steps, learning_rate, transforms, chance):
                history.append(objective)
                if progress is not None:
                    progress(steps * len(found) + len(history), steps * -(-len(wanted) // batch))
            found.append(climb.result(torch.stack(history, 1)))
    return OptimalStimuli(*(torch.cat(parts) for parts in zip(*found, strict=True)))


def log_probability(
    means: Float[Tensor, "batch channels"], chosen: Sequence[int]
) -> Float[Tensor, " batch"]:
    """Logarithm of the softmax over channels, of one channel per row.

    As a function of how far the channel is above all others together: where it is nearly 1, the
    probability itself has no digits left for a gradient.
    """
    index = torch.tensor(chosen, device=means.device)[:, None]
    others = means.scatter(1, index, -inf).logsumexp(1)
    return logsigmoid(means.gather(1, index)[:, 0] - others)


class _Climb(NamedTuple):
    """The ascent of some images, each towards its own channel."""

    read: Reader
    chosen: Sequence[int]
    coefficients: Tensor
    width: int
    planes: int
    temperature: float
    of_grey: Tensor

    def run(
        self,
        steps: int,
        learning_rate: float,
        transforms: Sequence[Transform],
        generator: torch.Generator,
    ) -> Iterator[Tensor]:
        """Yield the objective before each step."""
        variable = self.coefficients.requires_grad_()
        optimiser = torch.optim.Adam([variable], lr=learning_rate, maximize=True)
        for step in range(steps):
            images = transformed(self.images(), transforms, generator)
            objective = log_probability(_scaled(self.read(images), self.temperature), self.chosen)
            # No image's gradient depends on its company in a sum, and Adam works by element.
            (variable.grad,) = torch.autograd.grad(objective.sum(), variable)
            if step == 0:
                self._check_gradient(variable.grad, objective.detach())
            optimiser.step()
            yield objective.detach()

    def images(self) -> Tensor:
        return pixels(self.coefficients, self.width, self.planes)

    @torch.no_grad()
    def result(self, history: Tensor) -> OptimalStimuli:
        images = self.images().contiguous()
        means = self.read(images)
        index = torch.tensor(self.chosen, device=means.device)[:, None]
        objective = log_probability(_scaled(means, self.temperature), self.chosen)
        activation = means.gather(1, index)[:, 0]
        return OptimalStimuli(images, objective, activation, history, self.of_grey)

    def _check_gradient(self, gradient: Tensor, objective: Tensor) -> None:
        still = (gradient.flatten(1) == 0).all(1) & (objective < 0)
        if still.any():
            channel = self.chosen[int(still.nonzero()[0])]
            raise ValueError(
                f"channel {channel} of layer {self.read.place.name!r} has no gradient with respect "
                "to the image where the climb starts: it is zero throughout; choose a layer before "
                "what is flat, or another seed"
            )


def _checked_size(size: object) -> tuple[int, int]:
    """Return height and width."""
    sides = (size, size) if isinstance(size, Integral) else size
    if (
        not isinstance(sides, Sequence)
        or len(sides) != 2
        or not all(isinstance(side, Integral) and int(side) >= 2 for side in sides)
    ):
        raise ValueError(f"size={size!r}: give a side, or height and width, in pixels from 2 on")
    return int(sides[0]), int(sides[1])


def _check_generator(generator: object) -> None:
    if not isinstance(generator, torch.Generator):
        raise ValueError(
            f"generator is a {type(generator).__name__}; give torch.Generator().manual_seed(0)"
        )


def check_temperature(temperature: float) -> None:
    """Refuse one by which activations of 1 could not be divided in single precision.

    Raises
    ------
    ValueError
        If it is not a positive number of single precision.
    """
    check_positive("temperature", temperature)
    least, most = torch.finfo(torch.float32).tiny, torch.finfo(torch.float32).max
    if not least <= temperature <= most:
        raise ValueError(
            f"temperature={temperature!r}: give one from {least:.3g} to {most:.3g}, numbers of "
            "single precision; activations are divided by it"
        )


def _scaled(means: Tensor, temperature: float) -> Tensor:
    """Divide finite activations by the temperature."""
    scaled = means / temperature
    if not scaled.isfinite().all():
        raise ValueError(
            f"temperature={temperature!r}: activations of up to "
            f"{means.detach().abs().max().item():.3g} over it are not finite; give a larger one"
        )
    return scaled


def _checked_channels(channels: Sequence[Any], layer: str, there: int) -> list[int]:
    if isinstance(channels, str) or not isinstance(channels, Iterable):
        raise ValueError(f"channels={channels!r}: list channels, counted from 0")
    if isinstance(channels, torch.Tensor):
        channels = channels.flatten().tolist()
    wanted = list(channels)
    if not wanted:
        raise ValueError("channels=[]: name at least one")
    for channel in wanted:
        number = isinstance(channel, Integral) and not isinstance(channel, bool)
        if not number or not 0 <= int(channel) < there:
            raise ValueError(
                f"channels: layer {layer!r} has {there}, counted from 0 to {there - 1}, and no "
                f"{channel!r}"
            )
    return [int(channel) for channel in wanted]


def _seeds(count: int, generator: torch.Generator) -> list[int]:
    device = generator.device
    return torch.randint(2**62, (count,), generator=generator, device=device).tolist()
