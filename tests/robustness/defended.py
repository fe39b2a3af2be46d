"""Small networks on digits, sound and broken, shared by the tests of signs, probes and verdict."""

from functools import cache, partial

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from striate.datasets import digits
from striate.robustness import LinfBall, pgd


@cache
def pictures(split):
    return digits(split)[:2]


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def mlp(activation=nn.ReLU):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 64), activation(), nn.Linear(64, 10))


def cnn():
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Linear(512, 10),
    )  # fmt: skip


def normed():
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(),
        nn.Linear(512, 10),
    )  # fmt: skip


def linear():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))


climb = partial(pgd, ball=LinfBall(0.15), steps=4, step_size=0.06)
# How each is made: what is built, the attack it is trained against, and steps of Adam.
MADE = {
    "mlp": (mlp, None, 150),
    "tanh": (partial(mlp, nn.Tanh), None, 150),
    "cnn": (cnn, None, 50),
    "batch-norm": (normed, None, 50),
    "linear": (linear, None, 150),
    "adversarial": (mlp, climb, 150),
}


@cache
def trained(name, seed):
    build, attack, steps = MADE[name]
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)  # of the biases; or they hang on which tests ran before
        net = build()
    generator = rng(seed)
    for parameter in net.parameters():
        if parameter.ndim > 1:
            nn.init.kaiming_uniform_(parameter, a=5**0.5, generator=generator)
    images, labels = pictures("train")
    adam = torch.optim.Adam(net.parameters(), lr=5e-3)
    for _ in range(steps):
        seen = attack(net, images, labels) if attack else images
        adam.zero_grad()
        cross_entropy(net.train()(seen), labels).backward()
        adam.step()
    return net.eval()


class Around(nn.Module):
    """A network with something before it and after it."""

    def __init__(self, net, before=lambda images: images, after=lambda logits: logits):
        super().__init__()
        self.net, self.before, self.after = net, before, after

    def forward(self, images):
        return self.after(self.net(self.before(images)))


class _Downhill(torch.autograd.Function):
    """The identity, whose gradient points the wrong way."""

    @staticmethod
    def forward(context, images):
        return images.view_as(images)

    @staticmethod
    def backward(context, gradient):
        return -gradient


def staircase(images):
    """Eight steep but smooth steps: nearly flat wherever a pixel may be."""
    whole = (8 * images).floor()
    return (whole + 0.5 + 0.5 * torch.tanh(60 * (8 * images - whole - 0.5))) / 8


BROKEN = {
    "noise": lambda net: Around(net, after=lambda z: z + 0.05 * torch.randn_like(z)),
    "softmax": lambda net: Around(net, after=lambda z: z.softmax(1)),
    "large logits": lambda net: Around(net, after=lambda z: 1000 * z),
    "rounded pixels": lambda net: Around(net, lambda x: (8 * x).round() / 8),
    "staircase": lambda net: Around(net, staircase),
    "ripples": lambda net: Around(net, lambda x: x + 0.02 * torch.sin(400 * x)),
    "downhill": lambda net: Around(net, _Downhill.apply),
}
