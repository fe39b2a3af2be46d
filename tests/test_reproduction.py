"""The grid whose results are kept under docs/results agrees with the published curves."""

import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from striate.report import gerum2022_claims, gerum2022_table
from striate.results import Curve, Score, load_all

KEPT = Path(__file__).parent.parent / "docs" / "results" / "grid"


@pytest.fixture(scope="module")
def table():
    return gerum2022_table(load_all(KEPT))


def test_there_is_a_baseline_of_two_seeds_and_the_targets_that_were_promised(table):
    cells = {(row.beta, row.target) for row in table.itertuples() if row.beta > 0}
    assert {(1.0, 1.0), (1.0, 2.0), (1.0, 3.0), (0.1, 3.0)} <= cells
    (baseline,) = table[table["beta"] == 0].itertuples()
    assert baseline.seeds >= 2
    assert abs(baseline.alpha - 1.54) <= 0.1


@pytest.mark.parametrize(
    ("quantity", "tolerance"), [("clean", 0.01), ("fgsm", 0.03), ("pgd", 0.03)]
)
def test_accuracies_lie_on_the_published_curves(table, quantity, tolerance):
    difference = table.loc[table["alpha"] >= 0.6, f"{quantity}_difference"]
    assert difference.notna().all()
    assert difference.abs().max() <= tolerance


def test_the_document_shows_the_kept_numbers(table):
    text = (KEPT.parents[1] / "reproduce-gerum.md").read_text(encoding="utf-8")
    for row in table.itertuples():
        for value in (row.clean, row.fgsm, row.pgd):
            assert f"{value:.4f}" in text


def judged(folder):
    """The rows of claims and of the contrast, as they are written."""
    lines = gerum2022_claims(load_all(KEPT.parent / folder)).splitlines()
    return [line for line in lines if re.match(r"\| \S.* on (MNIST|CIFAR-10) \|", line)]


def test_the_document_shows_the_verdicts_of_the_kept_networks():
    text = (KEPT.parents[1] / "reproduce-gerum.md").read_text(encoding="utf-8")
    shallow = [line for line in judged("grid") if line.startswith("| shallow MLP")]
    others = [line for line in judged("full") if not line.startswith("| shallow MLP")]
    lines = text.splitlines()
    assert [line for line in (*shallow, *others) if line not in lines] == []
    # A claim has six columns, the contrast at equal α nine.
    found = [[line for line in rows if line.count(" | ") == 5] for rows in (shallow, others)]
    assert [len(rows) for rows in found] == [12, 17]
    counts = [sum("| reproduced |" in line for line in rows) for rows in found]
    assert counts == [10, 7]
    assert not [line for rows in found for line in rows if "| not reproduced |" in line]
    # One is a fit to a published spectrum, nothing of ours, and is not counted with ours.
    assert [sum("| published spectrum: yes |" in line for line in rows) for rows in found] == [1, 0]
    assert (
        "Of the twelve claims listed under the shallow MLP ten are\nreproduced. One more," in text
    )
    assert "Seven of the seventeen claims about them are reproduced, and none is refuted" in text


@pytest.mark.parametrize("data", ["mnist", "cifar10"])
def test_cnns_at_full_length_lie_on_the_published_curves(data):
    table = gerum2022_table(load_all(KEPT.parent / "full"))
    cells = table[(table["network"] == "cnn") & (table["data"] == data)]
    assert len(cells) == 13
    for quantity, tolerance in (("clean", 0.006), ("fgsm", 0.031), ("pgd", 0.031)):
        difference = cells[f"{quantity}_difference"].dropna()
        assert len(difference) >= 10
        assert difference.abs().max() <= tolerance


def test_the_deep_mlp_lies_on_the_published_curves_where_ranks_6_to_100_are_shaped():
    """And not where 6 to 50 are, as in the authors' code of May 2022."""
    right, wrong = (
        gerum2022_table(load_all(KEPT.parent / folder)).query("network == 'deep_mlp'")
        for folder in ("full", "window")
    )
    assert (set(right["ranks"]), set(wrong["ranks"])) == ({"6-100"}, {"6-50"})
    alone, elsewhere = (table[table["beta"] == 0]["alpha"].item() for table in (right, wrong))
    assert abs(alone - 1.85) < 0.05
    assert abs(elsewhere - 1.85) > 0.2
    for quantity, tolerance in (("clean", 0.005), ("fgsm", 0.03), ("pgd", 0.03)):
        difference = right[f"{quantity}_difference"].dropna()
        assert len(difference) >= 8
        assert difference.abs().max() <= tolerance
    for attack in ("fgsm", "pgd"):
        assert wrong[f"{attack}_difference"].abs().max() > 0.15


def test_the_page_on_penalties_shows_what_comes_of_asking_seldom():
    page = (KEPT.parents[1] / "penalty.md").read_text(encoding="utf-8")
    curves = load_all(KEPT.parent / "every")
    for beta, every in product((0.1, 1.0), (1, 2, 4)):
        cells = []
        for attack in ("fgsm", "pgd"):
            left = [
                100 * one.y[one.x.index(0.05)]
                for one in curves
                if isinstance(one, Curve)
                and one.name == f"accuracy_{attack}"
                and (one.settings["beta"], one.settings.get("every", 1)) == (beta, every)
            ]
            assert len(left) == 3
            cells.append(f"{np.mean(left):.1f} ± {np.std(left, ddof=1):.1f}")
        (row,) = [line for line in page.splitlines() if line.startswith(f"| {beta:g} | {every} |")]
        assert row.endswith(f"| {cells[0]} | {cells[1]} |")


def test_the_page_on_spectra_shows_the_kept_numbers():
    page = (KEPT.parents[1] / "spectra.md").read_text(encoding="utf-8")
    scores = [score for score in load_all(KEPT.parent / "spectra") if isinstance(score, Score)]
    of_layers = [
        s for s in scores if s.name in ("alpha", "alpha_all_images") and "model" in s.settings
    ]
    of_recordings = [s for s in scores if s.name == "alpha" and "model" not in s.settings]
    assert (len(of_layers), len(of_recordings)) == (64, 12)
    for digits, found in ((3, of_layers), (2, of_recordings)):
        for score in found:
            assert f"{score.value:.{digits}f} ± {score.error:.{digits}f}" in page


def test_the_document_shows_the_verdicts_of_other_networks():
    text = (KEPT.parents[1] / "reproduce-gerum.md").read_text(encoding="utf-8")
    kept = [
        one.settings
        for one in load_all(KEPT.parent / "judged")
        if isinstance(one, Score) and one.name == "verdict"
    ]
    assert len(kept) == 7
    names = {"deep_mlp": "deep MLP on MNIST", "cnn": "CNN on CIFAR-10"}
    for about in kept:
        about = {"verdict_images": 500, **about}
        told = ("eps", "beta", "target", "verdict_images")
        which = " | ".join(f"{about[name]:g}" for name in told)
        shares = " | ".join(f"{100 * about[name]:.1f} %" for name in ("plain", "baseline", "worst"))
        name = names[about["network"]]
        assert f"| {name} | {which} | {shares} | {about['verdict']} |" in text
