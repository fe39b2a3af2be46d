"""Penalise a batch that is gone through in parts: the gradient is that of the whole batch.

Run it: ``python examples/penalty_accumulated.py`` (a few seconds).
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from striate.datasets import digits
from striate.layers import capture
from striate.spectra import SpectralPenalty


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 200), nn.Tanh(), nn.Linear(200, 10)
    ).double()  # so that the comparison below is not one of rounding errors


def whole(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """One batch, as it would be if memory allowed it."""
    penalty = SpectralPenalty(alpha=1.0, beta=1.0, ranks=(6, 50))
    with penalty.attach(model, "2") as term:
        loss = cross_entropy(model(images), labels) + term()
    loss.backward()
    return loss.detach()


def accumulated(model: nn.Module, images: Tensor, labels: Tensor, parts: int) -> Tensor:
    """The same in parts, none of which could fill the ranks asked for."""
    penalty = SpectralPenalty(alpha=1.0, beta=1.0, ranks=(6, 50))
    loss = torch.tensor(0.0, dtype=torch.float64)
    with capture(model, "2") as hidden:

        def without_gradient(part: Tensor) -> Tensor:
            model(part)
            return hidden()

        with torch.no_grad():
            _, share = penalty.over(without_gradient(part) for part in images.chunk(parts))
        for part, of_part in zip(images.chunk(parts), labels.chunk(parts), strict=True):
            fit = cross_entropy(model(part), of_part, reduction="sum") / len(images)
            term = fit + share(hidden())
            term.backward()  # frees the part's graph; gradients add up
            loss += term.detach()
    return loss


def main() -> None:
    train = digits("train")
    images, labels = train.images[:500].double(), train.labels[:500]
    one, many = network(), network()
    losses = whole(one, images, labels), accumulated(many, images, labels, parts=13)
    print(f"loss {losses[0]:.6f} in one batch, {losses[1]:.6f} in 13 parts of 39 images or fewer")
    torch.testing.assert_close(losses[1], losses[0])
    for accumulated_one, expected in zip(many.parameters(), one.parameters(), strict=True):
        assert accumulated_one.grad is not None
        torch.testing.assert_close(accumulated_one.grad, expected.grad, rtol=1e-9, atol=1e-12)


if __name__ == "__main__":
    main()
