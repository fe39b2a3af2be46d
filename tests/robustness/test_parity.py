"""Our attacks are those of Foolbox, image by image, in every norm."""

import warnings
from functools import partial

import pytest
import torch
from torch.testing import assert_close

from striate.robustness import L1Ball, L2Ball, LinfBall, fgsm, pgd, robust_accuracy
from truths import NETS, images, labels

with warnings.catch_warnings():
    # Foolbox 3.3.4 imports from a place that SciPy has moved.
    warnings.filterwarnings("ignore", message="Please import `gaussian_filter` from")
    import eagerpy
    import foolbox

# The ball, Foolbox's climb and single step in it, and three radii.
NORMS = {
    "Linf": (LinfBall, foolbox.attacks.LinfPGD, foolbox.attacks.LinfFastGradientAttack,
             (0.01, 0.1, 0.3)),
    "L2": (L2Ball, foolbox.attacks.L2PGD, foolbox.attacks.L2FastGradientAttack, (0.05, 0.4, 1.5)),
    "L1": (partial(L1Ball, geometry="paper"), foolbox.attacks.L1PGD,
           foolbox.attacks.L1FastGradientAttack, (0.2, 1.5, 6.0)),
}  # fmt: skip
# At the largest radius the climbs on so curved a network are chaotic: twenty steps turn a last bit
# of float32, which another order of summation flips, into other images. In float64 they do not.
CASES = [
    (norm, eps, dtype)
    for norm, (*_, radii) in NORMS.items()
    for eps in radii
    for dtype in (torch.float32, torch.float64)
    if norm == "Linf" or eps < radii[-1] or dtype == torch.float64
]
nets = pytest.mark.parametrize("net", NETS)
cases = pytest.mark.parametrize(("norm", "eps", "dtype"), CASES)


def setting(net, dtype):
    model = NETS[net](1).eval().to(dtype)
    victim = foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu")
    return model, victim, images(64, dtype=dtype), labels(64)


def assert_alike(attack, model, x, y, expected, fooled):
    assert_close(attack(model, x, y), expected, rtol=0, atol=1e-6)
    outcomes = robust_accuracy(model, x, y, attack, attack_wrong=True)
    assert torch.equal(outcomes, ~fooled)


@nets
@cases
@pytest.mark.parametrize("steps", [1, 20])
def test_the_papers_attack_is_that_of_foolbox(net, norm, eps, dtype, steps):
    """Steps of 2 eps / 20 from the image itself."""
    model, victim, x, y = setting(net, dtype)
    ball, theirs, _, _ = NORMS[norm]
    attack = theirs(rel_stepsize=2 / 20, steps=steps, random_start=False)
    _, expected, fooled = attack(victim, x, y, epsilons=eps)
    ours = partial(pgd, ball=ball(eps), steps=steps, step_size=2 * eps / 20)
    assert_alike(ours, model, x, y, expected, fooled)


@nets
@cases
def test_a_climb_of_another_step_from_a_given_start_is_that_of_foolbox(net, norm, eps, dtype):
    model, victim, x, y = setting(net, dtype)
    ball, theirs, _, _ = NORMS[norm]
    start = ball(eps).sample(x, torch.Generator().manual_seed(3))

    class Started(theirs):
        def get_random_start(self, x0, epsilon):
            return x0 + eagerpy.astensor(start)

    attack = Started(abs_stepsize=0.3 * eps, steps=10, random_start=True)
    _, expected, fooled = attack(victim, x, y, epsilons=eps)

    def ours(model, x, y):
        generator = torch.Generator().manual_seed(3)
        return pgd(
            model, x, y, ball=ball(eps), steps=10, step_size=0.3 * eps,
            random_start=True, generator=generator,
        )  # fmt: skip

    assert_alike(ours, model, x, y, expected, fooled)


@nets
@cases
def test_a_single_step_is_that_of_foolbox(net, norm, eps, dtype):
    model, victim, x, y = setting(net, dtype)
    ball, _, theirs, _ = NORMS[norm]
    _, expected, fooled = theirs(random_start=False)(victim, x, y, epsilons=eps)
    assert_alike(partial(fgsm, ball=ball(eps)), model, x, y, expected, fooled)


@nets
@pytest.mark.parametrize("eps", [0.2, 1.5, 6.0])
def test_the_exact_l1_steps_are_those_of_foolbox(net, eps):
    """Until the ball is full: beyond, Foolbox's projection averages over one pixel too many."""
    model, victim, x, y = setting(net, torch.float64)
    attack = foolbox.attacks.SparseL1DescentAttack(rel_stepsize=0.1, steps=9)
    _, expected, fooled = attack(victim, x, y, epsilons=eps)
    ball = L1Ball(eps, geometry="exact")
    ours = partial(pgd, ball=ball, steps=9, step_size=0.1 * eps)
    assert_alike(ours, model, x, y, expected, fooled)
