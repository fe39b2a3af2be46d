import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from striate.reference import gerum2022_published
from striate.report import gerum2022_claims
from striate.report.gerum2022.claim_tables import claims_table, contrast_cells, contrast_table
from striate.report.gerum2022.claims import CLAIMS, mouse_within, slope_within
from striate.report.gerum2022.evidence import (
    Evidence,
    against_baseline,
    of_paper,
    of_sweep,
    read_at,
)
from striate.report.gerum2022.judging import (
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
from striate.report.gerum2022.sweeps import sweeps
from striate.report.gerum2022.verdicts import NOT, OPEN, REPRODUCED, Judgement, every, everywhere
from striate.results import Curve, load_all

WEAK, STRONG, INFINITY = 0.1, 1.0, float("inf")
NONE = pd.DataFrame(columns=["beta", "target", "epoch", "alpha"])
ERROR = 0.01 / 2**1.5  # two of them make a margin of one point


def planted(*cells, errors=2.0, attack="pgd", epochs=NONE, error=ERROR):
    """Cells as (β, α, accuracy): a difference of more than one point counts."""
    rows = pd.DataFrame(cells, columns=["beta", "alpha", "accuracy"])
    spectrum = pd.DataFrame(columns=["rank", "variance"])
    return Evidence(rows.assign(attack=attack, error=error), errors, epochs, spectrum)


def line(beta, *accuracies, start=1.0):
    return [(beta, start + i, accuracy) for i, accuracy in enumerate(accuracies)]


BASE = (0.0, 2.0, 0.50)
# rule, cells, verdict: each rule has cells for each of its verdicts.
CASES = [
    # A peak at α of 2-3, cells at 1, 2, 3, 4.
    (best_within("pgd", 1.0, (1.9, 3.1)), line(1.0, 0.5, 0.6, 0.6, 0.5), REPRODUCED),
    (best_within("pgd", 1.0, (1.9, 3.1)), line(1.0, 0.7, 0.6, 0.6, 0.5), NOT),
    (best_within("pgd", 1.0, (1.9, 3.1)), line(1.0, 0.5, 0.6, 0.6, 0.7), NOT),
    (best_within("pgd", 1.0, (1.9, 3.1)), line(1.0, 0.5, 0.6, 0.6, 0.595), OPEN),
    (best_within("pgd", 1.0, (1.9, 3.1)), line(1.0, 0.5, 0.6, 0.6), OPEN),  # one side only
    (best_within("pgd", 1.0, (1.9, 3.1)), line(0.1, 0.5, 0.6, 0.6, 0.5), OPEN),  # another β
    (best_within("pgd", 1.0, (-INFINITY, 1.1)), line(1.0, 0.6, 0.5), REPRODUCED),  # no lower side
    (best_within("pgd", 1.0, (1.9, 3.1), (0.7, 1.3)), line(1.0, 0.5, 0.6, 0.6, 0.9), REPRODUCED),
    (best_within("pgd", 1.0, (1.9, 3.1), (0.7, 1.3)), line(1.0, 0.7, 0.6, 0.6, 0.9), NOT),
    (best_within("fgsm", 1.0, (1.9, 3.1)), line(1.0, 0.5, 0.6, 0.6, 0.5), OPEN),  # not attacked so
    (rising("pgd", 1.0), line(1.0, 0.3, 0.4, 0.5), REPRODUCED),
    (rising("pgd", 1.0), line(1.0, 0.5, 0.4, 0.3), NOT),
    (rising("pgd", 1.0), line(1.0, 0.3, 0.3, 0.305), OPEN),
    (rising("pgd", 1.0), line(1.0, 0.40, 0.6, 0.3, 0.2, 0.42), OPEN),  # the ends alone rise
    (rising("pgd", 1.0), line(1.0, 0.3, 0.5), OPEN),
    (rising("pgd", 1.0), line(1.0, 0.3, 0.3, 0.3), OPEN),
    (rising("pgd", 1.0, -1.0), line(1.0, 0.5, 0.4, 0.3), REPRODUCED),
    (rising("pgd", 1.0, -1.0), line(1.0, 0.3, 0.4, 0.5), NOT),
    (above("pgd", STRONG, WEAK), [*line(1.0, 0.6, 0.7), *line(0.1, 0.5, 0.5)], REPRODUCED),
    (above("pgd", STRONG, WEAK), [*line(1.0, 0.6, 0.4), *line(0.1, 0.5, 0.5)], NOT),
    # One of two counts, and that is half of them.
    (above("pgd", STRONG, WEAK), [*line(1.0, 0.6, 0.505), *line(0.1, 0.5, 0.5)], REPRODUCED),
    (above("pgd", STRONG, WEAK), [*line(1.0, 0.505, 0.505), *line(0.1, 0.5, 0.5)], OPEN),
    (above("pgd", STRONG, WEAK), [*line(1.0, 0.6, 0.495), *line(0.1, 0.5, 0.5)], OPEN),
    (above("pgd", STRONG, WEAK), [*line(1.0, 0.6), *line(0.1, 0.5, start=3)], OPEN),  # no α shared
    (above("pgd", STRONG, 0.0), [*line(1.0, 0.6, 0.7, 0.8), BASE], REPRODUCED),
    (above("pgd", STRONG, 0.0, -1.0), [*line(1.0, 0.6, 0.7, 0.8), BASE], NOT),
    (above("pgd", STRONG, 0.0, -1.0), [*line(1.0, 0.4, 0.3, 0.2), BASE], REPRODUCED),
    (equals_baseline("pgd", WEAK), [*line(0.1, 0.4, 0.5, 0.6), BASE], REPRODUCED),
    (equals_baseline("pgd", WEAK), [*line(0.1, 0.5, 0.56, 0.6), BASE], NOT),
    (equals_baseline("pgd", WEAK), [*line(0.1, 0.5, 0.515, 0.6), BASE], OPEN),
    (equals_baseline("pgd", WEAK), [*line(0.1, 0.5, start=3), BASE], OPEN),
    (equals_baseline("pgd", WEAK), line(0.1, 0.4, 0.5, 0.6), OPEN),
    (only_beats_baseline("pgd", WEAK, (1.5, 9.0)), [*line(0.1, 0.49, 0.52), BASE], REPRODUCED),
    # The other cell is not above the baseline, but might be by more than half a point.
    (only_beats_baseline("pgd", WEAK, (1.5, 9.0)), [*line(0.1, 0.5, 0.52), BASE], OPEN),
    (only_beats_baseline("pgd", WEAK, (1.5, 9.0)), [*line(0.1, 0.52, 0.52), BASE], NOT),
    (
        only_beats_baseline("pgd", WEAK, (1.5, 9.0)),
        [*line(0.1, 0.5, 0.52), (1.0, 3.0, 0.52), BASE],
        NOT,
    ),
    (only_beats_baseline("pgd", WEAK, (1.5, 9.0)), [*line(0.1, 0.5, 0.45), BASE], NOT),
    (only_beats_baseline("pgd", WEAK, (1.5, 9.0)), [*line(0.1, 0.5, 0.505), BASE], OPEN),
    (only_beats_baseline("pgd", WEAK, (1.5, 9.0)), line(0.1, 0.5, 0.52), OPEN),
    (never_beats_baseline("pgd", STRONG), [*line(1.0, 0.4, 0.49), BASE], REPRODUCED),
    (never_beats_baseline("pgd", STRONG), [*line(1.0, 0.4, 0.52), BASE], NOT),
    (never_beats_baseline("pgd", STRONG), [*line(1.0, 0.4, 0.505), BASE], OPEN),
    (never_beats_baseline("pgd", STRONG), [*line(1.0, 0.4, 0.499), BASE], OPEN),
    (never_beats_baseline("pgd", STRONG), [*line(0.1, 0.4, 0.49), BASE], OPEN),
    (
        accuracy_within("pgd", 0.45, 0.55),
        [*line(0.1, 0.5, 0.5, 0.5), *line(1.0, 0.5, 0.5, 0.54), BASE],
        REPRODUCED,
    ),
    (
        accuracy_within("pgd", 0.45, 0.55),
        [*line(0.1, 0.5, 0.5, 0.5), *line(1.0, 0.5, 0.5, 0.57), BASE],
        NOT,
    ),
    (
        accuracy_within("pgd", 0.45, 0.55),
        [*line(0.1, 0.5, 0.5, 0.5), *line(1.0, 0.5, 0.5, 0.552), BASE],
        OPEN,
    ),
    (
        accuracy_within("pgd", 0.45, 0.55),
        [*line(0.1, 0.5, 0.5, 0.5), *line(1.0, 0.5, 0.5, 0.548), BASE],
        OPEN,
    ),
    (accuracy_within("pgd", 0.45, 0.55), [*line(0.1, 0.5, 0.5, 0.5), BASE], OPEN),
    (accuracy_within("fgsm", 0.45, 0.55), [BASE], OPEN),
    (level_within("pgd", WEAK, (0.0, 3.0)), line(0.1, 0.5, 0.503, 0.501), OPEN),
    (level_within("pgd", WEAK, (0.0, 3.0)), line(0.1, 0.5, 0.503, 0.52), NOT),
    (level_within("pgd", WEAK, (0.0, 3.0)), line(0.1, 0.5, 0.503, 0.512), OPEN),
    (level_within("pgd", WEAK, (0.0, 1.0)), line(0.1, 0.5, 0.503), OPEN),
    (no_peak("pgd", WEAK), line(0.1, 0.6, 0.5, 0.5, 0.5, 0.4), REPRODUCED),
    (no_peak("pgd", WEAK), line(0.1, 0.4, 0.5, 0.6, 0.5, 0.5), NOT),
    (no_peak("pgd", WEAK), line(0.1, 0.5, 0.5, 0.498, 0.5, 0.5), OPEN),
    (no_peak("pgd", WEAK), line(0.1, 0.6, 0.5, 0.5, 0.5), OPEN),
]


@pytest.mark.parametrize(("rule", "cells", "verdict"), CASES)
def test_planted_numbers_make_the_verdict(rule, cells, verdict):
    judgement = rule(planted(*cells))
    assert judgement.verdict == verdict, judgement.numbers
    assert judgement.numbers
    assert "nan" not in judgement.numbers


@pytest.mark.parametrize(("rule", "cells", "verdict"), CASES)
def test_without_a_spread_between_seeds_nothing_can_be_told(rule, cells, verdict):
    judgement = rule(planted(*cells, errors=np.nan, error=np.nan))
    # What never depended on a difference: a cell that is missing, or one above the baseline.
    assert judgement.verdict == OPEN
    assert "nan" not in judgement.numbers


def track(beta, target, *alphas):
    return [(beta, target, epoch, alpha) for epoch, alpha in enumerate(alphas, start=1)]


def races(*tracks):
    """Evidence of a race per target; tracks as (weak, strong), each seen from its target."""
    rows = [
        *track(1.0, 9.0, 9.0),  # a target that one of them has alone
        *(
            row
            for target, both in enumerate(tracks, start=3)
            for beta, alphas in zip((WEAK, STRONG), both, strict=True)
            for row in track(beta, float(target), *(target + alpha for alpha in alphas))
        ),
    ]
    return planted(BASE, epochs=pd.DataFrame(rows, columns=NONE.columns))


SLOW, FAST, NEVER = (-1.8, -1.0, -0.5, 0.0), (-1.8, -0.05, 0.0, 0.0), (-1.8, -1.0, -0.5, -0.4)
THERE = (0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("tracks", "verdict"),
    [
        ([(SLOW, FAST)] * 6, REPRODUCED),
        ([(NEVER, SLOW)] * 6, REPRODUCED),
        ([(SLOW, FAST)] * 6 + [(SLOW, SLOW)], REPRODUCED),  # a tie is no race
        ([(FAST, SLOW)] * 6, NOT),
        ([(SLOW, NEVER)] * 6, NOT),
        ([(SLOW, FAST)] * 5, OPEN),  # as five heads: chance has them once in 32
        ([(FAST, SLOW)] * 5, OPEN),
        ([(SLOW, FAST)] * 5 + [(FAST, SLOW)], OPEN),
        ([(SLOW, FAST)] * 11 + [(FAST, SLOW)], OPEN),  # it is not at all of them
        ([(SLOW, SLOW)] * 6, OPEN),
        ([(NEVER, NEVER)] * 6, OPEN),
        ([(THERE, THERE)] * 6, OPEN),  # both there at once
    ],
)
def test_who_is_at_the_targets_sooner(tracks, verdict):
    judgement = sooner(races(*tracks))
    assert judgement.verdict == verdict, judgement.numbers
    assert sooner(planted(BASE)).verdict == OPEN


def test_no_race_is_decided_by_single_networks():
    evidence = races(*[(SLOW, FAST)] * 6)._replace(errors=np.nan)
    judgement = sooner(evidence)
    assert judgement.verdict == OPEN
    assert "strong first at 6 of 6 targets" in judgement.numbers


def test_rules_within_rules_share_the_margin_of_all():
    shared = []

    def rule(evidence):
        shared.append(evidence.together)
        return Judgement(OPEN, "")

    every(every(every(rule, rule), rule, rule), rule)(planted(BASE))
    assert shared == [12, 12, 6, 6, 2]
    shared.clear()
    every(rule, everywhere(lambda *_: rule, ("fgsm", "pgd"), (WEAK, STRONG)))(planted(BASE))
    assert shared == [2, 8, 8, 8, 8]


def test_what_is_published_without_an_error_has_the_median_one_of_its_attack():
    """The one of a dot of a single run is zero, and that of the baseline is not given."""
    sems = {"none": (0.001, 0.004, 0.002), "pgd": (0.01, np.nan, 0.09, 0.02, 0.0)}
    rows = pd.DataFrame(
        [
            (attack, 0.0 if attack == "none" else 0.1, 1.0, 1.0 + i, 0.5, sem)
            for attack, column in sems.items()
            for i, sem in enumerate(column)
        ],
        columns=["attack", "epsilon", "beta", "alpha", "accuracy", "sem"],
    )
    cells = of_paper(rows, 0.1, NONE, pd.DataFrame()).cells
    found = {attack: tuple(column) for attack, column in cells.groupby("attack")["error"]}
    assert found == {"none": sems["none"], "pgd": (0.01, 0.02, 0.09, 0.02, 0.02)}


def test_several_rules_make_one_verdict():
    def says(verdict):
        return lambda evidence: Judgement(verdict, verdict)

    cells = planted(BASE)
    for verdicts, together in [
        ((REPRODUCED, REPRODUCED), REPRODUCED),
        ((REPRODUCED, OPEN), OPEN),
        ((REPRODUCED, OPEN, NOT), NOT),
    ]:
        assert every(*map(says, verdicts))(cells) == Judgement(together, "; ".join(verdicts))
    numbers = everywhere(rising, ("fgsm", "pgd"), (0.1, 1.0))(cells).numbers
    assert numbers.count(";") == 3


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (only_beats_baseline("none", WEAK, (1.5, INFINITY)), "no α from 1.5 on to set against"),
        (best_within("none", WEAK, (2.5, 3.5)), "n = 0, no cell for α in 2.5–3.5"),
        (best_within("none", WEAK, (-INFINITY, 1.05)), "n = 0, no cell for α up to 1.05"),
        (level_within("none", WEAK, (0.0, 1.05)), "0 cells with α in 0–1.05"),
    ],
)
def test_ranges_of_alpha_may_be_open(rule, told):
    assert told in rule(planted(BASE, attack="none")).numbers


def test_what_has_no_margin_is_told_with_its_gap():
    """One seed of each: there are α from 1.5 on, and a baseline, and nothing can be decided."""
    cells = planted(*line(0.1, 0.49, 0.52, 0.53), BASE, error=np.nan, errors=np.nan)
    found = only_beats_baseline("pgd", WEAK, (1.5, INFINITY))(cells)
    assert found.verdict == OPEN
    assert "at most +3.00 points without a margin at α = 3.0 (2 cells)" in found.numbers
    assert "0 of 1 other cells above the baseline" in found.numbers


def test_the_mouse_and_a_network_left_alone():
    assert mouse_within(planted(BASE), low=0.95, high=1.05).verdict == REPRODUCED
    assert mouse_within(planted(BASE), low=0.95, high=0.96).verdict == NOT
    # Our protocol sheet, section 12: 0.973356 over ranks 12-500 with weights 1/rank.
    assert "α = 0.973 over" in mouse_within(planted(BASE), low=0.0, high=1.0).numbers
    rank = np.arange(1, 121)
    power = pd.DataFrame({"rank": rank, "variance": rank**-1.6})
    evidence = planted(BASE)._replace(spectrum=power)
    for (low, high), verdict in (((1.5, 1.7), REPRODUCED), ((1.7, 1.8), NOT), ((1.0, 1.5), NOT)):
        judgement = slope_within(evidence, ranks=(6, 100), low=low, high=high)
        assert judgement == Judgement(verdict, "α = 1.60 over ranks 6–100")
    assert slope_within(planted(BASE), ranks=(6, 100), low=0.0, high=9.0).verdict == OPEN
    one = planted(BASE)._replace(spectrum=power.assign(n=1))
    judgement = slope_within(one, ranks=(6, 100), low=0.0, high=9.0)
    assert judgement == Judgement(OPEN, "α = 1.60 over ranks 6–100, of one network")
    two = planted(BASE)._replace(spectrum=power.assign(n=2))
    assert slope_within(two, ranks=(6, 100), low=0.0, high=9.0).verdict == REPRODUCED


def test_the_margin_is_a_t_interval_with_the_spread_pooled_over_cells(tmp_path, swept):
    """Three cells of two seeds: three degrees of freedom, sd² the mean of theirs."""
    swept(tmp_path, betas=(1.0,), targets=(1.0, 3.0))
    (sweep,) = sweeps(load_all(tmp_path))
    evidence = of_sweep(sweep)
    rows = sweep.accuracies.query("attack == 'pgd' and epsilon == 0.05")
    values = rows.groupby(["beta", "target"], dropna=False)["accuracy"]
    assert evidence.errors == pytest.approx(t.ppf(0.975, 3))
    spread = np.sqrt(values.var().mean())
    cells = evidence.cells.query("attack == 'pgd'")
    np.testing.assert_allclose(cells["error"], spread / np.sqrt(2))
    gaps = against_baseline(evidence, "pgd")
    np.testing.assert_allclose(gaps["margin"], t.ppf(0.975, 3) * spread)
    means = values.mean()
    expected = [means.loc[(1.0, target)] - means.iloc[0] for target in (1.0, 3.0)]
    np.testing.assert_allclose(gaps["difference"], expected)


def test_networks_pulled_in_vain_towards_several_targets_are_one_cell(tmp_path, saved, swept):
    swept(tmp_path, betas=(1.0,), targets=(1.0, 3.0))
    alone = of_sweep(sweeps(load_all(tmp_path))[0])
    for target in (4.2, 4.4, 4.6):
        for seed, alpha in ((1234, 4.0), (2468, 4.1)):
            saved(tmp_path, beta=0.1, target=target, seed=seed, alpha=alpha)
    (sweep,) = sweeps(load_all(tmp_path))
    evidence = of_sweep(sweep)
    assert len(sweep.networks) == 6 + 6
    assert len(evidence.cells) == len(alone.cells) + 3  # under each attack one more
    assert (alone.freedom, evidence.freedom) == (3, 4)


def test_one_seed_has_no_margin(tmp_path, swept):
    swept(tmp_path, seeds=(1234,))
    (sweep,) = sweeps(load_all(tmp_path))
    evidence = of_sweep(sweep)
    assert np.isnan(evidence.errors)
    table = claims_table([sweep])
    judged = table[(table["label"] == "shallow MLP on MNIST") & (table["ours"] != OPEN)]
    assert set(judged["source"]) <= {"text 7"}  # slopes need no seeds


def test_a_curve_is_read_between_targets_and_not_beyond():
    evidence = planted((1.0, 1.0, 0.4), (1.0, 2.0, 0.6), (1.0, 4.0, 0.2))
    assert read_at(evidence, "pgd", 1.0, 1.5)["accuracy"] == pytest.approx(0.5)
    assert read_at(evidence, "pgd", 1.0, 3.0)["accuracy"] == pytest.approx(0.4)
    assert np.isnan(read_at(evidence, "pgd", 1.0, 0.9)["accuracy"])
    assert np.isnan(read_at(evidence, "pgd", 0.1, 1.5)["accuracy"])


# Our protocol sheet, section 8b, says which claims the paper's figures bear out. That the deep MLP
# is best near 3 they do not; but 0.03 points less than at 2.2, picked of 13 cells, may be chance.
PAPER = {
    ("shallow_mlp", "Strong regularisation never beats the baseline"): REPRODUCED,
    ("shallow_mlp", "The larger α, the more robust"): REPRODUCED,
    ("shallow_mlp", "Strong is more robust than weak at the same α"): REPRODUCED,
    ("shallow_mlp", "Strong reaches the target earlier in training"): REPRODUCED,
    ("deep_mlp", "The best α for accuracy is about 3"): OPEN,
    ("cnn", "Clean accuracy falls with α"): REPRODUCED,
    ("cnn", "Higher α gives more robustness"): REPRODUCED,
}


MOUSE = "Mouse V1 has α near 1"  # a published spectrum: whatever networks there are


def test_the_papers_own_curves_are_judged_as_the_sheet_reads_them():
    table = claims_table([])
    assert len(table) == len(CLAIMS) == len(table.drop_duplicates(["label", "claim"]))
    for (network, claim), verdict in PAPER.items():
        (row,) = table[(table["network"] == network) & (table["claim"] == claim)].itertuples()
        assert row.paper == verdict, row.paper_numbers
    ours = table[table["claim"] != MOUSE]
    assert set(ours["ours"]) == {OPEN}
    assert set(ours["our_numbers"]) == {"no such networks were trained"}


@pytest.mark.parametrize("networks", ["none", "others", "the paper's"])
def test_no_network_decides_what_is_said_of_the_mouse(tmp_path, swept, saved, networks):
    if networks == "others":
        swept(tmp_path, form="line")
    elif networks == "the paper's":
        saved(tmp_path)
    table = claims_table([] if networks == "none" else sweeps(load_all(tmp_path)))
    (row,) = table[table["claim"] == MOUSE].itertuples()
    assert (row.paper, row.ours) == (REPRODUCED, "published spectrum: yes")
    told = "α = 0.973 over ranks 12–500 of the published spectrum; no network of ours decides"
    assert row.our_numbers == told


def test_at_the_baselines_alpha_the_papers_curves_are_those_of_the_sheet():
    # Section 8b: weak/strong/baseline FGSM: shallow .296/.363/.290; deep .343/.390/.326;
    # CNN on MNIST .674/.663/.672; on CIFAR-10 .225/.246/.222.
    table = contrast_table([]).query("attack == 'fgsm'")
    expected = [
        (0.296, 0.363, 0.290),
        (0.343, 0.390, 0.326),
        (0.674, 0.663, 0.672),
        (0.225, 0.246, 0.222),
    ]
    np.testing.assert_allclose(table[["weak", "strong", "baseline"]], expected, atol=6e-4)
    assert (table["source"] == "paper").all()


def test_ours_stand_beside_theirs_at_our_own_alpha(folder):
    table = contrast_table(sweeps(load_all(folder))).query("data == 'mnist' and source == 'ours'")
    assert table["attack"].tolist() == ["none", "fgsm", "pgd"]
    for row in table.itertuples():
        assert row.alpha == pytest.approx(1.535, abs=0.001)
        assert row.weak_difference == pytest.approx(row.weak - row.baseline)
        assert row.strong_margin > 0
    cells = contrast_cells(table)
    assert cells[0]["baseline"] == "93.8"
    assert all(re.fullmatch(r"[+−]?[\d.]+ ± [\d.]+", cell["strong_difference"]) for cell in cells)


def test_planted_results_flip_a_claim_from_end_to_end(tmp_path, swept):
    """Robustness rises with α in the planted networks; turned over, it falls."""
    swept(tmp_path)

    def verdict(found):
        table = claims_table(sweeps(found))
        (row,) = table[table["claim"] == "The larger α, the more robust"].itertuples()
        return row.ours

    def turned(result):
        if isinstance(result, Curve) and result.name.startswith("accuracy_"):
            return replace(result, y=(result.y[0], *(1 - y for y in result.y[1:])))
        return result

    found = load_all(tmp_path)
    assert verdict(found) == REPRODUCED
    assert verdict([turned(result) for result in found]) == NOT


def test_only_networks_with_the_papers_settings_are_judged(tmp_path, swept):
    for change in ({"form": "line"}, {"width": 500}, {"layers": "all"}, {"weight_decay": 0.1}):
        swept(tmp_path, **change)
    table = claims_table(sweeps(load_all(tmp_path)))
    assert set(table.loc[table["claim"] != MOUSE, "ours"]) == {OPEN}


def test_markdown_has_a_row_per_claim_and_per_contrast(folder):
    lines = gerum2022_claims(load_all(folder)).splitlines()
    first = lines.index("")
    assert len(lines[:first]) == 2 + len(CLAIMS)
    assert len({line.count(" | ") for line in lines[:first] if "---" not in line}) == 1
    assert len(lines[first + 1 :]) == 2 + 4 * 3 + 3
    assert (
        "| shallow MLP on MNIST | Mouse V1 has α near 1 | text 7 | yes | published spectrum: yes |"
        in lines[2 + [claim.text for claim in CLAIMS].index("Mouse V1 has α near 1")]
    )


def test_the_published_errors_are_their_sem_or_the_usual_one():
    published = gerum2022_published("shallow_mlp", "mnist")
    assert published.query("beta == 0")["sem"].isna().all()
    table = contrast_table([]).query("network == 'shallow_mlp' and attack == 'fgsm'")
    # Twice the root of the sum of two squared errors of 0.0005 to 0.002.
    assert table["weak_margin"].between(0.001, 0.006).all()
