from functools import partial

import pytest
import torch
from torch import nn
from trained_nets import IMAGES, agree, normed, slow_cross_entropy

from striate.robustness import L1Ball, L2Ball, LinfBall, pgd
from striate.training import adversarial
from truths import images, labels, linear

BALLS = {"Linf": LinfBall(0.05), "L2": L2Ball(0.3), "L1": L1Ball(2.0, geometry="paper")}


def slow_step(norm, gradient):
    if norm == "Linf":
        return gradient.sign()
    return gradient / (gradient.square().sum().sqrt() if norm == "L2" else gradient.abs().sum())


def slow_ball(norm, delta, eps):
    if norm == "Linf":
        return delta.clamp(-eps, eps)
    size = delta.square().sum().sqrt() if norm == "L2" else delta.abs().sum()
    return delta * min(1.0, eps / max(size.item(), 1e-12))


def slow_attack(net, x, y, norm, eps, steps, step_size):
    """Image by image, in evaluation mode: S1 Appendix of Kong et al. 2021."""
    net.eval()
    found = []
    for image, label in zip(x, y, strict=True):
        v = image.clone()
        for _ in range(steps):
            v.requires_grad_()
            (gradient,) = torch.autograd.grad(slow_cross_entropy(net(v[None]), label[None]), v)
            v = v.detach() + step_size * slow_step(norm, gradient)
            v = (image + slow_ball(norm, v - image, eps)).clamp(0, 1)
        found.append(v)
    net.train()
    return torch.stack(found)


@pytest.mark.parametrize("norm", BALLS)
def test_it_is_the_cross_entropy_of_the_images_that_the_attack_finds(norm):
    net, twin, x, y = normed(), normed(), images(12, **IMAGES), labels(12)
    ball = BALLS[norm]
    attack = partial(pgd, ball=ball, steps=4, step_size=ball.eps / 2)
    step = adversarial(net, x, y, attack=attack)
    fooling = slow_attack(twin, x, y, norm, ball.eps, 4, ball.eps / 2)
    assert (fooling - x).abs().max() > 0.01
    logits = twin(fooling)
    agree(step, slow_cross_entropy(logits, y).mean(), net, twin)
    torch.testing.assert_close(step.logits, logits, rtol=0, atol=1e-8)


@pytest.mark.parametrize(("norm", "dual"), [("Linf", 1), ("L2", 2)])
def test_on_a_linear_model_the_margin_shrinks_by_eps_times_the_dual_norm(norm, dual):
    """Two classes: log(1 + exp(-(margin - eps |w|*))), as long as no pixel meets its end."""
    model, y = linear(classes=2).double(), labels(20, classes=2)
    x = 0.4 + 0.2 * images(20, **IMAGES)
    eps = 0.05 if norm == "Linf" else 0.2
    ball = LinfBall(eps) if norm == "Linf" else L2Ball(eps)
    step = adversarial(model, x, y, attack=partial(pgd, ball=ball, steps=10, step_size=eps / 5))
    difference = model[1].weight[1] - model[1].weight[0]
    z = model(x)
    margin = (z[:, 1] - z[:, 0]) * (2 * y - 1)
    least = margin - eps * torch.linalg.vector_norm(difference, dual)
    assert step.loss.item() == pytest.approx(nn.functional.softplus(-least).mean().item(), abs=1e-9)


def test_an_attack_that_leaves_the_network_in_evaluation_mode_stops_no_training():
    """As one of another library may."""

    def careless(model, images, labels):
        model.eval()
        return images

    net = normed()
    before = net.norm.num_batches_tracked.clone()
    adversarial(net, images(12, **IMAGES), labels(12), attack=careless)
    assert net.training
    assert net.norm.training
    assert net.norm.num_batches_tracked == before + 1


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_where_float16_has_no_slope_the_attack_runs_without(dtype):
    net, x = nn.Sequential(nn.Flatten(), nn.Linear(32, 3)), images(8)
    with torch.no_grad():
        net[1].weight.mul_(100)
        net[1].bias.copy_(torch.tensor([40.0, 0.0, 0.0]))  # certain, to 1e-9 and less
    y = net(x).argmax(1)
    attack, seen = partial(pgd, ball=BALLS["Linf"], steps=1, step_size=0.01), []

    def watched(model, images, labels):
        seen.append(torch.is_autocast_enabled("cpu"))
        return attack(model, images, labels)

    with torch.autocast("cpu", dtype):
        adversarial(net, x, y, attack=watched)
    assert seen == [dtype == torch.bfloat16]
