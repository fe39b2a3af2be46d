"""Penalise one batch that two processes share: they learn what one process would have learned.

Each process gets half of every batch. Run it: ``python examples/penalty_across_processes.py``
(about ten seconds, most of which is starting Python twice).
"""

import tempfile
from pathlib import Path

import torch
import torch.distributed as distributed
from torch import Tensor, nn
from torch.multiprocessing.spawn import spawn
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel

from striate.datasets import digits
from striate.spectra import SpectralPenalty

PROCESSES, STEPS = 2, 20


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 200), nn.Tanh(), nn.Linear(200, 10)
    ).double()  # so that the comparison below is not one of rounding errors


def trained(images: Tensor, labels: Tensor, rank: int = 0, processes: int = 1) -> dict[str, Tensor]:
    model = network()
    penalty = SpectralPenalty(alpha=1.0, beta=1.0, ranks=(6, 50), group="world")
    called = DistributedDataParallel(model) if processes > 1 else model
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with penalty.attach(model, "2") as term:  # the model inside
        for step in range(STEPS):
            batch = torch.arange(step, len(images), STEPS)[:64]
            mine = batch[rank::processes]  # 32 images cannot fill ranks up to 50: 64 can
            optimizer.zero_grad()
            loss = cross_entropy(called(images[mine]), labels[mine]) + term()
            loss.backward()
            optimizer.step()
    return model.state_dict()


def one_of_two(rank: int, folder: str, images: Tensor, labels: Tensor) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=PROCESSES
    )
    weights = trained(images, labels, rank, PROCESSES)
    if rank == 0:
        torch.save(weights, Path(folder, "weights.pt"))
    distributed.destroy_process_group()


def main() -> None:
    images, labels, _ = digits("train")
    images = images.double()
    with tempfile.TemporaryDirectory() as folder:
        spawn(one_of_two, (folder, images, labels), nprocs=PROCESSES)
        together = torch.load(Path(folder, "weights.pt"), weights_only=True)
    alone, start = trained(images, labels), network().state_dict()
    moved = max((alone[name] - start[name]).abs().max().item() for name in alone)
    apart = max((alone[name] - together[name]).abs().max().item() for name in alone)
    print(
        f"{STEPS} steps: weights moved by up to {moved:.2f}, two processes and one differ by "
        f"{apart:.0e}"
    )
    assert apart < 1e-9 < 1e-2 < moved


if __name__ == "__main__":
    main()
