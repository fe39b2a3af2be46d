"""Figures of many networks: as many as of few, with all of them in the CSV, and legible."""

import io

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from synthetic_many import LAYERS, V1_LAYER, of_model, save_many, save_trainings
from synthetic_predictivity import deviations, save_predictivity
from synthetic_robustness import save_training
from synthetic_spectra import power_law, save_layers
from test_report_page import Page

from striate.report import predictivity, robustness, spectra, training, tuning, write
from striate.report.crowd import COLOURS, MANY, ROBUST, UNKNOWN, USUAL, crowd, median_rows
from striate.report.drawing import rows, stacked
from striate.report.export import files
from striate.report.known import Known, entry_of, known
from striate.report.section import read
from striate.results import Score

STUDIES = {
    "spectra": spectra.STUDY,
    "tuning": tuning.STUDY,
    "predictivity": predictivity.STUDY,
    "robustness": robustness.STUDY,
}
COUNTS = (11, 15)


def drawn(folder):
    records = read(folder)
    return {
        name: {plate.name: plate for plate in study.section(records, folder).plates}
        for name, study in STUDIES.items()
    }


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Plates by study and name, of fewer and of more networks."""
    made = {}
    for count in COUNTS:
        folder = tmp_path_factory.mktemp(f"many{count}")
        names = save_many(folder, count)
        made[count] = names, drawn(folder), folder
    return made


def measured(plate):
    return plate.numbers[plate.numbers["source"] == "measured"]


@pytest.mark.parametrize("study", STUDIES)
def test_plates_do_not_grow_with_the_networks(many, study):
    fewer, more = (many[count][1][study] for count in COUNTS)
    assert list(fewer) == list(more)
    assert len(more) <= 10
    assert len(set(more)) == len(more)


WITH_ALL = [
    "spectra-layers-200-images-of-val",
    "spectra-windows-200-images-of-val",
    "tuning-frequencies-gabor-patches",
    "tuning-layers-gabor-patches",
    "tuning-scores-gabor-patches",
    "tuning-field-gabor-patches",
    "tuning-medians-gabor-patches",
    "tuning-orientation-gabor-patches",
    "predictivity-layers-u1-pls",
    "robustness-attacks-500-images-of-val",
    "robustness-curves-500-images-of-val",
    "robustness-probes-500-images-of-val",
    "robustness-passbands-500-images-of-val",
]


@pytest.mark.parametrize("name", WITH_ALL)
def test_every_network_is_in_the_csv(many, name):
    names, plates, _ = many[15]
    plate = plates[name.split("-")[0]][name]
    csv = pd.read_csv(io.BytesIO(files(plate)["csv"]))
    assert set(csv.loc[csv["source"] == "measured", "of"]) == set(names)


def test_every_line_drawn_is_in_the_csv(many):
    for plates in many[15][1].values():
        for name, plate in plates.items():
            if name in ("tuning-stimuli-gabor-patches", "predictivity-neurons-u1-pls"):
                continue
            written = set(
                zip(plate.numbers["x"].round(6), plate.numbers["y"].round(6), strict=True)
            )
            for axes in plate.figure.axes:
                for line in axes.lines:
                    points = np.asarray(line.get_xydata(), dtype=float)
                    points = points[np.isfinite(points).all(axis=1)]
                    label = line.get_label()
                    reference = label.startswith(("_child", "_identity"))
                    if reference or len(points) < 2:
                        continue
                    assert {(round(x, 6), round(y, 6)) for x, y in points} <= written, (name, label)


def test_spectra_are_of_the_layer_that_predicts_v1_best(many):
    _, plates, _ = many[11]
    plate = plates["spectra"]["spectra-layers-200-images-of-val"]
    spectrum = measured(plate).query("panel == 'a' and of == 'resnet50'")
    assert set(spectrum["series"]) == {V1_LAYER}
    np.testing.assert_allclose(spectrum["y"], power_law(0.8 + 0.05 + 0.2, 99))
    ranks = measured(plate).query("panel == 'c'")
    assert ranks["x"].is_monotonic_decreasing
    assert ranks.iloc[0]["of"] == "robust_wide_resnet50_2_l2_3"
    assert "predicts V1 best" in plate.methods
    assert "As Fig. 3 of Kong et al. 2021" in plate.methods


def test_without_predictivity_the_layer_is_the_one_of_the_highest_score(tmp_path):
    save_many(tmp_path, MANY + 1, predicted=False)
    there = known(read(tmp_path))
    assert {one.layer for one in there.values()} == {"layer3.0"}
    assert {one.rule for one in there.values()} == {"has the highest V1 frequency score"}


def test_robust_networks_have_their_colour_and_their_median(many):
    names, plates, _ = many[11]
    plate = plates["spectra"]["spectra-layers-200-images-of-val"]
    medians = plate.numbers[plate.numbers["source"] == "median"]
    robust = medians[medians["of"] == ROBUST]
    places = [place for place, name in enumerate(names) if "robust" in name]
    wanted = [np.median([1.3 + place / 100 + 0.1 * n for place in places]) for n in range(4)]
    np.testing.assert_allclose(robust["y"], wanted)
    assert set(robust["units"]) == {len(places)}
    thick = [line for line in plate.figure.axes[1].lines if line.get_label() == f"median, {ROBUST}"]
    assert [to_hex(line.get_color()) for line in thick] == [COLOURS[ROBUST]]


@pytest.mark.parametrize(
    ("study", "name", "gap"),
    [
        ("spectra", "spectra-pairs-200-images-of-val", 0.5),
        ("predictivity", "predictivity-pairs-u1-pls", None),
        ("tuning", "tuning-pairs-gabor-patches", None),
    ],
)
def test_each_robust_network_stands_beside_its_base_network(many, study, name, gap):
    plate = many[15][1][study][name]
    pairs = {panel: set(part["of"]) for panel, part in plate.numbers.groupby("panel")}
    assert pairs == {
        "robust_resnet50_l2_3": {"robust_resnet50_l2_3", "resnet50"},
        "robust_resnet18_linf_1": {"robust_resnet18_linf_1", "resnet18"},
        "robust_wide_resnet50_2_l2_3": {"robust_wide_resnet50_2_l2_3", "wide_resnet50_2"},
        "robust_mobilenet_v2_l2_3": {"robust_mobilenet_v2_l2_3", "mobilenet_v2"},
    }
    if gap is not None:
        ours, theirs = (
            plate.numbers.query("panel == 'robust_resnet50_l2_3' and of == @of")["y"].to_numpy()
            for of in ("robust_resnet50_l2_3", "resnet50")
        )
        np.testing.assert_allclose(ours - theirs, gap + 0.02)


def test_neurons_of_pairs_share_a_figure_where_there_are_many(tmp_path):
    for name in ("resnet50", "resnet18", "wide_resnet50_2"):
        save_predictivity(tmp_path, dict.fromkeys(LAYERS, 0.4), **of_model(name))
    robust = ("robust_resnet50_l2_3", "robust_resnet50_linf_4", "robust_resnet18_linf_1",
              "robust_resnet18_linf_0_5", "robust_wide_resnet50_2_l2_3")  # fmt: skip
    for place, name in enumerate(robust):
        layers = dict.fromkeys(LAYERS, 0.5 + place / 100)
        save_predictivity(tmp_path, layers, **of_model(name))
    section = predictivity.STUDY.section(read(tmp_path), tmp_path)
    (plate,) = (one for one in section.plates if one.name.startswith("predictivity-neurons"))
    assert set(plate.numbers["panel"]) == set(robust)
    first = plate.numbers[plate.numbers["panel"] == robust[1]]
    np.testing.assert_allclose(first["y"] - first["x"], 0.11, atol=1e-6)
    np.testing.assert_allclose(first["x"], 0.4 + deviations(), atol=1e-6)
    identity = [line for line in plate.figure.axes[0].lines if line.get_label() == "_identity"]
    assert len(identity) == 1
    assert "As Fig. 5 of Kong et al. 2021, left" in plate.methods


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A robust network and its base network, in all studies."""
    folder = tmp_path_factory.mktemp("pair")
    for name, more in (("resnet50", 0.0), ("robust_resnet50_l2_3", 0.2)):
        alphas = {layer: 0.8 + 0.1 * n + more for n, layer in enumerate(LAYERS)}
        save_layers(folder, alphas, **of_model(name))
        values = {layer: value + more for layer, value in zip(LAYERS, (0.3, 0.5, 0.4, 0.2),
                                                             strict=True)}  # fmt: skip
        save_predictivity(folder, values, **of_model(name))
    return folder


def test_a_pair_has_figure_3_of_the_paper(pair):
    section = spectra.STUDY.section(read(pair), pair)
    plate = {one.name: one for one in section.plates}["spectra-v1-like-200-images-of-val"]
    assert "As Fig. 3 of Kong et al. 2021" in plate.methods
    top = plate.numbers[(plate.numbers["panel"] == "a") & (plate.numbers["source"] == "measured")]
    assert set(zip(top["of"], top["series"], strict=True)) == {
        ("resnet50", "layer1.0"),
        ("robust_resnet50_l2_3", "layer1.0"),
    }
    below = plate.numbers[plate.numbers["panel"] == "b"]
    robust = below[below["of"] == "robust_resnet50_l2_3"]
    np.testing.assert_allclose(robust["y"], [1.0, 1.1, 1.2, 1.3])
    assert set(robust["error"]) == {0.02}
    colours = {line.get_label(): to_hex(line.get_color()) for line in plate.figure.axes[1].lines}
    assert colours["resnet50"] == COLOURS[USUAL]
    assert colours["robust_resnet50_l2_3"] == COLOURS[ROBUST]
    assert len(plate.figure.axes[1].collections) == 2  # a band each
    fits = [line for line in plate.figure.axes[0].lines if line.get_label().endswith(": fit")]
    assert len(fits) == 2


def test_a_pair_has_figure_5_of_the_paper(pair):
    section = predictivity.STUDY.section(read(pair), pair)
    plates = {one.name: one for one in section.plates}
    scatter = plates["predictivity-neurons-u1-pls-robust-resnet50-l2-3-resnet50"]
    assert "As Fig. 5 of Kong et al. 2021, left" in scatter.methods
    np.testing.assert_allclose(scatter.numbers["y"] - scatter.numbers["x"], 0.2, atol=1e-6)
    labels = [line.get_label() for line in scatter.figure.axes[0].lines]
    assert "_identity" in labels
    layers = plates["predictivity-layers-u1-pls"]
    assert "As Fig. 5 of Kong et al. 2021, right" in layers.methods
    assert set(layers.numbers["of"]) == {"resnet50", "robust_resnet50_l2_3"}


def test_captions_name_the_panels_of_figure_4(tmp_path):
    save_many(tmp_path, 2)
    section = tuning.STUDY.section(read(tmp_path), tmp_path)
    captions = {one.name: one.methods for one in section.plates}
    for name, panel in (("stimuli", "4A"), ("curves", "4B"), ("frequencies", "4C")):
        assert f"As Fig. {panel} of Kong et al. 2021" in captions[f"tuning-{name}-gabor-patches"]


@pytest.mark.parametrize(
    ("model", "entry"),
    [
        ("torchvision/resnet50", "resnet50"),
        ("torchvision/resnet50, random weights", ""),
        ("torchvision/resnet50, robust_resnet50_l2_3", "robust_resnet50_l2_3"),
        ("kong2021/robust_resnet50_l2_3", "robust_resnet50_l2_3"),
        ("kong2021/robust_resnet50_l2_3, resnet50_l2_eps3", "robust_resnet50_l2_3"),
        ("kong2021/robust_resnet50_l2_3, random weights", ""),
        ("nets.py:resnet50", ""),
        ("timm/resnet50", ""),
    ],
)
def test_networks_of_the_paper_are_known_by_name(model, entry):
    assert entry_of(model) == entry


def test_a_training_says_whether_a_network_is_robust(tmp_path):
    save_training(tmp_path, sha="a" * 12, objective="trades")
    save_training(tmp_path, sha="b" * 12, objective="standard", seed=1)
    for sha in ("a" * 12, "b" * 12, "c" * 12):
        save_layers(tmp_path, {"conv1": 1.0}, model="small/cnn-3x32", sha=sha)
    there = known(read(tmp_path))
    robust = {key[1]: one.robust for key, one in there.items() if key[0] == "small/cnn-3x32"}
    assert {sha[0]: robust[sha] for sha in robust if sha} == {"a": True, "b": False, "c": None}
    assert there["small/cnn-3x32", "c" * 12] == Known()


def test_a_network_whose_training_is_not_known_is_named_among_others():
    there = crowd({"a": True, "b": False, "mine": None}, {"a": 0.3, "b": 0.1, "mine": 0.2}, "score")
    assert there.groups == {"a": ROBUST, "b": USUAL, "mine": UNKNOWN}
    texts = {label: text for label, (text, _) in there.named.items()}
    assert texts == {"a": "highest score: a", "b": "lowest score: b", "mine": "mine"}
    strangers = crowd(dict.fromkeys("abc"), {}, "score")
    assert not strangers.named


def test_lines_of_other_layers_have_a_median_between_their_common_ends():
    lines = [([0, 1], [0, 1]), ([0, 0.5, 1], [0, 1, 2]), ([0, 1], [0, 3])]
    table = stacked(
        rows("a", "measured", name, "l", x, y) for name, (x, y) in zip("abc", lines, strict=True)
    )
    there = crowd(dict.fromkeys("abc", True), {}, "score")
    median = median_rows(table, there)
    np.testing.assert_allclose(median["y"], 2 * median["x"])
    assert (median["x"].min(), median["x"].max(), set(median["of"])) == (0, 1, {ROBUST})
    two = table[table["of"] != "c"]
    assert median_rows(two, there).empty  # two networks have no median worth a line


def test_many_trainings_are_coloured_by_objective(tmp_path):
    save_trainings(tmp_path, 12)
    (plate,) = training.STUDY.section(read(tmp_path), tmp_path).plates
    colours = {to_hex(line.get_color()) for line in plate.figure.axes[0].lines}
    assert len(colours) == 3
    assert plate.numbers["of"].nunique() == 12


def test_a_page_of_many_has_a_short_table_and_unique_names(many, tmp_path):
    names, _, folder = many[11]
    text = write(folder, tmp_path).read_text(encoding="utf-8")
    page = Page(text)
    assert len(page.ids) == len(set(page.ids))
    table = text[text.index("Table of networks: 200 images of val") :]
    assert table[: table.index("</table>")].count("<tr>") == len(names) + 1
    assert "0.850 ± " not in table[: table.index("</table>")]
    alphas = pd.read_csv(tmp_path / "spectra.csv")
    assert set(alphas["label"]) == set(names)
    assert len(alphas) == len(names) * len(LAYERS) * 2
    masked = [one for one in page.text.split("\n") if "is masked" in one]
    assert masked


def test_scores_of_ridge_do_not_choose_the_layer_where_there_is_pls(tmp_path):
    net = of_model("resnet50")
    save_predictivity(tmp_path, {"a": 0.5, "b": 0.4}, **net)
    save_predictivity(tmp_path, {"a": 0.5, "b": 0.9}, regression="ridge", **net)
    save_predictivity(tmp_path, {"a": 0.5, "b": 0.9}, grouped="none", **net)
    (about,) = known(read(tmp_path)).values()
    assert (about.layer, about.robust, about.entry, about.base) == ("a", False, "resnet50", "")
    assert isinstance(read(tmp_path)[0].results[0], Score)
