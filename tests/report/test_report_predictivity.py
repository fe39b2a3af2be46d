import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from synthetic_predictivity import (
    BY_SIZE,
    DROPPED,
    LEAK,
    NETS,
    NEURONS,
    deviations,
    difference,
    save_everything,
    save_predictivity,
)
from test_report_studies import page_of

from striate import results
from striate.report import write
from striate.report.export import files
from striate.report.predictivity.findings import findings, of_leak
from striate.report.predictivity.found import found
from striate.report.predictivity.pairs import pairs
from striate.report.predictivity.section import plates
from striate.report.predictivity.table import (
    difference_table,
    predictivity_cells,
    predictivity_table,
)
from striate.report.predictivity.words import CAUSES, MANY, neurons_of
from striate.report.section import read
from striate.results import Score
from striate.study.predictivity import MOST_NEURONS

LAYERS = "predictivity-layers-u1-pls-protocol-paper"
SCATTER = "predictivity-neurons-u1-pls-nets-robust-nets-plain"
DISPLAY = "predictivity-display-u1-pls-protocol-paper"
PROTOCOLS = "predictivity-protocols-u1-pls"
NAMES = {"nets:plain": NETS["plain"], "nets:robust": NETS["robust"]}


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    folder = tmp_path_factory.mktemp("predictivity")
    save_everything(folder)
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
    ridge = ["predictivity-layers-u1-ridge", SCATTER.replace("pls", "ridge")]
    assert list(drawn) == [LAYERS, SCATTER, DISPLAY, PROTOCOLS, *ridge]
    assert all(len(plate.alt) > 40 for plate in drawn.values())
    claims = [plate.claim for plate in drawn.values() if plate.claim]
    assert len(claims) == len(set(claims)) == 2


def test_every_point_drawn_is_in_the_csv(drawn):
    for plate in drawn.values():
        csv = pd.read_csv(io.BytesIO(files(plate)["csv"]))
        written = set(zip(csv["x"].round(6), csv["y"].round(6), strict=True))
        points = [
            (round(float(x), 6), round(float(y), 6))
            for axes in plate.figure.axes
            for line in axes.lines
            if line.get_label() != "_identity"
            for x, y in line.get_xydata()
        ]
        assert set(points) == written, plate.name


@pytest.mark.parametrize(("size", "letter"), [*zip(BY_SIZE, "abc", strict=True)])
def test_layers_are_drawn_by_size_and_kind_of_split(drawn, size, letter):
    plate = drawn[LAYERS]
    for name, layers in NAMES.items():
        for grouped, leak in (("movie", 0.0), ("none", LEAK)):
            line = chosen(plate, panel=letter, of=name, grouped=grouped, source="measured")
            wanted = np.array([*layers.values()]) + BY_SIZE[size] + leak
            np.testing.assert_allclose(line["y"], wanted)
            assert line["series"].tolist() == ["conv1", "block1.relu", "block2.relu", "block3.relu"]
            assert line["x"].tolist() == [0, 1, 2, 3]
            assert set(line["error"]) == {0.02}
            assert set(line["units"]) == {NEURONS}
            assert set(line["stimulus_deg"]) == {size}
    axes = plate.figure.axes["abc".index(letter)]
    assert axes.get_title(loc="left") == f"{letter}\u2003images {size:g}° wide"
    styles = {line.get_label(): line.get_linestyle() for line in axes.lines}
    assert styles["nets:plain, whole movies"] == "-"
    assert styles["nets:plain, single images"] == "--"
    colours = {line.get_color() for line in axes.lines if "nets:plain," in line.get_label()}
    assert len(colours) == 1


def test_a_network_of_one_layer_is_a_level_to_compare_with(drawn):
    level = chosen(drawn[LAYERS], panel="b", source="one layer")
    assert level[["of", "x", "y"]].to_numpy().tolist() == [["pixels", 0, 0.2], ["pixels", 3, 0.2]]
    (line,) = (
        line
        for line in drawn[LAYERS].figure.axes[1].lines
        if line.get_label() == "pixels, whole movies"
    )
    assert line.get_marker() == "None"


def test_a_neuron_is_a_dot_at_its_mean_over_splits(drawn):
    plate = drawn[SCATTER]
    dots = chosen(plate, panel="a")
    np.testing.assert_allclose(dots["x"], 0.5 + deviations(), atol=1e-6)
    np.testing.assert_allclose(dots["y"], 0.58 + deviations(), atol=1e-6)
    (axes,) = plate.figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("nets:plain", "nets:robust")
    (note,) = axes.texts
    assert note.get_text() == "difference +0.080\n95 %: +0.030 to +0.130\np = 0.0008"
    identity = axes.lines[-1]
    np.testing.assert_array_equal(identity.get_xdata(), identity.get_ydata())
    assert plate.measured == (
        "nets:robust against nets:plain (4°): +0.080, 95 % interval +0.030 to +0.130, p = 0.0004 "
        "one-sided and 0.0008 two-sided; the first predicts 21 of 21 neurons better.",
    )


def test_without_a_tested_difference_two_networks_of_the_same_layers_are_a_pair(drawn, tmp_path):
    plate = drawn[SCATTER.replace("pls", "ridge")]
    assert plate.measured[0].endswith("the first predicts 21 of 21 neurons better.")
    assert "No difference was tested." in plate.methods
    assert not plate.figure.axes[0].texts
    save_predictivity(tmp_path, {"a": 0.1, "b": 0.2})
    save_predictivity(tmp_path, {"a": 0.1, "c": 0.2}, model="nets.py:other", sha="b")
    assert pairs(found(read(tmp_path))[0]) == []


def test_of_networks_of_one_name_the_rival_is_the_one_that_differs_by_as_much(tmp_path):
    save_predictivity(tmp_path, {"a": 0.1, "b": 0.2}, sha="trained-not")
    save_predictivity(tmp_path, {"a": 0.1, "b": 0.3}, sha="trained-half")
    best = difference(0.2, 0.01)
    save_predictivity(tmp_path, {"a": 0.1, "b": 0.4}, sha="trained", against=best)
    (together,) = found(read(tmp_path))
    ((first, second, tested),) = pairs(together)
    assert first.settings["model_sha256"] == "trained"
    assert second.settings["model_sha256"] == "trained-not"
    assert tested == best


def test_a_rival_may_have_been_shown_images_of_another_size(tmp_path):
    save_predictivity(tmp_path, {"a": 0.1, "b": 0.3}, stimulus_deg=2.0)
    save_predictivity(tmp_path, {"a": 0.1, "b": 0.2}, stimulus_deg=4.0)
    net = {"model": "nets.py:robust", "sha": "b", "stimulus_deg": 4.0}
    save_predictivity(
        tmp_path, {"a": 0.1, "b": 0.4}, against=difference(0.1, 0.05, size=2.0), **net
    )
    plate = draw(tmp_path)[SCATTER]
    np.testing.assert_allclose(plate.numbers["x"], 0.3 + deviations(), atol=1e-6)
    assert plate.figure.axes[0].get_title(loc="left") == "a\u2003images 4° (y) and 2° (x) wide"
    assert "nets:robust against nets:plain at 2° (4°)" in plate.measured[0]


def test_without_arrays_there_is_no_scatter(tmp_path):
    save_predictivity(tmp_path, NETS["plain"], arrays=False)
    save_predictivity(tmp_path, NETS["robust"], model="nets.py:robust", sha="b", arrays=False)
    assert list(draw(tmp_path)) == ["predictivity-layers-u1-pls"]


def test_the_best_layer_is_drawn_against_the_assumed_size(drawn):
    plate = drawn[DISPLAY]
    for name, layers in NAMES.items():
        for grouped, leak in (("movie", 0.0), ("none", LEAK)):
            line = chosen(plate, of=name, grouped=grouped, series="best layer")
            assert line["x"].tolist() == [*BY_SIZE]
            wanted = max(layers.values()) + np.array([*BY_SIZE.values()]) + leak
            np.testing.assert_allclose(line["y"], wanted)
        nested = chosen(plate, of=name, series="nested choice")
        assert set(nested["grouped"]) == {"movie"}
        best = chosen(plate, of=name, grouped="movie", series="best layer")
        np.testing.assert_allclose(nested["y"], best["y"] - 0.01)
        assert set(nested["error"]) == {0.03}
    assert chosen(plate, of="pixels", series="nested choice").empty  # one layer is no choice
    assert (
        plate.measured[0]
        == "nets:plain: from 0.350 at 8° (block2.relu) to 0.500 at 4° (block2.relu)."
    )


def test_protocols_stand_side_by_side(drawn):
    plate = drawn[PROTOCOLS]
    titles = [axes.get_title(loc="left") for axes in plate.figure.axes]
    assert titles == ["a\u2003“paper”", "b\u2003“consistent”", "c\u2003“authors”"]
    for letter, more in zip("abc", (0.0, 0.02, -0.04), strict=True):
        line = chosen(plate, panel=letter, of="nets:robust")
        np.testing.assert_allclose(line["y"], np.array([*NETS["robust"].values()]) + more)
    assert set(plate.numbers["of"]) == {"nets:plain", "nets:robust"}
    assert (
        "“paper” 0.500 ± 0.020, “consistent” 0.520 ± 0.020".replace(" ±", "\u00a0±").replace(
            "± ", "±\u00a0"
        )
        in plate.measured[0]
    )
    assert "components come from z-scored units and are applied to units that are not" in (
        plate.methods
    )


def test_a_protocol_that_is_not_side_by_side_has_a_figure_of_its_own(tmp_path):
    save_predictivity(tmp_path, NETS["plain"])
    save_predictivity(tmp_path, NETS["plain"], protocol="authors", stimulus_deg=2.0)
    named = "predictivity-layers-u1-pls-protocol-"
    assert list(draw(tmp_path)) == [f"{named}paper", f"{named}authors"]


def test_what_was_found_is_computed(there):
    said = findings(there)
    assert said[0].replace("\u00a0", " ") == (
        "u1, PLS: nets:robust: block1.relu predicts best of 4 layers, 0.580 ± 0.020 (correlation "
        "before correction 0.464) if images are 4° wide; least, 0.430 ± 0.020, if they are 8°."
    )
    for sentence in (
        "u1, PLS: The best layer predicts better than every baseline in 6 of 6 measurements.",
        "u1, PLS: Split image by image, which lets siblings into the part to fit and the part to "
        "test, scores of best layers change by +0.100 in the mean of 6 comparisons, and at most by "
        "+0.100 (nets:robust at 2°).",
        "u1, PLS: With the layer chosen by other images, scores differ by −0.010 in the mean of 12,"
        " and at most fall by 0.010 (nets:plain (2°)).",
    ):
        assert sentence in said


def test_a_baseline_that_predicts_better_is_named(tmp_path):
    save_predictivity(tmp_path, NETS["plain"])
    save_predictivity(tmp_path, {"image": 0.6}, model="pixels", sha="p")
    said = findings(found(read(tmp_path)))
    sentence = "The best layer predicts better than every baseline in none of 1 measurement, "
    assert f"{sentence}but not of nets:plain." in said


def test_a_difference_of_photographs_is_not_laid_at_the_splits_door(tmp_path):
    """Nor one of seeds, splits, crops or fields: these are other networks, as it were."""
    for name, value in (
        ("pictures", "val 456def"), ("images", 300), ("crop_px", 80), ("field_deg", 8.0),
    ):  # fmt: skip
        folder = tmp_path / name
        save_predictivity(folder, NETS["plain"])
        loose = {layer: score + LEAK for layer, score in NETS["plain"].items()}
        save_predictivity(folder, loose, grouped="none", **{name: value})
        (together,) = found(read(folder))
        assert of_leak(together, together.runs) == []
        assert len(together.networks) == 2
        assert f"{name.replace('_', ' ')} " in "".join(together.networks)
        save_predictivity(folder, loose, grouped="none")
        (together,) = found(read(folder))
        assert len(of_leak(together, together.runs)) == 1


def test_networks_of_other_penalties_or_photographs_are_no_pair(tmp_path):
    for name, value, regression in (
        ("lambdas", "100 1000", "ridge"), ("pictures", "val 456def", "pls"),
        ("field_deg", 3.2, "pls"),
    ):  # fmt: skip
        folder = tmp_path / name
        save_predictivity(folder, NETS["plain"], regression=regression)
        other = {"model": "nets.py:robust", "sha": "robust", "regression": regression}
        path = save_predictivity(folder, NETS["robust"], **other)
        (together,) = found(read(folder))
        assert len(pairs(together)) == 1
        record = results.read_record(path)
        path.unlink()
        results.save(
            path,
            results_of(folder, **other),
            task={**record["task"], name: value},
            provenance={},
        )
        (together,) = found(read(folder))
        assert pairs(together) == []
        (plate,) = (plate for plate in draw(folder).values() if "layers" in plate.name)
        if name == "lambdas":
            assert "ridge regression, λ of 0.01, 0.1, 1 or 10; or of 100 or 1000," in plate.methods


def results_of(folder, **other):
    """Give what `save_predictivity` writes, without keeping it there."""
    path = save_predictivity(folder / "aside", NETS["robust"], **other)
    return results.load(path)


def test_the_same_degrees_in_a_pixel_are_one_field(tmp_path):
    """By the authors' code a network that takes larger images sees more degrees."""
    save_predictivity(tmp_path, NETS["plain"])
    save_predictivity(
        tmp_path, NETS["robust"], model="nets.py:robust", sha="robust", size=448, field_deg=12.8
    )
    (together,) = found(read(tmp_path))
    assert len(pairs(together)) == 1


def test_a_network_measured_at_one_layer_is_no_baseline_and_an_untrained_one_is(tmp_path):
    save_predictivity(tmp_path, NETS["plain"])
    save_predictivity(tmp_path, {"conv1": 0.9}, model="nets.py:shallow", sha="shallow")
    (together,) = found(read(tmp_path))
    assert not any(run.baseline for run in together.runs)
    assert not any("baseline" in sentence for sentence in findings([together]))
    few = {name: score - 0.2 for name, score in NETS["plain"].items()}
    for number, name in enumerate(("nets.py:untrained", "torchvision/alexnet, random weights")):
        save_predictivity(tmp_path, few, model=name, sha=f"untrained{number}")
    (together,) = found(read(tmp_path))
    assert sum(run.baseline for run in together.runs) == 2
    assert any(
        sentence == "The best layer predicts better than every baseline in 2 of 2 measurements."
        for sentence in findings([together])
    )


def test_one_kind_of_split_shows_no_leak(tmp_path):
    save_predictivity(tmp_path, NETS["plain"], grouped="none")
    (together,) = found(read(tmp_path))
    assert of_leak(together, together.runs) == []
    _, page = page_of(tmp_path)
    assert "No grouped splits, --grouped movie" in page.text


def test_the_table_has_every_layer_and_every_choice(there):
    table = predictivity_table(there)
    deep, flat = 2 * (3 * 2 + 2 + 1), 3
    assert len(table) == deep * (2 + 4) + flat * (2 + 1)
    row = table[
        (table["row"] == "V1-like layer")
        & (table["label"] == "nets:robust")
        & (table["grouped"] == "movie")
        & (table["protocol"] == "paper")
        & (table["regression"] == "pls")
        & (table["stimulus_deg"] == 8)
    ].iloc[0]
    wanted = {
        "source": "nets.py:robust", "sha256": "robust", "layer": "block1.relu", "neurons": NEURONS,
        "dropped": DROPPED, "pca": 599, "splits": 20, "images": 600, "stimuli": 440,
        "components": 25, "error_kind": "sd over splits", "field_deg": 6.4,
    }  # fmt: skip
    assert {key: row[key] for key in wanted} == wanted
    numbers = row[["predictivity", "error", "correlation", "feve", "train", "ceiling"]]
    np.testing.assert_allclose(numbers.astype(float), [0.43, 0.02, 0.344, 0.215, 0.53, 0.8])
    nested = table[table["row"] == "V1-like layer, nested choice"]
    assert nested[["correlation", "feve", "train"]].isna().all(axis=None)
    (tested,) = difference_table(there).to_dict("records")
    assert tested["against"] == "nets.py:plain 0123456789ab"
    assert (tested["difference"], tested["p_one_sided"]) == (0.08, 0.0004)


LESS = {"neurons": 51, "dropped": 5049, "dropped_unreliable": 119, "dropped_less_reliable": 4930}
HUNDREDTH = (
    "of more than 5,000 the most reliable 1\u00a0% are used, as in the code of Kong et al. 2021"
)


@pytest.mark.parametrize(("abouts", "text"), [
    ([{"neurons": 1, "dropped": 0}], "1 neuron"),
    ([{"neurons": 24, "dropped": 0}], "24 neurons"),
    # Of results from before causes were counted nothing else is known.
    ([{"neurons": 1, "dropped": 14}], "1 neuron (14 of 15 left out)"),
    ([{"neurons": 51, "dropped": 5049}], f"51 neurons (5,049 of 5,100 left out; {HUNDREDTH})"),
    ([{"neurons": 14, "dropped": 1, "dropped_lacking": 1}],
     "14 neurons (1 of 15 left out: 1 not recorded with every stimulus)"),
    ([{"neurons": 9, "dropped": 6, "dropped_lacking": 2, "dropped_unreliable": 3,
       "dropped_still": 1}],
     "9 neurons (6 of 15 left out: 2 not recorded with every stimulus, 3 without a reliable signal "
     "and 1 whose response does not vary in some split)"),
    ([{"neurons": 14, "dropped": 1, "dropped_unreliable": 1},
      {"neurons": 10, "dropped": 5, "dropped_unreliable": 5}],
     "10–14 neurons (1–5 of 15 left out: 1–5 without a reliable signal)"),
    ([{"neurons": 14, "dropped": 1, "dropped_unreliable": 1}, {"neurons": 14, "dropped": 1}],
     "14 neurons (1 of 15 left out)"),
    ([LESS], "51 neurons (5,049 of 5,100 left out: 119 without a reliable signal and 4,930 with a "
     "reliable signal, but not of the most reliable 1\u00a0%; 4,981 have a reliable signal; "
     f"{HUNDREDTH})"),
])  # fmt: skip
def test_it_is_said_how_many_neurons_were_left_out_and_why(there, abouts, text):
    run = there[0].runs[0]
    (score, *_) = run.best.scores.values()
    runs = [
        run._replace(
            best=run.best._replace(
                scores={"predictivity": replace(score, settings=score.settings | about)}
            )
        )
        for about in abouts
    ]
    assert neurons_of(runs) == text


def test_causes_are_those_that_are_counted(there, drawn):
    """The report does not import what measures."""
    assert set(CAUSES) == {
        f"dropped_{one}" for one in ("lacking", "unreliable", "less_reliable", "still")
    }
    assert MANY == MOST_NEURONS
    assert {"neurons", "dropped", *CAUSES} <= set(predictivity_table(there).columns)
    assert " 21 neurons (3 of 24 left out): v1.npz (sha256 abc)." in drawn[LAYERS].methods


def test_the_short_table_has_a_row_for_each_measurement(there):
    cells = predictivity_cells(there)
    assert list(cells) == [
        "nets:plain: u1, PLS",
        "nets:robust: u1, PLS",
        "pixels: u1, PLS",
        "nets:plain: u1, ridge",
        "nets:robust: u1, ridge",
    ]
    rows = cells["nets:plain: u1, PLS"]
    assert [row["display"] for row in rows] == ["2°", "4°", "8°"] * 2 + ["4°", "4°"]
    assert {key: text.replace("\u00a0", " ") for key, text in rows[2].items()} == {
        "display": "8°", "splits": "whole movies", "protocol": "paper", "layer": "block2.relu",
        "predictivity": "0.350 ± 0.020", "nested": "0.340 ± 0.030", "raw": "0.280",
        "feve": "0.175", "train": "0.450", "neurons": "21 + 3", "pca": "599",
    }  # fmt: skip


def test_the_page_has_the_section_and_its_tables(tmp_path):
    save_everything(tmp_path)
    report, page = page_of(tmp_path)
    text = " ".join(page.text.split())
    for part in (
        "predictivity · 3 networks, 1 recording",
        "For 40 networks Kong and colleagues report 0.545–0.610",
        "where siblings were split, lines are dashed",
        "single neurons can come out above 1",
        "the published penalties are tiny",
        "The computations took 10.5 minutes.",
    ):
        assert part in text
    assert {path.name for path in report.parent.glob("*.csv")} == {
        "predictivity.csv",
        "predictivity_differences.csv",
    }
    assert page.tags.count("svg") == page.tags.count("figure") == 6


def test_many_lines_are_drawn_without_bands(tmp_path):
    for number in range(5):
        net = {"model": f"nets.py:n{number}", "sha": str(number)}
        for grouped in ("movie", "none"):
            save_predictivity(tmp_path, NETS["plain"], grouped=grouped, arrays=False, **net)
    plate = draw(tmp_path)["predictivity-layers-u1-pls"]
    assert not plate.figure.axes[0].collections
    assert "Its sd over splits is in the CSV." in plate.methods
    assert set(plate.numbers["error"]) == {0.02}


def test_networks_of_other_layers_are_drawn_by_depth(tmp_path):
    save_predictivity(tmp_path, {"a": 0.1, "b": 0.2, "c": 0.1})
    save_predictivity(tmp_path, {"d": 0.1, "e": 0.2}, model="nets.py:other", sha="b")
    plate = draw(tmp_path)["predictivity-layers-u1-pls"]
    assert plate.numbers.groupby("of")["x"].apply(list).to_dict() == {
        "nets:other": [0, 1],
        "nets:plain": [0, 0.5, 1],
    }
    assert "relative depth" in plate.figure.axes[0].get_xlabel()


def test_a_baseline_alone_in_its_panel_is_as_wide_as_the_others(tmp_path):
    save_predictivity(tmp_path, {"a": 0.1, "b": 0.2, "c": 0.1}, stimulus_deg=2.0)
    for size in (2.0, 4.0):
        save_predictivity(tmp_path, {"x": 0.1}, model="pixels", sha="p", stimulus_deg=size)
    plate = draw(tmp_path)["predictivity-layers-u1-pls"]
    assert chosen(plate, panel="b")["x"].tolist() == [0, 2]
    assert [axes.get_xlim() for axes in plate.figure.axes] == [(-0.4, 2.4)] * 2


def test_files_of_other_layers_or_rivals_make_one_network(tmp_path):
    save_predictivity(tmp_path, {"a": 0.1, "b": 0.3})
    save_predictivity(tmp_path, {"b": 0.3, "c": 0.4})
    save_predictivity(tmp_path, {"b": 0.3, "c": 0.4}, against=difference(0.1, 0.1))
    ((run,),) = (together.runs for together in found(read(tmp_path)))
    assert [layer.name for layer in run.layers] == ["a", "b", "c"]
    assert (run.best.name, run.score.value) == ("c", 0.4)
    assert "v1_layer_nested" not in run.scores  # of no file that saw all layers
    assert len(run.differences) == 1


def test_what_else_differs_is_in_the_name(tmp_path):
    save_predictivity(tmp_path, {"a": 0.1, "b": 0.3}, surround=0.0)
    save_predictivity(tmp_path, {"a": 0.1, "b": 0.3}, surround=0.5)
    (together,) = found(read(tmp_path))
    assert [*together.networks] == ["nets:plain, surround 0", "nets:plain, surround 0.5"]


def test_a_recording_without_sizes_is_drawn_in_one_panel(tmp_path):
    save_predictivity(tmp_path, NETS["plain"], stimulus_deg=None)
    plate = draw(tmp_path)["predictivity-layers-u1-pls"]
    assert plate.figure.axes[0].get_title(loc="left") == "a\u2003size not stated"
    assert "display is taken" not in plate.methods


def test_planted_markup_comes_out_as_text(tmp_path):
    save_predictivity(
        tmp_path,
        {"<script>alert(1)</script>": 0.5, "`$x$` & ../up": 0.3},
        model='"><img src=x onerror=alert(2)>',
        population="<object>",
        notes="<iframe src=y>",
    )
    _, page = page_of(tmp_path)
    assert "<script>alert(1)</script>" in page.text
    assert "<iframe src=y>" in page.text
    assert not {"script", "img", "iframe", "object"} & set(page.tags)


def test_files_without_a_layer_are_refused(tmp_path):
    task = {"study": "predictivity", "recording": "r", "model": "m", "model_sha256": "1"}
    results.save(tmp_path / "a.json", [Score("ceiling", 0.8)], task=task, provenance={})
    with pytest.raises(ValueError, match="say nothing about a layer; move them away"):
        write(tmp_path)


def test_neurons_that_do_not_belong_together_are_refused(tmp_path):
    path = save_predictivity(tmp_path, {"a": 0.1, "b": 0.2})
    arrays = results.load_arrays(path)
    record = results.read_record(path)
    arrays["a/noise_corrected"] = arrays["a/noise_corrected"][:, 1:]
    kept = {"task": record["task"], "provenance": {}, "arrays": arrays}
    results.save(path, results.load(path), **kept)
    with pytest.raises(ValueError, match=r"a/noise_corrected of shape \(20, 23\) and kept of"):
        write(tmp_path)
    other = {"model": "nets.py:other", "sha": "b"}
    cut = {name: array[..., 1:] for name, array in results.load_arrays(
        save_predictivity(tmp_path, {"a": 0.1, "b": 0.2}, **other)).items()}  # fmt: skip
    results.save(path, results.load(path), **(kept | {"arrays": cut}))
    with pytest.raises(ValueError, match=r"results for (23|24) neurons of the recording and"):
        write(tmp_path)


@pytest.mark.slow  # test_report_studies has one of all sections
def test_writing_again_changes_nothing(tmp_path):
    save_everything(tmp_path)
    write(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    write(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_network_of_one_layer_alone_has_a_page(tmp_path):
    save_predictivity(tmp_path, {"conv1": 0.3})
    _, page = page_of(tmp_path)
    assert "0.300" in page.text
    assert "chosen by other images (nested)" not in page.text
