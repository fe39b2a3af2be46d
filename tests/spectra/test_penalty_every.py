import pytest
import torch
from torch import nn
from torch.testing import assert_close

from striate.spectra import SpectralPenalty, ramp
from striate.spectra import penalty as of_penalty
from truths import gaussian


def law(**settings):
    return SpectralPenalty(**{"alpha": 1.0, "beta": 0.5, "ranks": (1, 10)} | settings)


def batches(count):
    return [gaussian(30, 20, seed=seed).requires_grad_() for seed in range(count)]


def test_each_third_batch_is_penalised_three_times_as_much():
    now_and_then, always = law(every=3), law()
    for step, x in enumerate(batches(8)):
        found, usual = now_and_then.measure(x), always.measure(x)
        if step % 3 == 0:
            assert_close(found.penalty, 3 * usual.penalty)
            (one,) = torch.autograd.grad(found.penalty, x)
            (other,) = torch.autograd.grad(usual.penalty, x)
            assert_close(one, 3 * other)
            assert_close(found.alpha, usual.alpha)
        else:
            assert found.penalty.item() == 0
            assert found.penalty.dtype == x.dtype
            assert torch.autograd.grad(found.penalty, x, allow_unused=True) == (None,)
            assert found.alpha.isnan()
    assert int(now_and_then.step) == int(always.step) == 8


def test_in_between_nothing_is_computed(monkeypatch):
    term = law(every=2)
    first, second = batches(2)
    term(first)
    monkeypatch.setattr(of_penalty, "relative_spectrum", None)
    assert term(second).item() == 0
    with pytest.raises(TypeError):
        term(second)


def test_schedules_count_all_steps():
    term = law(beta=ramp(0.0, 6.0, steps=6), every=2)
    found = [term(x).item() for x in batches(7)]
    distance = [law(beta=1.0)(x).item() for x in batches(7)]
    assert found == pytest.approx([2 * d * s * (s % 2 == 0) for s, d in enumerate(distance)])


def test_outside_of_training_every_batch_counts_and_leaves_no_trace():
    term, usual = law(every=4), law().eval()
    first, *others = batches(4)
    term(first)
    term.eval()
    for x in others:
        assert_close(term(x), 4 * usual(x))
    found = term.train().measure(others[0])
    assert (found.penalty.item(), int(term.step)) == (0, 2)
    assert found.alpha.isnan()


def test_nothing_asked_for_is_a_loss_all_the_same():
    """So that whoever has no other can go back from it at every step."""
    term, x = law(every=2), gaussian(30, 20).requires_grad_()
    for _ in range(2):
        term(x).backward()
    _, share = term.over([x])
    share(x).backward()
    _, share = term.over([x])
    share(x).backward()
    silent = law(beta=0.0)
    silent(x).backward()
    assert not law(beta=0.0)(x.detach()).requires_grad


def test_a_training_goes_on_between_two_penalised_steps():
    parts = batches(6)
    straight, before, after = law(every=3), law(every=3), law(every=3)
    whole = [straight.measure(x) for x in parts]
    first = [before.measure(x) for x in parts[:2]]
    after.load_state_dict(before.state_dict())
    for found, expected in zip([*first, *map(after.measure, parts[2:])], whole, strict=True):
        assert_close(found.penalty, expected.penalty, rtol=0, atol=0)
        assert_close(found.alpha.double(), expected.alpha.double(), rtol=0, atol=0, equal_nan=True)


def test_accumulation_makes_no_first_pass_in_between():
    term, x = law(every=2), gaussian(40, 20).requires_grad_()
    _, share = term.over(x.split(20))
    assert_close(sum(share(part) for part in x.split(20)), 2 * law()(x))

    def forbidden():
        raise AssertionError("asked for activations that nobody needs")
        yield

    again, share = term.over(forbidden())
    assert again.penalty.item() == 0
    assert again.alpha.isnan()
    assert [share(part).item() for part in x.split(20)] == [0, 0]
    assert int(term.step) == 2


def test_the_exponent_is_steered_all_the_same():
    model = nn.Sequential(nn.Linear(20, 40), nn.Tanh())
    with torch.no_grad():
        model[0].weight.copy_(gaussian(40, 20, dtype=torch.float32) / 4)
    x = gaussian(200, 20, dtype=torch.float32)
    term = law(alpha=2.0, ranks=(1, 18), every=4)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    before = term.eval().measure(model(x)).alpha
    term.train()
    for _ in range(160):
        optimizer.zero_grad()
        (term(model(x)) + 0 * model[0].bias.sum()).backward()
        optimizer.step()
    after = term.eval().measure(model(x)).alpha
    assert abs(before - 2) > 0.3
    assert abs(after - 2) < 0.15 * abs(before - 2)
