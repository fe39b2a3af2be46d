"""The batches of an epoch: shuffled, loaded ahead, changed at random, shared among processes."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from striate.training.chance import generator_at
from striate.training.inputs import Inputs
from striate.training.processes import Team
from striate.training.sources import Source, ahead


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
    drawn = partial(generator_at, seed=seed, epoch=epoch, rank=team.rank)
    if isinstance(images, Tensor):
        loaded = (images[part.to(images.device)] for part in parts)
    else:
        loaded = ahead(
            images.take(part.cpu(), drawn("taking", batch=number))
            for number, part in enumerate(parts)
        )
    for number, (batch, part, pixels) in enumerate(zip(batches, parts, loaded, strict=True)):
        pixels = pixels.to(labels.device)
        if inputs is not None:
            generator = drawn("inputs", batch=number, device=labels.device)
            pixels = inputs(pixels, epoch, generator)
        yield pixels, labels[part], team.weight(len(part), len(batch))


def _order(images: int, seed: int, epoch: int) -> Tensor:
    state = int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0])
    return torch.randperm(images, generator=torch.Generator().manual_seed(state))
