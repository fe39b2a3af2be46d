"""Which pass is penalised, and what looking at the spectra is said to take."""

from types import SimpleNamespace

import pytest
import torch
from trained_nets import IMAGES, agree, normed, slow_cross_entropy

from striate.spectra import SpectralPenalty
from striate.training import penalised, spectral, standard
from striate.training.objectives import penalties as module
from truths import images, labels

LAYER, OTHER = "flatten", "output"


def fresh(beta):
    return {
        OTHER: SpectralPenalty(alpha=1.0, beta=beta, ranks=(1, 3)),
        LAYER: SpectralPenalty(alpha=2.0, beta=beta, ranks=(1, 8)),
    }


def test_a_pass_in_training_mode_without_gradient_is_not_the_one_that_is_penalised():
    x, y, elsewhere = images(30, **IMAGES), labels(30), images(30, seed=5, **IMAGES)
    net, twin = normed(), normed()

    def looks_first(model, shown, classes):
        with torch.no_grad():
            model(elsewhere)
        return standard(model, shown, classes)

    step = penalised(net, x, y, objective=looks_first, penalties=fresh(0.5))
    with torch.no_grad():
        twin(elsewhere)
    hidden = twin[:4](x)
    wanted = fresh(0.5)
    expected = slow_cross_entropy(twin[4](hidden), y).mean()
    expected = expected + wanted[OTHER](twin[4](hidden)) + wanted[LAYER](hidden)
    agree(step, expected, net, twin)


@pytest.mark.parametrize("weighed", [(), (LAYER,), (OTHER,), (LAYER, OTHER)], ids=str)
def test_the_seconds_of_the_exponents_are_those_of_all_layers_without_a_penalty(
    weighed, monkeypatch
):
    """By a clock on which the first layer takes 3 seconds, and the second 5."""
    layers = {name: fresh(0.5 if name in weighed else 0.0)[name] for name in (OTHER, LAYER)}
    clock = {OTHER: (10.0, 13.0), LAYER: (20.0, 25.0)}
    # A layer with a penalty is not timed at its end.
    ticks = (tick for name in layers for tick in clock[name][: 1 if name in weighed else 2])
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: next(ticks)))
    step = spectral(normed(), images(30, **IMAGES), labels(30), penalties=layers)
    seconds = {OTHER: 3.0, LAYER: 5.0}
    expected = sum(seconds[name] for name in layers if name not in weighed)
    assert step.measured["seconds_alpha"] == expected
