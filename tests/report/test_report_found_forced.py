import numpy as np
import pytest
from synthetic_gerum2022 import attacked_accuracy

from striate.report.gerum2022.aggregate import per_target
from striate.report.gerum2022.found_forced import comparisons, findings, found_forced, of_settings
from striate.report.gerum2022.plates import plates
from striate.report.gerum2022.sweeps import main_sweeps, sweeps
from striate.results import load_all

FOUND = [
    ({"width": 500}, 1.8),
    ({"width": 4000}, 1.3),
    ({"learning_rate": 3e-4}, 2.4),
    ({"weight_decay": 1e-3}, 2.9),
    ({"weight_decay": 1e-3, "width": 500}, 3.3),
    ({"epochs": 4, "attacked": (4,)}, 1.6),
]


def read(folder):
    return sweeps(load_all(folder))


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Forced networks and a baseline at the paper's settings; networks left alone at others."""
    from synthetic_gerum2022 import save_network, save_sweep

    folder = tmp_path_factory.mktemp("mixed")
    save_sweep(folder)
    for change, alpha in FOUND:
        for seed in (1234, 2468):
            save_network(folder, alpha=alpha + 0.01 * (seed > 2000), seed=seed, **change)
    return folder


def test_networks_left_alone_are_compared_with_forced_ones(mixed):
    (comparison,) = comparisons(read(mixed))
    assert comparison.label == "shallow MLP on MNIST"
    assert comparison.epsilon.value == 0.05
    assert (comparison.forced["beta"] > 0).all()
    assert (comparison.found["beta"] == 0).all()
    marks = comparison.found.drop_duplicates("varied").set_index("varied")["mark"].to_dict()
    assert marks == {
        "": "D",
        "width 500": "^",
        "width 4000": "^",
        "learning rate 0.0003": "v",
        "weight decay 0.001": "P",
        "width 500, weight decay 0.001": "*",
        "epochs 4": "X",
    }
    seeds = comparison.found.drop_duplicates(["varied", "seed"]).groupby("varied").size()
    assert seeds.eq(2).all()


def test_a_dot_is_the_mean_over_the_seeds_of_a_setting(mixed):
    (comparison,) = comparisons(read(mixed))
    means = of_settings(comparison.found)
    (row,) = (
        means[(means["varied"] == "width 500") & (means["attack"] == "pgd")]
        .query("epsilon == 0.05")
        .to_dict("records")
    )
    finals = np.array([1.8, 1.81])
    alphas = finals + (1.2 - finals) * 0.9**30
    values = attacked_accuracy("pgd", 0.0, alphas, 0.05)
    assert row["alpha"] == pytest.approx(alphas.mean())
    assert row["accuracy"] == pytest.approx(values.mean())
    assert row["sem"] == pytest.approx(abs(values[1] - values[0]) / 2)
    assert row["n"] == 2


def test_the_caption_is_computed_from_the_numbers(mixed):
    (comparison,) = comparisons(read(mixed))
    together, weak, strong = (text.replace("\u00a0", " ") for text in findings(comparison, "fgsm"))
    # Accuracy under attack is a function of α there, rising: 7 settings, 4 targets.
    assert "found networks ρ = 1.00 (n = 7)" in together
    assert "forced with β = 1 ρ = 1.00 (n = 4)" in together
    means = of_settings(comparison.found)
    found = means[(means["attack"] == "fgsm") & (means["epsilon"] == 0.05)]
    curve = per_target(comparison.forced).query(
        "attack == 'fgsm' and epsilon == 0.05 and beta == 1"
    )
    curve = curve.sort_values("alpha")
    gaps = 100 * (np.interp(found["alpha"], curve["alpha"], curve["accuracy"]) - found["accuracy"])
    assert f"keep {gaps.mean():.1f} points more than found ones (mean of 7 settings" in strong
    assert f"from {gaps.min():+.1f} to {gaps.max():+.1f})" in strong
    assert "β = 0.1" in weak


def test_found_that_fall_with_alpha_are_said_to(mixed):
    (comparison,) = comparisons(read(mixed))
    turned = comparison.found.assign(accuracy=1 - comparison.found["accuracy"])
    together, _, strong = findings(comparison._replace(found=turned), "pgd")
    assert "found networks ρ = −1.00 (n = 7)" in together
    higher = comparison.found.assign(accuracy=0.999)
    together, _, strong = findings(comparison._replace(found=higher), "pgd")
    assert "found networks unknown (n = 7)" in together
    assert "points less than found ones" in strong


def test_an_alpha_beyond_the_forced_curve_is_compared_with_nothing(mixed):
    (comparison,) = comparisons(read(mixed))
    far = comparison.found.assign(alpha=9.0)
    _, weak, _ = findings(comparison._replace(found=far), "fgsm")
    assert weak == "Under FGSM, no found network has an α that β = 0.1 reached."


def test_the_figure_holds_the_curves_and_a_mark_per_setting(mixed):
    (plate,) = found_forced(read(mixed))
    assert plate.name == "found-forced-shallow-mlp-on-mnist"
    assert set(plate.numbers["panel"]) == {"a", "b", "c"}
    series = plate.numbers.groupby("series", sort=False).size().div(3).to_dict()
    assert series == {
        "forced, β = 0.1 (weak)": 4,
        "forced, β = 1 (strong)": 4,
        **{f"found, {varied}": 1 for varied in ("epochs 4", "learning rate 0.0003")},
        **{f"found, width {width}": 1 for width in (500, 4000)},
        **{
            f"found, {varied}": 1
            for varied in ("weight decay 0.001", "width 500, weight decay 0.001")
        },
        "baseline (no penalty)": 1,
    }
    lines = plate.figure.axes[1].lines
    drawn = np.concatenate([line.get_xydata() for line in lines])
    wanted = plate.numbers.loc[plate.numbers["panel"] == "b", ["x", "y"]].to_numpy()
    np.testing.assert_allclose(drawn, wanted)
    legend = [text.get_text() for text in plate.figure.legends[0].get_texts()]
    assert "found: width 500, 4000" in legend
    assert "found: several changes" in legend
    for part in (
        "60,000 training images",
        "10 epochs, batches of 2500",
        "width 4000",
        "7 settings",
    ):
        assert part in plate.methods


def test_networks_of_other_images_are_not_compared(tmp_path, swept, saved):
    swept(tmp_path, betas=(1.0,), targets=(1.0, 3.0))
    saved(tmp_path, width=500, train_images=10_000)
    saved(tmp_path, width=500, attack_images=1000)
    saved(tmp_path, width=500, ranks="1-10")
    assert comparisons(read(tmp_path)) == []
    saved(tmp_path, beta=1.0, target=2.0, train_images=10_000)
    (comparison,) = comparisons(read(tmp_path))
    assert set(comparison.forced["train_images"]) == {10_000}
    assert set(comparison.found["varied"]) == {"width 500"}


def test_two_comparisons_of_one_network_say_what_is_different(tmp_path, swept, saved):
    for images in (60_000, 10_000):
        swept(tmp_path, betas=(1.0,), targets=(1.0,), train_images=images)
        saved(tmp_path, width=500, train_images=images)
    assert [plate.title.partition(": ")[2] for plate in found_forced(read(tmp_path))] == [
        "shallow MLP on MNIST, 10,000 training images",
        "shallow MLP on MNIST, 60,000 training images",
    ]


@pytest.mark.parametrize(
    "change", [{"form": "line"}, {"layers": "all"}, {"width": 500}, {"weight_decay": 0.1}]
)
def test_forced_means_forced_as_in_the_paper(tmp_path, saved, change):
    saved(tmp_path)
    saved(tmp_path, width=700)
    saved(tmp_path, beta=1.0, target=2.0, **change)
    assert comparisons(read(tmp_path)) == []


def test_a_network_left_alone_counts_once_whatever_was_not_penalised(tmp_path, swept, saved):
    swept(tmp_path, betas=(1.0,), targets=(1.0,), seeds=(1234,))
    for form in ("slope", "line"):
        saved(tmp_path, width=500, form=form)
    (comparison,) = comparisons(read(tmp_path))
    assert of_settings(comparison.found).query("varied == 'width 500'")["n"].eq(1).all()


def test_the_forced_settings_are_those_of_most_networks(tmp_path, swept, saved):
    swept(tmp_path, betas=(1.0,), targets=(1.0, 2.0), learning_rate=1e-3)
    saved(tmp_path, beta=1.0, target=2.0)
    saved(tmp_path)
    (comparison,) = comparisons(read(tmp_path))
    assert set(comparison.forced["learning_rate"]) == {1e-3}
    assert set(comparison.found["varied"]) == {"", "learning rate 0.0001"}


def test_networks_left_alone_get_no_figure_of_their_own_but_a_short_name(mixed):
    found = read(mixed)
    assert [sweep.label for sweep in main_sweeps(found)] == ["shallow MLP on MNIST"]
    assert {sweep.label.removeprefix("shallow MLP on MNIST") for sweep in found} == {
        "",
        ", width 500",
        ", width 4000",
        ", learning rate 0.0003",
        ", weight decay 0.001",
        ", width 500, weight decay 0.001",
        ", epochs 4",
    }
    names = [plate.name for plate in plates(found)]
    assert names == [
        "figure1",
        "figure2-shallow-mlp-on-mnist",
        "figure2f-shallow-mlp-on-mnist",
        "figureS1-shallow-mlp-on-mnist",
        "found-forced-shallow-mlp-on-mnist",
    ]


def test_without_an_attack_there_is_nothing_to_compare(tmp_path, saved):
    saved(tmp_path, beta=1.0, target=2.0, attacked=())
    saved(tmp_path, width=500, attacked=())
    assert comparisons(read(tmp_path)) == []
