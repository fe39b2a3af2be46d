import copy

import pytest
import torch
from torch import nn
from trained_nets import IMAGES, agree, normed, slow_cross_entropy

from striate.robustness import L2Ball, LinfBall
from striate.training import Free, standard
from truths import conv, images, labels

BALLS = {"Linf": LinfBall(0.05), "L2": L2Ball(0.2)}


def batches(*sizes):
    return [(images(n, seed, **IMAGES), labels(n, seed)) for seed, n in enumerate(sizes)]


@pytest.mark.parametrize("norm", BALLS)
def test_it_is_the_loop_of_the_reference_batch_after_batch(norm):
    """Noise of the size of a batch, carried along; four replays of batches of 8, 8 and 5."""
    ball, net, twin = BALLS[norm], normed(), normed()
    free = Free(ball, step_size=0.03)
    ours, theirs = (torch.optim.SGD(each.parameters(), lr=0.1) for each in (net, twin))
    noise = torch.zeros_like(images(8, **IMAGES))
    for x, y in [batch for batch in batches(8, 8, 5) for _ in range(4)]:
        step = free(net, x, y)
        delta = noise[: len(x)].clone().requires_grad_()
        shown = (x + delta).clamp(0, 1)
        loss = slow_cross_entropy(twin(shown), y).mean()
        agree(step, loss, net, twin)
        assert torch.equal(free.perturbation, noise)  # until a backward of the whole loss
        for optimizer, value in ((ours, step.loss), (theirs, loss)):
            optimizer.zero_grad()
            value.backward()
        moved = noise[: len(x)] + 0.03 * ball.steepest(delta.grad)
        noise[: len(x)] = ball.project(moved)
        torch.testing.assert_close(free.perturbation, noise, rtol=0, atol=1e-9)
        noise = free.perturbation.clone()
        ours.step()
        theirs.step()
        for each in (net, twin):
            each.zero_grad()
        twin.load_state_dict(net.state_dict())
    # Carried along, it is longer than one step, and where the ball ends it ends too.
    lengths = torch.linalg.vector_norm(
        free.perturbation.flatten(1), float("inf") if norm == "Linf" else 2, dim=1
    )
    assert 0.03 < lengths.max() <= ball.eps * (1 + 1e-12)


def test_the_perturbation_moves_in_the_backward_and_before_the_optimiser():
    net, free = normed(), Free(LinfBall(0.05), step_size=0.05)
    ((x, y),) = batches(6)
    weights = copy.deepcopy(net.state_dict())
    step = free(net, x, y)
    assert free.perturbation.abs().max() == 0
    step.loss.backward()
    assert free.perturbation.abs().max() == 0.05
    assert torch.equal(net.output.weight, weights["output.weight"])


def test_with_a_ball_of_no_size_it_is_plain_training_to_the_bit():
    trained = []
    for objective in (standard, Free(LinfBall(0.0), step_size=0.1)):
        net = conv()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
        for seed in range(6):
            loss = objective(net, images(10, seed), labels(10, seed)).loss
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        trained.append(net.state_dict())
    assert all(torch.equal(trained[0][name], trained[1][name]) for name in trained[0])


def test_it_resumes_from_its_state_to_the_bit():
    net, free = normed(), Free(LinfBall(0.05), step_size=0.03)
    first, then = batches(7, 4)
    free(net, *first).loss.backward()
    other = Free(LinfBall(0.05), step_size=0.03)
    nn.ModuleList([other]).load_state_dict(nn.ModuleList([free]).state_dict())
    twin = copy.deepcopy(net)
    assert torch.equal(free(net, *then).loss, other(twin, *then).loss)
    assert other.perturbation.data_ptr() != free.perturbation.data_ptr()


def test_a_larger_batch_finds_room():
    net, free = normed(), Free(LinfBall(0.05), step_size=0.05)
    small, large = batches(3, 6)
    free(net, *small).loss.backward()
    known = free.perturbation.clone()
    free(net, *large)
    assert torch.equal(free.perturbation, torch.cat([known, torch.zeros_like(known)]))


def test_without_gradient_nothing_moves():
    net, free = normed(), Free(LinfBall(0.05), step_size=0.05)
    ((x, y),) = batches(3)
    with torch.no_grad():
        loss = free(net, x, y).loss
    assert loss.item() == pytest.approx(standard(normed(), x, y).loss.item())
    assert free.perturbation.abs().max() == 0


def test_what_it_cannot_follow_is_refused():
    with pytest.raises(ValueError, match=r"step_size=0.0: give a positive length of at most"):
        Free(LinfBall(0.1), step_size=0.0)
    free = Free(LinfBall(0.1), step_size=0.1)
    free(normed(), *batches(3)[0])
    with pytest.raises(ValueError, match=r"images of shape \(2, 4, 4\) and torch.float32, but the"):
        free(conv(), images(3), labels(3))
    assert repr(free) == "Free(LinfBall(eps=0.1), step_size=0.1)"


def test_a_gradient_that_overflows_leaves_the_perturbation_as_it_was():
    """As in half precision, where the scaler then drops the step: NaN would never go away."""
    net, free = normed(), Free(LinfBall(0.05), step_size=0.05)
    ((x, y),) = batches(6)
    free(net, x, y).loss.backward()
    before = free.perturbation.clone()
    scale = torch.ones(6, dtype=x.dtype)
    scale[2], scale[4] = torch.nan, torch.inf
    step = free(net, x, y)
    (torch.nn.functional.cross_entropy(step.logits, y, reduction="none") * scale).sum().backward()
    assert free.perturbation.isfinite().all()
    assert torch.equal(free.perturbation[[2, 4]], before[[2, 4]])
