"""What `striate.watch` adds to a training, over a span of one measurement per 100 steps.

Named baseline: the same training unwatched, step by step in alternation. The floor is what the
algebra alone needs: one product of the responses and 11 spectra, the whole and ten without a tenth.
"""

import os
import platform
import time
from collections.abc import Callable, Sequence

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from benchmarks.timing import medians
from striate import watch
from striate.models import cnn, keras_adam, shallow_mlp
from striate.training import Reading

EVERY = 100
RANKS = (6, 50)


def main() -> None:
    """Print the table."""
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"
    print(f"watching every {EVERY} steps, ranks {RANKS[0]}-{RANKS[1]}; {machine}\n")
    print(
        f"{'network':<13}{'batch':>6}{'layers':>8}{'s per step':>12}{'× unwatched':>13}"
        f"{'measuring s':>13}{'% of span':>11}{'floor s':>9}"
    )
    for name, build, batch, layers in (
        ("shallow_mlp", shallow_mlp, 2500, ["hidden"]),
        ("cnn", cnn, 128, ["conv1", "conv2", "hidden"]),
    ):
        plain, watched, readings = alternate(build, batch, layers)
        measuring = sum(reading.seconds for reading in readings) / 2
        floor = sum(algebra(reading.stimuli, reading.width) for reading in readings) / 2
        print(
            f"{name:<13}{batch:>6}{len(layers):>8}{plain / EVERY:>12.4f}{watched / plain:>13.4f}"
            f"{measuring:>13.3f}{100 * measuring / plain:>11.2f}{floor:>9.3f}"
        )


def alternate(
    build: Callable[..., nn.Sequential], batch: int, layers: Sequence[str]
) -> tuple[float, float, list[Reading]]:
    """Seconds of `EVERY` steps unwatched and watched, and what was read.

    Two networks take turns at each step, and each is the watched one for half of the steps:
    where memory happens to lie makes more difference than the watching.
    """
    models = [build((1, 28, 28), 10, seed=0) for _ in range(2)]
    takes = [step(model, batch) for model in models]
    for take in takes:
        take()  # memory and the optimiser's moments
    seconds, found = [0.0, 0.0], list[Reading]()
    for watched in (0, 1):
        with watch(models[watched], layers, ranks=RANKS, every=EVERY) as readings:
            for turn in range(EVERY):
                for way in (turn % 2, 1 - turn % 2):
                    started = time.perf_counter()
                    takes[way]()
                    seconds[way == watched] += time.perf_counter() - started
        found += readings
    return seconds[0] / 2, seconds[1] / 2, found


def step(model: nn.Module, batch: int) -> Callable[[], None]:
    """One training step on random images: the arithmetic does not depend on what they show."""
    optimizer = keras_adam(model.parameters(), learning_rate=1e-4)
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(batch, 1, 28, 28, generator=generator)
    labels = torch.randint(0, 10, (batch,), generator=generator)

    def take() -> None:
        optimizer.zero_grad()
        cross_entropy(model(images), labels).backward()
        optimizer.step()

    return take


def algebra(stimuli: int, width: int) -> float:
    """Seconds that one product and its 11 eigenvalue problems take."""
    x = torch.randn(stimuli, width, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    part = x[: stimuli * 9 // 10]
    gram, smaller = x @ x.T, part @ part.T
    spent = medians(
        {
            "product": lambda: x @ x.T,
            "spectrum": lambda: torch.linalg.eigvalsh(gram),
            "smaller": lambda: torch.linalg.eigvalsh(smaller),
        },
        rounds=5,
    )
    return spent["product"] + spent["spectrum"] + 10 * spent["smaller"]


if __name__ == "__main__":
    main()
