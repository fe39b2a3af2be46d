"""Chance that a checkpoint can resume."""

from collections.abc import Callable

import numpy as np
import torch
import torch.distributed as distributed
from torch import Tensor, nn

from striate.training.objectives.steps import Images, Labels, Step


class Seeded(nn.Module):
    """An objective that takes a `generator`, given a new one at every step.

    The generator depends on `seed`, on the number of steps taken and, of several processes, on
    which this is: a run resumed with this module's state draws what it would have drawn.

    Parameters
    ----------
    objective
        ``(model, images, labels, *, generator) -> Step``.
    seed
        Decides what is drawn.

    Attributes
    ----------
    step
        Steps taken, a buffer.
    """

    step: Tensor

    def __init__(self, objective: Callable[..., Step], *, seed: int) -> None:
        super().__init__()
        self.objective, self.seed = objective, seed
        self.register_buffer("step", torch.tensor(0))

    def forward(self, model: nn.Module, images: Images, labels: Labels) -> Step:
        """Call the objective with the generator of this step, on the device of `images`."""
        together = distributed.is_available() and distributed.is_initialized()
        parts = [self.seed, int(self.step), distributed.get_rank() if together else 0]
        state = int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0])
        generator = torch.Generator(images.device).manual_seed(state)
        self.step += 1
        return self.objective(model, images, labels, generator=generator)
