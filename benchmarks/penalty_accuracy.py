"""How wrong α and the gradient are while a network trains, against float64 on the same batches.

The shallow MLP of Gerum et al. 2022 on MNIST, its 50 epochs; every so many steps the penalty of the
batch is computed once more from an eigendecomposition in float64.
Half an hour on two cores: ``make bench-accuracy``.
"""

import sys

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, cross_entropy

from benchmarks.networks import cases, shuffled
from striate.layers import capture
from striate.models import keras_adam
from striate.spectra import SpectralPenalty

RANKS, WIDE = (6, 50), (1, 1000)


def main() -> None:
    """Print a table for the default window, and one for a wide one."""
    steps, every = (int(word) for word in sys.argv[1:3]) if len(sys.argv) > 2 else (1200, 20)
    for target in map(float, sys.argv[3:] or (3, 5)):
        compare(RANKS, target, steps, every)
    compare(WIDE, 2.0, max(steps // 12, every), every)


def compare(ranks: tuple[int, int], target: float, steps: int, every: int) -> None:
    """Train with the penalty and print the largest and median errors."""
    case = cases()[1]
    model = case.build()
    optimizer = keras_adam(model.parameters(), learning_rate=1e-4)
    ours = SpectralPenalty(alpha=target, beta=1, ranks=ranks)
    exact = SpectralPenalty(alpha=target, beta=1, ranks=ranks, solver="exact")
    errors, widths, alpha = [], [], 0.0
    with capture(model, "hidden") as output:
        for taken, (images, labels) in zip(
            range(steps), shuffled(*case.images(), case.batch), strict=False
        ):
            loss, hidden = cross_entropy(model(images), labels), output()
            penalty, measured = ours.measure(hidden)
            alpha = measured.item()
            basis = ours.tracker.basis
            widths.append(0 if basis is None else basis.shape[1])
            if taken % every == every - 1:
                errors.append(errors_of(hidden, images, penalty, alpha, exact))
            optimizer.zero_grad()
            (loss + penalty).backward()
            optimizer.step()
    found = torch.tensor(errors, dtype=torch.float64)
    print(
        f"\nranks {ranks}, target {target:g}, {steps} steps, {len(errors)} compared; α at the end"
    )
    print(f"{alpha:.3f}; directions remembered on average {sum(widths) / len(widths):.0f}")
    for name, column in zip(("|Δα|", "1 − cos, ∂/∂h", "1 − cos, ∂/∂W"), found.T, strict=False):
        print(f"  {name:<16}median {column.median():.1e}  largest {column.max():.1e}", flush=True)
    print(f"  on the other side of the target: {int(found[:, 3].sum())} of {len(found)}")


def errors_of(
    hidden: Tensor, images: Tensor, penalty: Tensor, alpha: float, exact: SpectralPenalty
) -> tuple[float, float, float, bool]:
    """Errors of α and of its gradients in the activations and in the first layer's weights.

    And whether the error moved α to the other side of the target, where the gradient of
    |α − target| turns about: next to the target any error does.
    """
    truth = hidden.detach().double().requires_grad_()
    wanted, true_alpha = exact.measure(truth)
    (true_gradient,) = torch.autograd.grad(wanted, truth)
    (gradient,) = torch.autograd.grad(penalty, hidden, retain_graph=True)
    pixels, slope = images.flatten(1).double(), 1 - truth.detach().square()

    def cosine(one: Tensor, other: Tensor) -> float:
        return cosine_similarity(one.flatten(), other.flatten(), dim=0).item()

    alike = cosine(gradient.double(), true_gradient)
    of_weights = [pixels.T @ (each.double() * slope) for each in (gradient, true_gradient)]
    return (
        abs(alpha - true_alpha.item()),
        1 - abs(alike),
        1 - abs(cosine(*of_weights)),
        alike < 0,
    )


if __name__ == "__main__":
    main()
