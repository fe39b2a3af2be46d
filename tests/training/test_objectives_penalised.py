import inspect
from functools import partial

import pytest
import torch
import torch.distributed as distributed
from torch import nn
from trained_nets import IMAGES, gradients, normed, untouched

from striate.robustness import LinfBall, pgd
from striate.spectra import SpectralPenalty
from striate.training import (
    Free,
    adversarial,
    gradient_penalty,
    penalised,
    spectral,
    standard,
    trades,
)
from truths import images, labels

BALL = LinfBall(0.05)
ATTACK = partial(pgd, ball=BALL, steps=3, step_size=0.03)
LAYER, OTHER = "flatten", "output"


def chance():
    return torch.Generator().manual_seed(0)


def fresh(beta=0.5):
    return {
        OTHER: SpectralPenalty(alpha=1.0, beta=beta, ranks=(1, 3)),
        LAYER: SpectralPenalty(alpha=2.0, beta=beta, ranks=(1, 8), form="line"),
    }


def made(name):
    return {
        "standard": standard,
        "adversarial": partial(adversarial, attack=ATTACK),
        "trades": partial(trades, beta=2.0, ball=BALL, steps=3, step_size=0.03, order="authors",
                          generator=chance()),
        "igr": partial(gradient_penalty, strength=0.3, h=0.01),
        "free": Free(BALL, step_size=0.03),
    }[name]  # fmt: skip


# Since torch 2.13 it is called otherwise.
BUFFERS = next(
    name
    for name in ("forward_sync_buffers", "broadcast_buffers")
    if name in inspect.signature(nn.parallel.DistributedDataParallel).parameters
)
NAMES = ["standard", "adversarial", "trades", "igr", "free"]
names = pytest.mark.parametrize("name", NAMES)


@names
def test_the_penalty_of_the_first_training_pass_is_added_once(name):
    x, y, penalties = images(30, **IMAGES), labels(30), fresh()
    net, twin = normed(), normed()
    step = penalised(net, x, y, objective=made(name), penalties=penalties)
    passes = []

    def keep(model, inputs):
        if model.training:
            passes.append(inputs[0].detach())

    handle = twin.register_forward_pre_hook(keep)
    alone = made(name)(twin, x, y)
    handle.remove()
    shown = normed()[:4](passes[0])  # of which the first is the clean or the attacked images
    seen = twin[:4](passes[0])
    assert torch.equal(shown, seen)
    wanted = fresh()
    expected = alone.loss + wanted[OTHER](twin[4](seen)) + wanted[LAYER](seen)
    assert step.loss.item() == pytest.approx(expected.item(), abs=1e-10)
    for ours, theirs in zip(gradients(step.loss, net), gradients(expected, twin), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-8)
    assert [int(penalty.step) for penalty in penalties.values()] == [1, 1]
    assert torch.equal(step.logits, alone.logits)
    assert set(step.measured) == {"alpha", f"alpha_{OTHER}", "seconds_alpha"}
    untouched(net)


def test_of_the_standard_objective_it_is_spectral_to_the_bit():
    x, y = images(30, **IMAGES), labels(30)
    one = penalised(normed(), x, y, objective=standard, penalties=fresh())
    other = spectral(normed(), x, y, penalties=fresh())
    assert torch.equal(one.loss, other.loss)
    assert one.measured["alpha"] == other.measured["alpha"]


def test_without_strength_alpha_is_measured_and_the_loss_is_the_objectives():
    x, y = images(30, **IMAGES), labels(30)
    step = penalised(normed(), x, y, objective=made("igr"), penalties=fresh(beta=0.0))
    assert torch.equal(step.loss, made("igr")(normed(), x, y).loss)
    assert step.measured["seconds_alpha"] > 0


def test_what_a_group_has_in_common_is_told_apart():
    x, y = images(30, **IMAGES), labels(30)
    world = SpectralPenalty(alpha=1.0, beta=0.5, ranks=(1, 3), group="world")
    penalties = fresh() | {OTHER: world}
    step = penalised(normed(), x, y, objective=standard, penalties=penalties)
    wanted = SpectralPenalty(alpha=1.0, beta=0.5, ranks=(1, 3))(normed()(x))
    assert step.shared.item() == pytest.approx(wanted.item(), abs=1e-12)
    assert penalised(normed(), x, y, objective=standard, penalties=fresh()).shared == 0.0


def test_what_cannot_be_penalised_is_refused():
    net, x, y = normed(), images(30, **IMAGES), labels(30)
    one = fresh()[LAYER]
    wrong = [
        ({}, r"penalties=\{\}: name at least one layer"),
        ({"hiden": one}, r"layer='hiden' is not a layer of this Sequential; did you mean 'hidden'"),
        ({LAYER: one, OTHER: one}, "penalties holds one SpectralPenalty twice"),
    ]
    for penalties, message in wrong:
        with pytest.raises(ValueError, match=message):
            penalised(net, x, y, objective=standard, penalties=penalties)
    with pytest.raises(ValueError, match=r"no pass through the model in training mode"):
        penalised(net.eval(), x, y, objective=standard, penalties=fresh())
    untouched(net.train())


@pytest.fixture
def alone(tmp_path):
    distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path}/meeting", rank=0, world_size=1
    )
    yield
    distributed.destroy_process_group()


@names
def test_a_parallel_network_is_trained_and_penalised_by_the_names_inside(name, alone):
    x, y = images(30, **IMAGES), labels(30)
    net, twin = normed(), normed()
    parallel = nn.parallel.DistributedDataParallel(net, **{BUFFERS: False})
    penalties, wanted = fresh(), fresh()
    ours = partial(penalised, objective=made(name), penalties=penalties)
    theirs = partial(penalised, objective=made(name), penalties=wanted)
    for _ in range(2):
        ours(parallel, x, y).loss.backward()
        theirs(twin, x, y).loss.backward()
    for one, other in zip(net.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=0, atol=1e-10)
    assert parallel.training
    assert not parallel._forward_hooks
    spectral(parallel, x, y, penalties=fresh()).loss.backward()
