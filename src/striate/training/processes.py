"""Several processes that train one network together: who holds which part of a batch."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import torch
import torch.distributed as distributed
from torch import Tensor, nn

from striate.training.objectives import Step, bare

Kind = TypeVar("Kind")


class Team(NamedTuple):
    """The processes that train together; most often one.

    Attributes
    ----------
    rank
        Which of them this one is, from 0 on.
    size
        How many there are.
    """

    rank: int
    size: int

    def part(self, batch: Tensor) -> Tensor:
        """Return this process's part of a batch; parts differ by one image at most."""
        return batch.tensor_split(self.size)[self.rank]

    def weight(self, held: int, batch: int) -> float:
        """Return what makes the mean over processes of means over `held` images one over all."""
        return held * self.size / batch

    def agreed(self, value: Kind) -> Kind:
        """Return what process 0 gave."""
        if self.size == 1:
            return value
        values = [value]
        distributed.broadcast_object_list(values, src=0)
        return values[0]

    def collected(self, value: Kind) -> list[Kind]:
        """Return what each process gave."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        distributed.all_gather_object(values, value)
        return values

    def averaged(
        self, measured: Sequence[Mapping[str, float]], device: torch.device
    ) -> list[dict[str, float]]:
        """Average over processes what each measured step by step, weighted by its ``images``.

        ``images`` themselves are added up.
        """
        if self.size == 1:
            return [dict(step) for step in measured]
        names = [name for name in measured[0] if name != "images"]
        weight = torch.tensor([[step["images"]] for step in measured], dtype=torch.float64)
        values = [[step[name] for name in names] for step in measured]
        sums = torch.cat([torch.tensor(values, dtype=torch.float64) * weight, weight], 1).to(device)
        distributed.all_reduce(sums)
        means = sums[:, :-1] / sums[:, -1:]
        return [
            {**dict(zip(names, row, strict=True)), "images": images}
            for row, images in zip(means.tolist(), sums[:, -1].tolist(), strict=True)
        ]


def present() -> Team:
    """Return the processes that torch knows of in this run; most often this one alone."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return Team(0, 1)
    return Team(distributed.get_rank(), distributed.get_world_size())


def team_of(model: nn.Module) -> Team:
    """Return the processes that train `model` together.

    Raises
    ------
    ValueError
        If there are several processes, and `model` is not a `DistributedDataParallel`.
    """
    team = present()
    if team.size > 1 and bare(model) is model:
        raise ValueError(
            f"{team.size} processes would each train a {type(model).__name__} of their own; give "
            "torch.nn.parallel.DistributedDataParallel(model)"
        )
    return team


def weighted(step: Step, weight: float) -> Tensor:
    """Return the loss to descend: the mean over own images weighted, what all share as it is."""
    if weight == 1:
        return step.loss
    return weight * (step.loss - step.shared) + step.shared
