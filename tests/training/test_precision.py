"""Half precision: what it changes, by how much, and what it must not break."""

import pytest
import torch
from runs import Run, network, numbered, same
from torch.nn.functional import cross_entropy

from striate.training import Step, standard, train

LOW = {torch.bfloat16: 2.0**-8, torch.float16: 2.0**-11}  # relative rounding


def losses(run):
    return [next(r.value for r in epoch if r.name == "loss") for epoch in run.history]


def weights(run):
    return torch.cat([parameter.detach().flatten() for parameter in run.model.parameters()])


@pytest.mark.parametrize("precision", LOW, ids=str)
def test_half_precision_learns_the_same_up_to_its_rounding(precision):
    """Weights move as far as in float32 but for a part of the order of the rounding of a pass."""
    exact = Run(epochs=20, rate=0.01).finish()
    half = Run(epochs=20, rate=0.01, precision=precision).finish()
    start = torch.cat([parameter.detach().flatten() for parameter in network().parameters()])
    moved, apart = (weights(exact) - start).norm(), (weights(half) - weights(exact)).norm()
    assert 0 < apart < 10 * LOW[precision] * moved
    assert losses(half)[-1] < 0.9 * losses(half)[0]
    assert losses(half)[-1] == pytest.approx(losses(exact)[-1], rel=LOW[precision])
    assert weights(half).dtype == torch.float32


def test_passes_are_in_half_precision_and_the_loss_is_not():
    seen = []

    def objective(model, images, labels):
        step = standard(model, images, labels)
        seen.append((images.dtype, step.logits.dtype, step.loss.dtype))
        return step

    Run(objective=objective, precision=torch.bfloat16, epochs=1).finish()
    assert set(seen) == {(torch.float32, torch.bfloat16, torch.float32)}


def test_a_pass_without_gradient_before_does_not_take_the_next_ones_away():
    """Autocast would keep the weights it cast without a graph, and the real pass would use them."""

    def objective(model, images, labels):
        with torch.no_grad():
            model(images)
        return standard(model, images, labels)

    looked = Run(objective=objective, precision=torch.bfloat16, epochs=2).finish()
    assert same(looked.state(), Run(precision=torch.bfloat16, epochs=2).finish().state())


def test_a_scaled_loss_that_overflows_costs_a_step_and_no_weight():
    """The scale starts at 65536; a loss of 10 times the usual overflows and halves it."""
    seen = []

    def objective(model, images, labels):
        seen.append(model[1].weight.detach().clone())
        logits = model(images)
        loss = 1e36 * cross_entropy(logits, labels) if len(seen) == 1 else logits.square().mean()
        return Step(loss, logits, {})

    Run(objective=objective, precision=torch.float16, epochs=1).finish()
    assert torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[1], seen[2])


def test_a_precision_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r"precision=torch\.float64; choose torch\.bfloat16"):
        Run(precision=torch.float64)


def test_schedules_multiply_what_each_group_began_with():
    net, (images, labels) = network(), numbered()
    groups = [{"params": [net[1].weight]}, {"params": [net[3].weight], "lr": 0.3}]
    optimizer = torch.optim.SGD(groups, lr=0.1)
    seen = []

    def evaluate(model, epoch):
        seen.append([group["lr"] for group in optimizer.param_groups])
        return []

    settings = {"objective": standard, "epochs": 3, "batch_size": 20, "seed": 0}
    for _ in range(2):  # once more: from where the groups began, not from where they ended
        run = train(
            net, images, labels, optimizer=optimizer, evaluate=evaluate,
            schedule=lambda epoch: 1 / epoch, **settings,
        )  # fmt: skip
        list(run)
    expected = [[0.1, 0.3], [0.05, 0.15], [0.1 / 3, 0.1]]
    assert torch.allclose(torch.tensor(seen), torch.tensor(2 * expected))


def test_replays_show_the_same_pixels_again_before_the_next_batch():
    seen = []

    def objective(model, images, labels):
        seen.append(images)
        return standard(model, images, labels)

    def inputs(images, epoch, source):
        return images + torch.rand(images.shape, generator=source)

    run = Run(objective=objective, inputs=inputs, replays=3, epochs=2).finish()
    assert len(seen) == 2 * 3 * 3
    for first in range(0, len(seen), 3):
        assert all(torch.equal(seen[first], again) for again in seen[first + 1 : first + 3])
    assert not torch.equal(seen[0][:6], seen[3][:6])
    assert {int(state["step"]) for state in run.optimizer.state.values()} == {18}
    with pytest.raises(ValueError, match="replays=0: each batch is shown at least once"):
        Run(replays=0)
