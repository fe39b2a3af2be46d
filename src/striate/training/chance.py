"""Random numbers that follow from the seed and the place in a training, and from nothing else."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

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
    with torch.random.fork_rng(_cuda(device)):
        for place in _places(device):
            drawn = generator_at("network", seed=seed, epoch=epoch, rank=rank, device=place)
            _set_state(place, drawn.get_state())
        yield


def repeatable(device: torch.device) -> Callable[[], AbstractContextManager[None]]:
    """Return a block in which dropout and its like draw what they draw from now on.

    After the block torch's own generators are where they were before it.
    """
    states = states_of(device)

    @contextmanager
    def draw_again() -> Iterator[None]:
        with torch.random.fork_rng(_cuda(device)):
            for place, state in states.items():
                _set_state(place, state)
            yield

    return draw_again


def states_of(device: torch.device) -> dict[torch.device, Tensor]:
    """Return where torch's own generators stand, of the processor and of `device`."""
    return {
        place: torch.get_rng_state() if place.type == "cpu" else torch.cuda.get_rng_state(place)
        for place in _places(device)
    }


def _places(device: torch.device) -> list[torch.device]:
    return [torch.device("cpu"), *_cuda(device)]


def _cuda(device: torch.device) -> list[torch.device]:
    return [device] if device.type == "cuda" else []


def _set_state(place: torch.device, state: Tensor) -> None:
    if place.type == "cpu":
        torch.set_rng_state(state)
    else:
        torch.cuda.set_rng_state(state, place)
