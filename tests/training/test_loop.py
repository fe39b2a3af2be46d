import inspect
import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from runs import (
    BATCH,
    COUNT,
    EPOCHS,
    LAYER,
    RANKS,
    Run,
    network,
    numbered,
    numbers,
    same,
    shaped,
    untimed,
)
from torch.nn.functional import cross_entropy

from striate.models import keras_adam
from striate.results import Score
from striate.spectra import SpectralPenalty, batch_alpha
from striate.training import checks, loop, spectral, standard, train


def watched(objective=standard):
    """An objective, and the list of batches it will have been given, as numbers of images."""
    seen = []

    def watching(model, images, labels):
        seen.append(numbers(images))
        return objective(model, images, labels)

    return watching, seen


def by_name(epoch):
    return {result.name: result for result in epoch}


def seconds(epoch):
    return {r.settings["part"]: r.value for r in epoch if r.name == "seconds"}


@pytest.mark.parametrize("beta", [0.0, 0.5])
def test_an_epoch_is_the_obvious_loop(beta):
    watching, batches = watched(shaped(beta))
    run = Run(objective=watching, epochs=1).finish()

    model = network()
    adam = keras_adam(model.parameters(), learning_rate=0.01)
    images, labels = numbered()
    penalty = SpectralPenalty(alpha=2.0, beta=beta, ranks=RANKS)
    losses, right, alphas = [], 0, []
    for batch in batches:
        hidden = model[:3](images[batch])
        logits = model[3](hidden)
        loss = cross_entropy(logits, labels[batch]) + penalty(hidden)
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses += [loss.item()] * len(batch)
        right += (logits.argmax(1) == labels[batch]).sum().item()
        alphas.append(batch_alpha(hidden, ranks=RANKS).item())

    assert same(
        run.state(),
        {f"model.{n}": v for n, v in model.state_dict().items()}
        | {
            f"adam.{i}.{n}": v
            for i, state in adam.state_dict()["state"].items()
            for n, v in state.items()
        },
    )
    found = by_name(run.history[0])
    assert found["loss"].value == pytest.approx(np.mean(losses), rel=1e-12)
    # Each batch's part is a float32.
    assert found["accuracy"].value == pytest.approx(right / COUNT, rel=1e-6)
    assert found["alpha"].value == pytest.approx(np.mean(alphas), rel=1e-12)
    assert found["alpha"].error == pytest.approx(np.std(alphas), rel=1e-12)
    assert found["alpha"].settings == {"on": "train", "epoch": 1, "error": "sd over batches"}


def test_each_epoch_shows_every_image_once_in_an_order_of_its_own():
    watching, batches = watched()
    Run(objective=watching).finish()
    assert [len(batch) for batch in batches] == [20, 20, 6] * EPOCHS
    orders = [[n for batch in batches[i : i + 3] for n in batch] for i in range(0, 3 * EPOCHS, 3)]
    assert all(sorted(order) == list(range(COUNT)) for order in orders)
    assert len(set(map(tuple, orders))) == EPOCHS


def test_the_order_depends_on_the_seed_alone_and_not_on_the_global_one():
    orders = {}
    for name, seed, everybodys in [("a", 1, 0), ("b", 1, 99), ("c", 2, 0)]:
        torch.manual_seed(everybodys)
        watching, orders[name] = watched()
        Run(objective=watching, seed=seed, epochs=2).finish()
    assert orders["a"] == orders["b"]
    assert orders["a"] != orders["c"]


def test_no_epoch_of_a_seed_has_the_order_of_an_epoch_of_another():
    """As the second of seed 0 and the first of seed 1 would, if the two were added up."""
    orders = []
    for seed in range(3):
        objective, seen = watched()
        Run(objective=objective, batch_size=COUNT, seed=seed, epochs=3).finish()
        orders += seen
    assert len({tuple(order) for order in orders}) == 9


def test_nobody_elses_random_numbers_are_drawn():
    run = Run(objective=shaped(), epochs=2)
    before = torch.random.get_rng_state()
    run.finish()
    assert torch.equal(torch.random.get_rng_state(), before)


def test_what_a_network_draws_depends_on_the_seed_and_on_the_epoch():
    """As dropout does; three steps an epoch."""

    def drawn(seed):
        draws = []

        def drawing(model, images, labels):
            draws.append(torch.rand(()).item())
            return standard(model, images, labels)

        Run(objective=drawing, seed=seed, epochs=3).finish()
        return draws

    one, again, other = drawn(0), drawn(0), drawn(1)
    assert one == again
    assert len({*one, *other}) == 18


def test_a_penalty_of_no_strength_trains_as_none_does_but_measures_alpha_apart():
    plain, weak = Run().finish(), Run(objective=shaped(beta=0.0)).finish()
    assert same(plain.state(), weak.state())
    for without, with_alpha in zip(plain.history, weak.history, strict=True):
        assert "alpha" not in by_name(without)
        assert by_name(with_alpha)["alpha"].value > 0
        assert seconds(without)["measuring alpha"] == 0
        assert seconds(with_alpha)["measuring alpha"] > 0
        assert seconds(with_alpha)["training"] > 0


def test_the_time_of_alpha_is_not_counted_as_that_of_training_too(monkeypatch):
    """By a clock on which each of three steps takes a second, a quarter of it for the exponent."""
    clock = SimpleNamespace(perf_counter=itertools.count(0.0).__next__, monotonic=lambda: 0)
    monkeypatch.setattr(loop, "time", clock)

    def timed(model, images, labels):
        return standard(model, images, labels)._replace(measured={"seconds_alpha": 0.25})

    (epoch,) = Run(objective=timed, epochs=1).finish().history
    assert seconds(epoch) == {"training": 2.25, "measuring alpha": 0.75}


def test_the_penalty_brings_alpha_nearer_to_its_target():
    def last(run):
        return by_name(run.finish().history[-1])["alpha"].value

    free, pulled = Run(objective=shaped(0.0), epochs=30), Run(objective=shaped(2.0), epochs=30)
    assert abs(last(pulled) - 2.0) < abs(last(free) - 2.0) / 3


def test_what_evaluate_finds_is_kept_and_does_not_change_the_mode_of_training():
    modes = []

    def objective(model, images, labels):
        modes.append(model.training)
        return standard(model, images, labels)

    def evaluate(model, epoch):
        model.eval()
        return [Score("extra", 10.0 * epoch, settings={"epoch": epoch})]

    run = Run(objective=objective, evaluate=evaluate, epochs=3).finish()
    assert [by_name(epoch)["extra"].value for epoch in run.history] == [10, 20, 30]
    assert modes == [True] * 9
    assert untimed(run.history)[0][:-1] == untimed(Run(epochs=1).finish().history)[0]


@pytest.mark.parametrize(
    "objective",
    [standard, shaped(), shaped(0.0)],
    ids=["standard", "shaped", "measured only"],
)
def test_a_network_that_is_no_longer_finite_is_an_error(objective):
    run = Run(objective=objective)
    with torch.no_grad():
        run.model.output.weight[0, 0] = float("nan")
    with pytest.raises(ValueError, match="the loss became nan; lower the learning rate"):
        next(run.epochs)


def test_a_loss_that_leaves_all_bounds_is_an_error():
    with pytest.raises(ValueError, match=r"the loss became (inf|nan)"):
        Run(rate=1e37).finish()


@pytest.mark.parametrize(
    "settings",
    [{"epochs": 0}, {"batch_size": 0}, {"batch_size": COUNT + 1}],
    ids=str,
)
def test_sizes_out_of_range_are_refused(settings):
    with pytest.raises(ValueError, match=f"with {COUNT} images: need at least one epoch"):
        Run(**settings)


def test_a_negative_seed_is_refused_by_name():
    with pytest.raises(ValueError, match="seed=-1: give a whole number, from 0 on"):
        Run(seed=-1)


def test_a_batch_of_all_images_is_in_range():
    assert len(Run(batch_size=COUNT, epochs=1).finish().history) == 1


def test_the_layer_is_the_one_named():
    """The penalty's own gradient reaches what lies below `hidden`, and nothing above it."""
    run = Run(objective=shaped(beta=3.0))
    step = shaped(beta=3.0)(run.model, *numbered())
    plain = cross_entropy(step.logits, numbered()[1])
    extra = step.loss - plain
    above = torch.autograd.grad(extra, run.model.output.weight, retain_graph=True)[0]
    below = torch.autograd.grad(extra, run.model.dense.weight)[0]
    assert above.abs().max() < 1e-6 < below.abs().max()
    hidden = run.model[:3](numbered()[0])
    expected = 3 * (batch_alpha(hidden, ranks=RANKS) - 2.0).abs()
    assert extra.item() == pytest.approx(expected.item(), rel=1e-5)
    assert LAYER == "hidden"
    assert RANKS[1] < BATCH


def test_several_layers_are_penalised_each_in_its_way():
    """The loss is the sum; `alpha` is that of the last one named, the others have names."""
    net, (images, labels) = network(), numbered()

    def fresh():
        return {
            "dense": SpectralPenalty(alpha=1.0, beta=0.3, ranks=(1, 5), form="line"),
            "output": SpectralPenalty(alpha=3.0, beta=0.0, ranks=(1, 3)),
            LAYER: SpectralPenalty(alpha=2.0, beta=0.5, ranks=RANKS),
        }

    step = spectral(net, images, labels, penalties=fresh())
    dense = net[:2](images)
    outputs = {"dense": dense, LAYER: dense.tanh(), "output": net(images)}
    penalties = fresh()
    expected = cross_entropy(outputs["output"], labels)
    for name in ("dense", LAYER):
        expected = expected + penalties[name](outputs[name])
    assert step.loss.item() == pytest.approx(expected.item(), rel=1e-6)
    found = torch.autograd.grad(step.loss, net.dense.weight)[0]
    wanted = torch.autograd.grad(expected, net.dense.weight)[0]
    assert torch.allclose(found, wanted, rtol=1e-5, atol=1e-7)
    assert set(step.measured) == {"alpha", "alpha_dense", "alpha_output", "seconds_alpha"}
    for name, ranks in (("dense", (1, 5)), ("output", (1, 3)), (LAYER, RANKS)):
        alpha = step.measured["alpha" if name == LAYER else f"alpha_{name}"]
        assert alpha.item() == pytest.approx(batch_alpha(outputs[name], ranks=ranks).item())
    assert step.measured["seconds_alpha"] > 0  # of the one without strength
    assert not any(layer._forward_hooks for layer in net)


def test_what_is_measured_besides_belongs_to_its_epoch(tmp_path):
    """Whatever `evaluate` says of it, and so it can be resumed."""

    def evaluate(model, epoch):
        return [Score("mine", float(epoch)), Score("late", 1.0, settings={"epoch": epoch - 1})]

    settings = {"evaluate": evaluate, "checkpoint": tmp_path / "x.json", "checkpoint_seconds": 0.0}
    run = Run(epochs=3, **settings)
    begun = [next(run.epochs), next(run.epochs)]
    resumed = Run(epochs=3, **settings).finish().history
    assert resumed[:2] == begun
    for epoch, found in enumerate(resumed, 1):
        assert by_name(found)["mine"].value == epoch
        assert {result.settings["epoch"] for result in found} == {epoch}


@pytest.mark.parametrize(("wrong", "message"), [
    ({"seed": 1.5}, r"^seed=1\.5: give a whole number$"),
    ({"epochs": 2.0}, r"^epochs=2\.0: give a whole number$"),
    ({"batch_size": 20.0}, r"^batch_size=20\.0: give a whole number$"),
    ({"replays": 1.5}, r"^replays=1\.5: give a whole number$"),
    ({"labels": numbered()[1].int()}, "labels are torch.int32"),
    ({"labels": numbered()[1].float()}, "labels are torch.float32"),
    ({"labels": numbered()[1][:, None]}, r"labels are torch.int64 of shape \(46, 1\)"),
    ({"labels": numbered()[1].tolist()}, "labels are a list; give a torch.Tensor"),
    ({"labels": numbered()[1] - 1}, "labels begin at -1; classes are counted from 0"),
    ({"labels": numbered()[1][:45]}, "46 images but 45 labels"),
    ({"images": numbered()[0].tolist()}, "images are a list; give a torch.Tensor, or a Source"),
], ids=lambda value: next(iter(value)) if isinstance(value, dict) else "")  # fmt: skip
def test_a_training_set_that_is_none_is_refused_before_it_starts(wrong, message, monkeypatch):
    for name in ("check", "check_material"):  # past the tests' type checks
        monkeypatch.setattr(loop, name, inspect.unwrap(getattr(loop, name)))
    monkeypatch.setattr(checks, "check_labels", inspect.unwrap(checks.check_labels))
    net, (images, labels) = network(), numbered()
    given = {
        "images": images, "labels": labels, "objective": standard, "epochs": 1, "batch_size": 20,
        "optimizer": torch.optim.SGD(net.parameters(), lr=0.1), "seed": 0,
    }  # fmt: skip
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(train)(net, **{**given, **wrong})


def test_a_loss_without_a_gradient_is_refused():
    def detached(model, images, labels):
        step = standard(model, images, labels)
        return step._replace(loss=step.loss.detach())

    with pytest.raises(ValueError, match="the loss has no gradient: the model detaches its logits"):
        Run(objective=detached, epochs=1).finish()
