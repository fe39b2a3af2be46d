"""The section on tuning: planted preferences come out in figures, captions and tables."""

import dataclasses
import io
import itertools
import re
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from synthetic_tuning import (
    CPD,
    FIELDS,
    ORIENTATIONS,
    PER_IMAGE,
    preferences,
    save_everything,
    save_tuning,
)
from test_report_page import Page

from striate import results
from striate.models import Network
from striate.reference import devalois1982
from striate.report import write
from striate.report.section import read
from striate.report.tuning.findings import findings
from striate.report.tuning.found import best_layer, found
from striate.report.tuning.orientations import cell_edges
from striate.report.tuning.section import plates
from striate.report.tuning.table import tuning_cells, tuning_table
from striate.results import Curve, Score
from striate.studies import spectra, tuning
from striate.study import run

LAYERS = {"conv1": 0.2, "block1.relu": 0.5, "block2.relu": 0.75, "block3.relu": 0.4}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("tuning")
    save_everything(made)
    return made


@pytest.fixture(scope="module")
def there(folder):
    return found(read(folder))


@pytest.fixture(scope="module")
def drawn(there):
    return {plate.name: plate for plate in plates(there)}


def draw(folder):
    return {plate.name: plate for plate in plates(found(read(folder)))}


def chosen(plate, **wanted):
    rows = plate.numbers
    for column, value in wanted.items():
        rows = rows[rows[column] == value]
    return rows


def test_every_figure_is_there_once(drawn):
    assert list(drawn) == [
        "tuning-stimuli-gabor-patches",
        "tuning-curves-gabor-patches",
        "tuning-frequencies-gabor-patches",
        "tuning-layers-nets-plain-gabor-patches",
        "tuning-layers-nets-robust-gabor-patches",
        "tuning-scores-gabor-patches",
        "tuning-field-gabor-patches",
        "tuning-medians-gabor-patches",
        "tuning-orientation-gabor-patches",
        "tuning-components-600-images-of-val-gabor-patches",
        "tuning-stimuli-gratings-of-32-pixels",
        "tuning-curves-gratings-of-32-pixels",
        "tuning-layers-small-one-gratings-of-32-pixels",
        "tuning-layers-small-two-gratings-of-32-pixels",
        "tuning-medians-gratings-of-32-pixels",
        "tuning-orientation-gratings-of-32-pixels",
    ]


def test_every_line_and_bar_drawn_is_in_the_csv(drawn):
    for plate in drawn.values():
        if plate.name.startswith("tuning-stimuli"):
            continue
        csv = pd.read_csv(io.StringIO(plate.numbers.to_csv(index=False)))
        written = set(zip(csv["x"].round(6), csv["y"].round(6), strict=True))
        heights = set(csv["y"].round(6))
        for axes in plate.figure.axes:
            for line in axes.lines:
                if line.get_label().startswith("_") or line.get_linestyle() == ":":
                    continue  # a line to compare with
                points = np.asarray(line.get_xydata(), dtype=float)
                assert {(round(x, 6), round(y, 6)) for x, y in points} <= written, plate.name
            for bar in axes.patches:
                assert round(float(bar.get_height()), 6) in heights, plate.name


def with_ends(folder, name, *ends):
    """Give the scores of a name both ends of their intervals, value plus and minus these."""
    (path,) = results.paths(folder)
    record = results.read_record(path)
    there = [
        dataclasses.replace(
            one,
            settings={**one.settings, "low": one.value - ends[0], "high": one.value + ends[1]},
        )
        if one.name == name
        else one
        for one in results.load(path)
    ]
    path.unlink()
    results.save(path, there, task=record["task"], provenance=record["provenance"])


def bars_of(axes):
    """Return the ends of the error bars of a panel, from left to right."""
    return [
        (float(low[1]), float(high[1]))
        for lines in axes.collections
        for low, high in lines.get_segments()
    ]


def test_panels_of_channels_are_lettered_one_after_the_other(tmp_path):
    """Of the first network there are two, and a place stays free."""
    save_tuning(tmp_path, {"a": 0.5}, optimal=2)
    save_tuning(tmp_path, {"a": 0.5}, model="nets.py:robust", sha="bbbbbbbbbbbb", optimal=3)
    plate = draw(tmp_path)["tuning-curves-gabor-patches"]
    titles = [axes.get_title(loc="left") for axes in plate.figure.axes]
    assert [title[0] for title in titles if title] == list("abcde")
    assert list(dict.fromkeys(plate.numbers["panel"])) == list("abcde")


def test_long_names_over_histograms_are_broken_and_not_cut(tmp_path):
    for number, sha in enumerate("abc"):
        model = f"a_file_of_networks_{number}.py:vit_tiny_patch16_224_of_a_long_name"
        save_tuning(tmp_path, {"blocks.3.attn": 0.5, "blocks.4.attn": 0.4}, model=model, sha=sha)
    plate = draw(tmp_path)["tuning-frequencies-gabor-patches"]
    figure = plate.figure
    figure.draw_without_rendering()
    panels = [axes for axes in figure.axes if axes.get_title(loc="left")]
    boxes = []
    for number, axes in enumerate(panels):
        written = axes.get_title(loc="left")
        assert "…" not in written
        name = f"a_file_of_networks_{number}:vit_tiny_patch16_224_of_a_long_name"
        assert name in written.replace("\n", "")
        assert "blocks.3.attn" in written  # not blocks.3, which is another layer
        boxes.append(axes._left_title)
    boxes = [text.get_window_extent() for text in boxes]
    assert all(one.x1 < other.x0 for one, other in itertools.pairwise(boxes))
    assert boxes[-1].x1 <= figure.bbox.x1
    assert max(one.y1 for one in boxes) <= figure.bbox.y1


def test_bars_of_medians_reach_the_ends_of_their_intervals(tmp_path):
    """Which need not be symmetric; a result of before has half the width."""
    name = "median_circular_variance"
    save_tuning(tmp_path, {"a": 0.5, "b": 0.5})
    axes = draw(tmp_path)["tuning-medians-gabor-patches"].figure.axes[1]
    np.testing.assert_allclose(bars_of(axes), [(0.4, 0.6), (0.5, 0.7)])
    with_ends(tmp_path, name, 0.18, 0.02)
    plate = draw(tmp_path)["tuning-medians-gabor-patches"]
    np.testing.assert_allclose(bars_of(plate.figure.axes[1]), [(0.32, 0.52), (0.42, 0.62)])
    table = plate.numbers[plate.numbers["quantity"] == name]
    np.testing.assert_allclose(table[["low", "high"]], [(0.32, 0.52), (0.42, 0.62)])
    there = found(read(tmp_path))
    (rows,) = tuning_cells(there).values()
    assert [row[name] for row in rows] == ["0.50 (0.32 to 0.52)", "0.60 (0.42 to 0.62)"]
    full = tuning_table(there)
    assert full.loc[full["name"] == name, "high"].tolist() == pytest.approx([0.52, 0.62])
    # Of the other medians there is half of an interval, on both sides.
    half, whole = (f"bootstrap over channels, {of}the 95 % interval" for of in ("half ", ""))
    assert f"error bars: {half}; {whole}." in plate.methods


def test_the_stimuli_are_shown_with_their_own_pixels_and_named(drawn, there):
    plate = drawn["tuning-stimuli-gabor-patches"]
    stimuli = there[0].networks[0].stimuli
    shown = [axes for axes in plate.figure.axes if axes.images]
    assert len(shown) == len(stimuli) == 5
    for axes, stimulus in zip(shown, stimuli, strict=True):
        np.testing.assert_array_equal(axes.images[0].get_array(), stimulus.pixels)
        assert axes.images[0].get_interpolation() == "none"
        assert (axes.images[0].norm.vmin, axes.images[0].norm.vmax) == (0, 255)
    assert shown[1].get_title(loc="left") == "1.11 cpd"
    assert shown[1].get_xlabel() == "38°, phase 40°"
    assert plate.numbers["frequency"].tolist() == [CPD[1], CPD[3], CPD[5], CPD[7], CPD[9]]
    assert plate.numbers["unit"].unique().tolist() == ["cpd"]


def test_channels_of_the_layer_most_like_v1_have_their_curve_and_image(drawn, there):
    plate = drawn["tuning-curves-gabor-patches"]
    assert plate.numbers["series"].unique().tolist() == [
        *(f"block2.relu, channel {channel}" for channel in (7, 21, 40)),
        *(f"block1.relu, channel {channel}" for channel in (7, 21, 40)),
    ]
    layer = best_layer(there[0].networks[0])
    curve = chosen(plate, of="nets:plain", series="block2.relu, channel 21")
    assert curve["y"].tolist() == list(layer.examples[1].tuning.y)
    images = [axes.images[0].get_array() for axes in plate.figure.axes if axes.images]
    assert len(images) == 6
    for image, example in zip(images, layer.examples, strict=False):
        np.testing.assert_array_equal(image, example.optimal)


def test_without_optimal_images_there_are_curves_alone(drawn):
    plate = drawn["tuning-curves-gratings-of-32-pixels"]
    assert not [axes for axes in plate.figure.axes if axes.images]
    assert len(plate.figure.axes) == 6
    assert "gradient ascent" not in plate.methods
    assert "a layer in the middle (b of small:one and b of small:two)" in plate.methods


def test_the_histograms_have_the_best_layer_beside_the_published_cells(drawn):
    plate = drawn["tuning-frequencies-gabor-patches"]
    cells = devalois1982()
    grey = chosen(plate, panel="b", source="recording")
    np.testing.assert_allclose(grey["y"], cells["count"] / cells["count"].sum())
    assert set(grey["units"]) == {101}
    middle = np.sqrt(cells["bin_left_cpd"] * cells["bin_right_cpd"])
    np.testing.assert_allclose(grey["x"], middle)
    for panel, of, place in (
        ("a", "nets:plain, block2.relu", 2),
        ("b", "nets:robust, block1.relu", 1),
    ):
        bars = chosen(plate, panel=panel, source="measured")
        assert set(bars["of"]) == {of}
        assert tuple(bars["x"]) == CPD
        assert tuple(bars["y"]) == preferences(place, CPD)
    assert [axes.get_title(loc="left") for axes in plate.figure.axes] == [
        "a\u2003nets:plain\nblock2.relu\nscore 0.75 ± 0.03",
        "b\u2003nets:robust\nblock1.relu\nscore 0.82 ± 0.03",
    ]
    assert plate.measured[0] == (
        "nets:plain, block2.relu: score 0.750 ± 0.030; 0\u00a0% of its channels prefer the highest "
        "frequency shown, 8.75 cpd, and 4\u00a0% of V1 cells its bin."
    )
    assert "64 channels in a layer; 8 channels with flat curves left out." in plate.methods


def test_each_frequency_has_its_bar_inside_its_bin_of_v1(drawn):
    axes = drawn["tuning-frequencies-gabor-patches"].figure.axes[0]
    grey, bars = axes.patches[:10], axes.patches[10:]
    assert len(bars) == 10
    for bin_, bar in zip(grey, bars, strict=True):
        middle = np.sqrt(bar.get_x() * (bar.get_x() + bar.get_width()))
        assert bin_.get_x() < middle < bin_.get_x() + bin_.get_width()


def test_every_layer_has_its_histogram_with_its_score(drawn):
    plate = drawn["tuning-layers-nets-robust-gabor-patches"]
    bars = chosen(plate, source="measured")
    assert bars["of"].unique().tolist() == [
        f"nets:robust, {name}" for name in ("conv1", "block1.relu", "block2.relu", "block3.relu")
    ]
    last = bars[bars["panel"] == "d"]["y"]
    assert tuple(last) == preferences(3, CPD)
    assert "The layer most like V1 is block1." in plate.methods
    small = drawn["tuning-layers-small-one-gratings-of-32-pixels"]
    assert set(small.numbers["source"]) == {"measured"}
    assert tuple(chosen(small, panel="a")["x"]) == PER_IMAGE


def test_of_many_layers_a_part_is_shown_with_the_best_and_the_caption_says_so(tmp_path):
    # A file has ten layers at most: there are ten frequencies to prefer.
    for part in range(3):
        names = [f"b{part}.l{number}" for number in range(8)]
        save_tuning(tmp_path, {name: 0.9 if name == "b0.l1" else 0.1 for name in names})
    plate = draw(tmp_path)["tuning-layers-nets-plain-gabor-patches"]
    assert chosen(plate, source="measured")["of"].nunique() == 13
    assert "nets:plain, b0.l1" in set(plate.numbers["of"])
    assert "13 of 24 layers are shown" in plate.methods


def test_the_scores_stand_by_layer_and_the_published_apart(drawn):
    plate = drawn["tuning-scores-gabor-patches"]
    measured = chosen(plate, of="nets:plain", source="measured")
    assert measured[["series", "x", "y", "error"]].to_numpy().tolist() == [
        ["conv1", 0, 0.2, 0.03],
        ["block1.relu", 1, 0.5, 0.03],
        ["block2.relu", 2, 0.75, 0.03],
        ["block3.relu", 3, 0.4, 0.03],
    ]
    published = chosen(plate, panel="b")
    assert set(published["source"]) == {"published"}
    assert published[["of", "y", "error"]].to_numpy().tolist() == [
        ["ResNet-50", 0.763, 0.033],
        ["ResNet-50, robust", 0.817, 0.032],
        ["ResNet-18", 0.771, 0.039],
        ["ResNet-18, robust", 0.790, 0.036],
    ]
    left, right = plate.figure.axes
    assert right.get_title(loc="left").endswith("published")
    # Only lines of the left panel are measured, and rings are hollow.
    assert {line.get_markerfacecolor() for line in right.lines if len(line.get_xdata())} == {"none"}
    assert len(left.collections) == 2  # a band per network
    assert plate.measured == (
        "nets:robust, 4 layers: block1.relu is most like V1, with a score of 0.820 ± 0.030; conv1 "
        "least, 0.300 ± 0.030.",
        "nets:plain, 4 layers: block2.relu is most like V1, with a score of 0.750 ± 0.030; conv1 "
        "least, 0.200 ± 0.030.",
        "The score of nets:robust exceeds that of nets:plain in 3 of 4 layers, by 0.142 in the "
        "mean.",
        "1 of 2 networks has a layer that scores at least 0.763, the lowest of the published "
        "(ResNet-50).",
    )


def test_the_field_of_view_is_marked_where_it_was_assumed(drawn):
    plate = drawn["tuning-field-gabor-patches"]
    rows = chosen(plate, of="nets:robust")
    assert rows["x"].tolist() == list(FIELDS)
    np.testing.assert_allclose(rows["y"], [0.82 * field / 12 for field in FIELDS])
    (axes,) = plate.figure.axes
    assert [text.get_text() for text in axes.texts] == ["assumed: 6.4°"]
    assert plate.measured[0] == (
        "nets:plain, block2.relu: were an image said to span not 6.4° but 2° to 12°, the score "
        "would lie between 0.125 (at 2°) and 0.750 (at 12°)."
    )


def test_medians_have_their_intervals_in_the_unit_of_the_axis(drawn):
    plate = drawn["tuning-medians-gratings-of-32-pixels"]
    rows = chosen(plate, of="small:two", quantity="median_log2_frequency")
    assert rows[["series", "y", "error", "units"]].to_numpy().tolist() == [
        ["a", 4.5, 0.1, 60],
        ["b", 4.0, 0.1, 60],
        ["c", 3.5, 0.1, 60],
    ]
    axes = plate.figure.axes[0]
    assert axes.get_ylabel() == "cycles/image"
    assert axes.yaxis.get_major_formatter()(4, None) == "16"
    assert plate.measured[1] == (
        "small:two: the median channel prefers 22.6 in a and 11.3 in c (cycles per image)."
    )
    assert "a of small:one and a of small:two" in plate.methods  # was rectified


def test_orientations_fill_the_half_circle_once_and_the_uniform_line_knows_the_cells(drawn):
    curve = Curve("preferred_orientation", ORIENTATIONS, (0.1,) * 10)
    edges = cell_edges(curve)
    assert edges[-1] - edges[0] == pytest.approx(180)
    assert np.all(np.diff(edges) > 0)
    assert all(low < x < high for low, x, high in zip(edges, ORIENTATIONS, edges[1:], strict=False))
    # Closer neighbours, narrower cells: 7.5 degrees on one side, 19.17 on the other.
    assert np.diff(edges)[0] == pytest.approx((7.5 + 172.5 / 9) / 2)
    plate = drawn["tuning-orientation-gabor-patches"]
    uniform = chosen(plate, source="theory")["y"]
    assert uniform.sum() == pytest.approx(1)
    np.testing.assert_allclose(uniform[1:-1], 172.5 / 9 / 180)
    assert "it is lower at 0° and 172.5°" in plate.methods
    even = drawn["tuning-orientation-gratings-of-32-pixels"]
    np.testing.assert_allclose(chosen(even, source="theory")["y"], 0.1)
    assert "lower" not in even.methods
    assert chosen(plate, of="nets:plain", series="block3.relu")["y"].tolist() == [0.55, *[0.05] * 9]
    tops = {axes.get_rmax() for axes in plate.figure.axes}
    assert len(tops) == 1
    assert tops.pop() > 0.55


def test_components_keep_all_ranks_in_the_csv_and_their_correlation(drawn, there):
    plate = drawn["tuning-components-600-images-of-val-gabor-patches"]
    ranks = chosen(plate, panel="rank", of="nets:robust", series="block1.relu")
    assert ranks["x"].tolist() == list(range(1, 301))
    rhos = chosen(plate, panel="rho", of="nets:robust")
    np.testing.assert_allclose(rhos["y"], [0.5, 0.25, 0, -0.25], atol=1e-12)
    assert set(rhos["error"]) == {0.1}
    axes = plate.figure.axes[1]
    assert axes.get_title(loc="right") == "ρ = 0.60 ± 0.10"
    assert len(axes.lines[0].get_xdata()) < 300
    assert plate.figure.axes[-2].get_title(loc="right") == "ρ = 0.00 ± 0.10"
    assert plate.measured[0] == (
        "nets:plain: the preferred frequency of principal components rises with rank in 2 of 4 "
        "layers by more than the interval and falls in 1; ρ lies between −0.15 ± 0.10 "
        "(block3.relu) and 0.60 ± 0.10 (conv1)."
    )
    assert "jackknife over images" in plate.methods


def test_intervals_of_correlations_are_drawn_to_one(tmp_path):
    """A jackknife of few images gave ρ = 0.63 ± 0.61; the result keeps its error."""
    save_tuning(tmp_path, {"a": 0.5, "b": 0.5}, pictures="val 123abc")
    (path,) = results.paths(tmp_path)
    wide = [
        dataclasses.replace(one, error=0.61)
        if one.name == "frequency_by_rank" and isinstance(one, Score)
        else one
        for one in results.load(path)
    ]
    record = results.read_record(path)
    results.save(
        tmp_path / "tuning" / "wide.json", wide, task=record["task"], provenance={"started": "2"}
    )
    path.unlink()
    (plate,) = [one for name, one in draw(tmp_path).items() if "components" in name]
    np.testing.assert_allclose(
        bars_of(plate.figure.axes[0]), [(-0.01, 1), (-0.26, 0.96)], atol=1e-6
    )
    assert set(chosen(plate, panel="rho")["error"]) == {0.61}
    assert "bars end at −1 and 1" in plate.methods


def test_what_was_found_with_other_stimuli_says_with_which(tmp_path):
    save_tuning(tmp_path, {"0": 0.5, "3": 0.25})
    alone = findings(found(read(tmp_path)))
    assert alone[0].startswith("nets:plain, 2 layers: layer 0 is most like V1")
    save_tuning(tmp_path, {"0": 0.125, "3": 0.25}, protocol="authors")
    there = found(read(tmp_path))
    said = findings(there)
    assert len(there) == 2
    assert {one.split(": ")[0] for one in said} == {together.label for together in there}
    assert {one.split(": ", 1)[1] for one in said} >= set(alone)


def test_of_layers_that_are_alike_none_is_most_like_v1(tmp_path):
    save_tuning(tmp_path, {"0": 0.5, "3": 0.5})
    said = findings(found(read(tmp_path)))
    assert said[0] == "nets:plain, 2 layers: all are alike, with a score of 0.500 ± 0.030."


@pytest.mark.parametrize(("layers", "told"), [
    ({"out": 0.61907, "pair": 0.61904}, "all are alike, with a score of 0.619 ± 0.030."),
    ({"a": 0.6, "b": 0.55, "c": 0.59},
     "all are alike within the errors, with scores of 0.550 ± 0.030 (b) to 0.600 ± 0.030 (a)."),
    ({"a": 0.3, "b": 0.55, "c": 0.6, "d": 0.32},
     "c is most like V1, with a score of 0.600 ± 0.030 (within the errors so is b); a least, "
     "0.300 ± 0.030 (within the errors so is d)."),
    ({"a": 0.5, "b": 0.5, "c": 0.5}, "all are alike, with a score of 0.500 ± 0.030."),
    ({"a": 0.6, "b": 0.59, "c": 0.58, "d": 0.57, "e": 0.56, "f": 0.1},
     "a is most like V1, with a score of 0.600 ± 0.030 (within the errors so are 4 others); f "
     "least, 0.100 ± 0.030."),
])  # fmt: skip
def test_layers_are_ranked_only_as_far_as_their_errors_tell_them_apart(tmp_path, layers, told):
    save_tuning(tmp_path, layers)
    said = findings(found(read(tmp_path)))
    assert said[0] == f"nets:plain, {len(layers)} layers: {told}"


def test_networks_whose_scores_print_alike_do_not_exceed_each_other(tmp_path):
    save_tuning(tmp_path, {"a": 0.61907})
    save_tuning(tmp_path, {"a": 0.61904}, model="nets.py:robust", sha="b")
    said = findings(found(read(tmp_path)))
    assert "In the mean over 1 layer the scores of nets:plain and nets:robust are alike." in said


def reshaped(path, name, *shares):
    """Give the curves of a name, one for each layer, other shares of channels."""
    record, left = results.read_record(path), iter(shares)
    there = [
        dataclasses.replace(one, y=next(left)) if one.name == name else one
        for one in results.load(path)
    ]
    path.unlink()
    results.save(path, there, task=record["task"], provenance=record["provenance"])


QUARTERS = (0.25, 0.0, 0.25, 0.0, 0.25, 0.0, 0.25, 0.0, 0.0, 0.0)
MOST = (0.0, 0.375, 0.25, 0.125, 0.25, 0.0, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(("shares", "told"), [
    ((MOST, QUARTERS), "The frequency that most channels prefer is 0.547 cpd (38\u00a0%) in a; "
     "4 frequencies tie in b, with 25\u00a0% each."),
    ((QUARTERS, MOST), "4 frequencies tie in a, with 25\u00a0% each; the frequency that most "
     "channels prefer is 0.547 cpd (38\u00a0%) in b."),
    ((QUARTERS, QUARTERS), "4 frequencies tie in a, with 25\u00a0% each; 4 frequencies tie in b, "
     "with 25\u00a0% each."),
    ((MOST, MOST), "The frequency that most channels prefer goes from 0.547 cpd (38\u00a0%) in a "
     "to 0.547 cpd (38\u00a0%) in b."),
])  # fmt: skip
def test_of_frequencies_that_as_many_prefer_none_is_named(tmp_path, shares, told):
    reshaped(save_tuning(tmp_path, {"a": 0.5, "b": 0.5}), "preferred_frequency", *shares)
    assert draw(tmp_path)["tuning-layers-nets-plain-gabor-patches"].measured == (told,)


@pytest.mark.parametrize(("shares", "told"), [
    ((QUARTERS, MOST), "channels are most alike in b, where 38 % prefer about 19.2°."),
    ((QUARTERS, (0.25, *[0.05] * 9)), "at most 25 % of the channels of a layer prefer one "
     "orientation: each of 4 in a, about 0° in b."),
    ((QUARTERS, (0.1,) * 10), "at most 25 % of the channels of a layer prefer one orientation: "
     "each of 4 in a."),
])  # fmt: skip
def test_of_orientations_that_as_many_prefer_none_is_named(tmp_path, shares, told):
    reshaped(save_tuning(tmp_path, {"a": 0.5, "b": 0.5}), "preferred_orientation", *shares)
    plate = draw(tmp_path)["tuning-orientation-gabor-patches"]
    assert plate.measured == (f"nets:plain: {told}",)


def test_a_tie_over_many_layers_counts_them(tmp_path):
    save_tuning(tmp_path, dict.fromkeys("abcde", 0.5))
    assert draw(tmp_path)["tuning-orientation-gabor-patches"].measured == (
        "nets:plain: at most 55 % of the channels of a layer prefer one orientation, in 5 layers.",
    )


def test_a_median_says_of_how_many_channels_it_is(tmp_path):
    """Of the others no bandwidth is known, and these are the broad ones first."""
    save_tuning(tmp_path, {"a": 0.5, "b": 0.5}, channels=16, silent=0, measured=16)
    there = found(read(tmp_path))
    (rows,) = tuning_cells(there).values()
    assert rows[0]["median_bandwidth_octaves"] == "2.00 ± 0.10"
    assert "as few as" not in draw(tmp_path)["tuning-medians-gabor-patches"].methods
    few = {"channels": 16, "silent": 0, "measured": 8, "model": "nets.py:robust", "sha": "b"}
    save_tuning(tmp_path, {"a": 0.5, "b": 0.5}, **few)
    there = found(read(tmp_path))
    rows = tuning_cells(there)["nets:robust: Gabor patches"]
    assert rows[0]["median_bandwidth_octaves"] == "2.00 ± 0.10, of 8 of 16"
    assert rows[0]["median_circular_variance"] == "0.50 ± 0.10"
    plate = draw(tmp_path)["tuning-medians-gabor-patches"]
    assert (
        "left out, broad ones first; the median is of as few as 8 of 16 channels (a of "
        "nets:robust), and the table says of how many in each layer."
    ) in plate.methods
    # Of how many the channels are is said of each layer, not of the kind of error.
    assert "error bars: bootstrap over channels, half the 95 % interval. " in plate.methods


def test_the_medians_of_many_networks_say_of_how_many_channels_they_are(tmp_path):
    for number in range(13):
        few = {"measured": 7 if number == 5 else 60, "sha": str(number)}
        save_tuning(tmp_path, {"a": 0.5}, model=f"nets.py:n{number}", **few)
    plate = draw(tmp_path)["tuning-medians-gabor-patches"]
    assert "the median is of as few as 7 of 60 channels (a of nets:n5)" in plate.methods


SELECTIVE = (
    "median_circular_variance",
    "median_phase_modulation",
    "median_bandwidth_octaves",
)


@pytest.mark.parametrize(("without", "told"), [
    (SELECTIVE, "No circular variance, F1/F0 or bandwidth of a and b of nets:plain: no channel has "
     "a response above 0, and these are of rectified responses."),
    (SELECTIVE[2:], "No bandwidth of a and b of nets:plain: no curve falls to half its height on "
     "both sides within the frequencies shown."),
])  # fmt: skip
def test_medians_that_are_missing_have_their_reason(tmp_path, without, told):
    save_tuning(tmp_path, {"a": 0.5, "b": 0.5, "dead": None}, optimal=1, without=without)
    text = write(tmp_path).read_text(encoding="utf-8")
    assert told in " ".join(Page(text).text.split()).replace(" ", " ")
    silent = tmp_path / "whole"
    save_tuning(silent, {"a": 0.5, "dead": None})
    assert "No bandwidth" not in write(silent).read_text(encoding="utf-8")


@pytest.mark.parametrize(("asked", "told"), [
    ({}, "Frequencies were shown in steps of about 0.50 octaves, which makes"),
    ({"gratings": True, "degrees": True, "field_deg": 2.0},
     "Frequencies were shown in steps of about 0.25 octaves, which makes"),
    ({"without": ["preferred_frequency"]}, "(band). Layers:"),
])  # fmt: skip
def test_the_steps_of_the_score_by_field_are_those_of_the_frequencies(tmp_path, asked, told):
    save_tuning(tmp_path, {"a": 0.5}, **asked)
    (plate,) = [one for name, one in draw(tmp_path).items() if "tuning-field" in name]
    assert told in plate.methods


def test_a_network_is_told_its_own_field(tmp_path):
    """A figure can have networks that take images of several sizes, of as many pixels a degree."""
    save_tuning(tmp_path, {"a": 0.5})
    save_tuning(tmp_path, {"a": 0.6}, model="big.py:net", sha="b", field_deg=299 / 35)
    plate = draw(tmp_path)["tuning-field-gabor-patches"]
    assert [one.partition(" but ")[0] for one in plate.measured] == [
        "big:net, a: were an image said to span not 8.54°",
        "nets:plain, a: were an image said to span not 6.4°",
    ]
    assert "it is 6.4 and 8.54° (dotted)" in plate.methods


def test_plates_are_left_out_where_there_is_nothing_to_draw(tmp_path):
    save_tuning(tmp_path, {"a": 0.5})
    names = {name.split("-")[1] for name in draw(tmp_path)}
    assert names == {"stimuli", "curves", "layers", "scores", "field", "medians", "orientation"}
    silent = tmp_path / "silent"
    save_tuning(silent, {"a": None})
    assert {name.split("-")[1] for name in draw(silent)} == {"stimuli"}
    assert findings(found(read(silent))) == ["No layer has a median."]


def test_networks_shown_the_same_share_figures_and_others_do_not(tmp_path):
    save_tuning(tmp_path, {"a": 0.5})
    save_tuning(tmp_path, {"a": 0.6}, model="big.py:net", sha="b", field_deg=299 / 35)
    save_tuning(tmp_path, {"a": 0.7}, protocol="authors")
    save_tuning(tmp_path, {"a": 0.0}, gratings=True)
    groups = {one.label: [net.label for net in one.networks] for one in found(read(tmp_path))}
    assert groups == {
        "Gabor patches, protocol authors": ["nets:plain"],
        "Gabor patches, protocol paper": ["big:net", "nets:plain"],
        "gratings of 32 pixels": ["nets:plain"],
    }
    plate = draw(tmp_path)["tuning-field-gabor-patches-protocol-paper"]
    texts = [text.get_text() for text in plate.figure.axes[0].texts]
    assert texts == ["assumed: 6.4°", "assumed: 8.54°"]


def test_a_network_measured_twice_counts_once_and_gains_what_is_new(tmp_path):
    save_tuning(tmp_path, LAYERS)
    save_tuning(tmp_path, LAYERS, optimal=3)
    save_tuning(tmp_path, LAYERS, pictures="val 123abc")
    save_tuning(tmp_path, LAYERS, pictures="other 456def")
    (together,) = found(read(tmp_path))
    (network,) = together.networks
    assert sorted(layer.name for layer in network.layers) == sorted(LAYERS)
    for layer in network.layers:
        assert [example.channel for example in layer.examples] == [7, 21, 40]
        assert all(example.optimal is not None for example in layer.examples)
        assert len(layer.ranks) == 2
    assert {name for name in draw(tmp_path) if name.startswith("tuning-components")} == {
        "tuning-components-600-images-of-other-gabor-patches",
        "tuning-components-600-images-of-val-gabor-patches",
    }


def test_networks_with_other_layers_are_set_side_by_side_by_depth(tmp_path):
    save_tuning(tmp_path, {"a": 0.1, "b": 0.2, "c": 0.3})
    save_tuning(tmp_path, {"x": 0.4, "y": 0.5}, model="nets.py:robust", sha="b")
    plate = draw(tmp_path)["tuning-scores-gabor-patches"]
    rows = chosen(plate, source="measured")
    assert sorted(rows["x"]) == [0, 0, 0.5, 1, 1]
    assert plate.figure.axes[0].get_xlabel().startswith("relative depth")
    assert not any("exceeds" in sentence for sentence in plate.measured)


def test_a_layer_alone_has_its_full_name_and_its_error(tmp_path):
    save_tuning(tmp_path, {"features.6.relu": 0.5})
    plate = draw(tmp_path)["tuning-scores-gabor-patches"]
    assert plate.measured[0].startswith("nets:plain, 1 layer: features.6.relu is most like V1")
    bars = plate.figure.axes[0].containers
    assert len(bars) == 1  # an error bar, where a band would have no width
    assert bars[0].has_yerr


def test_the_findings_stay_few_where_there_are_many_networks(tmp_path):
    for number in range(9):
        name = f"nets.py:n{number}"
        save_tuning(tmp_path, {"a": number / 10, "b": 0.05}, model=name, sha=str(number))
    there = found(read(tmp_path))
    said = findings(there)
    assert len(said) < 18
    assert said[0].startswith("nets:n8, 2 layers: a is most like V1, with a score of 0.800")
    assert "5 more networks score less." in said
    looks = draw(tmp_path)["tuning-scores-gabor-patches"].figure.axes[0].lines
    lines = [line for line in looks if not line.get_label().startswith("_")]
    assert len({(line.get_color(), str(line.get_linestyle())) for line in lines}) == 9


def test_the_table_has_every_score_with_its_conditions(there):
    table = tuning_table(there)
    # responsive, score, four medians and rho of 8 layers; responsive and four medians of 6.
    assert len(table) == 8 * 7 + 6 * 5
    wanted = {"label": "nets:robust", "layer": "block1.relu", "name": "frequency_score"}
    (row,) = table[(table[list(wanted)] == pd.Series(wanted)).all(axis=1)].to_dict("records")
    assert (row["value"], row["error"], row["error_kind"]) == (0.82, 0.03, "sd over experiments")
    assert (row["channels"], row["selected"], row["experiments"], row["draws"]) == (
        64,
        60,
        1000,
        150,
    )
    assert (row["field_deg"], row["protocol"]) == (6.4, "paper")
    cells = tuning_cells(there)["nets:plain: Gabor patches"]
    assert cells[2] == {
        "layer": "block2.relu",
        "channels": "60 of 64",
        "frequency_score": "0.750 ± 0.030",
        "median_log2_frequency": "16",
        "median_circular_variance": "0.70 ± 0.10",
        "median_phase_modulation": "1.00 ± 0.10",
        "median_bandwidth_octaves": "2.20 ± 0.10, of 50 of 60",
        "rho": "0.10 ± 0.10",
    }


def test_the_page_has_the_section_with_its_pictures_inside(folder, tmp_path):
    report = write(folder, tmp_path)
    text = report.read_text(encoding="utf-8")
    page = Page(text)
    said = " ".join(page.text.split())
    assert page.tags.count("svg") == page.tags.count("figure") == 16
    assert len(page.ids) == len(set(page.ids))
    # Five stimuli of either kind, and what six channels prefer.
    sources = [v for tag, name, v in page.attributes if (tag, name) == ("image", "href")]
    assert len(sources) == 16
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert not re.search(r"url\((?!#)|@import|https?://", text)
    labels = [v for tag, name, v in page.attributes if (tag, name) == ("svg", "aria-label")]
    assert all(len(label) > 40 for label in labels)
    for part in (
        "tuning · 4 networks, 14 layers",
        "Spatial frequency selectivity of cells in macaque visual cortex.",
        "a convention and no property of a network",
        "V1 itself is known from 101 cells",
        "The computations took 2.0 minutes.",
    ):
        assert part in said
    assert "What is missing" not in said
    assert pd.read_csv(tmp_path / "tuning.csv").shape[0] == 86


def test_the_page_may_show_the_pictures_inside_it_and_load_no_other(tmp_path):
    save_tuning(tmp_path, {"a": 0.0}, gratings=True)
    text = write(tmp_path).read_text(encoding="utf-8")
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    # Without it browsers draw broken images where the stimuli should be.
    assert rules["img-src"] == "data:"
    assert rules["default-src"] == "'none'"


def test_a_page_of_gratings_says_nothing_of_degrees(tmp_path):
    save_tuning(tmp_path, {"a": 0.0}, gratings=True)
    said = " ".join(Page(write(tmp_path).read_text(encoding="utf-8")).text.split())
    assert "gratings, stripes that fill the image" in said
    assert "No score against V1" in said
    assert "striate measure tuning MODEL --optimal 3" in said
    assert "6.4°" not in said


def test_gratings_in_degrees_are_no_patches(tmp_path):
    """Of small images it can be said how many degrees they span."""
    save_tuning(tmp_path, {"a": 0.5}, gratings=True)
    (path,) = results.paths(tmp_path)
    record = results.read_record(path)
    degrees = {"unit": "cycles/degree", "pixels_per_degree": 16.0, "field_deg": 4.0}
    there = [
        dataclasses.replace(one, settings={**one.settings, **degrees}) for one in results.load(path)
    ]
    path.unlink()
    task = {**record["task"], **degrees}
    results.save(tmp_path / "tuning" / "degrees.json", there, task=task, provenance={})
    said = " ".join(Page(write(tmp_path).read_text(encoding="utf-8")).text.split())
    assert "The stimuli are gratings, stripes that fill the image, at every" in said
    assert "how many stripes fit into a degree" in said
    assert "Gabor" not in said.partition("Figures")[0]
    assert "not with these patches" not in said


def test_planted_markup_comes_out_as_text(tmp_path):
    names = {"<script>alert(1)</script>": 0.5, "$x^{<b>}$&../../up": 0.6}
    save_tuning(tmp_path, names, model='"><img src=x>', pictures="<iframe src=y> 1", optimal=3)
    report = write(tmp_path)
    page = Page(report.read_text(encoding="utf-8"))
    assert "<script>alert(1)</script>" in page.text
    assert not {"script", "img", "iframe", "object"} & set(page.tags)
    inside = {path.name for path in (report.parent / "figures").iterdir()}
    assert all(re.fullmatch(r"[\w+-]+\.(svg|pdf|csv)", name) for name in inside)


@pytest.mark.slow  # test_report_studies has one of all sections
def test_writing_again_changes_nothing(tmp_path):
    save_tuning(tmp_path, {"a": 0.0}, gratings=True, optimal=2, pictures="val 1")
    write(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    write(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_files_of_the_study_without_a_layer_are_refused(tmp_path):
    task = {"study": "tuning", "kind": "network", "model": "m", "model_sha256": "1"}
    results.save(tmp_path / "a.json", [Score("r", 1.0)], task=task, provenance={})
    with pytest.raises(ValueError, match="say nothing about a layer; move them away and rerun"):
        write(tmp_path)


@pytest.mark.parametrize(("size", "in_degrees"), [
    pytest.param(140, True, marks=pytest.mark.slow), (16, False),
])  # fmt: skip
def test_the_page_reads_what_the_study_writes(tmp_path, monkeypatch, size, in_degrees):
    monkeypatch.setattr("striate.studies.tuning.networks.STEPS", 2)
    generator = torch.Generator().manual_seed(0)
    first = torch.nn.Conv2d(3, 6, 5, padding=2)
    with torch.no_grad():
        first.weight.copy_(torch.randn(first.weight.shape, generator=generator))
    pool = torch.nn.AdaptiveAvgPool2d(4)
    network = Network(
        "nets.py:small", torch.nn.Sequential(first, torch.nn.ReLU(), pool), size, size
    )
    images = torch.rand(40, 3, size, size, generator=generator)
    shown = spectra.Pictures(
        "noise 1", 40, lambda n, seed: range(n or 40), lambda rows: images[list(rows)]
    )
    layers = ["0", "1", "2"]
    task = tuning.network_task(network, layers, pictures=shown, experiments=5, draws=9, optimal=1)
    measure = partial(tuning.measure_network, network=network, pictures=shown)
    list(run(measure, [task], directory=tmp_path))
    (together,) = found(read(tmp_path))
    assert together.in_degrees == in_degrees
    (network,) = together.networks
    assert [layer.name for layer in network.layers] == layers
    assert len(network.stimuli) == 5
    assert network.layers[1].examples[0].optimal.shape == (size, size, 3)
    assert all(layer.ranks for layer in network.layers)
    kinds = {"stimuli", "curves", "layers", "medians", "orientation", "components"}
    kinds |= {"scores", "field"} if in_degrees else set()
    assert {name.split("-")[1] for name in draw(tmp_path)} == kinds
    table = pd.read_csv(write(tmp_path).parent / "tuning.csv")
    assert ("frequency_score" in set(table["name"])) == in_degrees
    assert {"responsive", "median_log2_frequency"} <= set(table["name"])


def test_of_equal_scores_the_first_is_named():
    from striate.report.words import extremes

    known = [
        (name, Score("frequency_score", value))
        for name, value in zip("abc", (1.0, 2.0, 2.0), strict=True)
    ]
    assert [name for name, _ in extremes(known)] == ["a", "b"]
