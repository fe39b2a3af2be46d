import io

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from synthetic_gerum2022 import measured_alpha

from striate.reference import gerum2022_published, mouse_v1_spectrum
from striate.report.export import files, inline_svg
from striate.report.figures import BLUE, GREEN, ORANGE, by_beta, by_target
from striate.report.gerum2022.plates import plates
from striate.report.gerum2022.sweeps import sweeps
from striate.results import load_all


@pytest.fixture(scope="module")
def drawn(folder):
    return {plate.name: plate for plate in plates(sweeps(load_all(folder)))}


def plotted(figure):
    """All numbers in the axes' lines, in the order of drawing; the sketch has none."""
    axes = [a for a in figure.axes if a.get_label() != "sketch"]
    return np.concatenate([line.get_xydata() for a in axes for line in a.lines])


def draw_results(folder):
    return {plate.name: plate for plate in plates(sweeps(load_all(folder)))}


def test_every_figure_of_the_paper_is_there(drawn):
    assert list(drawn) == [
        "figure1",
        "figure2-shallow-mlp-on-mnist",
        "figure2f-shallow-mlp-on-mnist",
        "figure2-shallow-mlp-on-digits",
        "figure2f-shallow-mlp-on-digits",
        "figure3",
        "figureS1-shallow-mlp-on-mnist",
        "figureS1-shallow-mlp-on-digits",
    ]


def test_the_csv_holds_exactly_the_plotted_numbers(drawn):
    for plate in drawn.values():
        csv = pd.read_csv(io.BytesIO(plate.numbers.to_csv(index=False).encode()))
        np.testing.assert_allclose(csv[["x", "y"]], plotted(plate.figure), err_msg=plate.name)
    assert files(plate)["csv"] == plate.numbers.to_csv(index=False).encode()


def test_published_lines_are_the_papers_and_lie_behind_ours(drawn):
    numbers = drawn["figure2-shallow-mlp-on-mnist"].numbers
    panel = numbers[(numbers["panel"] == "b") & (numbers["source"] == "published")]
    paper = gerum2022_published("shallow_mlp", "mnist")
    paper = paper[(paper["attack"] == "fgsm") & (paper["epsilon"] == 0.05)]
    np.testing.assert_allclose(panel[["x", "y"]], paper[["alpha", "accuracy"]])
    lines = drawn["figure2-shallow-mlp-on-mnist"].figure.axes[1].lines
    published, ours = lines[: len(lines) // 2], lines[len(lines) // 2 :]
    assert max(line.get_zorder() for line in published) < min(line.get_zorder() for line in ours)
    assert all(line.get_alpha() < 1 for line in published)


def test_ours_and_theirs_share_colours(drawn):
    lines = drawn["figure2-shallow-mlp-on-mnist"].figure.axes[0].lines
    assert [to_hex(line.get_color()) for line in lines] == 2 * [BLUE, ORANGE, GREEN]


def test_at_epsilon_zero_the_published_curve_is_the_clean_one(drawn):
    numbers = drawn["figure2f-shallow-mlp-on-mnist"].numbers
    zero = numbers[(numbers["panel"] == "pgd 0") & (numbers["source"] == "published")]
    paper = gerum2022_published("shallow_mlp", "mnist")
    np.testing.assert_allclose(zero["y"], paper.loc[paper["attack"] == "none", "accuracy"])


def test_small_panels_stop_at_the_strengths_of_figure_2f(drawn):
    panels = drawn["figure2f-shallow-mlp-on-mnist"].numbers["panel"].unique().tolist()
    grid = ["0", "0.02", "0.05", "0.1"]
    assert panels == [f"{attack} {epsilon}" for attack in ("fgsm", "pgd") for epsilon in grid]
    assert "fgsm 0.15" in set(drawn["figureS1-shallow-mlp-on-mnist"].numbers["panel"])


def test_mouse_v1_is_a_share_of_the_variance_with_its_power_law(drawn):
    numbers = drawn["figure1"].numbers
    mouse = numbers[numbers["series"] == "mouse V1"]
    np.testing.assert_allclose(mouse["y"], mouse_v1_spectrum() / mouse_v1_spectrum().sum())
    line = numbers[(numbers["panel"] == "c") & (numbers["source"] == "fit")]
    assert line["x"].tolist() == [12, 500]
    np.testing.assert_allclose(line["y"], 0.1528 * line["x"] ** -0.9734, rtol=1e-3)


def test_a_fit_line_has_the_measured_slope_and_runs_through_the_middle_of_the_window(drawn):
    numbers = drawn["figure1"].numbers
    panel = numbers[(numbers["panel"] == "e2") & (numbers["beta"] == 1)]
    fit = panel[panel["source"] == "fit"]
    (x0, x1), (y0, y1) = np.log(fit["x"]), np.log(fit["y"])
    finals = np.array([measured_alpha(1.0, 1.0, seed) for seed in (1234, 2468)])
    alpha = np.mean(finals + (1.2 - finals) * 0.9**30 + 0.03)
    assert (y1 - y0) / (x1 - x0) == pytest.approx(-alpha)
    spectrum = np.log(panel.loc[panel["source"] == "measured", ["x", "y"]].to_numpy()[5:50])
    middle = spectrum.mean(axis=0)
    assert y0 + (middle[0] - x0) * -alpha == pytest.approx(middle[1])


def test_the_network_closest_to_one_is_shown(tmp_path, swept):
    swept(tmp_path, betas=(0.1, 1.0), targets=(2.0, 1.4), seeds=(1234,))
    numbers = draw_results(tmp_path)["figure1"].numbers
    pulled = numbers[(numbers["panel"] == "e") & (numbers["source"] == "measured")]
    assert set(pulled["target"].dropna()) == {1.4}
    assert set(pulled["beta"]) == {0.0, 1.0}


def test_epochs_are_drawn_per_target_for_the_weakest_and_the_strongest(drawn):
    numbers = drawn["figure2-shallow-mlp-on-mnist"].numbers
    for panel, beta in (("d", 0.1), ("e", 1.0)):
        ours = numbers[(numbers["panel"] == panel) & (numbers["source"] == "measured")]
        assert set(ours["beta"]) == {beta}
        assert set(ours["target"]) == {1.0, 2.0, 3.0, 5.0}
        theirs = numbers[(numbers["panel"] == panel) & (numbers["source"] == "published")]
        assert set(theirs["target"]) == {1.0, 2.0, 3.0, 5.0}
        assert (theirs["x"].min(), theirs["x"].max()) == (1, 50)


def test_captions_state_n_seeds_window_and_the_published_value(drawn):
    plate = drawn["figure2-shallow-mlp-on-mnist"]
    text = " ".join([*plate.measured, plate.methods]).replace("\u00a0", " ")
    for part in (
        "n = 18 networks (2 seeds: 1234, 2468, 4 targets in 1–5",
        "ranks 6–50",
        "epoch 10",
        "ε = 0.05 (pixels run from 0 to 1): the strength the paper shows",
        "(published: 93.8 % at 1.54)",
        "10,000 test images",
    ):
        assert part in text
    assert "nearest to where FGSM halves" in drawn["figure2-shallow-mlp-on-digits"].methods


def test_the_grid_of_strengths_says_where_the_published_baseline_halves(drawn):
    # From .938 the paper's baseline falls to .657 and .460 (FGSM), .625 and .402 (PGD) at ε = .03
    # and .04; the straight lines between them pass .469 at .0395 and .0370.
    fgsm, pgd = drawn["figure2f-shallow-mlp-on-mnist"].measured
    assert fgsm.startswith("FGSM halves the baseline's accuracy at ε = ")
    assert fgsm.endswith("(published: 0.040).")
    assert pgd.endswith("(published: 0.037).")
    grid = next(name for name in drawn if "digits" in name and name.startswith("figure2f"))
    assert "published" not in " ".join(drawn[grid].measured)


def test_panels_without_data_are_left_out_and_named(tmp_path, saved):
    saved(tmp_path, attacked=())
    made = draw_results(tmp_path)
    assert list(made) == ["figure1", "figure2-shallow-mlp-on-mnist"]
    plate = made["figure2-shallow-mlp-on-mnist"]
    assert set(plate.numbers["panel"]) == {"a"}
    assert len(plate.figure.axes) == 1
    assert "Not measured, so not drawn: FGSM, PGD." in plate.methods


def test_one_network_that_is_not_shallow_gets_figure_3_and_s1(tmp_path, saved):
    saved(tmp_path, network="cnn", data="cifar10", beta=1.0, target=3.0)
    assert list(draw_results(tmp_path)) == ["figure1", "figure3", "figureS1-cnn-on-cifar-10"]


def test_without_eigenspectra_figure_1_keeps_the_mouse(tmp_path, saved):
    saved(tmp_path)
    entries = [result for result in load_all(tmp_path) if result.name != "eigenspectrum"]
    plate = plates(sweeps(entries))[0]
    assert set(plate.numbers["panel"]) == {"c"}
    assert "panel e is missing" in plate.methods


def test_the_same_results_give_the_same_bytes(tmp_path, saved):
    saved(tmp_path)
    first, second = (files(draw_results(tmp_path)["figure1"]) for _ in range(2))
    assert first == second
    assert b"<dc:date>" not in first["svg"]
    assert b"CreationDate" not in first["pdf"]


def test_saved_figures_are_on_white_and_inlined_ones_follow_the_page(drawn):
    svg = files(drawn["figure2-shallow-mlp-on-mnist"])["svg"]
    assert b"#ffffff" in svg
    inlined = inline_svg(svg, prefix="f2", label="a &quot;label&quot;")
    assert inlined.startswith('<svg role="img" aria-label="a &quot;label&quot;" viewBox=')
    assert "#ffffff" not in inlined
    assert "currentColor" in inlined
    assert 'id="f2-figure_1"' in inlined
    assert "http" not in inlined


def test_two_names_with_one_stem_do_not_overwrite_each_other(tmp_path, saved):
    saved(tmp_path, network="a b")
    saved(tmp_path, network="a-b")
    assert list(draw_results(tmp_path))[2:] == ["figureS1-a-b-on-mnist", "figureS1-a-b-on-mnist+2"]


def test_unknown_strengths_get_colours_of_their_own():
    colour = by_beta([0.0, 0.1, 1.0, 3.0, 10.0])
    assert len({colour(beta, np.nan) for beta in (0.0, 0.1, 1.0, 3.0, 10.0)}) == 5


def test_a_target_is_the_fuller_the_higher():
    shaded = by_target(by_beta([1.0]), [1.0, 2.0, 3.0])
    assert shaded(1.0, 3.0) == GREEN
    assert len({shaded(1.0, target) for target in (1.0, 2.0, 3.0)}) == 3
    assert by_target(by_beta([1.0]), [2.0])(1.0, 2.0) == GREEN
