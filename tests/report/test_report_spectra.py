import io

import numpy as np
import pandas as pd
import pytest
from synthetic_spectra import (
    power_law,
    save_comparison,
    save_everything,
    save_layers,
    save_recording,
)

from striate.reference import mouse_v1_spectrum
from striate.report.export import files
from striate.report.figures import WIDTH
from striate.report.mouse import MOUSE_ALPHA
from striate.report.section import read
from striate.report.spectra.findings import findings, of_networks
from striate.report.spectra.found import found
from striate.report.spectra.section import plates
from striate.report.spectra.table import spectra_cells, spectra_table
from striate.report.spectra.windows import Fitted, dependence
from striate.results import Curve, Score


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spectra")
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


def slope(fit):
    (x0, x1), (y0, y1) = np.log(fit["x"]), np.log(fit["y"])
    return (y1 - y0) / (x1 - x0)


def test_every_figure_is_there_once(drawn):
    assert list(drawn) == [
        "spectra-recordings",
        "spectra-layers-200-images-of-val",
        "spectra-comparison-u1",
        "spectra-windows-nets-plain-200-images-of-val",
        "spectra-windows-nets-robust-200-images-of-val",
        "spectra-windows-recordings",
    ]


def test_every_line_drawn_is_in_the_csv(drawn):
    for plate in drawn.values():
        csv = pd.read_csv(io.BytesIO(files(plate)["csv"]))
        written = set(zip(csv["x"].round(6), csv["y"].round(9), strict=True))
        for axes in plate.figure.axes:
            for line in axes.lines:
                if line.get_label().startswith("_") or len(line.get_xdata()) < 2:
                    continue  # a reference line, or the mark of one point
                points = np.asarray(line.get_xydata(), dtype=float)
                points = points[np.isfinite(points).all(axis=1)]
                assert {(round(x, 6), round(y, 9)) for x, y in points} <= written, plate.name


def test_the_csv_of_layers_has_the_spectra_and_exponents(drawn):
    plate = drawn["spectra-layers-200-images-of-val"]
    spectrum = chosen(plate, of="nets:robust", series="b", panel="b")
    np.testing.assert_allclose(spectrum["y"], power_law(1.5, 99))
    np.testing.assert_allclose(spectrum["error"], np.array(power_law(1.5, 99)) / 10)
    assert set(spectrum["units"]) == {500}
    sets = chosen(plate, panel="c", source="measured", of="nets:robust")
    assert sets[["series", "x", "y", "error"]].to_numpy().tolist() == [
        ["a", 0, 1.0, 0.02],
        ["b", 1, 1.5, 0.02],
        ["c", 2, 2.0, 0.02],
    ]
    whole = chosen(plate, panel="c", source="interval", of="nets:plain")
    np.testing.assert_allclose(whole["y"], [0.55, 1.05, 1.55])
    assert set(whole["error"]) == {0.1}


@pytest.mark.parametrize("weights", ["rank", "none"])
def test_a_fitted_line_has_the_measured_slope_and_lies_on_the_spectrum(tmp_path, weights):
    save_layers(tmp_path, {"a": 1.3}, weights=weights)
    plate = draw(tmp_path)["spectra-layers-200-images-of-val"]
    fit = chosen(plate, source="fit", series="a: fit")
    assert fit["x"].tolist() == [10, 99]
    assert slope(fit) == pytest.approx(-1.3)
    spectrum = power_law(1.3, 99)
    np.testing.assert_allclose(fit["y"], [spectrum[9], spectrum[98]])


def test_the_line_of_a_recording_and_of_a_comparison_has_the_measured_slope(drawn):
    recording = chosen(drawn["spectra-recordings"], of="u2", series="cvPCA: fit")
    assert recording["x"].tolist() == [5, 40]
    assert slope(recording) == pytest.approx(-2.0)
    layer = chosen(drawn["spectra-comparison-u1"], of="nets:robust", series="a: fit")
    assert layer["x"].tolist() == [5, 20]
    assert slope(layer) == pytest.approx(-2.0)


def test_weights_decide_where_the_line_lies(tmp_path):
    # A kink at the end of the window pulls an unweighted line more than a weighted one.
    levels = {}
    for weights in ("rank", "none"):
        folder = tmp_path / weights
        save_layers(folder, {"a": 1.0}, weights=weights)
        (record,) = read(folder)
        spectrum = record.results[0]
        bent = tuple(y / 2 if x > 50 else y for x, y in zip(spectrum.x, spectrum.y, strict=True))
        object.__setattr__(spectrum, "y", bent)
        (plate,) = (p for p in plates(found([record])) if p.name.startswith("spectra-layers"))
        levels[weights] = chosen(plate, source="fit")["y"].iloc[0] / power_law(1.0, 99)[9]
    n = np.arange(10, 100)
    assert levels["none"] == pytest.approx(2 ** -np.mean(n > 50))
    assert levels["rank"] == pytest.approx(2 ** -np.average(n > 50, weights=1 / n))


def test_networks_on_the_same_images_share_a_figure_and_others_do_not(tmp_path):
    save_layers(tmp_path, {"a": 1.0})
    save_layers(tmp_path, {"a": 1.1}, model="nets.py:robust", sha="b")
    save_layers(tmp_path, {"a": 1.2}, pictures="other 456")
    save_layers(tmp_path, {"a": 1.3}, protocol="authors")
    save_layers(tmp_path, {"a": 1.4}, pictures="200 of digits test 456, seed 7")
    together = found(read(tmp_path)).together
    groups = {one.label: {network.label for network in one.networks} for one in together}
    assert groups == {
        "200 images of val, protocol paper": {"nets:plain", "nets:robust"},
        "200 images of val, protocol authors": {"nets:plain"},
        "200 images of other": {"nets:plain"},
        "200 images of digits test, seed 7": {"nets:plain"},
    }


def test_layers_of_one_network_in_two_files_come_together_in_order(tmp_path):
    save_layers(tmp_path, {"f.2": 1.0, "f.10": 1.1})
    save_layers(tmp_path, {"f.3": 1.2, "f.10": 1.1})
    (together,) = found(read(tmp_path)).together
    (network,) = together.networks
    assert [layer.name for layer in network.layers] == ["f.2", "f.3", "f.10"]


def test_one_name_with_other_weights_is_another_network(tmp_path):
    for sha in ("cccccccccccc", "dddddddddddd"):
        save_layers(tmp_path, {"a": 1.0}, sha=sha)
    (together,) = found(read(tmp_path)).together
    labels = {network.label for network in together.networks}
    assert labels == {"nets.py:plain (cccccc)", "nets.py:plain (dddddd)"}


def test_networks_with_other_layers_are_set_side_by_side_by_depth(tmp_path):
    save_layers(tmp_path, {"a": 1.0, "b": 1.0, "c": 1.0})
    save_layers(tmp_path, {"x": 2.0, "y": 2.0}, model="nets.py:robust", sha="b")
    plate = draw(tmp_path)["spectra-layers-200-images-of-val"]
    rows = chosen(plate, panel="c", source="measured")
    assert sorted(rows["x"]) == [0, 0, 0.5, 1, 1]
    assert plate.figure.axes[-1].get_xlabel().startswith("relative depth")
    assert "The median α over layers is" in " ".join(plate.measured)


def test_a_layer_too_narrow_for_a_fit_is_drawn_and_named(tmp_path):
    save_layers(tmp_path, {"a": 1.0, "logits": None})
    plate = draw(tmp_path)["spectra-layers-200-images-of-val"]
    assert len(chosen(plate, series="logits")) == 9
    assert "Too narrow for an exponent: logits of nets:plain." in plate.methods
    assert "logits" not in set(spectra_table(found(read(tmp_path)))["part"])


def test_captions_count_the_images_there_were_and_not_those_that_were_wanted(drawn):
    methods = drawn["spectra-layers-200-images-of-val"].methods
    for part in (
        "3 sets of 100 images drawn from 200 (val 123abc; protocol “paper”)",
        "units are z-scored",
        "ranks 10–99, weights 1/n",
        "sd over sets",
        "α of all 200 images with jackknife over images",
        "ranks 10–80",
        "500 units",
    ):
        assert part in methods
    assert "2,816" not in methods


def test_one_set_of_all_images_is_called_all(tmp_path):
    save_layers(tmp_path, {"a": 1.0}, available=100)
    plate = draw(tmp_path)["spectra-layers-100-images-of-val"]
    assert "α of all 100 images" in plate.methods


@pytest.mark.parametrize(("images", "name", "quantity"), [
    (200, "alpha_all_images", "α of all images"),
    (100, "alpha_first_set", "α of the first set of 100"),
])  # fmt: skip
@pytest.mark.parametrize("renamed", [False, True])
def test_an_exponent_of_the_first_set_is_not_told_as_of_all_images(
    tmp_path, images, name, quantity, renamed
):
    """Of results with the old name, as those of `docs/results`, and of those with the new one."""
    save_layers(tmp_path, {"a": 1.0, "b": 1.2}, available=200)
    records = read(tmp_path)
    for result in records[0].results:
        if result.name == "alpha_all_images":
            result.settings["images"] = images
            object.__setattr__(result, "name", name if renamed else "alpha_all_images")
    there = found(records)
    table = spectra_table(there)
    assert set(table["name"]) == {"alpha", name}
    (cells,) = spectra_cells(table).values()
    assert [cell["quantity"] for cell in cells] == ["α", quantity] * 2
    (plate,) = (one for one in plates(there) if one.name.startswith("spectra-layers"))
    np.testing.assert_allclose(chosen(plate, source="interval")["y"], [1.05, 1.25])
    sample = "all 200 images" if images == 200 else "the first set of 100 images"
    assert f"hollow, α of {sample} with jackknife" in plate.methods


def test_recordings_stand_beside_the_published_mouse(drawn):
    plate = drawn["spectra-recordings"]
    mouse = chosen(plate, source="recording")
    np.testing.assert_allclose(mouse["y"], mouse_v1_spectrum() / mouse_v1_spectrum().sum())
    shown = plate.numbers[(plate.numbers["panel"] == "b") & (plate.numbers["source"] != "theory")]
    exponents = shown.set_index(["of", "series"])["x"].to_dict()
    assert exponents == {
        ("mouse V1", "mouse V1, published"): MOUSE_ALPHA,
        ("u1", "cvPCA"): 1.05,
        ("u1", "PCA of the trial mean"): 0.8,
        ("u2", "cvPCA"): 2.0,
        ("u2", "PCA of the trial mean"): 1.5,
    }
    assert plate.measured == (
        "The cross-validated α of 2 recorded populations lies between 1.05 ± 0.10 (u1) and "
        "2.00 ± 0.10 (u2); the interval for infinitely many stimuli, of which theory speaks, is "
        "not known.",
        "α is larger with cross-validation than without in 2 of 2; the mean difference is +0.38.",
    )
    assert "From v1.npz (sha256 abc)." in plate.methods


def test_the_interval_for_infinitely_many_stimuli_is_held_against_the_bound_of_each(tmp_path):
    save_recording(tmp_path, "u1", cross=1.3, dimensions=4.0, corrected=(1.1, 1.45))
    (first,) = findings(found(read(tmp_path)))
    assert first == (
        "The cross-validated α of 1 recorded population is 1.30 ± 0.10; the interval for "
        "infinitely many stimuli, 1.10 to 1.45, lies below theory's bound 1.5."
    )
    save_recording(tmp_path, "u2", cross=1.3, corrected=(1.1, 1.45))
    save_recording(tmp_path, "u3", cross=1.3, corrected=(0.9, 1.45))
    save_recording(tmp_path, "u4", cross=1.3, corrected=(0.9, 0.95))
    save_recording(tmp_path, "u5", cross=1.3)
    there = found(read(tmp_path))
    assert findings(there)[0].endswith(
        "of the intervals for infinitely many stimuli, 1 lies above theory's bound, 1 holds it and "
        "2 lie below."
    )
    ends = spectra_table(there).dropna(subset=["corrected_low"])
    assert set(zip(ends["corrected_low"], ends["corrected_high"], strict=True)) == {
        (1.1, 1.45), (0.9, 1.45), (0.9, 0.95),
    }  # fmt: skip


def test_intervals_that_are_not_to_be_trusted_are_counted_apart(tmp_path):
    """docs/alpha-interval.md: α of 0.8 or more, and the window ends at a tenth of 440 stimuli."""
    save_recording(tmp_path / "a", "u1", cross=0.79, corrected=(1.1, 1.45))
    (said,) = findings(found(read(tmp_path / "a")))
    assert said.endswith(
        "no interval for infinitely many stimuli, of which theory speaks, is counted: α is below "
        "0.8, or the window ends beyond a tenth of the stimuli, where it is not to be trusted."
    )
    save_recording(tmp_path / "a", "u2", cross=1.3, window="5-45", corrected=(1.1, 1.45))
    save_recording(tmp_path / "a", "u3", cross=0.8, window="5-44", corrected=(0.7, 0.9))
    (first, *_) = findings(found(read(tmp_path / "a")))
    assert "0.70 to 0.90, lies below theory's bound 1 (2 are not counted: α is below 0.8, " in first
    save_recording(tmp_path / "a", "u4", cross=1.3, corrected=(1.1, 1.45))
    (first, *_) = findings(found(read(tmp_path / "a")))
    assert "1 lies above theory's bound, none hold it and 1 lies below (2 are not counted" in first


def test_the_spread_of_one_halving_is_not_told(tmp_path):
    for name, error in (("one", None), ("many", (0.01,) * 47)):
        save_recording(tmp_path / name, "u1")
        records = read(tmp_path / name)
        spectrum = records[0].results[0]
        object.__setattr__(spectrum, "error", error)
        (plate, _) = plates(found(records))
        band = "rank, mean ± sd over halvings of the trials (band), shaded where α"
        assert (band in plate.methods) == (name == "many")
        assert ("rank, mean over halvings of the trials, shaded" in plate.methods) == (
            error is None
        )


def test_a_population_that_was_measured_twice_counts_once_as_a_layer_does(tmp_path):
    for name, alpha in (("first", 1.0), ("second", 2.0)):
        save_recording(tmp_path / name, "u1", cross=alpha)
    records = [*read(tmp_path / "first"), *read(tmp_path / "second")]
    for order, alpha in ((records, 1.0), (records[::-1], 2.0)):
        (one,) = found(order).populations
        assert one.alphas["cvPCA"].value == alpha


def test_sets_without_an_error_say_why_and_have_no_band(tmp_path):
    why = "none: sets of 100 of 120 images share most, and their sd is no error"
    save_layers(tmp_path, {"a": 1.0, "b": 1.2}, available=120, spread=why)
    plate = draw(tmp_path)["spectra-layers-120-images-of-val"]
    assert f"mean over sets, error {why}; hollow" in plate.methods
    assert "share of the variance by rank, mean over 3 sets" in plate.methods
    assert chosen(plate, panel="b", source="measured")["error"].isna().all()
    cells = spectra_cells(spectra_table(found(read(tmp_path))))
    (rows,) = cells.values()
    assert (rows[0]["value"], rows[0]["error"], rows[0]["kind"]) == ("1.000", "", why)


def test_negative_variances_stay_in_the_csv_and_are_counted(tmp_path):
    save_recording(tmp_path, "u1", negative=2)
    plate = draw(tmp_path)["spectra-recordings"]
    assert (chosen(plate, series="cvPCA", panel="c")["y"] < 0).sum() == 2
    assert "2 cross-validated variances are not positive" in plate.methods
    lines = {line.get_label(): line for line in plate.figure.axes[1].lines}
    assert np.isnan(lines["cvPCA"].get_ydata()).sum() == 2


@pytest.mark.parametrize("count", [1, 3, 5, 9])
def test_each_population_has_a_panel_and_they_share_a_scale(tmp_path, count):
    for number in range(count):
        save_recording(tmp_path, f"u{number}", cross=1 + number / 10)
    plate = draw(tmp_path)["spectra-recordings"]
    shown = [axes for axes in plate.figure.axes if axes.axison and axes.get_title(loc="left")]
    small = [axes for axes in shown if axes.get_title(loc="left").split("\u2003")[1][0] == "u"]
    assert len(small) == count
    assert len({axes.get_ylim() for axes in small}) == 1


def test_one_population_fitted_twice_is_told_apart(tmp_path):
    save_recording(tmp_path, "u1", window="5-40")
    save_recording(tmp_path, "u1", window="5-20")
    labels = {one.label for one in found(read(tmp_path)).populations}
    assert labels == {"u1, ranks 5-40", "u1, ranks 5-20"}


def test_a_comparison_has_all_networks_their_differences_and_the_bound(drawn):
    plate = drawn["spectra-comparison-u1"]
    gaps = chosen(plate, panel="d")[["of", "series", "x", "error"]]
    assert [(*row[:2], round(row[2], 9), row[3]) for row in gaps.to_numpy().tolist()] == [
        ("nets:plain", "a", -0.5, 0.25),
        ("nets:plain", "b", 0.1, 0.25),
        ("nets:robust", "a", 1.0, 0.25),
    ]
    alphas = chosen(plate, panel="c")
    assert dict(zip(alphas["source"], alphas["x"], strict=True))["theory"] == 1.0
    assert alphas.loc[alphas["source"] == "recording", "x"].tolist() == [1.0]
    zero = plate.figure.axes[-1].lines[-1]
    assert set(zero.get_xdata()) == {0}
    assert plate.measured[0] == (
        "Under the conditions of u1 (α = 1.00), 2 of 3 layers differ from it by more than the "
        "interval (1 with a smaller α, 1 with a larger one); nearest is b of nets:plain, "
        "+0.10 ± 0.25."
    )


def test_the_caption_of_a_comparison_has_the_noise_that_was_added(drawn):
    """`striate.spectra.comparison` draws it from a normal distribution."""
    methods = drawn["spectra-comparison-u1"].methods
    assert "Poisson" not in methods
    assert "with Gaussian noise, each unit with the variance of signal and of noise" in methods


def test_layers_with_one_name_keep_their_rows_apart(drawn):
    left, right = drawn["spectra-comparison-u1"].figure.axes[-2:]
    names = [label.get_text() for label in left.get_yticklabels()]
    assert names == ["nets:plain", "a", "b", "nets:robust", "a"]
    rows = {line.get_label(): list(line.get_ydata()) for line in right.lines[:6]}
    assert rows["nets:plain: a"] == [1]
    assert rows["nets:robust: a"] == [4]


def test_windows_are_drawn_with_the_one_that_was_used(drawn):
    plate = drawn["spectra-windows-nets-plain-200-images-of-val"]
    first = chosen(plate, panel="1 a", source="measured", series="from rank 10")
    assert first[["x", "y"]].to_numpy().tolist() == [[49, 0.5], [99, 0.75]]
    used = chosen(plate, panel="1 a", source="used")
    assert used[["x", "y", "series"]].to_numpy().tolist() == [[99, 0.5, "used: ranks 10–99"]]
    assert "; the ring is the mean of their exponents." in plate.methods
    assert plate.measured == (
        "Over windows of two octaves or more, α depends most on the choice in c: from 0.75 to "
        "2.25, where the window used gives 1.50 ± 0.02.",
        "Over windows of two octaves or more, α depends least on the choice in a: from 0.25 to "
        "0.75, where the window used gives 0.50 ± 0.02.",
    )


def test_the_window_used_is_among_those_whose_range_is_told():
    """It is the mean over sets, so off the line of their mean spectrum."""
    lines = [Curve("alpha_by_window", (49.0, 99.0), (0.67, 1.04), settings={"first": 10})]
    for ranks, most in (("10-99", 1.05), ("50-99", 1.04)):  # the second is not two octaves
        used = Score("alpha", 1.05, settings={"ranks": ranks})
        assert dependence(Fitted("a", lines, used)) == (0.67, most)


def test_of_many_layers_a_part_is_shown_and_the_caption_says_so(tmp_path):
    save_layers(tmp_path, {f"l{number}": 0.5 + number / 10 for number in range(12)})
    plate = draw(tmp_path)["spectra-windows-nets-plain-200-images-of-val"]
    panels = plate.numbers["panel"].unique().tolist()
    assert (len(panels), panels[0], panels[-1]) == (8, "1 l0", "8 l11")
    assert "8 of 12, evenly spaced." in plate.methods


def test_the_findings_are_computed(there):
    said = findings(there)
    assert "α of nets:robust exceeds that of nets:plain in 3 of 3 layers, by 0.50 in the mean." in (
        said
    )
    assert said[1].startswith("nets:plain, 3 layers: α lies between 0.50 ± 0.02 (a) and 1.50")
    assert len(said) == 5


def test_the_table_has_every_exponent_with_its_conditions(there):
    table = spectra_table(there)
    assert len(table) == 2 * 3 * 2 + 2 * 2 + 1 + 3 * 2
    row = table[(table["label"] == "nets:robust") & (table["part"] == "c")].iloc[0]
    wanted = {"name": "alpha", "value": 2.0, "error": 0.02, "error_kind": "sd over sets"}
    wanted |= {"ranks": "10-99", "images": 100, "units": 500, "r_squared": 0.97, "sets": 3}
    assert {key: row[key] for key in wanted} == wanted
    cells = spectra_cells(table)["u2: recording"]
    assert [cell["part"] for cell in cells] == ["cvPCA", "PCA of the trial mean"]
    assert cells[0] | {"kind": ""} == {
        "part": "cvPCA",
        "quantity": "α",
        "value": "2.000",
        "error": "± 0.100",
        "kind": "",
        "ranks": "5–40",
        "stimuli": "440",
        "units": "47",
        "r_squared": "0.980",
    }
    assert cells[1]["r_squared"] == "0.990"
    # A comparison of before R² was kept.
    assert {cell["r_squared"] for cell in spectra_cells(table)["nets:plain: compared with u1"]} == {
        ""
    }


def test_both_sides_of_a_comparison_have_their_fit_in_the_table(tmp_path):
    save_comparison(tmp_path, "u1", {"a": 1.2}, degrees=2.0, dimensions=8.0)
    table = spectra_table(found(read(tmp_path)))
    assert table[["part", "name", "r_squared"]].fillna(-1).to_numpy().tolist() == [
        ["u1", "alpha_matched", 0.9],
        ["a", "alpha_matched", 0.8],
        ["a", "alpha_difference", -1],
    ]
    row = table.iloc[1]
    wanted = {"dimensions": 8, "smoothness_bound": 1.25, "stimulus_deg": 2, "field_deg": 6.4}
    assert {key: row[key] for key in wanted} == wanted
    assert row["varying"] == 264


def test_the_bound_of_a_recording_is_that_of_its_stimuli(tmp_path):
    save_recording(tmp_path, "u1", dimensions=8.0)
    save_recording(tmp_path, "u1")
    save_recording(tmp_path, "u2", dimensions=1.0)
    plates = draw(tmp_path)
    plate = plates["spectra-recordings"]
    theory = chosen(plate, source="theory", panel="b")
    bounds = {"bound, many dimensions": 1.0, "bound, d = 1": 3.0, "bound, d = 8": 1.25}
    assert dict(zip(theory["series"], theory["x"], strict=True)) == bounds
    (axes,) = (one for one in plate.figure.axes if one.get_title(loc="left") == "b\u2003exponents")
    named = {text.get_text(): text.xy[0] for text in axes.texts}
    assert named == bounds
    lines = [line.get_xdata()[0] for line in axes.lines if len(set(line.get_xdata())) == 1]
    assert set(bounds.values()) <= set(lines)
    assert "1 for many dimensions, 1.25 for d = 8 and 3 for d = 1." in plate.methods
    labels = {one.label for one in found(read(tmp_path)).populations}
    assert labels == {"u1, dimensions 8", "u1, dimensions many", "u2"}
    windows = plates["spectra-windows-recordings"].figure.axes
    drawn = {one.get_title(loc="left"): one.lines[-1].get_ydata()[0] for one in windows}
    drawn.pop("", None)
    assert drawn == {"u1, dimensions 8": 1.25, "u1, dimensions many": 1, "u2": 3}


def test_a_comparison_has_the_bound_of_its_stimuli_and_says_how_large_they_were(tmp_path):
    save_comparison(tmp_path, "u1", {"a": 1.2}, degrees=2.0, dimensions=8.0)
    save_comparison(tmp_path, "u1", {"a": 1.1}, degrees=4.0, dimensions=8.0)
    save_comparison(tmp_path, "u1", {"a": 1.0}, dimensions=8.0)
    comparisons = found(read(tmp_path)).comparisons
    assert {one.label for one in comparisons} == {
        "u1, shown at full size", "u1, shown 2° of 6.4°", "u1, shown 4° of 6.4°",
    }  # fmt: skip
    plates = draw(tmp_path)
    plate = plates["spectra-comparison-u1-shown-2-of-6-4"]
    theory = chosen(plate, source="theory")
    assert theory[["series", "x"]].to_numpy().tolist() == [["bound, d = 8", 1.25]]
    assert [text.get_text() for text in plate.figure.axes[-2].texts] == ["bound, d = 8"]
    for part in (
        "440 images, 2° wide within 6.4° and surrounded by black",
        "47 of its units (of the 264 that vary over them)",
        "cannot be smooth: 1.25 for d = 8.",
    ):
        assert part in plate.methods
    whole = plates["spectra-comparison-u1-shown-at-full-size"].methods
    assert "440 images, resized to all that its network takes, and answered" in whole


def test_images_that_were_left_out_or_squeezed_are_told(tmp_path):
    save_comparison(tmp_path, "u1", {"a": 1.2})
    (record,) = read(tmp_path)
    for result in record.results:
        result.settings.update(stimuli=40, of_stimuli=300, squeezed_from="32×64")
    (plate,) = plates(found([record]))
    assert plate.methods.startswith(
        "Each layer saw 40 of the recording's 300 images, squeezed from 32×64 pixels to all that "
        "its network takes, and answered"
    )


def test_what_was_cut_out_of_an_image_is_told(tmp_path):
    save_comparison(tmp_path, "u1", {"a": 1.2}, degrees=2.0)
    (record,) = read(tmp_path)
    for result in record.results:
        result.settings["crop_px"] = 80
    (plate,) = plates(found([record]))
    assert "cut to the inner 80 pixels, 2° wide within 6.4°" in plate.methods
    assert "cannot be smooth: 1 for many dimensions." in plate.methods


def test_a_layer_compared_in_two_files_counts_once(tmp_path):
    save_comparison(tmp_path, "u1", {"a": 1.0, "b": 1.2})
    save_comparison(tmp_path, "u1", {"b": 1.2, "c": 1.4})
    (comparison,) = found(read(tmp_path)).comparisons
    assert sorted(match.layer for match in comparison.matches) == ["a", "b", "c"]


def test_high_ranks_that_would_fall_onto_each_other_are_in_the_csv_only(tmp_path):
    save_layers(tmp_path, {"a": 1.0}, count=2000)
    plate = draw(tmp_path)["spectra-layers-200-images-of-val"]
    assert len(chosen(plate, panel="a", source="measured", series="a")) == 2000
    ranks = max((line.get_xdata() for line in plate.figure.axes[0].lines), key=len)
    assert list(ranks[:40]) == list(range(1, 41))
    assert len(ranks) < 600
    assert np.diff(np.log2(ranks[40:])).max() < 0.05
    assert ranks[-1] > 1950


def test_a_comparison_without_a_difference_is_left_out(tmp_path):
    save_comparison(tmp_path, "u1", {"a": 1.0, "b": 1.2})
    (record,) = read(tmp_path)
    kept = [
        one
        for one in record.results
        if (one.name, one.settings["layer"]) != ("alpha_difference", "b")
    ]
    (comparison,) = found([record._replace(results=kept)]).comparisons
    assert [match.layer for match in comparison.matches] == ["a"]


def test_a_network_of_one_layer_is_said_and_drawn_as_one(tmp_path):
    save_layers(tmp_path, {"layer1.0": 1.25})
    together = found(read(tmp_path)).together
    (said,) = of_networks(together[0])
    assert said.startswith("nets:plain: α is 1.25")
    assert said.endswith("in layer1.0.")
    drawn = {plate.name: plate for plate in plates(found(read(tmp_path)))}
    (exponents,) = (
        a for p in drawn.values() for a in p.figure.axes if "exponents" in a.get_title("left")
    )
    low, high = exponents.get_xlim()
    assert low < -0.2
    assert high > 0.2
    windows = [plate for name, plate in drawn.items() if name.startswith("spectra-windows")]
    assert [plate.figure.get_figwidth() for plate in windows] == [WIDTH]
