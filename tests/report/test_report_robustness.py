"""The sections on robustness, training and both joined: planted numbers come out on the page."""

import io
import re
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta, pearsonr
from synthetic_gerum2022 import save_network
from synthetic_robustness import (
    CUTOFFS,
    GRIDS,
    PAPER,
    attacked,
    half,
    save_robustness,
    save_training,
)
from synthetic_spectra import save_layers
from synthetic_tuning import save_tuning
from test_report_page import Page

from striate import results
from striate.reference import kong2021_table_s1
from striate.report import gerum2022_table, write
from striate.report.joined.correlation import correlation, correlation_text
from striate.report.joined.found import found as found_joined
from striate.report.joined.scatter import of_joined, panels_of, scatter_plate
from striate.report.joined.section import joined_table
from striate.report.robustness.findings import findings, of_passbands, of_published, of_trials
from striate.report.robustness.found import found, trials
from striate.report.robustness.intervals import widened
from striate.report.robustness.section import plates
from striate.report.robustness.table import robustness_table
from striate.report.robustness.words import apart, eps_text, interval_of
from striate.report.section import read
from striate.report.training.found import lessons
from striate.report.training.table import training_cells, training_table
from striate.results import Curve, Score
from striate.statistics import EXACT
from striate.study.robustness import written

# objective, target exponent, clean accuracy, strength, verdict
KINDS = (
    ("standard", None, 0.78, 0.3, "none"),
    ("trades", None, 0.66, 0.8, "robust"),
    ("igr", None, 0.70, 0.6, "masked"),
    ("standard", 2.0, 0.74, 0.45, "undecided"),
)


def save_everything(folder, *, gratings=False, seen=8):
    """Save four kinds of networks of two seeds; the first `seen` have exponents and tuning."""
    for number in range(2 * len(KINDS)):
        objective, alpha, clean, strength, word = KINDS[number // 2]
        seed = number % 2
        sha = f"{number:x}" * 12
        model = f"small/cnn-3x32, net-{number}"
        save_training(folder, sha=sha, objective=objective, seed=seed, alpha=alpha)
        save_robustness(
            folder,
            model=model,
            sha=sha,
            clean=clean - seed / 50,
            strength=strength,
            word=word,
            worst=0.1 if word == "masked" else None,
            raised=("zero gradients",) if word == "masked" else (),
            passbands=True,
        )
        if number >= seen:
            continue
        save_layers(
            folder, {"conv1": 1 + strength, "hidden": 2.0 + seed, "out": None}, model=model, sha=sha
        )
        layers = {"conv1": strength, "hidden": 0.1}
        save_tuning(folder, layers, model=model, sha=sha, gratings=gratings)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("robustness")
    save_everything(made)
    return made


@pytest.fixture(scope="module")
def there(folder):
    return found(read(folder))


@pytest.fixture(scope="module")
def drawn(there):
    return {plate.name: plate for plate in plates(there)}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    made = tmp_path_factory.mktemp("page")
    save_everything(made, seen=1)
    return write(made)


@pytest.fixture(scope="module")
def page(report):
    return Page(report.read_text(encoding="utf-8"))


def test_every_figure_is_there_once(drawn):
    assert list(drawn) == [
        f"robustness-{name}-500-images-of-val"
        for name in ("attacks", "curves", "probes", "passbands")
    ]


def test_every_dot_and_line_drawn_is_in_the_csv(drawn):
    for plate in drawn.values():
        csv = pd.read_csv(io.StringIO(plate.numbers.to_csv(index=False)))
        written = set(zip(csv["x"].round(6), csv["y"].round(6), strict=True))
        for axes in plate.figure.axes:
            for line in axes.lines:
                if line.get_linestyle() == ":" or line.get_label().startswith("_child"):
                    points = np.asarray(line.get_xydata(), dtype=float)
                    if len(points) == 2 and points[0, 1] == points[1, 1] == 0.1:
                        continue  # guessing, among ten classes
                points = np.asarray(line.get_xydata(), dtype=float)
                assert {(round(x, 6), round(y, 6)) for x, y in points} <= written, plate.name


def test_curves_have_a_panel_per_norm_from_clean_on(drawn):
    plate = drawn["robustness-curves-500-images-of-val"]
    for letter, norm in zip("abc", GRIDS, strict=True):
        part = plate.numbers[plate.numbers["panel"] == letter]
        mine = part[part["of"] == "TRADES, seed 0"]
        assert mine["x"].tolist() == [0.0, *GRIDS[norm]]
        expected = [attacked(0.66, 0.8, place) for place in range(4)]
        np.testing.assert_allclose(mine["y"], expected)
        np.testing.assert_allclose(mine["error"], [half(y, 500) for y in expected])
    first = plate.figure.axes[0]
    assert first.xaxis.get_major_formatter()(1 / 1020) == "1/1020"
    assert first.get_title(loc="left") == "a\u2003L∞"


def test_networks_are_named_and_coloured_by_how_they_were_trained(there, drawn):
    (together,) = there
    assert {one.kind for one in together.networks} == {
        *("standard", "TRADES", "gradient penalty", "standard + α → 2")
    }
    names = drawn["robustness-curves-500-images-of-val"].figure.legends[0].get_texts()
    assert len(names) == 4
    assert {one.label for one in together.networks} >= {"standard, seed 0", "standard, seed 1"}


def test_the_network_of_a_training_is_named_once(tmp_path):
    for sha, model in (("a" * 12, "nets.py:one"), ("b" * 12, "nets.py:two")):
        save_training(tmp_path, sha=sha, model=model)
        save_robustness(tmp_path, sha=sha, model=model, norms=("Linf",))
    (together,) = found(read(tmp_path))
    assert {one.label for one in together.networks} == {
        "nets.py:one, standard, seed 0", "nets.py:two, standard, seed 0",
    }  # fmt: skip


def test_the_table_has_every_score_and_the_signs_in_words(there, page):
    table = robustness_table(there)
    mine = table[table["label"] == "gradient penalty, seed 0"]
    assert mine["name"].value_counts().to_dict() == {
        "clean_accuracy": 1, "adversarial_accuracy": 9, "mean_adversarial_accuracy": 1,
        "probe": 18, "sign": 18, "verdict": 3,
    }  # fmt: skip
    clean = mine[mine["name"] == "clean_accuracy"].iloc[0]
    assert (clean["value"], clean["low"]) == (0.70, 0.70 - half(0.70, 500))
    text = " ".join(page.text.split())
    assert "1 of 6 signs raised." in text
    assert "zero gradients: share where zero gradients <was> seen (measured 0.25" in text
    assert "None of 6 signs is raised." in text
    assert "70.0 %66.0 to 74.0" in text


def test_findings_say_what_is_masked_and_what_is_left(there):
    said = " ".join(findings(there)).replace("\u00a0", " ")
    assert "24 verdicts, of which 6 robust, 6 undecided, 6 masked and 6 none" in said
    assert (
        "The accuracy of gradient penalty, seed 0 under attack is masked: L∞, 1/1020, all searches "
        "leave 10.0 % of 42.0 %" in said
    )
    assert "is known to ± 4.4 points" in said
    assert f"reached from a cut-off of {CUTOFFS[2]:g} cycles per image in 8 networks" in said
    assert f"reached up to a cut-off of {CUTOFFS[2]:g} cycles per image in 8 networks" in said


@pytest.mark.parametrize(("clean", "told"), [((0.50, 0.52), False), ((0.5, 0.7), True)])
def test_networks_whose_intervals_overlap_are_not_ranked(tmp_path, clean, told):
    for number, value in enumerate(clean):
        sha = f"{number}" * 12
        save_robustness(tmp_path, model=f"n.py:{number}", sha=sha, clean=value, only_clean=True)
    first = findings(found(read(tmp_path)))[0]
    assert ("their intervals overlap" not in first) == told


def test_without_an_interval_nothing_is_told_apart():
    assert not apart(Score("a", 0.1), Score("a", 0.9))


@pytest.mark.parametrize(("images", "second", "told"), [
    (20, 0.05, False),  # 0 of 20 against 1: up to 16.8 % and up to 14.6 %
    (500, 0.05, True),  # up to 0.7 %, and 3.1 to 6.9 %
])  # fmt: skip
def test_none_of_few_images_is_no_knowledge(tmp_path, images, second, told):
    for number, value in enumerate((0.0, second)):
        save_robustness(
            tmp_path, model=f"n.py:{number}", sha=f"{number}" * 12, clean=value, images=images,
            only_clean=True,
        )  # fmt: skip
    there = found(read(tmp_path))
    first, other = (one.clean for one in there[0].networks)
    high = beta.ppf(0.975, 1, images)  # Clopper and Pearson
    assert (first.settings["low"], first.settings["high"]) == (0, pytest.approx(high))
    assert (first.settings["error"], first.error) == (EXACT, pytest.approx(high / 2))
    assert interval_of(first) == f"0.0 to {100 * high:.1f}"
    assert apart(first, other) == told
    assert ("their intervals overlap" not in findings(there)[0]) == told


def test_only_intervals_without_width_are_widened():
    assert EXACT == written.EXACT
    about = {"images": 20, "error": written.BOOTSTRAP}
    for one in (
        Score("probe", 1.0, 0.1, settings=about), Score("probe", 0.5, 0.0, settings=about),
        Score("sign", 0.0, settings=about), Score("probe", 1.0, 0.0, settings={"error": "x"}),
        Curve("accuracy_pgd", (0.0, 1.0), (1.0, 0.5), (0.1, 0.1), settings=about),
        Curve("accuracy_pgd", (0.0, 1.0), (1.0, 0.0), settings=about),
    ):  # fmt: skip
        assert widened(one) == one
    whole = beta.ppf(0.975, 1, 20)
    curve = widened(
        Curve("accuracy_pgd", (0.0, 1.0, 2.0), (1.0, 0.5, 0.0), (0.0, 0.2, 0.0), settings=about)
    )
    assert curve.error == (pytest.approx(whole), 0.2, pytest.approx(whole))
    assert curve.settings["error"] == written.BOTH


def judged(folder, **changes):
    """Save one file on a verdict in L1, with accuracies that tell it from others."""
    return save_robustness(folder, **{"norms": ("L1",), "word": "robust", **changes})


def test_captions_say_once_what_intervals_are(tmp_path):
    """Bars of accuracies reach to the ends of the interval; those of curves have half of it."""
    save_robustness(tmp_path, clean=1.0, images=40)
    save_robustness(tmp_path, model="nets.py:b", sha="b" * 12, clean=0.5, images=40)
    drawn = {one.name: one.methods for one in plates(found(read(tmp_path)))}
    (bars,) = [text for name, text in drawn.items() if "attacks" in name]
    (lines,) = [text for name, text in drawn.items() if "curves" in name]
    half = "bootstrap over images, half the 95 % interval"
    assert "Intervals: bootstrap over images and exact binomial, the 95 % interval." in bars
    assert lines.count(half) == 1


def test_balls_that_were_searched_in_two_ways_are_judged_apart(tmp_path):
    judged(tmp_path, word="none")
    judged(tmp_path, geometry="exact", strength=0.25, word="masked", worst=0.1)
    (together,) = found(read(tmp_path))
    (network,) = together.networks
    assert [(one.geometry, one.verdict.settings["verdict"]) for one in network.trials] == [
        ("", "none"), ("exact", "masked"),
    ]  # fmt: skip
    assert [one.probes["plain"].value for one in network.trials] == [0.4, 0.2]
    said = " ".join(of_trials(together))
    assert "(L1, 40)" in said
    assert "(L1, 40, exact)" in said
    text = " ".join(Page(write(tmp_path).read_text(encoding="utf-8")).text.split())
    assert "L1, 40, exact, all searches leave 10.0" in text.replace("\u00a0", " ")
    (curves,) = [one for one in plates([together]) if one.name.startswith("robustness-curves")]
    titles = [axes.get_title(loc="left") for axes in curves.figure.axes]
    assert titles == ["a\u2003L1", "b\u2003L1, exact"]


def test_many_verdicts_on_a_network_are_counted_where_they_have_no_room(tmp_path):
    save_robustness(tmp_path, word="robust")
    judged(tmp_path, geometry="exact", word="masked", worst=0.1)
    (attacks,) = [
        one for one in plates(found(read(tmp_path))) if one.name.startswith("robustness-attacks")
    ]
    (name,) = [text.get_text() for text in attacks.figure.axes[0].get_yticklabels()]
    assert name == "nets:plain\n3 robust, 1 masked"


# Of several files on one ball the last of these is the one that counts.
RIVALS = (
    {"judged": 100, "baseline": 0.2, "started": "2026-03-01T00:00:00+00:00", "strength": 0.1},
    {"judged": 200, "started": "2026-02-03T00:00:00+00:00", "strength": 0.2},
    {"judged": 200, "baseline": 0.3, "started": "2026-02-01T00:00:00+00:00", "strength": 0.3},
    {"judged": 200, "baseline": 0.2, "started": "2026-02-02T00:00:00+00:00", "strength": 0.4},
)


@pytest.mark.parametrize("kept", range(1, 4))
def test_of_several_verdicts_one_counts_with_its_own_probes(tmp_path, kept):
    for about in RIVALS[: kept + 1]:
        judged(tmp_path, **about)
    records = read(tmp_path)
    for ordered in permutations(records):
        (trial,) = trials(ordered)
        plain = 0.8 * RIVALS[kept]["strength"]
        assert trial.verdict.settings["baseline"] == RIVALS[kept].get("baseline")
        left = [one.value for one in trial.probes.values()]
        assert left == pytest.approx([plain] * len(left))
        assert {one.settings["images"] for one in trial.signs.values()} == {200}


def test_curves_of_several_files_are_put_together(tmp_path):
    for radii in ((0.1, 0.4), (0.2, 0.4)):
        save_robustness(tmp_path, norms=("L2",), grids={"L2": radii})
    (together,) = found(read(tmp_path))
    (curve,) = together.networks[0].curves.values()
    assert curve.x == (0, 0.1, 0.2, 0.4)
    assert curve.y == pytest.approx((0.8, 0.4, 0.4, 0.2))
    assert curve.error == pytest.approx([half(y, 500) for y in curve.y])
    assert curve.settings["error"] == written.BOOTSTRAP


def test_filters_are_kept_apart(tmp_path):
    for name in ("ideal", "gaussian"):
        save_robustness(tmp_path, only_clean=True, passbands=name)
    there = found(read(tmp_path))
    assert len(there[0].networks[0].passed) == 4
    (plate,) = [one for one in plates(there) if one.name.startswith("robustness-passbands")]
    titles = [axes.get_title(loc="left") for axes in plate.figure.axes]
    assert titles[0] == "a\u2003frequencies up to the cut-off, gaussian"
    assert titles[3] == "d\u2003frequencies from the cut-off on, ideal"
    said = of_passbands(there[0])
    assert said[0].startswith("With low frequencies only (gaussian filter), half of clean")
    assert len(said) == 4


@pytest.mark.parametrize(
    ("weights", "entry"),
    [("", "resnet50"), (", robust_resnet50_l2_3", "robust_resnet50_l2_3"), (", mine", None)],
    ids=["by name", "by weights", "other weights"],
)
def test_networks_of_the_paper_stand_beside_what_was_published(tmp_path, weights, entry):
    save_robustness(tmp_path, model=f"torchvision/resnet50{weights}")
    there = found(read(tmp_path))
    published = robustness_table(there)["published"].dropna()
    if entry is None:
        assert published.empty
        return
    row = kong2021_table_s1().set_index("model").loc[entry]
    three = [row["top1_linf_1_1020"], row["top1_l2_0_15"], row["top1_l1_40"]]
    expected = [row["top1_clean"], *three, np.mean(three)]
    np.testing.assert_allclose(published, expected)
    (curves,) = [one for one in plates(there) if one.name.startswith("robustness-curves")]
    rings = curves.numbers[curves.numbers["source"] == "published"]
    assert rings["x"].tolist() == [*PAPER.values()]
    np.testing.assert_allclose(rings["y"], three)


@pytest.mark.parametrize("about", [{"geometry": "exact"}, {"steps": 10}])
def test_what_was_published_is_of_the_papers_attack(tmp_path, about):
    save_robustness(tmp_path, model="torchvision/resnet50", norms=("L1",), **about)
    there = found(read(tmp_path))
    (said,) = of_published(there[0])
    assert "clean" in said
    assert "under" not in said
    published = robustness_table(there).dropna(subset="published")
    assert published["name"].tolist() == ["clean_accuracy"]
    (curves,) = [one for one in plates(there) if one.name.startswith("robustness-curves")]
    assert set(curves.numbers["source"]) == {"measured"}


@pytest.mark.parametrize(
    "about",
    [{"only_clean": True}, {"norms": ("L2",)}, {"word": "robust"}, {"passbands": True}],
    ids=["clean only", "one norm", "judged", "passbands"],
)
def test_one_network_with_missing_pieces_makes_a_page(tmp_path, about):
    save_robustness(tmp_path, **about)
    page = Page(write(tmp_path).read_text(encoding="utf-8"))
    text = " ".join(page.text.split())
    assert "nets:plain" in text or "plain" in text
    assert "nothing to compare it with" in text
    assert ("No verdict on" in text) == ("word" not in about)
    assert page.tags.count("svg") == page.tags.count("figure") > 0
    assert not (tmp_path / "report" / "joined.csv").exists()


def test_files_without_an_accuracy_are_refused(tmp_path):
    task = {"study": "robustness", "model": "m", "model_sha256": "a"}
    results.save(tmp_path / "a.json", [Score("other", 1.0)], task=task, provenance={})
    with pytest.raises(ValueError, match="hold no accuracy; move them away and rerun"):
        write(tmp_path)


def test_trainings_alone_make_a_page(tmp_path):
    save_training(tmp_path)
    page = Page(write(tmp_path).read_text(encoding="utf-8"))
    assert "Which networks were trained" in page.text
    assert page.tags.count("figure") == 1
    assert not (tmp_path / "report" / "robustness.csv").exists()


def test_the_table_of_trainings_says_how_and_with_which_weights(folder, page):
    table = training_table(lessons(read(folder))).set_index("label")
    row = table.loc["TRADES, seed 1"]
    assert (row["steps"], row["model_sha256"]) == (7, "3" * 12)
    assert row["weights"] == "net-trades-333333333333.safetensors"
    assert row["accuracy_test"] == pytest.approx(0.65)
    assert table.loc["standard + α → 2, seed 0", "alpha_conv1"] == 2.25
    text = " ".join(page.text.split())
    assert "eps 8/255, steps 7" in text
    assert "α → 2, β = 0.1, ranks 6–50 of conv1 conv2" in text


def test_settings_tell_trainings_of_one_objective_apart(tmp_path):
    for number, eps in enumerate((2 / 255, 8 / 255)):
        save_training(tmp_path, sha=f"{number}" * 12, objective="trades", eps=eps)
    kinds = [one.kind for one in lessons(read(tmp_path))]
    assert len(set(kinds)) == 2
    assert all("eps" in kind for kind in kinds)


def test_a_network_that_was_rewritten_and_other_images_of_one_name_are_other_ways(tmp_path):
    """Seeds start from other weights; two networks of one seed and name that do are two."""
    save_training(tmp_path, sha="a" * 12, seed=0)
    save_training(tmp_path, sha="b" * 12, seed=1)
    save_training(tmp_path, sha="c" * 12, seed=1, initial_sha256="0123456789ab")
    save_training(tmp_path, sha="d" * 12, seed=0, data="cifar10 5678abcd")
    save_training(tmp_path, sha="e" * 12, seed=0, data="cifar10 9999abcd", images=9)
    found = {one.sha[0]: one for one in lessons(read(tmp_path))}
    labels = {key: one.label for key, one in found.items()}
    assert len(set(labels.values())) == 5
    assert "0123456789ab" in labels["c"]
    assert "5678abcd" in labels["d"]
    assert "images 9" in labels["e"]
    assert found["b"].kind != found["c"].kind


def test_a_training_is_told_with_all_that_decides_it(tmp_path):
    save_training(
        tmp_path, objective="free", alpha=0.8, learning_rate=0.2, replays=4, weight_decay=0.01,
        precision="bfloat16", blur="coarse to fine", blur_sigma=2.0, noise=8 / 255, eps=0.2,
        step_size=1e-9, h=3 / 255,
    )  # fmt: skip
    ((cell,),) = training_cells(lessons(read(tmp_path))).values()
    assert cell["training"] == (
        "4 epochs × 4 replays, batches of 100, sgd, learning rate 0.2, momentum 0.9, weight decay "
        "0.01, bfloat16, augmented, blur coarse to fine, σ 2 pixels, noise of SD 8/255"
    )
    assert cell["settings"] == "eps 0.2, steps 7, step size 1e-09, h 3/255"
    assert cell["penalty"].startswith("α → 0.8, β = 0.1")


def test_how_often_a_penalty_was_asked_for_is_told(tmp_path):
    save_training(tmp_path, alpha=2.0)
    save_training(tmp_path, sha="b" * 12, alpha=2.0, spectral_every=4)
    there = lessons(read(tmp_path))
    assert len({one.kind for one in there}) == 2
    page = Page(write(tmp_path).read_text(encoding="utf-8"))
    text = " ".join(page.text.split())
    assert text.count("ranks 6–50 of conv1 conv2, every 4 steps") == 1


def test_studies_are_joined_by_the_weights(folder):
    (joined,) = found_joined(read(folder))
    assert joined.attack == "the mean of the paper’s three attacks"
    assert len(joined.points) == 8
    for point in joined.points:
        number = int(point.sha[0], 16)
        strength, seed = KINDS[number // 2][3], number % 2
        clean = KINDS[number // 2][2] - seed / 50
        assert point.robustness.value == pytest.approx(clean * strength)
        best, last, middle = (point.alphas[r] for r in ("most like V1", "last layer", "median"))
        assert (best.value, best.layer) == (1 + strength, "conv1")
        assert (last.value, last.layer) == (2.0 + seed, "hidden")
        assert middle.value == pytest.approx((3 + strength + seed) / 2)
        assert point.tunings["most like V1"].value == strength
        assert point.tunings["last layer"].value == 0.1
        assert point.masked == (KINDS[number // 2][4] == "masked")
        assert point.penalised == (KINDS[number // 2][1] is not None)


def test_a_correlation_comes_with_interval_n_and_what_it_cannot_show(folder):
    (joined,) = found_joined(read(folder))
    panel = panels_of(joined)[0]
    assert (panel.rule, panel.pair) == ("most like V1", ("α", "adversarial accuracy"))
    x = [point.alphas["most like V1"].value for point in joined.points]
    y = [point.robustness.value for point in joined.points]
    truth = pearsonr(x, y)
    low, high = truth.confidence_interval(0.95)
    said = of_joined(joined)
    assert f"r = {truth.statistic:.2f} (95 % interval {low:.2f} to {high:.2f})" in said[0]
    assert "n = 8 networks of 4 kinds" in said[0]
    assert "Without the 2 whose accuracy is masked" in said[0]
    assert any("differ in the seed only" in one for one in said)
    # tanh(1.96 / sqrt(4 - 3)), Fisher's interval over four kinds
    assert any("only if r is beyond ± 0.96" in one for one in said)


def test_every_dot_of_the_scatter_is_in_its_csv_and_in_the_table(folder):
    there = found_joined(read(folder))
    plate = scatter_plate(there[0])
    table = joined_table(there)
    assert len(table) == 3 * 8
    assert len(plate.numbers) == 9 * 8
    for axes, (_, panel) in zip(plate.figure.axes, plate.numbers.groupby("panel"), strict=True):
        dots = {hollow: [] for hollow in (True, False)}
        for line in axes.lines:
            dots[line.get_markerfacecolor() == "none"] += map(tuple, line.get_xydata())
        for hollow, drawn in dots.items():
            mine = panel[panel["masked"] == hollow]
            assert sorted(drawn) == sorted(zip(mine["x"], mine["y"], strict=True))
        # A bar across each dot for each number that has an error.
        bars = [bar for kind in axes.collections for bar in kind.get_segments()]
        lengths = np.array([np.ptp(bar, axis=0).max() for bar in bars if len(bar)])
        errors = panel[["x_error", "y_error"]].to_numpy(float)
        np.testing.assert_allclose(sorted(lengths / 2), sorted(errors[np.isfinite(errors)]))
    hollow = plate.numbers[plate.numbers["masked"]]
    assert set(hollow["of"]) == {"gradient penalty, seed 0", "gradient penalty, seed 1"}


def test_images_without_degrees_are_joined_by_preferred_frequency(tmp_path):
    save_everything(tmp_path, gratings=True)
    (joined,) = found_joined(read(tmp_path))
    assert joined.tuning == "median_log2_frequency"
    assert joined.points[0].tunings["last layer"].value == pytest.approx(2**4.5)
    assert "most like V1" not in joined.points[0].tunings
    assert "no score against V1" in scatter_plate(joined).methods
    assert "preferred frequency, cycles/image" in of_joined(joined)[1]


def test_networks_that_only_one_study_knows_are_not_joined(tmp_path):
    save_robustness(tmp_path, sha="a" * 12)
    save_layers(tmp_path, {"conv1": 1.0}, sha="b" * 12)
    assert found_joined(read(tmp_path)) == []
    page = Page(write(tmp_path).read_text(encoding="utf-8"))
    assert "Do exponent, tuning" not in page.text


def test_few_networks_have_no_correlation():
    up = [1.0, 2.0, 3.0, 4.0]
    assert correlation(up[:3], up[:3]) is None
    assert correlation([1.0] * 4, up) is None
    assert correlation_text(up[:3], up[:3], "abc") == "n = 3, too few for a correlation"
    assert "the same in all" in correlation_text([1.0] * 4, up, "abcd")


def test_the_attack_of_the_verdicts_is_joined_where_there_is_no_mean(tmp_path):
    for number in range(2):
        sha = f"{number}" * 12
        about = {"model": f"n.py:{number}", "sha": sha}
        save_robustness(tmp_path, **about, norms=("L2",), word="robust")
        save_layers(tmp_path, {"conv1": 1.0 + number}, **about)
    (joined,) = found_joined(read(tmp_path))
    assert joined.attack == "L2, 0.15"
    assert [point.robustness.value for point in joined.points] == [0.4, 0.4]


@pytest.mark.parametrize(
    ("norm", "eps", "text"),
    [
        ("Linf", 1 / 1020, "1/1020"),
        ("Linf", 4 / 255, "4/255"),
        ("Linf", 0.1, "0.1"),
        ("Linf", 0.0, "0"),
        ("L2", 0.15, "0.15"),
        ("L1", 640.0, "640"),
    ],
)
def test_radii_are_written_as_they_are_typed(norm, eps, text):
    assert eps_text(norm, eps) == text


def test_planted_markup_comes_out_as_text(tmp_path):
    planted = '"><script>alert(1)</script>'
    save_robustness(tmp_path, model=planted, pictures=f"{planted} 1", word="masked", worst=0.0)
    save_training(tmp_path, objective=planted, blur=planted)
    save_layers(tmp_path, {"conv1": 1.0}, model=planted)
    text = write(tmp_path).read_text(encoding="utf-8")
    page = Page(text)
    assert "<script>alert(1)</script>" in page.text
    assert "script" not in page.tags
    assert not re.search(r"url\((?!#)|@import|https?://", text)
    inside = {path.name for path in (tmp_path / "report" / "figures").iterdir()}
    assert all(re.fullmatch(r"[\w+-]+\.(svg|pdf|csv)", name) for name in inside)


def test_the_page_has_all_sections_with_unique_ids_and_writes_the_same_twice(report, page):
    for title in ("How well do networks see", "Which networks were trained", "Do exponent, tuning"):
        assert title in page.text
    assert len(page.ids) == len(set(page.ids))
    before = report.read_bytes()
    assert write(report.parent.parent).read_bytes() == before


def test_verdicts_stand_beside_the_curves_of_gerum(tmp_path):
    for seed, word in ((1234, "robust"), (2468, "masked"), (3702, None)):
        path = save_network(tmp_path, beta=1.0, target=2.0, seed=seed)
        if word is not None:
            record, entries = results.read_record(path), results.load(path)
            about = {**entries[0].settings, "verdict": word, "reason": "planted", "epoch": 10}
            entries.append(Score("verdict", 1.0, settings=about))
            results.save(path, entries, task=record["task"], provenance=record["provenance"])
    table = gerum2022_table(results.load_all(tmp_path))
    assert table["verdict"].tolist() == ["1 masked, 1 robust"]
    text = " ".join(Page(write(tmp_path).read_text(encoding="utf-8")).text.split())
    assert "Is the accuracy under attack real? 2 of 3 networks were judged: β = 1 at α = " in text
    assert "1 masked, 1 robust" in text


def test_without_verdicts_gerum_has_no_such_column(tmp_path):
    save_network(tmp_path)
    text = Page(write(tmp_path).read_text(encoding="utf-8")).text
    assert "verdicts" not in text.lower()
    assert gerum2022_table(results.load_all(tmp_path))["verdict"].tolist() == [""]


def test_networks_that_learned_from_different_numbers_of_images_differ_in_more_than_the_seed(
    tmp_path,
):
    for count in (1437, 300):
        save_training(tmp_path, sha=f"{count:012d}", images=count)
    first, second = lessons(read(tmp_path))
    assert {first.kind, second.kind} == {"standard, images 300", "standard, images 1437"}


def test_a_network_that_was_judged_on_some_images_is_not_one_without_a_verdict(tmp_path):
    save_robustness(tmp_path, word="robust")
    save_robustness(tmp_path, pictures="other 456def")  # the same network, on other images
    save_robustness(tmp_path, model="nets.py:other", sha="bbbbbbbbbbbb")
    text = " ".join(Page(write(tmp_path).read_text(encoding="utf-8")).text.split())
    assert "No verdict on nets:other" in text or "No verdict on other" in text
