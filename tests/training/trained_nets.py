"""Networks and slow formulas against which the objectives are checked, in float64."""

import torch
from torch import nn

from truths import CLASSES

IMAGES = {"dtype": torch.float64}


def normed(seed: int = 0) -> nn.Sequential:
    """A convolution with batch-norm, in training mode."""
    net = nn.Sequential()
    net.add_module("conv", nn.Conv2d(2, 5, 3))
    net.add_module("norm", nn.BatchNorm2d(5))
    net.add_module("hidden", nn.Tanh())
    net.add_module("flatten", nn.Flatten())
    net.add_module("output", nn.Linear(20, CLASSES))
    generator = torch.Generator().manual_seed(seed)
    for parameter in net.parameters():
        nn.init.normal_(parameter, generator=generator)
    return net.double().train()


def gradients(loss, net):
    return torch.autograd.grad(loss, list(net.parameters()), retain_graph=True)


def agree(step, expected, net, twin):
    """The loss of `step` on `net`, and its gradient, are those expected on `twin`."""
    assert abs(step.loss.item() - expected.item()) < 1e-9
    for found, wanted in zip(gradients(step.loss, net), gradients(expected, twin), strict=True):
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-8)
    for found, wanted in zip(net.buffers(), twin.buffers(), strict=True):
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-12)
    untouched(net)


def untouched(net):
    """In training mode, able to learn, without a gradient of its own and without hooks."""
    assert all(module.training for module in net.modules())
    assert all(parameter.requires_grad for parameter in net.parameters())
    assert all(parameter.grad is None for parameter in net.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())


def slow_cross_entropy(logits, labels):
    """Of each image: log of the sum of exponentials, less the logit of its class."""
    return torch.stack([z.exp().sum().log() - z[y] for z, y in zip(logits, labels, strict=True)])
