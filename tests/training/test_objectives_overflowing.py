import pytest
import torch
from torch.nn.functional import cross_entropy

from striate.robustness import L2Ball, LinfBall
from striate.training import Free
from truths import conv, images, labels


@pytest.mark.parametrize("ball", [LinfBall(0.05), L2Ball(0.2)], ids=repr)
@pytest.mark.parametrize("factor", [torch.nan, torch.inf])
def test_in_any_ball_a_gradient_that_overflows_leaves_the_perturbation_of_its_image(ball, factor):
    net, free = conv(), Free(ball, step_size=ball.eps / 4)
    x, y = images(6), labels(6)
    free(net, x, y).loss.backward()
    before = free.perturbation.clone()
    scale = torch.ones(6)
    scale[[2, 4]] = factor
    step = free(net, x, y)
    (cross_entropy(step.logits, y, reduction="none") * scale).sum().backward()
    stays = (free.perturbation == before).flatten(1).all(1)
    assert stays.tolist() == [False, False, True, False, True, False]
    assert free.perturbation.isfinite().all()
