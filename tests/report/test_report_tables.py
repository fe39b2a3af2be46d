import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from synthetic_gerum2022 import attacked_accuracy, clean_accuracy, measured_alpha

from striate.reference import gerum2022_published
from striate.report import gerum2022_table, rich_table
from striate.report.gerum2022.tables import cells
from striate.results import load_all

EPOCHS = 10


def alphas(beta, target):
    finals = np.array([measured_alpha(beta, target, seed) for seed in (1234, 2468)])
    return finals + (1.2 - finals) * 0.9 ** (3 * EPOCHS)


@pytest.fixture(scope="module")
def table(folder):
    return gerum2022_table(load_all(folder))


def row_of(table, data, beta, target=None):
    same = table["target"].isna() if target is None else table["target"] == target
    (row,) = table[(table["data"] == data) & (table["beta"] == beta) & same].to_dict("records")
    return row


def test_there_is_a_row_per_sweep_beta_and_target(table):
    assert len(table) == (1 + 2 * 4) + (1 + 2)
    assert table["seeds"].eq(2).all()
    assert not table.duplicated(["data", "network", "protocol", "form", "beta", "target"]).any()


@pytest.mark.parametrize(("beta", "target"), [(0.0, None), (0.1, 2.0), (1.0, 5.0)])
def test_a_row_averages_over_seeds(table, beta, target):
    row, alpha = row_of(table, "mnist", beta, target), alphas(beta, target)
    clean = clean_accuracy(beta, alpha)
    fgsm = attacked_accuracy("fgsm", beta, alpha, 0.05)
    pgd = attacked_accuracy("pgd", beta, alpha, 0.05)
    assert row["epsilon"] == 0.05
    assert row["seconds"] == 150
    for name, values in (("alpha", alpha), ("clean", clean), ("fgsm", fgsm), ("pgd", pgd)):
        assert row[name] == pytest.approx(values.mean())
        assert row[f"{name}_sem"] == pytest.approx(abs(values[1] - values[0]) / 2)


def test_the_published_value_is_read_at_our_alpha_and_the_difference_is_ours_minus_theirs(table):
    row = row_of(table, "mnist", 0.1, 2.0)
    paper = gerum2022_published("shallow_mlp", "mnist")
    for name, attack, epsilon in (
        ("clean", "none", 0),
        ("fgsm", "fgsm", 0.05),
        ("pgd", "pgd", 0.05),
    ):
        curve = paper[
            (paper["attack"] == attack)
            & (paper["beta"] == 0.1)
            & np.isclose(paper["epsilon"], epsilon)
        ].sort_values("alpha")
        expected = np.interp(row["alpha"], curve["alpha"], curve["accuracy"])
        assert row[f"{name}_published"] == pytest.approx(expected)
        assert row[f"{name}_difference"] == pytest.approx(row[name] - expected)


def test_the_baseline_is_compared_with_the_published_dot(table):
    row = row_of(table, "mnist", 0.0)
    assert row["alpha_published"] == pytest.approx(1.539)
    assert row["clean_published"] == pytest.approx(0.9383, abs=1e-3)
    assert row["fgsm_published"] == pytest.approx(0.2901, abs=1e-3)
    assert row["pgd_published"] == pytest.approx(0.2341, abs=1e-3)


def test_outside_the_published_range_or_data_there_is_no_published_value(table, tmp_path, swept):
    assert table.loc[table["data"] == "digits"].filter(like="_published").isna().all(axis=None)
    assert table.loc[table["data"] == "digits"].filter(like="_difference").isna().all(axis=None)
    swept(tmp_path, betas=(0.1,), targets=(0.3,), seeds=(1234,))
    row = row_of(gerum2022_table(load_all(tmp_path)), "mnist", 0.1, 0.3)
    assert np.isnan(row["clean_published"])
    assert np.isnan(row["alpha_sem"])


def test_results_without_an_attack_leave_blanks(tmp_path, saved):
    saved(tmp_path, attacked=())
    row = row_of(gerum2022_table(load_all(tmp_path)), "mnist", 0.0)
    assert row["clean"] == pytest.approx(clean_accuracy(0.0, row["alpha"]))
    assert all(np.isnan(row[name]) for name in ("epsilon", "fgsm", "pgd", "fgsm_difference"))


def test_cells_are_short_texts():
    numbers = {
        **{"alpha": 1.546, "alpha_sem": 0.004, "alpha_published": 1.539, "epsilon": 0.05},
        **{"clean": 0.938, "clean_published": 0.9384, "clean_difference": -0.0004},
        **{"fgsm": 0.25, "fgsm_published": 0.29, "fgsm_difference": -0.04},
        **{"pgd": np.nan, "pgd_published": np.nan, "pgd_difference": np.nan},
        **{"seconds": 1234.5, "beta": 0.0, "target": np.nan},
    }
    row = {"label": "a net", "seeds": 2, "attacked_epochs": "50", "verdict": "", **numbers}
    (cell,) = cells(pd.DataFrame([row]))
    assert cell["alpha"] == "1.55 ± 0.00"
    assert (cell["target"], cell["beta"], cell["seconds"]) == ("", "0", "1,234")
    assert cell["clean_difference"] == "0.0"  # not −0.0
    assert cell["fgsm_difference"] == "−4.0"
    assert cell["pgd"] == cell["pgd_difference"] == ""


def test_the_terminal_table_shows_every_row(table):
    console = Console(file=io.StringIO(), width=140)
    console.print(rich_table(table))
    text = console.file.getvalue()
    assert text.count("shallow MLP on MNIST") == 1
    assert "93.8 / 93.8" in text
    assert "measured α" in text
