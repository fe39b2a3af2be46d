"""Watch the eigenspectra of a network that somebody else's loop trains.

No penalty, no change to the loop: two hidden layers of a network that learns the digits are looked
at every 50 steps. Run it: ``python examples/watch_any_training.py`` (a few seconds).
"""

import torch
from torch import nn
from torch.nn.functional import cross_entropy

import striate
from striate.datasets import digits


def main() -> None:
    train = digits("train")
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 200), nn.Tanh(), nn.Linear(200, 100), nn.Tanh(),
        nn.Linear(100, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    with striate.watch(model, ["2", "4"], ranks=(6, 50), every=50, to=print) as readings:
        for step in range(101):
            batch = torch.arange(64) * 22 + step % 22  # any loop, with batches of any size
            optimizer.zero_grad()
            cross_entropy(model(train.images[batch]), train.labels[batch]).backward()
            optimizer.step()
    assert [(reading.step, reading.layer) for reading in readings] == [
        (step, layer) for step in (0, 50, 100) for layer in ("2", "4")
    ]
    assert all(reading.alpha is not None for reading in readings)


if __name__ == "__main__":
    main()
