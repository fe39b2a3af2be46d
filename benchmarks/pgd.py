"""PGD-20 of Kong et al. 2021 in three norms, against Foolbox, at equal decisions.

Both tell for each image whether a small convolutional network still names its class. One network
is wrong on about half of its images (CIFAR-10), the other on next to none (MNIST); where these data
are absent, scikit-learn's digits serve for both. They take turns in one run; on a CPU its time is
counted, of which a busy machine takes less away. On a GPU: ``python -m benchmarks.pgd cuda``.
"""

import os
import platform
import sys
import time
import warnings
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from benchmarks.timing import medians
from striate.datasets import DATASETS, digits, locate
from striate.robustness import Norm, ball, correct, pgd, robust_accuracy

with warnings.catch_warnings():
    # Foolbox 3.3.4 imports from a place that SciPy has moved.
    warnings.filterwarnings("ignore", message="Please import `gaussian_filter` from")
    import foolbox

STEPS, IMAGES, BATCH = 20, 128, 128
THEIRS = {
    "Linf": foolbox.attacks.LinfPGD,
    "L2": foolbox.attacks.L2PGD,
    "L1": foolbox.attacks.L1PGD,
}


class Case(NamedTuple):
    """A network trained until it is this good, and the radii at which it is attacked."""

    name: str
    data: str
    until: float
    radii: dict[Norm, float]


CASES = (
    Case("half already wrong", "cifar10", 0.5, {"Linf": 1 / 255, "L2": 0.15, "L1": 6.0}),
    Case("nearly all right", "mnist", 0.97, {"Linf": 0.05, "L2": 0.8, "L1": 15.0}),
)


def main(device: str = "cpu") -> None:
    """Print one table per network."""
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"
    if device != "cpu":
        machine = f"{torch.cuda.get_device_name(device)}; {machine}"
    print(f"PGD-{STEPS}, {IMAGES} images, {BATCH} at a time, float32; {machine}")
    for case in CASES:
        report(case, device)


def report(case: Case, device: str) -> None:
    """Print images per second and decisions of both, a row per norm."""
    model, images, labels = trained(case, device)
    clean = correct(model, images, labels).float().mean().item()
    print(f"\n{case.name}: accuracy {clean:.3f}, images {tuple(images.shape[1:])}")
    print(f"  {'norm':<6}{'eps':>8}{'Foolbox/s':>12}{'ours/s':>10}{'×':>7}{'accuracy':>10}  equal")
    for norm, eps in case.radii.items():
        ways = {
            "theirs": partial(by_foolbox, model, images, labels, norm, eps),
            "ours": partial(by_striate, model, images, labels, norm, eps),
        }
        ours = ways["ours"]()
        equal = int((ours == ways["theirs"]()).sum())
        clock = time.process_time if device == "cpu" else waited
        seconds = medians(ways, rounds=3, warm_up=1, clock=clock)
        theirs, mine = (IMAGES / seconds[name] for name in ("theirs", "ours"))
        print(
            f"  {norm:<6}{eps:>8.4f}{theirs:>12.0f}{mine:>10.0f}{mine / theirs:>7.2f}"
            f"{ours.float().mean().item():>10.3f}  {equal} of {IMAGES}",
            flush=True,
        )


def waited() -> float:
    """Read the clock once the GPU has done all it was asked for."""
    torch.cuda.synchronize()
    return time.perf_counter()


def by_striate(model: nn.Module, images: Tensor, labels: Tensor, norm: Norm, eps: float) -> Tensor:
    """Outcomes of ours."""
    attack = partial(pgd, ball=ball(norm, eps), steps=STEPS, step_size=2 * eps / STEPS)
    return robust_accuracy(model, images, labels, attack, batch_size=BATCH).cpu()


def by_foolbox(model: nn.Module, images: Tensor, labels: Tensor, norm: Norm, eps: float) -> Tensor:
    """Outcomes of theirs, batch by batch."""
    victim = foolbox.models.pytorch.PyTorchModel(model, bounds=(0, 1), device=images.device)
    attack = THEIRS[norm](rel_stepsize=2 / STEPS, steps=STEPS, random_start=False)
    batches = zip(images.split(BATCH), labels.split(BATCH), strict=True)
    return ~torch.cat([attack(victim, some, true, epsilons=eps)[2] for some, true in batches]).cpu()


def trained(case: Case, device: str) -> tuple[nn.Module, Tensor, Tensor]:
    """Train on a fixed sequence of batches until the test images are named well enough."""
    load = DATASETS[case.data] if locate(case.data) else digits
    pixels, names = (tensor.to(device) for tensor in load("train")[:2])
    images, labels = (tensor[:IMAGES].to(device) for tensor in load("test")[:2])
    assert len(images) == IMAGES or load is digits
    repeats = -(-IMAGES // len(images))
    images, labels = images.repeat(repeats, 1, 1, 1)[:IMAGES], labels.repeat(repeats)[:IMAGES]
    model = network(images.shape[1], images.shape[2]).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(0)
    for step in range(4000):
        some = torch.randint(len(pixels), (128,), generator=generator).to(device)
        optimizer.zero_grad()
        cross_entropy(model(pixels[some]), names[some]).backward()
        optimizer.step()
        if step % 10 == 9 and correct(model, images, labels).float().mean() >= case.until:
            break
    return model.eval(), images, labels


def network(channels: int, pixels: int) -> nn.Sequential:
    """Two convolutions and two dense layers; the same weights whoever calls."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(channels, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(64 * (pixels // 4) ** 2, 128), nn.ReLU(), nn.Linear(128, 10),
        )  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:2])
