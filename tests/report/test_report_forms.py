import numpy as np
import pytest
from synthetic_gerum2022 import attacked_accuracy, clean_accuracy, measured_alpha

from striate.report.gerum2022.forms import form_cells, forms, forms_table
from striate.report.gerum2022.sweeps import sweeps
from striate.results import load_all


@pytest.fixture
def three(tmp_path, swept):
    """Three forms of the penalty, each with a baseline that is the same network."""
    swept(tmp_path, betas=(1.0,), targets=(1.0, 3.0))
    swept(tmp_path, betas=(1.0, 10.0), targets=(3.0, 1.0), form="line")
    swept(tmp_path, betas=(1.0,), targets=(3.0,), form="ratio", seeds=(1234,))
    return sweeps(load_all(tmp_path))


def test_the_table_has_a_row_per_form_beta_and_target_and_one_baseline(three):
    table = forms_table(three)
    assert table["label"].unique().tolist() == ["shallow MLP on MNIST"]
    rows = [(row.form, row.beta, row.target, row.n) for row in table.itertuples()]
    assert rows[0][:2] + rows[0][3:] == ("", 0.0, 2)  # once, though two sweeps trained it
    assert rows[1:] == [
        ("slope", 1.0, 1.0, 2),
        ("slope", 1.0, 3.0, 2),
        ("line", 1.0, 1.0, 2),
        ("line", 1.0, 3.0, 2),
        ("line", 10.0, 1.0, 2),
        ("line", 10.0, 3.0, 2),
        ("ratio", 1.0, 3.0, 1),
    ]


def test_a_row_has_mean_and_sem_over_seeds(three):
    (row,) = (
        forms_table(three).query("form == 'line' and beta == 1 and target == 3").to_dict("records")
    )
    finals = np.array([measured_alpha(1.0, 3.0, seed) for seed in (1234, 2468)])
    alphas = finals + (1.2 - finals) * 0.9**30
    expected = {
        "alpha": alphas,
        "clean": clean_accuracy(1.0, alphas),
        "fgsm": attacked_accuracy("fgsm", 1.0, alphas, 0.05),
        "pgd": attacked_accuracy("pgd", 1.0, alphas, 0.05),
    }
    for name, values in expected.items():
        assert row[name] == pytest.approx(values.mean())
        assert row[f"{name}_sem"] == pytest.approx(abs(values[1] - values[0]) / 2)
    assert row["epsilon"] == 0.05


def test_cells_are_short_texts(three):
    ((label, rows),) = form_cells(forms_table(three)).items()
    assert label == "shallow MLP on MNIST"
    assert rows[0]["form"] == "none"
    assert rows[0]["target"] == ""
    assert rows[1]["alpha"] == "1.02 ± 0.01"
    assert rows[-1]["alpha"] == "2.92"  # one seed has no SEM


def test_the_figure_has_a_line_per_form_and_beta(three):
    (plate,) = forms(three)
    assert plate.name == "forms-shallow-mlp-on-mnist"
    assert plate.numbers["series"].unique().tolist() == [
        "baseline (no penalty)",
        *("slope, β = 1", "line, β = 1", "line, β = 10", "ratio, β = 1"),
    ]
    lines = {line.get_label(): line for line in plate.figure.axes[0].lines}
    assert len({lines[f"{form}, β = 1"].get_marker() for form in ("slope", "line", "ratio")}) == 3
    assert lines["slope, β = 1"].get_color() == lines["line, β = 1"].get_color()
    wanted = plate.numbers.loc[plate.numbers["panel"] == "a", ["x", "y"]].to_numpy()
    drawn = np.concatenate([line.get_xydata() for line in plate.figure.axes[0].lines])
    np.testing.assert_allclose(drawn, wanted)
    finals = np.array([measured_alpha(1.0, 3.0, s) for s in (1234,)])
    miss = abs(finals + (1.2 - finals) * 0.9**30 - 3.0)[0]
    assert f"With the form “ratio”, 1 network ended {miss:.2f} from the target" in plate.measured[2]
    for meaning in ("Slope: β·|α − α*|", "Nassar", "ranks 6–50"):
        assert meaning in plate.methods


def test_forms_that_differ_in_something_else_are_not_set_side_by_side(tmp_path, swept):
    swept(tmp_path, betas=(1.0,), targets=(1.0,))
    swept(tmp_path, betas=(1.0,), targets=(1.0,), form="line", ranks="1-10")
    found = sweeps(load_all(tmp_path))
    assert forms(found) == []
    assert forms_table(found).empty


def test_a_form_without_penalised_networks_is_none(tmp_path, swept, saved):
    swept(tmp_path, betas=(1.0,), targets=(1.0,))
    saved(tmp_path, form="line")
    assert forms(sweeps(load_all(tmp_path))) == []


def test_the_paper_s_form_comes_first(three):
    assert [sweep.settings["form"] for sweep in three] == ["slope", "line", "ratio"]
