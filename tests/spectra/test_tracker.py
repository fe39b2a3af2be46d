"""The solver that follows a training run agrees with the one that starts afresh on every batch."""

import copy
import inspect
import io
import pickle

import jaxtyping
import pytest
import torch
from safetensors.torch import load, save
from torch import nn

from striate.spectra import SpectralPenalty, ramp, tracker
from striate.spectra.tracker import Tracker, widths
from truths import degenerate, gaussian, planted, power_law, rotation

RANKS = (3, 12)  # 24 directions are tracked
FORMS = ["slope", "line", "ratio"]
BATCH, UNITS = 300, 260


class Calls:
    """Counts how often the tracker searches, and how often it decomposes."""

    def __init__(self, monkeypatch):
        self.exact, self.tracked = 0, []
        exact_components, tracked_components = tracker.exact_components, tracker.tracked_components

        def exact(*args, **settings):
            self.exact += 1
            return exact_components(*args, **settings)

        def tracked(*args, **settings):
            self.tracked.append(settings["basis"].shape[1])
            return tracked_components(*args, **settings)

        monkeypatch.setattr(tracker, "exact_components", exact)
        monkeypatch.setattr(tracker, "tracked_components", tracked)


@pytest.fixture
def calls(monkeypatch):
    return Calls(monkeypatch)


def penalty(solver="subspace", **settings):
    defaults = {"alpha": 2.5, "beta": 1.0, "ranks": RANKS, "solver": solver}
    return SpectralPenalty(**(defaults | settings))


def network(seed=0):
    generator = torch.Generator().manual_seed(seed)
    net = nn.Sequential(nn.Linear(80, UNITS), nn.Tanh(), nn.Linear(UNITS, 5))
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.1, generator=generator)
    return net


def inputs(step):
    """A fresh batch of images whose pixels have a power law of their own."""
    return 3 * gaussian(BATCH, 80, seed=step, dtype=torch.float32) * torch.arange(1, 81) ** -0.5


def train(net, law, steps, *, start=0, see=lambda step, hidden: None):
    """Descend on the penalty and a task; `see` every batch of the layer before its step."""
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for step in range(start, start + steps):
        images = inputs(step)
        hidden = net[:2](images)
        see(step, hidden.detach())
        loss = law(hidden) + (net[2](hidden) - images[:, :5]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def measured(law, hidden):
    hidden = hidden.clone().requires_grad_()
    found = law.measure(hidden)
    (gradient,) = torch.autograd.grad(found.penalty, hidden)
    return found.alpha.item(), found.penalty.item(), gradient


def cosine(one, other):
    one, other = one.double(), other.double()
    return ((one * other).sum() / (one.norm() * other.norm())).item()


def agree(law, hidden):
    """With the exact penalty in double precision, as closely as was asked."""
    exact = penalty("exact", form=law.form, ranks=law.ranks)
    (alpha, value, gradient), expected = measured(law, hidden), measured(exact, hidden.double())
    assert alpha == pytest.approx(expected[0], abs=law.tracker.tolerance)
    assert value == pytest.approx(expected[1], rel=0.01, abs=law.tracker.tolerance)
    # The estimate weighs components as the slope does; as other forms do, it is less close.
    factor = 1 if law.form == "slope" else 3
    assert cosine(gradient, expected[2]) > 1 - factor * law.tracker.tolerance
    assert gradient.norm() == pytest.approx(expected[2].norm().item(), rel=0.02)


def same_state(one, other):
    one, other = one.state_dict(), other.state_dict()
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture(params=[False, True], ids=["float32", "bfloat16"])
def space(request, monkeypatch):
    """Build the space in either, whatever the processor is better at."""
    monkeypatch.setattr(tracker, "bfloat16_pays", lambda device: request.param)


@pytest.mark.parametrize("form", FORMS)
def test_while_a_network_trains_both_solvers_agree(form, calls, space):
    law, net, alphas = penalty(form=form), network(), []

    def see(step, hidden):
        if step % 3 == 1:
            agree(copy.deepcopy(law).train(step % 2 == 0), hidden)
        alphas.append(penalty("exact").measure(hidden).alpha.item())

    train(net, law, 40, see=see)
    # Of 40 steps only the first decomposed; others are asked of the exact penalties in `see`.
    assert calls.exact == 1 + 13 + 40
    assert len(calls.tracked) == 39 + 13
    assert abs(alphas[-1] - alphas[0]) > 0.2  # it did train


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("tolerance", [1e-2, 1e-4, 1e-6])
def test_the_tolerance_is_kept(tolerance, dtype, space):
    law, x = penalty(tolerance=tolerance), planted(power_law(199, 1.0), 300, 200)
    for step in range(6):
        turn = torch.linalg.qr(torch.eye(200) + 0.003 * step * gaussian(200, 200, seed=step))[0]
        hidden = (x @ turn).to(dtype)
        alpha, _, gradient = measured(law, hidden)
        expected, _, exact = measured(penalty("exact"), hidden.double())
        rounding = 1e-6 if dtype == torch.float32 else 0
        assert abs(alpha - expected) < tolerance + rounding
        assert cosine(gradient, exact) > 1 - tolerance - rounding


def test_a_batch_that_has_nothing_to_do_with_the_last_is_noticed(calls):
    law = penalty(tolerance=1e-6)
    one = planted(power_law(400, 0.05), 600, 500)
    law(one)
    law(one)
    assert (calls.exact, len(calls.tracked)) == (1, 1)
    other = one @ rotation(500, seed=7)
    agree(law, other)
    assert (calls.exact, len(calls.tracked)) == (1 + 2, 2)
    agree(law, other)
    assert (calls.exact, len(calls.tracked)) == (3 + 1, 3)


def test_a_fresh_network_in_the_midst_of_training_is_right_at_once():
    law, net = penalty(), network()
    train(net, law, 5)
    agree(law, network(seed=9)[:2](inputs(5)).detach())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_a_batch_in_which_nothing_happened_leaves_nothing_to_believe(dtype):
    """Directions in which all is zero are not left by any product with the batch.

    The error within what they span is zero: only the variance that is not in it tells.
    """
    law, healthy = penalty(), gaussian(100, 80).to(dtype)
    healthy[:, :30] = 0
    law(torch.zeros_like(healthy))
    agree(law, healthy)
    law.tracker.basis = torch.eye(80, 24, dtype=dtype)
    agree(law, healthy)
    agree(law, healthy)


def test_a_steep_layer_is_followed_too(calls, space):
    """Of α = 4 and 5, where bfloat16 sees nothing of the tail."""
    for alpha in (4.0, 5.0):
        law, x = penalty(ranks=(3, 24)), planted(power_law(199, alpha), 300, 200)
        calls.exact, calls.tracked = 0, []
        for step in range(5):
            turn = torch.linalg.qr(torch.eye(200) + 0.003 * gaussian(200, 200, seed=step))[0]
            hidden = (x @ turn).float()
            exact = SpectralPenalty(alpha=1.0, beta=1.0, ranks=(3, 24), solver="exact")
            expected = exact.measure(hidden.double()).alpha.item()
            assert law.measure(hidden).alpha.item() == pytest.approx(expected, abs=1e-3)
        assert calls.exact == 1 + 5
        assert len(calls.tracked) == 4


def test_a_processor_that_is_quick_in_float32_rounds_nothing_to_bfloat16(monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True, raising=False)
    for quick in (True, False):
        monkeypatch.setattr(tracker, "by_onednn", lambda quick=quick: quick)
        assert tracker.bfloat16_pays(torch.device("cpu")) != quick
        assert not tracker.bfloat16_pays(torch.device("meta"))
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported")
    assert not tracker.bfloat16_pays(torch.device("cpu"))


def test_evaluation_leaves_no_trace(calls):
    law, net = penalty(), network()
    train(net, law, 3)
    before = copy.deepcopy(law)
    law.eval()
    for step in (0, 50, 51):
        law(net[:2](inputs(step)))
    assert len(calls.tracked) == 2 + 3
    assert same_state(law, before)
    fresh = penalty().eval()
    fresh(net[:2](inputs(0)))
    assert fresh.tracker.basis is None
    assert same_state(fresh, penalty())


def through_torch(state):
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def through_safetensors(state):
    return load(save(state))


@pytest.mark.parametrize("carry", [through_torch, through_safetensors])
@pytest.mark.parametrize("before", [0, 1, 6])
def test_what_is_remembered_survives_a_file(carry, before):
    """Loaded into a fresh penalty, or into one that has seen other batches."""
    used = penalty()
    train(network(seed=4), used, 2)
    net, law = network(), penalty(alpha=lambda step: 2 + step / 10)
    train(net, law, before)
    other_net, holder = copy.deepcopy(net), nn.ModuleDict({"law": copy.deepcopy(law)})
    state = carry({name: part.clone() for name, part in holder.state_dict().items()})
    for fresh in (penalty(alpha=law.alpha), copy.deepcopy(used)):
        fresh.alpha = law.alpha
        nn.ModuleDict({"law": fresh}).load_state_dict(state, strict=True)
        assert same_state(fresh, law)
        assert (fresh.tracker.basis is None) == (before == 0)
    train(net, law, 4, start=before)
    train(other_net, fresh, 4, start=before)
    assert same_state(net, other_net)
    assert same_state(law, fresh)


def test_a_network_with_its_penalty_inside_is_saved_as_a_whole():
    model = nn.ModuleDict({"net": network(), "law": penalty()})
    train(model["net"], model["law"], 2)
    fresh = nn.ModuleDict({"net": network(1), "law": penalty()})
    fresh.load_state_dict(through_torch(model.state_dict()))
    assert same_state(fresh, model)
    assert not list(model["law"].parameters())
    with pytest.raises(RuntimeError, match=r"Missing key.*step"):
        penalty().load_state_dict({})


def test_a_copy_goes_its_own_way():
    net, law = network(), penalty()
    train(net, law, 3)
    twin_net, twin = copy.deepcopy(net), copy.deepcopy(law)
    before = copy.deepcopy(law)
    train(twin_net, twin, 3, start=3)
    assert same_state(law, before)
    assert not same_state(law, twin)
    train(net, law, 3, start=3)
    assert same_state(net, twin_net)
    assert same_state(law, twin)


def test_a_penalty_is_pickled_with_what_it_remembers():
    law, net = penalty(beta=ramp(0.5, 1.0, steps=4)), network()
    train(net, law, 3)
    again = pickle.loads(pickle.dumps(law))
    assert same_state(again, law)
    assert again(net[:2](inputs(3))) == law(net[:2](inputs(3)))


@pytest.mark.parametrize("change", [
    lambda x: x[:, :200], lambda x: torch.cat([x, x.square()], 1), lambda x: x.double(),
], ids=["narrower", "wider", "in double precision"])  # fmt: skip
def test_another_layer_starts_afresh(change, calls):
    law, hidden = penalty(), network()[:2](inputs(0)).detach()
    law(hidden)
    agree(law, change(hidden))
    assert (calls.exact, calls.tracked) == (3, [])
    assert law.tracker.basis.shape == (change(hidden).shape[1], 24)
    agree(law, change(hidden))
    assert (calls.exact, len(calls.tracked)) == (4, 1)


def test_what_a_narrower_window_remembers_is_no_start_for_a_wider_one(calls):
    narrow, wide = penalty(ranks=(1, 6)), penalty(ranks=(1, 30))
    hidden = network()[:2](inputs(0)).detach()
    narrow(hidden)
    wide.load_state_dict(narrow.state_dict())
    assert wide.tracker.basis.shape[1] <= 30
    agree(wide, hidden)
    assert (calls.exact, calls.tracked) == (3, [])


def test_another_size_of_batch_does_not(calls):
    law, net = penalty(), network()
    law(net[:2](inputs(0)))
    agree(law, net[:2](torch.cat([inputs(1), inputs(2)])).detach())
    agree(law, net[:2](inputs(3)[:150]).detach())
    assert (calls.exact, len(calls.tracked)) == (1 + 2, 2)
    # and where a batch is too small for it, nothing is forgotten
    before = copy.deepcopy(law)
    law.measure(net[:2](inputs(4)[:40]).detach())
    assert torch.equal(law.tracker.basis, before.tracker.basis)


@pytest.mark.parametrize(("solver", "shape", "follows"), [
    ("auto", (300, 192), True), ("auto", (300, 191), False),
    ("auto", (193, 300), True), ("auto", (192, 300), False),
    ("subspace", (300, 48), True), ("subspace", (300, 47), False),
    ("subspace", (49, 300), True), ("subspace", (48, 300), False),
    ("exact", (300, 300), False), ("exact", (1000, 900), False),
])  # fmt: skip
def test_which_solver_is_used(solver, shape, follows, calls):
    """Of 24 directions: where the smaller side is 8 times that, or at the very least twice."""
    law, x = penalty(solver), gaussian(*shape) * torch.arange(1, shape[1] + 1) ** -0.5
    for _ in range(3):
        law(x)
    assert len(calls.tracked) == (2 if follows else 0)
    assert calls.exact == (1 if follows else 3)
    assert (law.tracker.basis is not None) == follows


def test_a_narrow_window_is_tracked_with_16_directions():
    law = penalty(ranks=(1, 3))
    law(gaussian(40, 40))
    assert law.tracker.basis.shape == (40, 16)


def test_as_many_directions_are_remembered_as_the_batches_need(calls):
    """Few when they are all alike; more, to a limit, when each is turned from the last."""
    law, x = penalty(), planted(power_law(199, 0.5), 300, 200)
    for _ in range(4):
        law(x)
    assert calls.tracked == [24, 16, 16]
    turn = torch.linalg.qr(torch.eye(200) + 0.03 * gaussian(200, 200))[0].double()
    calls.tracked.clear()
    for _ in range(5):
        x = x @ turn
        law(x)
    assert calls.tracked[:2] == [16, 32]
    assert set(calls.tracked[2:]) == {48}
    assert calls.exact == 1


def searched(law, batches, calls):
    """Tell of each batch whether there was a search."""
    so_far = []
    for batch in batches:
        before = len(calls.tracked)
        law(batch)
        so_far.append(len(calls.tracked) > before)
    return so_far


def strangers(count, *, start=0):
    """Batches that have nothing to do with each other."""
    one = planted(power_law(499, 0.05), 600, 500)
    return (one @ rotation(500, seed=start + seed) for seed in range(count))


def test_where_searches_fail_there_are_fewer_of_them(calls):
    law = penalty(tolerance=1e-8)
    tried = searched(law, strangers(60), calls)
    assert [index for index, tried_here in enumerate(tried) if tried_here] == [
        1, 2, 5, 12, 27, 42, 57,
    ]  # fmt: skip
    assert calls.tracked == [24] + 6 * [48]  # from a failure on, as many as there may be
    assert calls.exact == 60
    # One that succeeds is enough to search after the next failure again.
    (batch,) = strangers(1, start=60)
    assert searched(law, 15 * [batch], calls) == 12 * [False] + 3 * [True]
    assert calls.exact == 60 + 12
    assert searched(law, strangers(4, start=61), calls) == [True, True, False, False]


def test_a_pause_is_remembered_and_no_evaluation_shortens_it(calls):
    law = penalty(tolerance=1e-8)
    searched(law, strangers(7), calls)  # 5 of 6 are still to come
    again = penalty(tolerance=1e-8)
    again.load_state_dict(through_torch(law.state_dict()))
    assert searched(law.eval(), strangers(8), calls) == 8 * [False]
    assert searched(law.train(), strangers(6), calls) == 5 * [False] + [True]
    assert searched(again, strangers(6), calls) == 5 * [False] + [True]


def test_a_batch_too_small_for_what_is_remembered_is_decomposed_in_a_pause(calls):
    law = penalty(tolerance=1e-8)
    searched(law, strangers(4), calls)
    assert law.tracker.basis.shape[1] == 48
    (batch,) = strangers(1, start=4)
    agree(law, batch[:60])
    assert len(calls.tracked) == 2


def all_but_equal_at_the_end():
    """Variances 12 and 13, the first one outside the window, differ by a millionth."""
    head = torch.as_tensor(power_law(12, 1.0))
    tail = torch.cat([torch.tensor([1 - 1e-6]), torch.linspace(0.95, 0.5, 186)])
    return planted(torch.cat([head, head[-1] * tail]).numpy(), 300, 200)


@pytest.mark.parametrize("amount", [0.05, 0.1, 0.3])
def test_the_last_component_is_not_taken_for_the_one_behind_it(amount, calls):
    """Known less well, it seems the smaller one; the other one is right to the last digit."""
    x = all_but_equal_at_the_end()
    directions = torch.linalg.svd(x - x.mean(0), full_matrices=False)[2].T
    other = directions[:, 24:] @ gaussian(176, 1)[:, 0].double()
    basis = directions[:, :24].clone()
    basis[:, 11] += amount * other / other.norm()
    law = penalty()
    law.tracker.basis = torch.linalg.qr(basis)[0]
    agree(law, x)
    law(x)
    assert calls.tracked[1] in (16, 48)  # known well, or decomposed: not a few more than 24


@pytest.mark.parametrize(
    ("count", "expected"),
    [(3, (16, 16, 16)), (12, (16, 24, 48)), (50, (64, 96, 160)), (1000, (1264, 1984, 3008))],
)
def test_how_many_directions_there_are_at_least_at_first_and_at_most(count, expected):
    assert widths(count) == expected


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", degenerate(4, 4))
@pytest.mark.parametrize("shape", [(60, 50), (50, 60)], ids=str)
def test_degenerate_batches_leave_penalty_and_gradient_finite_and_are_forgotten(name, form, shape):
    law, healthy = penalty(form=form), gaussian(*shape, dtype=torch.float32)
    law(healthy)
    for batch in (degenerate(*shape)[name], degenerate(*shape)[name]):
        x = batch.clone().requires_grad_()
        term = law(x)
        term.backward()
        assert term.isfinite()
        assert x.grad.isfinite().all()
    agree(law, healthy)


def test_an_error_that_is_not_a_number_is_not_good_enough(calls, monkeypatch):
    law, x = penalty(), gaussian(100, 80)
    law(x)
    monkeypatch.setattr(Tracker, "error", lambda *_: float("nan"))
    agree(law, x)
    assert calls.exact == 1 + 2


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_is_followed_in_single(dtype, calls):
    law, other, net = penalty(), penalty(), network()
    for step in range(3):
        hidden = net[:2](inputs(step)).detach().to(dtype).requires_grad_()
        found = law.measure(hidden)
        assert found == other.measure(hidden.float())
        (gradient,) = torch.autograd.grad(found.penalty, hidden)
        assert gradient.dtype == dtype
        assert gradient.isfinite().all()
    assert len(calls.tracked) == 2 * 2
    assert same_state(law, other)


@pytest.mark.parametrize("solver", ["exact", "subspace"])
def test_autocast_does_not_reach_a_solver(solver):
    law, other, net = penalty(solver), penalty(solver), network()
    for step in range(3):
        x = net[:2](inputs(step)).detach()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = measured(law, x)
        expected = measured(other, x)
        assert found[:2] == expected[:2]
        assert torch.equal(found[2], expected[2])


def test_a_network_in_mixed_precision_trains_with_it():
    law, net = penalty(), network()
    for step in range(4):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            hidden = net[:2](inputs(step))
            term = law(hidden)
        term.backward()
        assert hidden.dtype == torch.bfloat16
        assert term.dtype == torch.float32
    assert net[0].weight.grad.isfinite().all()
    agree(law, net[:2](inputs(5)).detach())


@pytest.mark.parametrize(("setting", "message"), [
    ({"solver": "lapack"}, "solver='lapack'; choose one of 'exact', 'subspace', 'auto'"),
    ({"tolerance": 0.0}, "tolerance=0.0: the largest error of α lies between 0 and 1"),
    ({"tolerance": -1e-3}, "tolerance=-0.001"),
    ({"tolerance": 1.0}, "tolerance=1.0"),
    ({"tolerance": float("nan")}, "tolerance=nan"),
])  # fmt: skip
def test_settings_out_of_range_are_refused(setting, message):
    settings = {"ranks": RANKS, "solver": "auto", "tolerance": 1e-3} | setting
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(Tracker.__init__)(Tracker.__new__(Tracker), **settings)
    if "tolerance" in setting:
        with pytest.raises(ValueError, match=message):
            penalty(**setting)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_penalty_left_on_the_cpu_follows_a_layer_on_the_gpu():
    law, net = penalty(), network().cuda()
    for step in range(3):
        agree(law, net[:2](inputs(step).cuda()).detach())


@pytest.fixture
def unchecked():
    """The tests' type checks are no code that can be compiled."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.mark.filterwarnings("default")  # what the compiler says of itself
@pytest.mark.usefixtures("unchecked")
def test_a_compiled_step_gives_the_same_numbers():
    def step(law, net, images):
        hidden = net[:2](images)
        return law(hidden) + net[2](hidden).square().mean()

    torch.compiler.reset()
    found = []
    for compiled in (False, True):
        law, net = penalty(), network()
        function = torch.compile(step, backend="eager") if compiled else step
        losses = []
        for n in range(4):
            loss = function(law, net, inputs(n))
            net.zero_grad()
            loss.backward()
            losses.append(loss.item())
        found.append((losses, net[0].weight.grad, law))
    # Where memory was found for a tensor decides how its sum is rounded.
    assert found[1][0] == pytest.approx(found[0][0], rel=1e-6)
    assert (found[1][1] - found[0][1]).norm() < 1e-2 * found[0][1].norm()
    assert found[1][2].step == 4
    assert found[1][2].tracker.basis is not None


@pytest.mark.filterwarnings("default")
def test_a_compiled_network_is_penalised_as_it_was():
    torch.compiler.reset()
    plain, law, other = network(), penalty(), penalty()
    compiled = torch.compile(copy.deepcopy(plain), backend="eager")
    with law.attach(plain, "1") as term, other.attach(compiled, "_orig_mod.1") as compiled_term:
        for step in range(3):
            plain.zero_grad()
            compiled.zero_grad()
            (plain(inputs(step)).sum() + term()).backward()
            (compiled(inputs(step)).sum() + compiled_term()).backward()
    wanted = plain[0].weight.grad
    assert (compiled._orig_mod[0].weight.grad - wanted).norm() < 1e-2 * wanted.norm()
    assert other.step == law.step == 3
