"""What a spectral penalty adds to a training step of the shallow MLP of Gerum et al. 2022.

Named baselines: the step without a penalty, and the step whose penalty is backpropagated through
``torch.linalg.eigvalsh`` of the covariance, as a direct translation of the paper would.
"""

import os
import platform
import resource
from collections.abc import Callable
from functools import partial

import torch
from torch.nn.functional import cross_entropy

from benchmarks.timing import medians
from striate.layers import capture
from striate.models import keras_adam, shallow_mlp
from striate.spectra import Form, SpectralPenalty
from striate.training import Step, spectral, standard

RANKS = (6, 50)
Objective = Callable[[torch.nn.Module, torch.Tensor, torch.Tensor], Step]


def main() -> None:
    """Print the table."""
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"
    print(f"penalty on the hidden layer of 784-2000-10, ranks 6-50, float32; {machine}\n")
    print(f"{'batch':>6}  {'step':<24}{'median s':>10}{'× plain':>10}{'eigvalsh ÷ this':>18}")
    for batch in (1500, 2500):
        seconds = medians({name: step(objective, batch) for name, objective in WAYS.items()})
        for name, median in seconds.items():
            plain = median / seconds["plain"]
            gain = seconds["slope, eigvalsh autograd"] / median
            print(f"{batch:>6}  {name:<24}{median:>10.3f}{plain:>10.2f}{gain:>18.2f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\npeak memory of the whole run: {peak:.0f} MB")


def step(objective: Objective, batch: int) -> Callable[[], None]:
    """One training step on random images: the arithmetic does not depend on what they show."""
    model = shallow_mlp((1, 28, 28), 10, seed=0)
    optimizer = keras_adam(model.parameters(), learning_rate=1e-4)
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(batch, 1, 28, 28, generator=generator)
    labels = torch.randint(0, 10, (batch,), generator=generator)

    def take() -> None:
        optimizer.zero_grad()
        objective(model, images, labels).loss.backward()
        optimizer.step()

    return take


def through_eigvalsh(model: torch.nn.Module, images: torch.Tensor, labels: torch.Tensor) -> Step:
    """The slope penalty as one would first write it."""
    with capture(model, "hidden") as output:
        logits = model(images)
        hidden = output()
    centred = hidden - hidden.mean(0)
    eigenvalues = torch.linalg.eigvalsh(centred.T @ centred).flip(0)
    y = ((eigenvalues / eigenvalues.sum()).relu() + 1e-8)[RANKS[0] - 1 : RANKS[1]].log()
    x = torch.arange(RANKS[0], RANKS[1] + 1, dtype=y.dtype).log()
    x = x - x.mean()
    alpha = -(x @ y) / (x @ x)
    return Step(cross_entropy(logits, labels) + (alpha - 2).abs(), logits, {"alpha": alpha})


def penalised(form: Form) -> Objective:
    """The objective of striate with one of its penalties."""
    penalty = SpectralPenalty(alpha=2, beta=1, ranks=RANKS, form=form)
    return partial(spectral, penalty=penalty, layer="hidden")


WAYS: dict[str, Objective] = {
    "plain": standard,
    "slope": penalised("slope"),
    "line": penalised("line"),
    "ratio": penalised("ratio"),
    "slope, eigvalsh autograd": through_eigvalsh,
}
