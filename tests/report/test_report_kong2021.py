"""The section on Kong et al. 2021: published and planted numbers come out on the page."""

import io
import re
from functools import partial

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from scipy import stats
from synthetic_kong2021 import (
    FEW,
    NOT_ATTACKED,
    ROBUST,
    TABLE,
    planted,
    save_row,
    save_step,
    save_study,
    save_summary,
)
from test_report_page import LOADING, Page

from striate.report import page as report_page
from striate.report import write
from striate.report.kong2021 import STUDY
from striate.report.kong2021.analysis import EVERY, Analysis, analyse, pairs
from striate.report.kong2021.cells import NO_NUMBER
from striate.report.kong2021.drawing import mark_accuracies, name_dots
from striate.report.kong2021.findings import of_panel
from striate.report.kong2021.found import found
from striate.report.kong2021.panels import FIGURES, Dot, Panel, panels, published_panel
from striate.report.kong2021.plates import is_near, plates
from striate.report.kong2021.published import rows
from striate.report.kong2021.shown import Part, shown
from striate.report.kong2021.table import HEADS, full_table, page_rows
from striate.report.kong2021.words import minus, p_text, place_text, rank_text
from striate.report.section import read
from striate.results import Score, save
from striate.statistics import Correlation

SHOWN = [*FEW, *ROBUST, "nets:mine"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("kong2021")
    save_study(made)
    save_step(made, classes=1000)
    return made


@pytest.fixture(scope="module")
def there(folder):
    return found(read(folder))


@pytest.fixture(scope="module")
def made(folder):
    """The section, made once for all tests."""
    return STUDY.section(read(folder), folder)


@pytest.fixture(scope="module")
def drawn(made):
    return {plate.name: plate for plate in made.plates}


@pytest.fixture(scope="module")
def report(folder, made, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        once = STUDY._replace(section=lambda records, where: made)
        patch.setattr(report_page, "STUDIES", (once,))
        return write(folder, tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def page(report):
    return Page(report.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def text(page):
    return " ".join(page.text.split())


def test_every_figure_of_the_paper_is_there_once(drawn):
    assert list(drawn) == ["kong2021-fig6", "kong2021-fig7", "kong2021-fig8", "kong2021-fig9"]
    titles = [plate.title.partition(".")[0] for plate in drawn.values()]
    assert titles == ["Figure 6", "Figure 7", "Figure 8 (S1)", "Figure 9 (S2)"]


def test_figure_6_has_the_forty_published_dots_and_the_measured_ones(drawn):
    numbers = drawn["kong2021-fig6"].numbers
    published = numbers[numbers["source"] == "published"]
    expected = TABLE.filter(like="top1_l").mean(axis=1)
    assert published["of"].tolist() == TABLE.index.tolist()
    np.testing.assert_allclose(published["x"], expected)
    np.testing.assert_allclose(published["y"], TABLE["v1_predictivity_pls"])
    measured = numbers[numbers["source"] == "measured"]
    for letter, name in (("A", "predictivity pls"), ("B", "alpha pls")):
        part = measured[measured["panel"] == letter].set_index("of")
        assert sorted(part.index) == sorted(SHOWN)
        for entry in (*FEW, *ROBUST):
            made = planted(entry)
            assert part.loc[entry, "x"] == made["adversarial_accuracy"]
            assert part.loc[entry, "y"] == made[name]
            assert part.loc[entry, "published_x"] == pytest.approx(expected[entry])


@pytest.mark.parametrize(("figure", "panel", "x", "y"), [
    ("7", "A", "adversarial_accuracy", "frequency_score pls"),
    ("7", "B", "frequency_score pls", "predictivity pls"),
    ("8", "A", "adversarial_accuracy", "predictivity ridge"),
    ("8", "B", "adversarial_accuracy", "alpha ridge"),
    ("9", "A", "adversarial_accuracy", "frequency_score ridge"),
    ("9", "B", "frequency_score ridge", "predictivity ridge"),
])  # fmt: skip
def test_other_figures_have_the_measured_dots_only(drawn, figure, panel, x, y):
    numbers = drawn[f"kong2021-fig{figure}"].numbers
    assert "published" not in set(numbers["source"])
    part = numbers[(numbers["panel"] == panel) & (numbers["source"] == "measured")]
    part = part.set_index("of")
    for entry in (*FEW, *ROBUST):
        assert part.loc[entry, "x"] == planted(entry)[x]
        assert part.loc[entry, "y"] == planted(entry)[y]


def test_every_dot_drawn_is_in_the_csv_and_published_ones_are_hollow(drawn):
    for plate in drawn.values():
        csv = pd.read_csv(io.StringIO(plate.numbers.to_csv(index=False)))
        written = set(zip(csv["x"].round(9), csv["y"].round(9), strict=True))
        count = 0
        for axes in plate.figure.axes:
            for line in axes.lines:
                points = {(round(x, 9), round(y, 9)) for x, y in np.asarray(line.get_xydata())}
                if line.get_label() in ("dots", "fit", "pair"):
                    assert points <= written, plate.name
                if line.get_label() == "dots":
                    count += len(points)
                    hollow = line.get_markerfacecolor() == "none"
                    assert hollow == (axes.get_title(loc="left") == "A\u2003published")
        assert count == (csv["source"] != "fit").sum()


def test_the_users_network_is_a_star_with_its_name(drawn):
    for plate in drawn.values():
        for axes in plate.figure.axes:
            stars = [line for line in axes.lines if line.get_marker() == "*"]
            named = [one.get_text() for one in axes.texts]
            if axes.get_title(loc="left") == "A\u2003published":
                assert (stars, named) == ([], [])
            else:
                assert len(stars) == 1
                assert "nets:mine" in named
                assert "igr_resnet50" in named  # few enough for names; "robust_" is the square


def test_robust_networks_are_joined_to_their_bases_in_figure_8b(drawn):
    joined = {
        name: [
            line for axes in plate.figure.axes for line in axes.lines if line.get_label() == "pair"
        ]
        for name, plate in drawn.items()
    }
    assert {name: len(lines) for name, lines in joined.items()} == {
        "kong2021-fig6": 0, "kong2021-fig7": 0, "kong2021-fig8": 3, "kong2021-fig9": 0,
    }  # fmt: skip
    first = np.asarray(joined["kong2021-fig8"][0].get_xydata())
    base, robust = planted("resnet50"), planted("robust_resnet50_l2_3")
    expected = [[one["adversarial_accuracy"], one["alpha ridge"]] for one in (base, robust)]
    np.testing.assert_allclose(first, expected)


def test_a_dotted_line_leads_from_the_published_accuracy(drawn):
    axes = drawn["kong2021-fig6"].figure.axes[1]
    links = [np.asarray(line.get_xydata()) for line in axes.lines if line.get_label() == "link"]
    assert len(links) == len(FEW) + len(ROBUST)
    alexnet = planted("alexnet")
    expected = [rows()["alexnet"].values["adversarial_accuracy"], alexnet["adversarial_accuracy"]]
    assert any(np.allclose(link[:, 0], expected) for link in links)


@pytest.mark.parametrize(
    ("values", "near"),
    [([0.55, 0.6], True), ([0.43, 0.7], True), ([0.3, 0.6], False), ([0.8], False)],
)
def test_distant_predictivities_get_axes_of_their_own(values, near):
    assert is_near(values) == near


def test_near_predictivities_share_the_axes(tmp_path):
    for entry in FEW:
        save_row(tmp_path, entry, scale=1.0)
    plate = plates(shown(found(read(tmp_path))))[0]
    assert [axes.get_title(loc="left") for axes in plate.figure.axes] == [
        "A\u2003published and measured", "B",
    ]  # fmt: skip
    assert "panels of their own" not in plate.methods


def test_captions_say_that_scales_differ(drawn):
    for name in ("6", "7", "8", "9"):
        assert "not on the paper’s scale" in drawn[f"kong2021-fig{name}"].methods
        assert (
            "photographs 123abc; the paper’s on the 50,000" in drawn[f"kong2021-fig{name}"].methods
        )
    assert "panels of their own" in drawn["kong2021-fig6"].methods
    claim = drawn["kong2021-fig8"].claim
    assert "R = 0.696 (p < 0.001), n = 40" in claim
    assert "R = 0.159 (p = 0.327), n = 40" in claim


def test_the_published_numbers_are_on_the_page(text):
    for part in (
        "R = 0.774 (p < 0.001; 95 % interval 0.59 to 0.87), Spearman’s ρ = 0.792, n = 40",
        "Without AlexNet R is 0.829",
        "0.390 over the 26 not robust ones and 0.689 over the 14 robust ones",
        "+0.0155 on average",
        "Wilcoxon p = 0.0015), up in 13 of 14 pairs",
        "predict V1 better by 0.022",
        "R = 0.772 (p < 0.001), n = 40",
        "R = 0.362 (p = 0.022), n = 40",
    ):
        assert part in text, part


def test_measured_correlations_are_those_of_the_planted_numbers(folder, report, text):
    table = pd.read_csv(report.parent / "kong2021_correlations.csv")
    x = [*(planted(entry)["adversarial_accuracy"] for entry in (*FEW, *ROBUST)), 0.45]
    y = [*(planted(entry)["alpha ridge"] for entry in (*FEW, *ROBUST)), 0.8]
    truth = stats.pearsonr(x, y)
    low, high = truth.confidence_interval(0.95)  # nine networks: Fisher's
    mine = table[(table["figure"] == "8B") & (table["networks"] == "all")].iloc[0]
    assert (mine["r"], mine["p"]) == pytest.approx((truth.statistic, truth.pvalue))
    assert (mine["low"], mine["high"], mine["n"]) == pytest.approx((low, high, 9))
    assert (mine["printed_r"], mine["printed_p"]) == (0.159, 0.327)
    p = p_text(float(truth.pvalue))
    said = f"measured R = {truth.statistic:.2f} ({p}; 95 % interval {low:.2f} to {high:.2f}, n = 9)"
    assert minus(said) in text
    robust = table[(table["figure"] == "8B") & (table["networks"] == "robust")].iloc[0]
    assert robust["reason"] == "3 networks; a correlation needs 4."
    # A row per panel and subset: published, and two panels of four figures
    assert len(table) == 5 * (1 + 8)


def test_p_is_corrected_for_all_correlations_over_the_same_networks(report, text):
    table = pd.read_csv(report.parent / "kong2021_correlations.csv")
    for _, mine in table[table["p"].notna()].groupby("of"):
        ranked = mine.sort_values("p", ignore_index=True)
        count = len(ranked)
        slow = [
            min(1, max(ranked["p"][k] * (count - k) for k in range(place + 1)))
            for place in range(count)
        ]
        np.testing.assert_allclose(ranked["p_holm"], slow)
    assert table.loc[table["p"].isna(), "p_holm"].isna().all()
    assert f"The table of correlations below has {table['p'].notna().sum()} of them" in text


def test_bars_reach_the_ends_of_intervals_that_are_not_symmetric(tmp_path):
    """Of 40 images none is right: the accuracy may be up to 8.8 %, and is not negative."""
    values = {"clean_accuracy": 0.5, "adversarial_accuracy": 0.0}
    values |= {"predictivity pls": 0.3, "alpha pls": 0.7}
    ends = {"adversarial_accuracy": (0.0, 0.088), "alpha": (0.65, 0.9)}
    save_summary(tmp_path, values, ends=ends)
    there = found(read(tmp_path))
    plate = plates(shown(there))[0]
    right = plate.figure.axes[2]
    bars = [lines.get_segments()[0] for lines in right.collections if lines.get_segments()]
    np.testing.assert_allclose(bars, [[(0, 0.7), (0.088, 0.7)], [(0, 0.65), (0, 0.9)]])
    row = plate.numbers[(plate.numbers["panel"] == "B") & (plate.numbers["source"] == "measured")]
    named = row[["x_low", "x_high", "y_low", "y_high"]].to_numpy(float)
    np.testing.assert_allclose(named, [(0, 0.088, 0.65, 0.9)])
    cells = page_rows(there)[0][0].cells
    assert (cells["alpha"].small, cells["predictivity pls"].small) == ("(0.65 to 0.90)", "± 0.02")
    table = full_table(there)
    mine = table[(table["source"] == "measured") & (table["quantity"] == "adversarial_accuracy")]
    assert mine[["low", "high"]].to_numpy(float).tolist() == [[0, 0.088]]
    said = STUDY.section(read(tmp_path), tmp_path).words["findings"]
    assert any("α of the V1-like layer 0.700 (0.650 to 0.900)" in one for one in said)


def dots(x, y, robust, clean=None):
    clean = x if clean is None else clean
    return [
        Dot(f"net{i}", None, r, None, c, a, None, b, None, "", None)
        for i, (a, b, r, c) in enumerate(zip(x, y, robust, clean, strict=True))
    ]


def test_analysis_names_why_a_number_is_missing():
    up = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    mixed = [0.2, 0.1, 0.4, 0.3, 0.6, 0.5]
    few = analyse(dots(up[:3], mixed[:3], [True] * 3))
    assert few.correlations["all"] == "3 networks; a correlation needs 4."
    assert few.line is None
    assert few.pairs == "0 pairs of a robust network and its base; two are the fewest."
    same = analyse(dots(up, [0.5] * 6, [True, False] * 3))
    assert same.correlations["all"] == "One of the two numbers is the same for all networks."
    known = analyse(dots(up, mixed, [True] * 6)).correlations
    assert known["given robust or not"] == "The networks do not differ in robustness."
    # Clean accuracy is x itself: nothing is left of it.
    assert known["given clean accuracy"].startswith("No correlation: given explains x")
    none = analyse(dots(up, mixed, [None] * 6)).correlations
    assert none["robust"] == "0 networks; a correlation needs 4."


def test_one_robust_network_is_no_group_to_hold():
    """A dummy that marks one network leaves it out of the correlation, and says nothing new."""
    up, mixed = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [0.2, 0.1, 0.4, 0.3, 0.6, 0.5]
    for robust, words in (([True] + [False] * 5, "robust, the others not"),
                          ([False] + [True] * 5, "not robust, the others are")):  # fmt: skip
        found = analyse(dots(up, mixed, robust, [0.5, 0.4, 0.6, 0.5, 0.4, 0.7])).correlations
        reason = found["given robust or not"]
        assert reason.startswith(f"Only one network is {words}")
        assert reason.endswith("2 of each kind are the fewest.")
    two = analyse(dots(up, mixed, [True, False] * 2 + [False] * 2)).correlations
    assert not isinstance(two["given robust or not"], str)


@pytest.mark.parametrize(
    ("figure", "verdict"),
    [("8", "the published one shows no sign"), ("6", "the same sign")],
)
def test_a_published_correlation_that_shows_no_sign_is_not_contradicted(figure, verdict):
    """R of Figure 8 B is 0.159 with p = 0.327; that of 6 B is 0.362 with p = 0.022."""
    up = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    drawn = next(one for one in FIGURES if one.number == figure)
    for turn, expected in ((1, verdict), (-1, verdict.replace("same", "other"))):
        mine = dots(up, [turn * (x + x**2) for x in up], [True, False] * 3 + [True])
        panel = Panel("B", *drawn.pairs[1], drawn.regression, mine)
        assert of_panel(drawn, Part(panel, "measured", analyse(mine))).endswith(f": {expected}.")


def test_a_sign_is_claimed_where_p_and_interval_agree():
    """Of few networks a bootstrap's interval may leave out 0 where p does not."""
    found = Correlation(0.47, 0.092, 0.03, 0.77, 14, 0.4, 0.16)
    drawn = FIGURES[0]
    panel = Panel("A", *drawn.pairs[0], drawn.regression, dots([0.1], [0.2], [True]))
    for p, verdict in ((0.092, "neither sign is shown"), (0.03, "the same sign")):
        analysis = Analysis({EVERY: found._replace(p=p)}, "", None)
        said = of_panel(drawn, Part(panel, "measured", analysis))
        assert f"R = 0.47 (p = {p:.3f}; 95 % interval 0.03 to 0.77, n = 14)" in said
        assert said.endswith(f": {verdict}.")


def test_a_caption_counts_the_networks_that_are_drawn(tmp_path):
    """A network without ridge is not in Figures 8 and 9."""
    for entry in FEW:
        save_row(tmp_path, entry)
    values = {name: value for name, value in planted("vgg11").items() if "ridge" not in name}
    save_summary(tmp_path, values, entry="vgg11", robust=False, model="kong2021/vgg11")
    drawn = {one.name: one.methods for one in plates(shown(found(read(tmp_path))))}
    assert drawn["kong2021-fig6"].endswith(" 6 networks measured.")
    said = "Drawn are 5 of the 6 networks measured, which have both numbers."
    assert drawn["kong2021-fig8"].endswith(said)
    assert drawn["kong2021-fig9"].endswith(said)


def test_the_published_pairs_are_the_fourteen_robust_networks_and_their_bases():
    both = pairs(published_panel().dots)
    assert len(both) == 14
    for base, robust in both:
        assert base.name == TABLE.loc[robust.name, "architecture"]
        assert not TABLE.loc[base.name, "robust"]
        assert TABLE.loc[robust.name, "robust"]


def test_every_cell_of_the_table_has_a_number_or_its_reason(there):
    lines, notes = page_rows(there)
    assert len(lines) == 40 + 9
    assert lines[0].yours
    for line in lines:
        assert list(line.cells) == list(HEADS)
        for cell in line.cells.values():
            assert (cell.text == NO_NUMBER) == (cell.sort == "")
            assert cell.text != NO_NUMBER or (cell.reason and notes[cell.note - 1] == cell.reason)
    published = {line.cells["network"].text: line.cells for line in lines if not line.measured}
    assert published["alexnet"]["adversarial_accuracy"].text.replace("\u00a0", " ") == "35.6 %"
    assert published["resnet50"]["frequency_score"].text == "0.763"
    assert "0.817 ± 0.032" in published["robust_resnet50_l2_3"]["frequency_score"].reason
    assert published["resnet50_simclr"]["frequency_score"].text == NO_NUMBER


def test_the_csv_has_every_number_unrounded(there, report):
    exactly = partial(pd.read_csv, dtype={"value": str})  # which older pandas rounds
    table = exactly(report.parent / "kong2021.csv")
    pd.testing.assert_frame_equal(
        table, exactly(io.StringIO(full_table(there).to_csv(index=False)))
    )
    mine = table[(table["source"] == "measured") & (table["network"] == "vgg16")]
    values = mine.set_index(["quantity", mine["regression"].fillna("")])["value"]
    for name, value in planted("vgg16").items():
        quantity, _, regression = name.partition(" ")
        assert float(values[quantity, regression]) == value
    missing = mine[mine["value"].isna()]
    assert missing["reason"].str.len().gt(10).all()
    own = table[(table["network"] == "nets:mine") & (table["quantity"] == "predictivity_nested")]
    assert own.set_index("regression")["value"].to_dict()["pls"] == "0.29"


def test_missing_cells_print_the_reason_that_the_summary_gives(tmp_path):
    cells = [(name, "", NOT_ATTACKED) for name in ("accuracy_Linf", "adversarial_accuracy")]
    cells.append(("predictivity", "pls", "No recording <b>was</b> given."))
    values = {"clean_accuracy": 0.5, "alpha ": 0.9, "frequency_score ": 0.7}
    save_summary(tmp_path, values, recording=None, pictures=None, missing=cells)
    text = " ".join(Page(write(tmp_path).read_text(encoding="utf-8")).text.split())
    assert NOT_ATTACKED in text
    assert "No recording <b>was</b> given." in text
    assert "has no such number, and does not say why" in text  # of L2
    assert "the one with the highest frequency score" in text
    assert "no network has both numbers of a panel of Figure 6, 7, 8 and 9" in text


def test_a_network_without_recording_stands_among_the_published_by_its_accuracy(tmp_path):
    values = {"adversarial_accuracy": 0.45, "alpha ": 0.9, "frequency_score ": 0.7}
    save_summary(tmp_path, values, recording=None)
    first, second = plates(shown(found(read(tmp_path))))
    (mark,) = first.numbers[first.numbers["source"] == "measured"].to_dict("records")
    assert (mark["of"], mark["x"]) == ("nets:mine", 0.45)
    assert "nets:mine" in [one.get_text() for one in first.figure.axes[0].texts]
    assert "Upright line" in first.methods
    assert second.name == "kong2021-fig-alone"
    assert "No recording was given" in second.methods
    drawn = second.numbers[second.numbers["source"] == "measured"]
    assert drawn["y"].tolist() == [0.9, 0.7]


def test_radii_that_are_not_the_papers_are_noted(tmp_path):
    save_summary(tmp_path, {"accuracy_Linf": 0.2}, eps=4 / 255)
    lines, _ = page_rows(found(read(tmp_path)))
    assert lines[0].cells["accuracy_Linf"].reason == "Attacked with ε = 4/255."
    save_summary(tmp_path, {"accuracy_Linf": 0.2}, eps=1 / 1020)
    lines, _ = page_rows(found(read(tmp_path)))
    assert lines[0].cells["accuracy_Linf"].reason == ""


def test_networks_measured_otherwise_are_a_set_of_their_own(tmp_path):
    for entry in FEW:
        save_row(tmp_path, entry)
        save_row(tmp_path, entry, quick=True, pictures=None)
    there = found(read(tmp_path))
    assert {one.label for one in there} == {"photographs 123abc, in full", "no photographs, quick"}
    assert [len(one.networks) for one in there] == [5, 5]
    lines, _ = page_rows(there)
    assert len(lines) == 40 + 10


def test_networks_of_one_name_are_told_apart(tmp_path):
    for sha in ("a" * 12, "b" * 12):
        save_summary(tmp_path, {"clean_accuracy": 0.5}, sha=sha)
        save_summary(
            tmp_path, {"clean_accuracy": 0.5}, sha=sha, entry="alexnet", robust=False, model="x"
        )
    (one,) = found(read(tmp_path))
    assert [network.name for network in one.networks] == [
        "alexnet (aaaaaa)", "alexnet (bbbbbb)", "nets.py:mine (aaaaaa)", "nets.py:mine (bbbbbb)",
    ]  # fmt: skip


def test_a_row_that_is_none_is_refused(tmp_path):
    save_summary(tmp_path, {"clean_accuracy": 0.5}, entry="resnet51")
    with pytest.raises(ValueError, match="stands for entry='resnet51', which is no row of Kong"):
        write(tmp_path)


def test_the_page_says_how_to_read_it_and_every_caveat(page, text):
    for part in (
        "How to read this", "Hollow dots were published", "What these numbers are not",
        "may not be passed on", "textures made from the fifth", "same test pictures",
        "two single trials", "Ridge regression has a knob", "eight are ResNet-50",
        "Within the groups it is weaker: 0.390",
    ):  # fmt: skip
        assert part in text, part
    assert "nets:mine: adversarial accuracy 45.0 %, above 27 of the 40 published" in text
    assert len(page.ids) == len(set(page.ids))
    wanted = {value[1:] for _, name, value in page.attributes if name == "href"}
    assert wanted <= set(page.ids)


def test_the_page_loads_nothing_and_runs_no_script_but_its_own(report, page):
    text = report.read_text(encoding="utf-8")
    assert page.tags.count("script") == 1
    assert not {"link", "iframe", "object", "embed", "img", "base"} & set(page.tags)
    assert not [entry for entry in page.attributes if entry[1] in LOADING]
    assert not re.search(r"url\((?!#)|@import|https?://|fetch\(|XMLHttp", text)
    (policy,) = [v for _, name, v in page.attributes if name == "content" and "default-src" in v]
    assert re.search(r"script-src 'sha256-[\w+/]{43}='; ", policy)
    assert "prefers-color-scheme: dark" in text


def test_planted_markup_comes_out_as_text(tmp_path):
    planted_text = '"><script>alert(1)</script>'
    values = {"adversarial_accuracy": 0.3, "predictivity pls": 0.3}
    about = {"recording": f"{planted_text}.npz: 3 units, sha256 1", "pictures": planted_text}
    missing = [("alpha", "pls", planted_text), ("accuracy_L2", "", "<script>alert(2)</script>")]
    save_summary(tmp_path, values, model="net:<script>alert(1)", missing=missing, **about)
    save_summary(tmp_path, values, model=planted_text, sha="b" * 12, **about)
    written = write(tmp_path)
    page = Page(written.read_text(encoding="utf-8"))
    for part in (planted_text, "net:<script>alert(1)", "<script>alert(2)</script>"):
        assert part in page.text
    assert page.tags.count("script") == 1
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    inside = {path.name for path in (tmp_path / "report" / "figures").iterdir()}
    assert all(re.fullmatch(r"[\w+-]+\.(svg|pdf|csv)", name) for name in inside)
    before = written.read_bytes()
    assert write(tmp_path).read_bytes() == before


@pytest.mark.parametrize(
    ("p", "said"), [(0.5, "p = 0.500"), (0.00151, "p = 0.0015"), (0.0009, "p < 0.001")]
)
def test_p_as_the_paper_writes_it(p, said):
    assert p_text(p) == said


@pytest.mark.parametrize(
    ("value", "others", "said"),
    [
        (5, [1, 2, 3], "above all 3"),
        (0, [1, 2, 3], "below all 3"),
        (2.5, [1, 2, 3], "above 2 of the 3"),
        (1, [1, 2, 3], "level with 1 of the 3"),
        (3, [1, 2, 3], "above 2 and level with 1 of the 3"),
        (3, [3, 3], "level with all 2"),
        (3, [2], "above the one"),
        (2, [2], "level with the one"),
        (1, [2], "below the one"),
    ],
)
def test_places(value, others, said):
    assert place_text(value, others) == said


@pytest.mark.parametrize(
    ("mine", "others", "said"),
    [
        ((5, None), [(4, None), (6, None)], "above 1 of the 2"),
        ((5, None), [(5, None)], "level with the one"),
        ((5, 1), [(4.5, 1), (6.5, 1)], "not to be told from any of the 2"),
        ((5, 1), [(6, None)], "not to be told from the one"),
        ((5, 1), [(5.5, 0.1), (1, 1), (9, 1)], "not to be told from 1 and above 1 of the 3"),
        ((5, 1), [(5.5, 0.1), (8, 1)], "not to be told from 1 and below 1 of the 2"),
        ((5, 1), [(2, 1), (3, 0.5)], "above all 2"),
    ],
)
def test_places_are_not_told_where_errors_overlap(mine, others, said):
    scores = [
        Score("x", float(value), None if error is None else float(error), "", {"error": "sd"})
        for value, error in (mine, *others)
    ]
    assert rank_text(scores[0], scores[1:]) == said


def test_an_interval_that_is_not_symmetric_decides_by_its_ends():
    ends = {"error": "half the 95 % interval", "low": 0.0, "high": 0.3}
    mine = Score("x", 0.0, 0.15, "", ends)
    assert rank_text(mine, [0.2]) == "not to be told from the one"
    assert rank_text(mine, [0.31]) == "below the one"


@pytest.mark.parametrize(
    ("classes", "size", "said"),
    [
        (1000, 224, ", above 27 of the 40 published (on other photographs)"),
        (10, 64, " (by chance 10.0 %, of 10 classes; images of 64 pixels; not ranked among"),
        (10, 224, " (by chance 10.0 %, of 10 classes; images of 224 pixels; not ranked among"),
        (1000, 64, " (by chance 0.1 %, of 1000 classes; images of 64 pixels; not ranked among"),
        (None, 224, " (of how many classes, no result here says; images of 224 pixels; not ranked"),
    ],
)
def test_accuracies_of_few_classes_or_small_images_are_not_ranked(tmp_path, classes, size, said):
    save_summary(tmp_path, {"adversarial_accuracy": 0.45}, size=size)
    if classes is not None:
        save_step(tmp_path, classes=classes)
    (*_, sentence) = STUDY.section(read(tmp_path), tmp_path).words["findings"]
    assert f"adversarial accuracy 45.0 %{said}" in sentence.replace("\u00a0", " ")


def test_each_figure_has_the_panels_of_the_paper(there):
    pairs_of = {figure.number: [(p.x, p.y) for p in panels(figure, there[0])] for figure in FIGURES}
    attacked, score = "adversarial_accuracy", "frequency_score"
    assert pairs_of["6"] == pairs_of["8"] == [(attacked, "predictivity"), (attacked, "alpha")]
    assert pairs_of["7"] == pairs_of["9"] == [(attacked, score), (score, "predictivity")]


def test_networks_of_another_input_size_saw_the_same_photographs(tmp_path):
    """The digest of photographs covers how they are prepared, which a network decides."""
    for number, name in enumerate(("alexnet", "inception_v3", "vgg11", "vgg13", "vgg16")):
        save_row(tmp_path, name, pictures=f"val {number:012x}")
    (together,) = found(read(tmp_path))
    assert len(together.networks) == 5
    assert together.settings["pictures"] == "val"


def test_other_photographs_in_a_folder_of_the_same_name_are_not_measured_alike(tmp_path):
    """The digest of each way of preparing them stands for how many they are."""
    for number, name in enumerate(("alexnet", "vgg11", "vgg13")):
        pictures = f"val {number:012x}"
        save_row(tmp_path, name, pictures=pictures)
        save_step(
            tmp_path, study="spectra", pictures=pictures, available=90 if number == 2 else 150
        )
    made = {one.label: [each.name for each in one.networks] for one in found(read(tmp_path))}
    assert made == {"photographs 150": ["alexnet", "vgg11"], "photographs 90": ["vgg13"]}


def test_as_many_other_photographs_in_a_folder_of_the_same_name_are_not_measured_alike(tmp_path):
    """Rows tell them by their content, however a network has them prepared."""
    for number, name in enumerate(("alexnet", "vgg11", "vgg13")):
        about = {"photographs": 90, "photographs_sha256": "b" if number == 2 else "a"}
        save_row(tmp_path, name, pictures=f"val {number:012x}", **about)
    made = {one.label: [each.name for each in one.networks] for one in found(read(tmp_path))}
    assert sorted(made.values()) == [["alexnet", "vgg11"], ["vgg13"]]
    assert all("photographs sha256" in label for label in made)


def test_a_row_of_before_saw_the_photographs_that_a_newer_one_tells_of(tmp_path):
    """Where their name and its digest are the same."""
    about = {"photographs": 90, "photographs_sha256": "a"}
    save_row(tmp_path, "alexnet", pictures="val 0123456789ab")
    save_row(tmp_path, "vgg11", pictures="val 0123456789ab", **about)
    save_row(tmp_path, "vgg13", pictures="val ba9876543210", **about)
    save_step(tmp_path, study="spectra", pictures="val 0123456789ab", available=90)
    (together,) = found(read(tmp_path))
    assert len(together.networks) == 3


@pytest.mark.parametrize("order", [(True, False), (False, True)])
def test_of_rows_that_say_otherwise_the_last_written_counts_and_that_is_said(tmp_path, order):
    for hour, robust in enumerate(order):
        save_summary(
            tmp_path, {"alpha pls": 0.7}, spectra="s.json", pls=None, robust=robust,
            started=f"2026-01-01T0{hour}:00:00+00:00",
        )  # fmt: skip
    ((network,),) = (one.networks for one in found(read(tmp_path)))
    assert network.robust is order[1]
    missing = STUDY.section(read(tmp_path), tmp_path).words["missing"]
    said = "Rows of nets:mine contradict each other: trained to be robust, and not."
    assert any(one.startswith(said) for one in missing)


def test_a_network_that_stands_for_several_rows_is_named(tmp_path):
    for entry in (None, "vgg11"):
        save_summary(tmp_path, {"clean_accuracy": 0.5}, entry=entry)
    missing = STUDY.section(read(tmp_path), tmp_path).words["missing"]
    said = "Rows of nets:mine contradict each other: it stands for no row and vgg11 of the table"
    assert any(one.startswith(said) for one in missing)


def test_results_of_steps_alone_make_no_section(tmp_path):
    save_step(tmp_path, classes=10)
    assert STUDY.section(read(tmp_path), tmp_path) is None


def test_many_long_names_do_not_cover_the_dots(tmp_path):
    for number in range(5):
        save_summary(
            tmp_path,
            planted("alexnet", seed=number),
            model=f"nets.py:a_network_of_a_long_sweep_{number}",
            sha=f"{number:012x}",
        )
    (together,) = found(read(tmp_path))
    assert len(together.networks) == 5
    section = STUDY.section(read(tmp_path), tmp_path)
    (plate,) = [one for one in section.plates if one.name.endswith("fig7")]
    texts = [text.get_text() for axes in plate.figure.axes for text in axes.texts]
    assert not any("long_sweep" in text for text in texts)
    assert not any("long_sweep" in sentence for sentence in section.words["findings"])


def said_of_relatives(folder):
    """What the page's caveat on related pictures says of how they were split here."""
    page = " ".join(Page(write(folder).read_text(encoding="utf-8")).text.split())
    rest = page.partition("the test is easier than it looks.")[2]
    return rest.partition("The best layer.")[0].strip()


@pytest.mark.parametrize(
    ("ways", "said"),
    [
        (("none",), "Here pictures were split without regard to that, as in the paper."),
        (("movie",), "Here related pictures were kept together."),
        (("none", "movie"), "In some of the measurements here related pictures were kept"),
    ],
)
def test_the_page_says_how_related_pictures_were_split(tmp_path, ways, said):
    for way in ways:
        save_row(tmp_path, "alexnet", grouped=way)
    assert said_of_relatives(tmp_path).startswith(said)


def test_where_nothing_was_predicted_nothing_is_said_of_splits(tmp_path):
    save_summary(tmp_path, {"clean_accuracy": 0.5, "alpha ": 0.9}, recording=None)
    assert said_of_relatives(tmp_path) == ""
    save_summary(tmp_path, {"clean_accuracy": 0.5}, sha="b" * 12)  # predictivity failed
    assert said_of_relatives(tmp_path) == ""


def named(folder):
    return {one.label: [each.name for each in one.networks] for one in found(read(folder))}


def test_a_network_with_two_rows_counts_once_by_the_one_with_the_most_numbers(tmp_path):
    """A later run left something out, and measured the rest anew."""
    for entry in FEW:
        save_row(tmp_path, entry)
    values = planted("alexnet", seed=1)
    few = {name: value for name, value in values.items() if "pls" not in name}
    about = {"model": "kong2021/alexnet", "entry": "alexnet", "robust": False}
    sha = found(read(tmp_path))[0].networks[0].sha
    save_summary(tmp_path, few, sha=sha, missing=[("predictivity", "pls", "left out")], **about)
    (together,) = found(read(tmp_path))
    assert sorted(one.name for one in together.networks) == sorted(FEW)
    score = together.networks[0].of("predictivity", "pls")  # alexnet is the first row
    assert score is not None
    assert score.value == planted("alexnet")["predictivity pls"]
    assert together.again == {"alexnet": 1}
    section = STUDY.section(read(tmp_path), tmp_path)
    assert section.summary == "40 published networks, 5 measurements of networks"
    assert any(
        one.startswith("alexnet has 1 further row, measured alike")
        for one in section.words["missing"]
    )
    table = section.tables["kong2021_correlations"]
    assert set(table.loc[(table["of"] == "measured") & (table["networks"] == "all"), "n"]) == {5}


def test_a_row_whose_files_another_has_is_not_a_measurement_of_its_own(tmp_path):
    """Also where it was written before rows had all settings."""
    files = {"pls": "p.json", "tuning": "t.json", "spectra": "s.json"}
    whole = {"predictivity pls": 0.3, "frequency_score pls": 0.8, "alpha pls": 0.7}
    old, part = {"alpha pls": 0.7}, {"spectra": "s.json", "pls": None, "tuning": None}
    save_summary(tmp_path, old, **part, splits=9)
    save_summary(tmp_path, whole, **files)
    save_summary(tmp_path, whole, **files, splits=20, crop_px=None)
    save_summary(tmp_path, whole, **files, splits=20, sha="b" * 12, crop_px=None)
    (together,) = found(read(tmp_path))
    assert [one.sha for one in together.networks] == ["aaaaaaaaaaaa", "b" * 12]
    assert together.again == {}
    assert together.settings["splits"] == 20


FULL = {
    "field_deg": 2.0, "crop_px": 80, "splits": 20, "lambdas": "1 10", "per_neuron": False,
    "attacked": 1000, "sets": 10, "set_size": 2816, "experiments": 1000, "draws": 100, "seed": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "labels"),
    [
        ({"field_deg": 4.0}, {"field deg 2", "field deg 4"}),
        ({"crop_px": None}, {"crop px 80", "crop px none"}),
        ({"splits": 5}, {"splits 20", "splits 5"}),
        ({"lambdas": "100"}, {"lambdas 1 10", "lambdas 100"}),
        ({"per_neuron": True}, {"per neuron False", "per neuron True"}),
        ({"components": 5}, {"components 25", "components 5"}),
        ({"minimum_reliability": 0.3}, {"minimum reliability 0", "minimum reliability 0.3"}),
        ({"attacked": None}, {"attacked 1000", "attacked all"}),
        ({"seed": 1}, {"seed 0", "seed 1"}),
    ],
)
def test_networks_measured_by_other_settings_are_not_in_one_correlation(tmp_path, change, labels):
    for entry in FEW:
        save_row(tmp_path, entry, **FULL)
    save_row(tmp_path, "alexnet", **{**FULL, **change})
    made = named(tmp_path)
    assert set(made) == labels
    assert sorted(map(len, made.values())) == [1, 5]
    table = full_table(found(read(tmp_path)))
    (name,) = change
    assert table[table["source"] == "measured"][name].nunique() == 2


def test_rows_that_do_not_say_a_setting_are_a_set_of_their_own(tmp_path):
    for entry in FEW:
        save_row(tmp_path, entry)
    save_row(tmp_path, "alexnet", **FULL | {"field_deg": None})
    made = named(tmp_path)
    assert sorted(map(len, made.values())) == [1, 5]
    assert any("splits unknown" in label for label in made)


def test_what_was_left_out_keeps_no_network_from_the_others(tmp_path):
    """Settings of ridge are none of a network without; nor those of attacks."""
    for entry in FEW[:3]:
        save_row(tmp_path, entry, **FULL)
    for entry, gone, change in (
        (FEW[3], "ridge", {"lambdas": "7", "per_neuron": True}),
        (FEW[4], "robustness", {"attacked": 40}),
    ):
        save_row(tmp_path, entry, **FULL | change | {gone: None})
    (together,) = found(read(tmp_path))
    assert len(together.networks) == 5
    assert {name: together.settings[name] for name in FULL} == FULL


def test_one_base_makes_one_pair_however_often_it_was_measured():
    made = dots([0.1, 0.3, 0.9], [0.5, 0.7, 1.0], [False, False, True])
    base = [one._replace(entry="resnet50") for one in made[:2]]
    robust = made[2]._replace(entry="robust_resnet50_l2_3", base="resnet50")
    ((before, after),) = pairs([*base, robust])
    assert (before.x, before.y) == pytest.approx((0.2, 0.6))
    assert after == robust
    ((before, after),) = pairs([base[0], robust, robust._replace(x=0.7, y=0.8)])
    assert before == base[0]
    assert (after.x, after.y) == pytest.approx((0.8, 0.9))


def test_the_interval_of_a_correlation_says_how_it_was_found(report):
    """Of nine networks, Fisher's; of a partial one, as if one fewer."""
    table = pd.read_csv(report.parent / "kong2021_correlations.csv")
    there = table[table["r"].notna()]
    assert set(there.loc[there["of"] == "published table", "interval"]) == {
        "BCa bootstrap over networks"
    }
    measured = there[there["of"] == "measured"]
    assert set(measured["interval"]) == {"Fisher's transformation"}
    partial = measured[measured["networks"].str.startswith("given")]
    assert len(partial) >= 8
    for row in partial.itertuples():
        z, half = np.arctanh(row.r), 1.959964 / np.sqrt(row.n - 1 - 3)
        assert (row.low, row.high) == pytest.approx((np.tanh(z - half), np.tanh(z + half)))


def test_without_a_recording_the_csv_says_so_of_each_regression(tmp_path):
    values = {"clean_accuracy": 0.5, "alpha ": 0.9, "frequency_score ": 0.7}
    why = "no recording was given"
    missing = [("predictivity", "pls", why), ("predictivity", "ridge", "left out of this run")]
    save_summary(tmp_path, values, recording=None, missing=missing)
    table = full_table(found(read(tmp_path)))
    gone = table[(table["source"] == "measured") & table["regression"].isin(["pls", "ridge"])]
    said = gone.groupby("regression")["reason"].agg(set).to_dict()
    assert said == {"pls": {why}, "ridge": {"left out of this run"}}


def test_with_a_recording_no_layer_is_chosen_without(there):
    table = full_table(there)
    alone = table[(table["source"] == "measured") & table["quantity"].eq("alpha")]
    (reason,) = set(alone.loc[alone["regression"] == "", "reason"])
    assert reason == "A recording was given, and says which layer stands for the network."


def test_networks_that_could_not_be_had_are_on_the_page_though_there_is_no_other(tmp_path):
    """The published table stands beside the reason."""
    task = {
        "study": "kong2021", "version": 1, "kind": "absent", "label": "absent", "model": "x",
        "entry": "resnet18", "reason": "torchvision is missing",
    }  # fmt: skip
    gone = {"quantity": "network", "regression": "", "reason": "torchvision is missing"}
    save(
        tmp_path / "kong2021" / "absent.json", [Score("missing", 0.0, settings=gone)],
        task=task, provenance={},
    )  # fmt: skip
    text = " ".join(Page(write(tmp_path).read_text(encoding="utf-8")).text.split())
    assert "resnet18 could not be measured: torchvision is missing" in text
    assert "No network was measured here." in text
    assert "no network has both numbers of a panel of Figure" not in text
    assert "R = 0.774 (p < 0.001" in text


def test_of_several_reasons_the_last_is_on_the_page(tmp_path):
    for hour, reason in ((9, "the second"), (8, "the first")):
        task = {"study": "kong2021", "kind": "absent", "entry": "resnet18", "reason": reason}
        gone = {"quantity": "network", "regression": "", "reason": reason}
        at = {"started": f"2024-05-05T0{hour}:00:00+00:00"}
        where = tmp_path / "kong2021" / f"{hour}.json"
        save(where, [Score("missing", 0.0, settings=gone)], task=task, provenance=at)
    missing = STUDY.section(read(tmp_path), tmp_path).words["missing"]
    assert missing == ["resnet18 could not be measured: the second"]


def test_one_other_network_is_no_plural(tmp_path):
    for number, name in enumerate("ab"):  # further apart than their errors
        save_summary(tmp_path, {"alpha pls": 0.5 + number}, sha=name * 12, model=f"nets.py:{name}")
    words = STUDY.section(read(tmp_path), tmp_path).words["findings"]
    assert any(one.startswith("nets:b:") and "above the one other measured" in one for one in words)
    assert any(one.startswith("nets:a:") and "below the one other measured" in one for one in words)


def test_names_are_not_struck_through_by_bars():
    """The nearest place is to the right of a dot, where its bar along x is."""
    axes = Figure(figsize=(4, 4)).subplots()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    where = [(0.3, 0.3), (0.7, 0.75)]
    named = [Dot("network", None, None, None, None, x, 0.15, y, 0.15, "", None) for x, y in where]
    name_dots(axes, named)
    axes.figure.draw_without_rendering()
    for text in axes.texts:
        box = text.get_window_extent()
        for x, y in where:
            (left, low), (right, high) = axes.transData.transform(
                [(x - 0.15, y - 0.15), (x + 0.15, y + 0.15)]
            )
            middle, level = axes.transData.transform((x, y))
            assert not (box.y0 < level < box.y1 and box.x0 < right and box.x1 > left)
            assert not (box.x0 < middle < box.x1 and box.y0 < high and box.y1 > low)


def test_a_name_beside_an_upright_line_stands_in_the_panel():
    axes = Figure().subplots()
    axes.plot([0.1, 0.7], [0, 1])
    mark_accuracies(axes, [("at the edge", 0.09), ("inside", 0.4)])
    edge, inside = axes.texts
    assert (edge.get_ha(), inside.get_ha()) == ("left", "right")
    axes.figure.draw_without_rendering()
    left = axes.get_window_extent().x0
    assert min(text.get_window_extent().x0 for text in axes.texts) > left
