"""A few channels to show: their curves, and the images that they like best."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor, nn

from striate.results import Curve, Setting
from striate.study.tuning.channels import ChannelTuning
from striate.study.tuning.stimuli import Shown
from striate.study.tuning.written import curve
from striate.visualize import OptimalStimuli, optimal_stimulus

# What a figure of the stimuli shows: which orientation, frequency and phase, as parts of all.
DRAWN = ((0.0, 0.1, 0.0), (0.25, 0.3, 0.2), (0.5, 0.5, 0.4), (0.75, 0.7, 0.6), (0.9, 0.9, 0.8))


class OptimalImages(NamedTuple):
    """Images that channels prefer, as pixels of a file, and what was found.

    Attributes
    ----------
    pixels
        In 256 levels; grey ones with three equal planes.
    found
        As `striate.visualize.optimal_stimulus` gave it.
    """

    pixels: UInt8[np.ndarray, "channels height width 3"]
    found: OptimalStimuli


def example_channels(tuning: ChannelTuning, count: int) -> list[int]:
    """Choose channels that prefer frequencies far apart, and of each such the best example.

    Of the frequencies that some channel prefers, as many as wanted are taken, evenly spread from
    the lowest to the highest; of the channels that prefer one of them, the one whose curve has the
    largest peak-to-peak, the first of several. There are fewer if fewer frequencies are preferred.
    """
    frequency, there = tuning.frequency, tuning.selected
    preferred = frequency[there].unique().tolist()
    if not preferred:
        return []
    places = np.linspace(0, len(preferred) - 1, min(count, len(preferred))).round().astype(int)
    height = tuning.curves.frequency.amax(1) - tuning.curves.frequency.amin(1)
    return [
        int(height.where(there & (frequency == preferred[place]), -torch.inf).argmax())
        for place in places
    ]


def example_curves(
    tuning: ChannelTuning,
    chosen: Sequence[int],
    shown: Shown,
    source: str,
    settings: Mapping[str, Setting],
) -> list[Curve]:
    """Write the tuning of some channels to frequency and to orientation."""
    bank = shown.bank
    return [
        curve(name, x, y[channel], source, {**settings, "channel": channel})
        for channel in chosen
        for name, x, y in (
            ("frequency_tuning", bank.frequencies_cpd, tuning.curves.frequency),
            ("orientation_tuning", bank.orientations_deg, tuning.curves.orientation),
        )
    ]


def optimal_images(
    model: nn.Module,
    layer: str,
    channels: Sequence[int],
    *,
    size: int,
    planes: int,
    seed: int,
    steps: int = 512,
    temperature: float = 1.0,
    progress: Callable[[int, int], None] | None = None,
) -> OptimalImages:
    """Make the images that channels of a layer prefer, as pixels of a file.

    Parameters
    ----------
    model, layer, channels, size, planes, steps, temperature, progress
        As in `striate.visualize.optimal_stimulus`.
    seed
        Of its generator.

    Raises
    ------
    ValueError
        As `optimal_stimulus`.
    """
    found = optimal_stimulus(
        model,
        layer,
        channels,
        size=size,
        planes=planes,
        colour="colour" if planes == 3 else "grey",
        steps=steps,
        temperature=temperature,
        generator=torch.Generator().manual_seed(seed),
        progress=progress,
    )
    pixels = _bytes(found.images.expand(-1, 3, -1, -1)).permute(0, 2, 3, 1).numpy()
    return OptimalImages(pixels, found)


def example_stimuli(shown: Shown) -> dict[str, np.ndarray]:
    """Draw a few of the stimuli, and tell of each its orientation, frequency and phase."""
    images, bank = shown.bank.images, shown.bank
    axes = (bank.orientations_deg, bank.frequencies_cpd, bank.phases_deg)
    places = [[int(part * len(axis)) for part, axis in zip(parts, axes, strict=True)]
              for parts in DRAWN]  # fmt: skip
    numbers = np.ravel_multi_index(tuple(zip(*places, strict=True)), bank.shape)
    return {
        "stimuli": torch.stack([_bytes(images[int(number)][0]) for number in numbers]).numpy(),
        "stimuli_about": np.array(
            [[axis[at].item() for at, axis in zip(place, axes, strict=True)] for place in places]
        ),
    }


def _bytes(pixels: Tensor) -> Tensor:
    return (255 * pixels.detach().cpu()).round().to(torch.uint8)
