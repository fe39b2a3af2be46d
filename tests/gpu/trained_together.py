"""Train a small network, alone or as what ``torchrun`` started: ``DEVICE FILE`` of the weights."""

import importlib.util
import sys
from functools import partial
from pathlib import Path

import torch
import torch.distributed as distributed
from torch import nn

import striate
from striate.robustness import LinfBall, pgd
from striate.spectra import SpectralPenalty
from striate.training import adversarial, spectral, train


def network():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(144, 15), nn.Linear(15, 3)
        )
    return net.double()


def objectives():
    attack = partial(pgd, ball=LinfBall(0.1), steps=3, step_size=0.05)
    law = SpectralPenalty(alpha=2.0, beta=0.5, ranks=(1, 8), group="world")
    return {
        "adversarial": partial(adversarial, attack=attack),
        "spectral": partial(spectral, penalties={"3": law}),
    }


def trained(objective, device, wrap=lambda net, device: net):
    """Return the weights after three epochs of batches of 20, 20 and 17 images."""
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(57, 1, 8, 8, dtype=torch.float64, generator=generator).to(device)
    labels = torch.randint(3, (57,), generator=generator).to(device)
    net = network().to(device)
    run = train(
        wrap(net, device), images, labels, objective=objectives()[objective], epochs=3,
        batch_size=20, seed=3,
        optimizer=torch.optim.SGD(net.parameters(), lr=0.2, momentum=0.9),
    )  # fmt: skip
    assert len(list(run)) == 3
    return {name: weight.cpu() for name, weight in net.state_dict().items()}


def together():
    """Return the module of `striate train`; its box loads data sets, which are none of this."""
    path = Path(striate.__file__).parent / "studies" / "training" / "together.py"
    spec = importlib.util.spec_from_file_location("together", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(device, file):
    ways = together()
    with ways.joined(device) as here:
        weights = {name: trained(name, here.device, ways.wrapped) for name in objectives()}
        torch.save({"backend": distributed.get_backend(), "weights": weights}, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
