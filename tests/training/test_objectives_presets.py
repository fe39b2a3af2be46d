from functools import partial

import pytest
import torch
from torch import nn
from trained_nets import IMAGES, normed

from striate.robustness import L1Ball, L2Ball, LinfBall, pgd
from striate.spectra import SpectralPenalty
from striate.training import (
    PRESETS,
    Free,
    adversarial,
    complete_settings,
    gradient_penalty,
    make_objective,
    standard,
    trades,
)
from truths import images, labels

SETTINGS = {
    "standard": {},
    "adversarial": {"eps": 0.3, "steps": 3, "step_size": 0.2, "norm": "L2"},
    "trades": {"beta": 2.0, "eps": 0.05, "steps": 3, "step_size": 0.03, "order": "authors"},
    "igr": {"strength": 0.3, "h": 0.01},
    "free": {"eps": 2.0, "step_size": 1.0, "norm": "L1", "geometry": "exact"},
}


def direct(name):
    return {
        "standard": standard,
        "adversarial": partial(
            adversarial, attack=partial(pgd, ball=L2Ball(0.3), steps=3, step_size=0.2)
        ),
        "igr": partial(gradient_penalty, strength=0.3, h=0.01),
        "free": Free(L1Ball(2.0, geometry="exact"), step_size=1.0),
    }[name]


def losses(objective, steps=3, net=None):
    net = normed() if net is None else net
    found = []
    for seed in range(steps):
        loss = objective(net, images(9, seed, **IMAGES), labels(9, seed)).loss
        loss.backward()
        found.append(loss.item())
    return found


@pytest.mark.parametrize("name", ["standard", "adversarial", "igr", "free"])
def test_a_name_makes_the_function(name):
    objective, memory = make_objective(name, SETTINGS[name], seed=1)
    assert losses(objective) == losses(direct(name))
    assert isinstance(memory, Free) == (name == "free")
    assert (memory is None) == (name != "free")


STARTS = {
    "trades": SETTINGS["trades"],
    "adversarial": SETTINGS["adversarial"] | {"random_start": 1},
}


@pytest.mark.parametrize("name", STARTS)
def test_chance_follows_the_seed_and_the_step_and_resumes(name):
    objective, memory = make_objective(name, STARTS[name], seed=1)
    whole = losses(objective, 4)
    assert memory is not None
    assert int(memory.step) == 4
    again, other = (make_objective(name, STARTS[name], seed=seed) for seed in (1, 2))
    assert losses(again[0], 4) == whole
    assert losses(other[0], 4) != whole
    resumed, fresh = make_objective(name, STARTS[name], seed=1)
    fresh.load_state_dict({"step": torch.tensor(2)})
    x, y = images(9, **IMAGES), labels(9)
    memory.step.fill_(2)
    assert torch.equal(resumed(normed(), x, y).loss, objective(normed(), x, y).loss)


def test_trades_by_name_is_trades():
    objective, _ = make_objective("trades", SETTINGS["trades"] | {"start_noise": 0.0}, seed=1)
    x, y = images(9, **IMAGES), labels(9)
    expected = trades(normed(), x, y, beta=2.0, ball=LinfBall(0.05), steps=3, step_size=0.03,
                      order="authors", start_noise=0.0, generator=torch.Generator())  # fmt: skip
    assert torch.equal(objective(normed(), x, y).loss, expected.loss)


@pytest.mark.parametrize("name", SETTINGS)
def test_penalties_come_on_top_and_into_the_memory(name):
    penalty = SpectralPenalty(alpha=1.0, beta=0.5, ranks=(1, 4))
    objective, memory = make_objective(name, SETTINGS[name], seed=1, penalties={"flatten": penalty})
    plain, _ = make_objective(name, SETTINGS[name], seed=1)
    x, y = images(9, **IMAGES), labels(9)
    assert objective(normed(), x, y).loss > plain(normed(), x, y).loss
    assert isinstance(memory, nn.ModuleList)
    assert memory[-1] is penalty
    assert len(memory) == 1 + (name in ("trades", "free"))


def test_presets_are_the_protocol_sheets_numbers():
    shared = {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 1e-4, "augment": True}
    for name, recipe in PRESETS.items():
        assert {key: getattr(recipe, key) for key in shared} == shared
        make_objective(recipe.objective, recipe.settings, seed=0)
        assert name.startswith("resnet50-")
        with pytest.raises(TypeError):
            recipe.settings["eps"] = 1.0
    eps = 4 / 255
    trade, igr, free, madry = (
        PRESETS[f"resnet50-{name}"] for name in ("trades", "igr", "free", "adversarial")
    )
    assert (trade.epochs, trade.batch_size, trade.drops) == (80, 128, (25, 45, 65))
    assert (igr.epochs, igr.batch_size, igr.drops) == (100, 128, (35, 70, 90))
    assert (free.epochs, free.batch_size, free.drops, free.replays) == (23, 256, (8, 16), 4)
    assert (madry.epochs, madry.batch_size, madry.drops) == (90, 512, (30, 60))
    assert trade.settings["beta"] == 2
    assert trade.settings["steps"] == madry.settings["steps"] == 3
    assert trade.settings["step_size"] == pytest.approx(2 / 3 * eps)
    assert trade.settings["order"] == "paper"
    assert (igr.settings["strength"], igr.settings["h"]) == (0.3, 0.01)
    assert free.settings["step_size"] == free.settings["eps"] == eps
    assert madry.source.startswith("not from the paper")


def test_settings_are_completed():
    complete = complete_settings("free", {"eps": 0.1, "step_size": 0.2})
    assert isinstance(complete_settings("igr", {"strength": 1, "h": 0.1})["strength"], float)
    assert complete == {"eps": 0.1, "step_size": 0.2, "norm": "Linf", "geometry": "paper"}


@pytest.mark.parametrize(("name", "settings", "message"), [
    ("trade", {}, r"objective='trade'; choose one of 'standard', 'adversarial', 'trades', 'igr'"),
    ("standard", {"eps": 0.1}, r"settings eps: the objective 'standard' takes no settings"),
    ("igr", {"lambda": 1, "h": 1}, r"settings lambda: the objective 'igr' takes strength, h, dir"),
    ("free", {"norm": "L2"}, r"the objective 'free' needs eps, step_size; give each a value"),
    ("adversarial", {"eps": 0.1, "steps": 0, "step_size": 1.0}, "steps=0: give a whole number"),
    ("trades", SETTINGS["trades"] | {"beta": -1.0}, r"beta=-1.0, start_noise=0.001"),
    ("igr", {"strength": 0.3, "h": -1.0}, r"strength=0.3, h=-1.0"),
    ("igr", {"strength": "much", "h": 0.1}, r"strength='much': give a finite number"),
    ("adversarial", {"eps": 0.1, "steps": 2.5, "step_size": 1}, r"steps=2.5: give a whole number"),
    ("free", {"eps": 0.1, "step_size": -1.0}, r"step_size=-1.0: give a positive"),
])  # fmt: skip
def test_what_there_is_not_is_refused(name, settings, message):
    with pytest.raises(ValueError, match=message):
        make_objective(name, settings, seed=0)


def test_no_penalties_at_all_are_asked_for_by_none():
    with pytest.raises(ValueError, match=r"penalties=\{\}"):
        make_objective("standard", {}, seed=0, penalties={})
