"""Penalties of several layers, changing strength, batches in parts, wide maps, and dead layers."""

import tracemalloc
import warnings

import pytest
import torch
from torch import nn
from torch.testing import assert_close
from torch.utils._python_dispatch import TorchDispatchMode

from striate.spectra import SpectralPenalty, attach, batch_alpha, penalty, ramp
from truths import gaussian

FORMS = ["slope", "line", "ratio"]
RANKS = (2, 12)


def law(**settings):
    return SpectralPenalty(**({"alpha": 2.0, "beta": 0.7, "ranks": RANKS} | settings))


def network(seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    net = nn.Sequential(nn.Linear(20, 40), nn.Tanh(), nn.Linear(40, 25), nn.Tanh()).to(dtype)
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.3, generator=generator)
    return net


def gradients(net):
    return [parameter.grad for parameter in net.parameters()]


def close(found, expected, tolerance):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert (one - other).norm() <= tolerance * other.norm()


# --- several layers


def test_penalties_of_several_layers_are_summed():
    net, x = network(), gaussian(50, 20)
    laws = {"1": law(), "3": law(alpha=0.5, beta=0.1, form="line"), "0": law(beta=0.0)}
    hidden, last = net[:2](x), net(x)
    expected = law()(hidden) + law(alpha=0.5, beta=0.1, form="line")(last)
    wanted = torch.autograd.grad(expected, list(net.parameters()))
    with attach(net, laws) as term:
        net(x)
        found = term()
        found.backward()
        with pytest.raises(ValueError, match="ran 0 times"):
            term()
    assert_close(found, expected, rtol=1e-14, atol=0)
    close(gradients(net), wanted, 1e-14)
    assert [int(each.step) for each in laws.values()] == [1, 1, 1]
    assert not any(layer._forward_hooks for layer in net)


def test_one_penalty_cannot_serve_two_layers():
    one = law()
    message = "penalties holds one SpectralPenalty twice; give each layer its own"
    net = network()
    with pytest.raises(ValueError, match=message):
        attach(net, {"1": one, "3": one}).__enter__()
    assert not any(layer._forward_hooks for layer in net)


def test_a_layer_of_several_that_does_not_exist_leaves_no_hook():
    net = network()
    with pytest.raises(ValueError, match="layer='7' is not a layer"):
        attach(net, {"1": law(), "7": law()}).__enter__()
    assert not any(layer._forward_hooks for layer in net)


def test_attached_to_one_layer_is_attached_to_several():
    net, x = network(), gaussian(50, 20)
    with law().attach(net, "1") as term:
        net(x)
        assert term() == law()(net[:2](x))


def test_a_penalty_that_can_move_nothing_says_so():
    net, x = network().requires_grad_(False), gaussian(50, 20)
    last = [layer for layer in net if list(layer.parameters())][-1].requires_grad_(True)
    assert last is not net[0]
    with law().attach(net, "1") as term:
        net(x)
        with pytest.warns(UserWarning, match="what layer '1' put out has no gradient"):
            term()
        net.requires_grad_(True)
        net(x)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert term().requires_grad


def test_a_pass_that_raised_behind_the_layer_costs_no_step():
    net, x = network(), gaussian(50, 20)
    expected = law()(net[:2](x))
    with law().attach(net, "1") as term:
        stop = net[2].register_forward_hook(lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            net(x)
        stop.remove()
        net(x)
        assert_close(term(), expected, rtol=0, atol=0)


# --- schedules


def test_alpha_and_beta_follow_their_schedules():
    alpha, beta = ramp(1.0, 3.0, steps=4), ramp(0.0, 2.0, steps=4, after=1)
    moving, x = law(alpha=alpha, beta=beta), gaussian(40, 30)
    for step in range(8):
        assert moving.step == step
        expected = law(alpha=alpha(step), beta=beta(step))(x)
        assert_close(moving(x), expected, rtol=1e-14, atol=0)


@pytest.mark.parametrize("function", ["forward", "measure"])
def test_only_training_counts(function):
    moving, x = law(beta=ramp(1.0, 2.0, steps=10)), gaussian(40, 30)
    for _ in range(3):
        getattr(moving, function)(x)
    moving.eval()
    for _ in range(5):
        getattr(moving, function)(x)
    assert moving.step == 3
    assert_close(moving(x), law(beta=1.3)(x), rtol=1e-14, atol=0)
    moving.train()
    moving(x)
    assert moving.step == 4


def test_a_strength_that_is_still_zero_costs_nothing_but_counts(monkeypatch):
    moving, x = law(beta=ramp(0.0, 1.0, steps=1, after=2)), gaussian(40, 30).requires_grad_()
    with monkeypatch.context() as without:
        without.setattr(penalty, "relative_spectrum", None)
        for _ in range(3):
            assert moving(x) == 0
    assert moving.step == 3
    assert_close(moving(x), law(beta=1.0)(x), rtol=1e-14, atol=0)


def test_measured_without_strength_there_is_an_alpha_but_no_gradient():
    x = gaussian(40, 30).requires_grad_()
    found = law(beta=0.0).measure(x)
    assert found.penalty == 0
    assert not found.penalty.requires_grad
    assert found.alpha == batch_alpha(x, ranks=RANKS)


def test_the_step_is_in_the_checkpoint():
    moving, x = law(beta=ramp(1.0, 2.0, steps=10)), gaussian(40, 30)
    for _ in range(4):
        moving(x)
    fresh = law(beta=moving.beta)
    fresh.load_state_dict(moving.state_dict())
    assert fresh(x) == moving(x)
    assert fresh.step == 5


@pytest.mark.parametrize(("name", "value"), [("beta", -1.0), ("beta", float("nan")),
                                             ("alpha", float("inf"))])  # fmt: skip
def test_a_schedule_that_leaves_its_bounds_is_refused_where_it_does(name, value):
    late = law(**{name: lambda step: value if step >= 2 else 1.0})
    x = gaussian(40, 30)
    late(x)
    late(x)
    with pytest.raises(ValueError, match=f"{name}={value}"):
        late(x)
    with pytest.raises(ValueError, match=f"{name}={value}"):
        law(**{name: lambda step: value})


@pytest.mark.parametrize("value", [None, "fast"])
def test_a_schedule_that_gives_no_number_is_refused(value):
    with pytest.raises(ValueError, match=f"a schedule gave {value!r} at step 0"):
        law(beta=lambda step: value)


# --- one batch in several parts

PARTS = [20, 20, 20], [13, 40, 2, 5]


def accumulated(net, each, x, parts):
    """As the documentation says: a pass without gradient, then one with."""
    with torch.no_grad():
        whole, share = each.over(net(part) for part in x.split(parts))
    shares = []
    for part in x.split(parts):
        shares.append(share(net(part)))
        shares[-1].backward()
    return whole, torch.stack(shares).detach(), share


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("solver", ["exact", "subspace"])
@pytest.mark.parametrize("parts", PARTS, ids=str)
@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float64, 1e-10), (torch.float32, 1e-4)],
    ids=["double", "single"],
)
def test_parts_have_the_gradient_of_the_whole(form, solver, parts, dtype, tolerance):
    """The same sums in another order: nothing but rounding, which the tail of float32 amplifies.

    What rounding does to a space built in bfloat16 is of the size of its 2**-9 instead.
    """
    if dtype == torch.float32 and solver == "subspace":
        tolerance = 0.01
    ranks = (2, 6)  # 16 directions fit twice into the 40 units below, not into the 25 above
    x = gaussian(60, 20).to(dtype)
    settings = {"form": form, "solver": solver, "ranks": ranks}
    for wide in (False, True):
        nets = [nn.Sequential(*network(dtype=dtype)) for _ in range(2)]
        if wide:
            nets = [net[:2] for net in nets]
        one, other = law(**settings), law(**settings)
        for _ in range(2):
            [net.zero_grad() for net in nets]
            expected = one.measure(nets[0](x))
            expected.penalty.backward()
            whole, shares, _ = accumulated(nets[1], other, x, parts)
            close(gradients(nets[1]), gradients(nets[0]), tolerance)
            assert_close(whole.penalty, expected.penalty.detach(), rtol=tolerance, atol=0)
            assert_close(whole.alpha, expected.alpha, rtol=tolerance, atol=0)
            assert_close(shares.sum(), whole.penalty, rtol=1e-6, atol=0)
        assert other.step == 2
        assert (other.tracker.basis is not None) == (wide and solver == "subspace")


@pytest.mark.parametrize("units", ["flat", "channels", "features", "centre"])
def test_parts_of_maps_have_the_gradient_of_the_whole(units):
    def build():
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(2, 14, 3), nn.Tanh(), nn.AdaptiveAvgPool2d((5, 13))).double()

    nets, x = [build(), build()], gaussian(30, 2, 9, 15)
    law(units=units)(nets[0](x)).backward()
    accumulated(nets[1], law(units=units), x, [7, 20, 3])
    close(gradients(nets[1]), gradients(nets[0]), 1e-10)


def test_parts_without_strength_have_no_gradient():
    net, x = network(), gaussian(60, 20)
    each = law(beta=0.0)
    whole, shares, _ = accumulated(net, each, x, [20, 20, 20])
    assert whole.penalty == 0
    assert whole.alpha == batch_alpha(net(x), ranks=RANKS)
    assert all(not gradient.any() for gradient in gradients(net))
    assert not shares.any()
    assert each.step == 1


def test_a_schedule_counts_batches_and_not_their_parts():
    moving, x = law(beta=ramp(1.0, 2.0, steps=10)), gaussian(60, 20)
    for step in range(3):
        whole, _, _ = accumulated(network(), moving, x, [30, 30])
        expected = law(beta=1 + step / 10)(network()(x)).detach()
        assert_close(whole.penalty, expected, rtol=1e-12, atol=0)
    assert moving.step == 3


def test_parts_that_were_not_penalised_are_refused():
    net, x = network(), gaussian(60, 20)
    _, _, share = accumulated(net, law(), x, [30, 30])
    message = r"activations of shape \(30, 25\), but \(0, 25\) are left of those penalised"
    with pytest.raises(ValueError, match=message):
        share(net(x[:30]))
    with torch.no_grad():
        _, share = law().over(net(part) for part in x.split(30))
    with pytest.raises(ValueError, match=r"shape \(61, 25\), but \(60, 25\) are left"):
        share(gaussian(61, 25))
    with torch.no_grad():
        _, share = law().over(net(part) for part in x.split(30))
    with pytest.raises(ValueError, match="give the same mini-batches in the same order"):
        share(gaussian(30, 24))


@pytest.mark.parametrize("change", ["another order", "another part", "dropout", "one image"])
def test_parts_that_are_not_as_they_were_are_refused(change):
    net, x = network(), gaussian(60, 20)
    with torch.no_grad():
        hidden = net(x)
        _, share = law().over(hidden.split(30))
    part = hidden[:30].clone()
    if change == "another order":
        part = part.flip(0)
    elif change == "another part":
        part = hidden[30:]
    elif change == "dropout":
        part = torch.nn.functional.dropout(part, 0.5)
    else:
        part[7] = hidden[40]
    with pytest.raises(ValueError, match="these activations are not those penalised"):
        share(part)


def test_parts_in_half_precision_have_a_gradient_however_small_it_is():
    """It is kept between the two passes as it is: no scaled loss can save it there."""
    x = gaussian(60, 20).half()
    expected = x.float().requires_grad_()
    SpectralPenalty(alpha=1.0, beta=1e-7, ranks=(1, 10))(expected).backward()
    assert expected.grad.abs().max() < 6e-8  # float16 ends there
    found = x.clone().requires_grad_()
    _, share = SpectralPenalty(alpha=1.0, beta=1e-7, ranks=(1, 10)).over(x.split(20))
    (2.0**16 * sum(share(part) for part in found.split(20))).backward()
    assert_close(found.grad.float() / 2**16, expected.grad, rtol=2e-3, atol=1e-11)


def test_no_parts_at_all_are_refused():
    with pytest.raises(ValueError, match="batches is empty; give the activations of at least one"):
        law().over([])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_what_half_precision_does_to_parts_is_let_pass(dtype):
    net, x = network(), gaussian(60, 20)
    with torch.no_grad():
        whole, share = law().over(net(x).split(30))
    shares = [share(part) for part in net(x).to(dtype).split(30)]
    assert_close(sum(shares), whole.penalty, rtol=1e-6, atol=0)


# --- maps with many more values than there are images


class Largest(TorchDispatchMode):
    """The most numbers that any tensor made meanwhile has."""

    numbers = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, tuple | list) else [made]:
            if isinstance(tensor, torch.Tensor):
                self.numbers = max(self.numbers, tensor.numel())
        return made


@pytest.mark.parametrize("solver", ["exact", "subspace"])
def test_a_wide_map_needs_no_square_of_its_width(solver):
    """300 maps of 25 600 values, 31 MB; the square of the width would be 2.6 GB.

    torch's tensors are watched one by one, numpy's as a sum: there the Gram matrix is made.
    """
    maps = gaussian(300, 25, 32, 32, dtype=torch.float32).requires_grad_()
    each = law(solver=solver)
    with Largest():
        law(solver=solver)(maps[:40, :, :2, :2]).backward()  # imports what it needs
    maps.grad = None
    tracemalloc.start()
    with Largest() as largest:
        for _ in range(2):
            each(maps).backward()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert maps.grad.isfinite().all()
    assert largest.numbers == maps.numel()
    assert peak < 8 * 300**2 * 4


# --- networks that die


def mortal(seed=0):
    """Of 60 rectified units, 20 are dead from the start; 4 more have learnt nothing yet."""
    generator = torch.Generator().manual_seed(seed)
    net = nn.Sequential(nn.Linear(20, 60), nn.ReLU(), nn.Linear(60, 5))
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.3, generator=generator)
    with torch.no_grad():
        net[0].bias[:20] = -50
        net[0].weight[20:24] = 0
    return net


def unlucky(step):
    """40 images for 60 units: distinct, drawn from 10, all the same, black, or mostly black."""
    x = gaussian(40, 20, seed=step, dtype=torch.float32)
    if step % 5 == 1:
        return x[torch.arange(40) % 10]
    if step % 25 == 2:
        return x[:1].expand(40, 20).clone()
    if step % 25 == 7:
        return torch.zeros_like(x)
    if step % 5 == 3:
        return x * (torch.arange(40) < 8)[:, None]
    return x


def live(form, solver, steps, *, mixed):
    net = mortal()
    each = SpectralPenalty(alpha=2.0, beta=0.1, ranks=(2, 8), form=form, solver=solver)
    exact = SpectralPenalty(alpha=2.0, beta=0.1, ranks=(2, 8), form=form, solver="exact")
    adam = torch.optim.Adam(net.parameters(), lr=1e-3)
    for step in range(steps):
        x = unlucky(step)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=mixed):
            hidden = net[:2](x)
            logits = net[2](hidden)
        loss = (logits.float() - x[:, :5]).square().mean() + each(hidden)
        adam.zero_grad()
        loss.backward()
        assert loss.isfinite()
        assert all(gradient.isfinite().all() for gradient in gradients(net))
        adam.step()
    assert all(parameter.isfinite().all() for parameter in net.parameters())
    # Had it died in whole, there would be nothing to compare.
    hidden = net[:2](unlucky(steps - steps % 25)).detach()
    expected = exact.measure(hidden.double()).alpha.item()
    assert hidden.var(0).sum() > 0.1
    return each.measure(hidden).alpha.item(), expected


@pytest.mark.parametrize(("form", "solver"), [
    ("slope", "subspace"), ("line", "exact"), ("ratio", "subspace"),
])  # fmt: skip
def test_degenerate_batches_do_not_spoil_training(form, solver):
    found, expected = live(form, solver, 250, mixed=False)
    assert found == pytest.approx(expected, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_ten_thousand_degenerate_batches_in_mixed_precision(form):
    found, expected = live(form, "subspace", 10_000, mixed=True)
    print(f"\n{form}: α {found:.4f} after 10 000 steps, {expected:.4f} exactly")
    assert found == pytest.approx(expected, abs=0.05)
