"""Random numbers that follow from the seed and the place in a training, and from nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, get_args

import numpy as np
import torch

Use = Literal["taking", "inputs", "network"]


def generator_at(
    use: Use,
    *,
    seed: int,
    epoch: int,
    batch: int = 0,
    rank: int,
    device: torch.device | str = "cpu",
) -> torch.Generator:
    """Return a source of random numbers of its own for each use, epoch, batch and process."""
    # A spawn key, because trailing zeros of the entropy itself make no difference.
    key = (get_args(Use).index(use), batch, rank)
    sequence = np.random.SeedSequence([seed, epoch], spawn_key=key)
    state = int(sequence.generate_state(1, np.uint64)[0])
    return torch.Generator(device).manual_seed(state)


@contextmanager
def chance_of_network(*, seed: int, epoch: int, rank: int, device: torch.device) -> Iterator[None]:
    """While the block runs, have dropout and its like draw what they draw in this epoch.

    They draw from torch's own generators: that of the processor, and that of `device` if it is a
    CUDA one. Afterwards both are where they were.
    """
    cuda = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(cuda):
        for place in (torch.device("cpu"), *cuda):
            drawn = generator_at("network", seed=seed, epoch=epoch, rank=rank, device=place)
            if place.type == "cpu":
                torch.set_rng_state(drawn.get_state())
            else:
                torch.cuda.set_rng_state(drawn.get_state(), place)
        yield
