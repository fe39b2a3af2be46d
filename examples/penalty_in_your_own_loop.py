"""Put a spectral penalty on any layer of any network, in a training loop of your own.

Two small networks learn the digits; the hidden layer of one is asked for a spectrum of 1/n.
Run it: ``python examples/penalty_in_your_own_loop.py`` (a few seconds).
"""

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from striate.datasets import digits
from striate.spectra import SpectralPenalty, batch_alpha

RANKS = (6, 50)  # the part of the spectrum that is shaped and measured


def trained(beta: float) -> nn.Sequential:
    train = digits("train")
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 200), nn.Tanh(), nn.Linear(200, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    penalty = SpectralPenalty(alpha=1.0, beta=beta, ranks=RANKS)
    with penalty.attach(model, "2") as term:  # "2" is the tanh, as model.named_modules() says
        for _ in range(150):
            optimizer.zero_grad()
            loss = cross_entropy(model(train.images), train.labels) + term()
            loss.backward()
            optimizer.step()
    return model


def main() -> None:
    train, test = digits("train"), digits("test")
    alphas = {}
    for beta in (0.0, 1.0):
        model = trained(beta)
        with torch.no_grad():
            hidden = model[:3](train.images)
            accuracy = (model(test.images).argmax(1) == test.labels).float().mean()
        alphas[beta] = batch_alpha(hidden, ranks=RANKS).item()
        print(f"β = {beta:g}: α = {alphas[beta]:.2f}, accuracy {accuracy:.3f}")
    assert abs(alphas[1.0] - 1) < 0.1 < abs(alphas[0.0] - 1)


if __name__ == "__main__":
    main()
