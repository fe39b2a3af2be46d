"""How often chance alone decides a claim: networks of known accuracy, judged again and again."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, t

from striate.report.gerum2022.evidence import Evidence
from striate.report.gerum2022.judging import (
    LEVEL,
    above,
    accuracy_within,
    best_within,
    equals_baseline,
    level_within,
    never_beats_baseline,
    no_peak,
    only_beats_baseline,
    rising,
)
from striate.report.gerum2022.race import sooner
from striate.report.gerum2022.verdicts import NOT, OPEN, REPRODUCED, every, everywhere

WEAK, STRONG, INFINITY = 0.1, 1.0, float("inf")
ALPHAS = np.linspace(0.6, 4.8, 22)
NO_EPOCHS = pd.DataFrame(columns=["beta", "target", "epoch", "alpha"])
NO_SPECTRUM = pd.DataFrame(columns=["rank", "variance"])
ERROR = 0.01 / 2**1.5  # two of them make a margin of one point


def cells_of(strays, alphas=ALPHAS):
    """A baseline, weak and strong cells, all at one half but for `strays`: (β, α): accuracy."""
    rows = [(0.0, 1.6, 0.5), *((beta, alpha, 0.5) for beta in (WEAK, STRONG) for alpha in alphas)]
    cells = pd.DataFrame(rows, columns=["beta", "alpha", "accuracy"])
    for (beta, at), value in strays.items():
        near = (cells["beta"] == beta) & np.isclose(cells["alpha"], at)
        cells.loc[near, "accuracy"] = value
    return cells.assign(attack="none", error=ERROR)


def drawn(mean, draw, *, seeds, sd, alphas=ALPHAS):
    """Evidence of networks that differ by chance; the errors are as `of_sweep` finds them."""
    cells = pd.concat(
        cells_of({}, alphas).assign(attack=attack) for attack in ("none", "fgsm", "pgd")
    )
    means = np.array([mean(beta, alpha) for beta, alpha in cells[["beta", "alpha"]].to_numpy()])
    values = draw.normal(means[:, None], sd, (len(cells), seeds))
    spread = np.sqrt(values.var(axis=1, ddof=1).reshape(3, -1).mean(axis=1))
    error = cells["attack"].map(dict(zip(("none", "fgsm", "pgd"), spread, strict=True)))
    cells = cells.assign(accuracy=values.mean(axis=1), error=error / np.sqrt(seeds))
    freedom = (seeds - 1) * len(cells) // 3
    return Evidence(cells, t.ppf(0.975, freedom), NO_EPOCHS, NO_SPECTRUM, freedom)


def rate(rule, verdict, mean, *, seeds=3, sd=0.005, draws=100, alphas=ALPHAS):
    draw = np.random.default_rng(0)
    found = [rule(drawn(mean, draw, seeds=seeds, sd=sd, alphas=alphas)) for _ in range(draws)]
    return np.mean([judgement.verdict == verdict for judgement in found])


# rule; the cell that alone speaks against it; how many could have; the verdict of the others.
STRAYS = [
    (never_beats_baseline("none", STRONG), (STRONG, 3.0), 22),
    (only_beats_baseline("none", WEAK, (1.5, INFINITY)), (STRONG, 3.0), 27),
    (above("none", WEAK, STRONG), (STRONG, 3.0), 22),
    (best_within("none", WEAK, (2.5, 3.5)), (WEAK, 4.0), 17),
    (no_peak("none", WEAK), (WEAK, 3.0), 20),
]


@pytest.mark.parametrize(("rule", "place", "count"), STRAYS)
def test_any_of_many_cells_decides_beyond_the_margin_of_so_many(rule, place, count):
    """One cell is 1.2 margins away: of one cell that is enough, of twenty it is not."""
    assert (ALPHAS <= 1.5).sum() == 5
    margin = 0.01 * norm.isf(norm.sf(2) / count) / 2
    assert margin > 0.012
    level = 0.5 + LEVEL * (rule.__qualname__.startswith("no_peak"))  # what counts as a peak
    for excess, verdict in ((0.012, OPEN), (0.99 * margin, OPEN), (1.01 * margin, NOT)):
        evidence = Evidence(cells_of({place: level + excess}), 2.0, NO_EPOCHS, NO_SPECTRUM)
        assert rule(evidence).verdict == verdict, excess
        assert rule(evidence._replace(together=10)).verdict == OPEN


def test_a_range_holds_for_all_cells_or_any_is_outside():
    rule, margin = accuracy_within("none", 0.45, 0.55), 2 * ERROR * norm.isf(norm.sf(2) / 45) / 2
    for beyond, verdict in ((1.2 * 2 * ERROR, OPEN), (0.99 * margin, OPEN), (1.01 * margin, NOT)):
        cells = cells_of({(WEAK, 3.0): 0.55 + beyond})
        assert rule(Evidence(cells, 2.0, NO_EPOCHS, NO_SPECTRUM)).verdict == verdict


def test_few_degrees_of_freedom_make_the_margin_of_many_wider_yet():
    rule = never_beats_baseline("none", STRONG)
    cells, known = cells_of({(STRONG, 3.0): 0.52}), 2.0
    few = Evidence(cells, known, NO_EPOCHS, NO_SPECTRUM, freedom=4.0)
    assert t.isf(t.sf(known, 4.0) / 22, 4.0) > 2 * known
    assert rule(few).verdict == OPEN
    assert rule(few._replace(freedom=np.inf)).verdict == NOT


def test_of_several_rules_any_decides_beyond_the_margin_of_so_many():
    cells = cells_of({(WEAK, 4.8): 0.4885})  # 1.15 margins below the other end
    evidence = Evidence(cells, 2.0, NO_EPOCHS, NO_SPECTRUM)
    rules = rising("none", WEAK), rising("none", STRONG)
    assert [rule(evidence).verdict for rule in rules] == [NOT, OPEN]
    assert norm.isf(norm.sf(2) / 4) / 2 > 1.15 > norm.isf(norm.sf(2) / 2) / 2
    assert every(*rules)(evidence).verdict == NOT
    assert every(*rules, *rules)(evidence).verdict == OPEN
    # What speaks for a claim has to be seen in each of them, and needs no wider margin.
    rise = cells_of({(WEAK, 4.8): 0.5105, (STRONG, 4.8): 0.5105})
    rise["accuracy"] += np.where(rise["alpha"] < 0.7, 0, 1e-4) * rise["alpha"]
    assert everywhere(rising, ("none",), (WEAK, STRONG))(
        Evidence(rise, 2.0, NO_EPOCHS, NO_SPECTRUM)
    ).verdict == REPRODUCED  # fmt: skip


def flat(beta, alpha):
    return 0.94


def strong_is_above(beta, alpha):
    return 0.94 + 0.002 * (beta == STRONG)


def strong_is_below(beta, alpha):
    return 0.94 - 0.001 * (beta == STRONG)


CHANCES = [
    (never_beats_baseline("none", STRONG), flat, 100),
    (never_beats_baseline("none", STRONG), strong_is_below, 100),
    (only_beats_baseline("none", WEAK, (1.5, INFINITY)), flat, 60),
    (above("none", STRONG, WEAK), flat, 40),
    (above("none", STRONG, WEAK), strong_is_above, 40),
    (best_within("none", WEAK, (0.5, 0.7)), flat, 100),
    (accuracy_within("none", 0.90, 0.94), flat, 100),
    (level_within("none", WEAK, (0.0, INFINITY)), flat, 100),
    (no_peak("none", WEAK), flat, 100),
    (everywhere(rising, ("none", "fgsm", "pgd"), (WEAK, STRONG)), flat, 120),
    (every(*(equals_baseline(attack, WEAK) for attack in ("fgsm", "pgd"))), flat, 60),
]


@pytest.mark.parametrize(("rule", "mean", "draws"), CHANCES)
def test_chance_seldom_makes_a_claim_not_reproduced(rule, mean, draws):
    """The claims hold, or nothing speaks against them: 2.5 % of the verdicts may be wrong."""
    assert rate(rule, NOT, mean, draws=draws) <= 0.06


def peak(beta, alpha):
    return 0.94 + 0.02 * np.exp(-((alpha - 2.8) ** 2) / 0.5)


def slope(beta, alpha):
    return 0.94 + 0.03 * alpha


def too_good(beta, alpha):
    return 0.94 + 0.01 * (alpha <= 0.8)


FEW = ALPHAS[[0, 1, 2]]  # 0.6 to 1
POWERLESS = [
    (no_peak("none", WEAK), peak, ALPHAS),
    (level_within("none", WEAK, (0.0, 1.05)), slope, FEW[:2]),
    (never_beats_baseline("none", STRONG), too_good, FEW[:1]),
]


@pytest.mark.parametrize(("rule", "mean", "alphas"), POWERLESS)
def test_noise_that_hides_a_difference_reproduces_nothing(rule, mean, alphas):
    """The claims are false, and the networks too unlike each other to see it."""
    assert rate(rule, REPRODUCED, mean, seeds=2, sd=0.02, alphas=alphas) <= 0.05


@pytest.mark.parametrize(
    "rule",
    [
        no_peak("none", WEAK),
        level_within("none", WEAK, (0.0, INFINITY)),
        equals_baseline("none", WEAK),
    ],
)
def test_that_there_is_no_difference_is_seen_where_networks_are_alike(rule):
    assert rate(rule, REPRODUCED, flat, sd=0.0005, draws=20) == 1


def race(draw, chance, targets=22):
    """A weak and a strong network per target; strong is sooner with a `chance`."""
    rows = [
        (beta, float(target), epoch, float(target) if epoch >= first else 0.0)
        for target, won in enumerate(draw.random(targets) < chance, start=2)
        for beta, first in ((WEAK, 3), (STRONG, 2 if won else 4))
        for epoch in range(1, 6)
    ]
    epochs = pd.DataFrame(rows, columns=NO_EPOCHS.columns)
    return Evidence(cells_of({}), 2.0, epochs, NO_SPECTRUM)


@pytest.mark.parametrize(("chance", "verdict"), [(0.5, NOT), (0.5, REPRODUCED), (0.9, NOT)])
def test_a_race_is_not_decided_by_chance(chance, verdict):
    draw = np.random.default_rng(0)
    found = [sooner(race(draw, chance)).verdict for _ in range(40)]
    assert np.mean(np.equal(found, verdict)) <= 0.06
    assert sooner(race(draw, 1.0)).verdict == REPRODUCED
    assert sooner(race(draw, 0.0)).verdict == NOT
