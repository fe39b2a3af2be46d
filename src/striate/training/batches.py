"""The batches of an epoch: shuffled, loaded ahead, changed at random, shared among processes."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from striate.training.inputs import Inputs
from striate.training.processes import Team
from striate.training.sources import Source, ahead

Use = Literal["taking", "inputs"]


def shuffled(
    images: Float[Tensor, "images channels height width"] | Source,
    labels: Int[Tensor, " images"],
    inputs: Inputs | None,
    team: Team,
    *,
    batch_size: int,
    seed: int,
    epoch: int,
) -> Iterator[tuple[Tensor, Tensor, float]]:
    """Give this process's images and labels of each batch, and the weight of their mean loss."""
    batches = _order(len(images), seed, epoch).to(labels.device).split(batch_size)
    parts = [team.part(batch) for batch in batches]
    if isinstance(images, Tensor):
        loaded = (images[part] for part in parts)
    else:
        loaded = ahead(
            images.take(part.cpu(), _generator("taking", seed, epoch, number, team.rank))
            for number, part in enumerate(parts)
        )
    for number, (batch, part, pixels) in enumerate(zip(batches, parts, loaded, strict=True)):
        pixels = pixels.to(labels.device)
        if inputs is not None:
            draws = _generator("inputs", seed, epoch, number, team.rank, labels.device)
            pixels = inputs(pixels, epoch, draws)
        yield pixels, labels[part], team.weight(len(part), len(batch))


def _order(images: int, seed: int, epoch: int) -> Tensor:
    state = int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0])
    return torch.randperm(images, generator=torch.Generator().manual_seed(state))


def _generator(
    use: Use, seed: int, epoch: int, batch: int, rank: int, device: torch.device | str = "cpu"
) -> torch.Generator:
    """Return a source of random numbers of its own for each use, epoch, batch and process."""
    # A spawn key, because trailing zeros of the entropy itself make no difference.
    key = (("taking", "inputs").index(use), batch, rank)
    sequence = np.random.SeedSequence([seed, epoch], spawn_key=key)
    state = int(sequence.generate_state(1, np.uint64)[0])
    return torch.Generator(device).manual_seed(state)
