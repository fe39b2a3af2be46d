"""The adapter to AutoAttack, with a stand-in that is called as the package is."""

import inspect
import sys
from functools import partial
from types import ModuleType

import pytest
import torch

from striate.robustness import L1Ball, L2Ball, LinfBall, autoattack, correct, robust_accuracy
from truths import images, labels, mlp

settings = {"seed": 5, "batch_size": 8}


@pytest.fixture
def calls(monkeypatch):
    """What the stand-in is told; it adds noise that leaves the ball and the pixels."""
    told = []

    class AutoAttack:
        def __init__(
            self, model, norm="Linf", eps=0.3, seed=None, verbose=True, attacks_to_run=(),
            version="standard", is_tf_model=False, device="cuda", log_path=None,
        ):  # fmt: skip
            trainable = any(parameter.requires_grad for parameter in model.parameters())
            told.append({
                "model": model, "norm": norm, "eps": eps, "seed": seed, "verbose": verbose,
                "version": version, "device": device, "training": model.training,
                "frozen": not trainable,
            })  # fmt: skip
            self.model, self.seed = model, seed

        def run_standard_evaluation(self, x_orig, y_orig, bs=250, return_labels=False):
            told[-1] |= {"images": x_orig, "labels": y_orig, "bs": bs}
            torch.random.manual_seed(self.seed)
            pixels = x_orig.clone().requires_grad_()
            self.model(pixels).sum().backward()  # gradients are on
            return x_orig + torch.randn(x_orig.shape)

    package = ModuleType("autoattack")
    package.AutoAttack = AutoAttack
    monkeypatch.setitem(sys.modules, "autoattack", package)
    return told


@pytest.mark.parametrize(
    "ball", [LinfBall(0.1), L2Ball(0.5), L1Ball(2.0, geometry="exact")], ids=["Linf", "L2", "L1"]
)
def test_the_package_is_told_all_it_needs_and_kept_to_the_ball(calls, ball):
    model, x, y = mlp().train(), images(10), labels(10)
    state = torch.get_rng_state()
    found = autoattack(model, x, y, ball=ball, version="plus", **settings)
    (told,) = calls
    assert told["model"] is model
    assert (told["norm"], told["eps"], told["version"]) == (ball.norm, ball.eps, "plus")
    assert (told["seed"], told["verbose"], told["bs"]) == (5, False, 8)
    assert told["device"] == x.device
    assert torch.equal(told["images"], x)
    assert torch.equal(told["labels"], y)
    assert not told["training"]
    assert told["frozen"]
    order = {"Linf": torch.inf, "L2": 2, "L1": 1}[ball.norm]
    sizes = (found.double() - x.double()).flatten(1).norm(order, dim=1)
    assert (sizes <= ball.eps * (1 + 1e-6)).all()
    assert sizes.max() > 0.1 * ball.eps
    assert 0 <= found.min() <= found.max() <= 1
    assert not found.requires_grad
    assert model.training
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    assert torch.equal(torch.get_rng_state(), state)


def test_it_is_an_attack_of_images_that_are_right(calls):
    model, x, y = mlp(), images(30), labels(30)
    attack = partial(autoattack, ball=LinfBall(0.3), **settings)
    outcomes = robust_accuracy(model, x, y, attack)
    right = correct(model, x, y)
    assert torch.equal(calls[0]["images"], x[right])
    assert calls[0]["version"] == "standard"
    assert not (outcomes & ~right).any()
    assert outcomes.sum() < right.sum()


def test_without_the_package_the_error_says_where_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "autoattack", None)
    with pytest.raises(ValueError, match=r"autoattack is not installed; .*pip install git\+https"):
        autoattack(mlp(), images(2), labels(2), ball=LinfBall(0.1), **settings)


def test_what_the_package_itself_lacks_is_not_hidden(monkeypatch, tmp_path):
    (tmp_path / "autoattack.py").write_text("import a_package_that_is_not_there\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "autoattack", raising=False)
    with pytest.raises(ModuleNotFoundError, match="a_package_that_is_not_there"):
        autoattack(mlp(), images(2), labels(2), ball=LinfBall(0.1), **settings)


@pytest.mark.parametrize(("wrong", "message"), [
    ({"batch_size": 0}, "batch_size=0: need at least one image at a time"),
    ({"version": "custom"}, "version='custom': give one of standard, plus, rand"),
])  # fmt: skip
def test_settings_out_of_range_are_refused_before_anything_runs(calls, wrong, message):
    call = inspect.unwrap(autoattack)  # the types are checked first, in tests alone
    with pytest.raises(ValueError, match=message):
        call(mlp(), images(2), labels(2), ball=LinfBall(0.1), **(settings | wrong))
    assert not calls
