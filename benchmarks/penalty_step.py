"""What a spectral penalty adds to a training step, on real images.

Named baselines: the step without a penalty, and the step whose penalty is backpropagated through
``torch.linalg.eigvalsh`` of the smaller of covariance and Gram matrix. Each way trains a network
of its own on the same fresh batches, and they take turns. On a GPU:
``python -m benchmarks.penalty_step cuda``.
"""

import os
import platform
import resource
import sys
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from benchmarks.networks import Case, cases, shuffled
from benchmarks.timing import medians
from striate.models import keras_adam
from striate.spectra import Solver, SpectralPenalty
from striate.training import Step, spectral, standard

RANKS, WIDE, TARGET = (6, 50), (1, 1000), 2.0
Objective = Callable[[nn.Module, Tensor, Tensor], Step]


def main(device: str = "cpu") -> None:
    """Print the tables."""
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"
    if device != "cpu":
        machine = f"{torch.cuda.get_device_name(device)}; {machine}"
    print(f"one training step with the penalty |α − {TARGET:g}|, float32; {machine}")
    for case in cases():
        report(case, RANKS, ways(case, RANKS, device), device)
    small, middle = (case for case in cases() if case.name == "shallow MLP")
    for case in (small, middle):
        seldom(case, device)
    wide = middle._replace(warm_up=2, rounds=5)
    report(wide, WIDE, ways(wide, WIDE, device), device)
    floors(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\npeak memory of the whole run: {peak:.0f} MB")


def report(
    case: Case, ranks: tuple[int, int], objectives: dict[str, Objective], device: str
) -> None:
    """Print one table: a row per way."""
    print(f"\n{case.name}, batch {case.batch}, {len(case.layers)} layer(s), ranks {ranks}")
    print(f"  {'step':<24}{'median s':>10}{'× plain':>10}{'eigvalsh ÷ this':>18}")
    steps = {name: step(objective, case, device) for name, objective in objectives.items()}
    seconds = medians(steps, rounds=case.rounds)
    for name, median in seconds.items():
        plain, gain = median / seconds["plain"], seconds["eigvalsh autograd"] / median
        print(f"  {name:<24}{median:>10.4f}{plain:>10.2f}{gain:>18.2f}", flush=True)


def seldom(case: Case, device: str) -> None:
    """Print what a step takes in the mean over four, one of them or more being penalised."""
    print(f"\n{case.name}, batch {case.batch}, ranks {RANKS}, mean over 4 steps")
    print(f"  {'step':<24}{'median s':>10}{'× plain':>10}")
    objectives: dict[str, Objective] = {"plain": standard} | {
        f"every={every}": partial(spectral, penalties=penalties(case, RANKS, device, every=every))
        for every in (1, 2, 4)
    }

    def four(take: Callable[[], None]) -> None:
        for _ in range(4):
            take()

    steps = {
        name: partial(four, step(objective, case, device)) for name, objective in objectives.items()
    }
    seconds = medians(steps, rounds=case.rounds)
    for name, median in seconds.items():
        print(f"  {name:<24}{median / 4:>10.4f}{median / seconds['plain']:>10.2f}", flush=True)


def penalties(
    case: Case, ranks: tuple[int, int], device: str, *, solver: Solver = "auto", every: int = 1
) -> dict[str, SpectralPenalty]:
    """A penalty for each layer."""
    return {
        layer: SpectralPenalty(alpha=TARGET, beta=1, ranks=ranks, solver=solver, every=every).to(
            device
        )
        for layer in case.layers
    }


def ways(case: Case, ranks: tuple[int, int], device: str) -> dict[str, Objective]:
    """The plain step, ours by each solver, and the first thing one would write."""

    def ours(solver: Solver) -> Objective:
        return partial(spectral, penalties=penalties(case, ranks, device, solver=solver))

    return {
        "plain": standard,
        "auto": ours("auto"),
        "exact": ours("exact"),
        "eigvalsh autograd": partial(through_eigvalsh, layers=case.layers, ranks=ranks),
    }


def step(objective: Objective, case: Case, device: str) -> Callable[[], None]:
    """Return a function that takes the next step of a training with `objective`."""
    model = case.build().to(device)
    optimizer = keras_adam(model.parameters(), learning_rate=1e-4)
    images, labels = case.images()
    batches = shuffled(images.to(device), labels.to(device), case.batch)

    def take() -> None:
        images, labels = next(batches)
        optimizer.zero_grad()
        objective(model, images, labels).loss.backward()
        optimizer.step()
        finish(device)

    quick = isinstance(objective, partial) and objective.func is spectral
    for _ in range(case.warm_up if quick else 0):
        take()
    return take


def through_eigvalsh(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    layers: tuple[str, ...],
    ranks: tuple[int, int],
) -> Step:
    """The slope penalty as one would first write it, on the cheaper side."""
    first, last = ranks
    x = torch.arange(first, last + 1, dtype=torch.float32, device=images.device).log()
    x = x - x.mean()
    hidden = []
    handles = [
        model.get_submodule(layer).register_forward_hook(lambda *call: hidden.append(call[2]))
        for layer in layers
    ]
    logits = model(images)
    for handle in handles:
        handle.remove()
    loss = cross_entropy(logits, labels)
    for output in hidden:
        centred = output.flatten(1) - output.flatten(1).mean(0)
        small = len(centred) < centred.shape[1]
        square = centred @ centred.T if small else centred.T @ centred
        eigenvalues = torch.linalg.eigvalsh(square).flip(0)
        y = ((eigenvalues / eigenvalues.sum()).relu() + 1e-8)[first - 1 : last].log()
        loss = loss + (-(x @ y) / (x @ x) - TARGET).abs()
    return Step(loss, logits, {})


def finish(device: str) -> None:
    """Wait until a GPU has done what it was asked."""
    if device != "cpu":
        torch.cuda.synchronize(device)


def floors(device: str) -> None:
    """Time the parts that no exact method can do without, for 2500 × 2000 activations."""
    x = torch.randn(2500, 2000, generator=torch.Generator().manual_seed(0)).to(device)
    thin = torch.randn(2000, 100, generator=torch.Generator().manual_seed(1)).to(device)
    square, array = x.T @ x, x.cpu().numpy()
    parts: dict[str, Callable[[], object]] = {
        # numpy calls syrk, half the work, which a GPU has not for float32 in torch.
        "AᵀA": (lambda: array.T @ array) if device == "cpu" else (lambda: x.T @ x),
        "eigenvalues of AᵀA": lambda: torch.linalg.eigvalsh(square),
        "A times 100 directions": lambda: x @ thin,
    }

    def waiting(part: Callable[[], object]) -> None:
        part()
        finish(device)

    timed = {name: partial(waiting, part) for name, part in parts.items()}
    print("\nfloors, 2500 × 2000 activations")
    for name, median in medians(timed, rounds=5).items():
        print(f"  {name:<24}{median:>10.4f}")


if __name__ == "__main__":
    main(*sys.argv[1:2])
