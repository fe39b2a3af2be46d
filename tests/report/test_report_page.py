import hashlib
import re
import shutil
from html.parser import HTMLParser

import pandas as pd
import pytest
from synthetic_gerum2022 import save_network

from striate import results
from striate.report import write
from striate.report.section import duration
from striate.results import Score

LOADING = {"src", "srcset", "data", "poster", "action", "formaction", "background", "ping"}


class Page(HTMLParser):
    """Tags, attributes, ids and text of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.ids, self.text = [], [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_data(self, data):
        self.text += data.replace("\u00a0", " ")


@pytest.fixture(scope="module")
def report(folder, tmp_path_factory):
    return write(folder, tmp_path_factory.mktemp("out"))


@pytest.fixture(scope="module")
def page(report):
    return Page(report.read_text(encoding="utf-8"))


def test_the_report_and_its_files_are_written(report):
    names = sorted(path.name for path in (report.parent / "figures").iterdir())
    stems = {name.split(".")[0] for name in names}
    assert report.name == "report.html"
    assert names == sorted(f"{stem}.{kind}" for stem in stems for kind in ("csv", "pdf", "svg"))
    assert {"figure1", "figure3", "figure2-shallow-mlp-on-mnist"} <= stems
    assert len(pd.read_csv(report.parent / "table.csv")) == 12


def test_the_page_loads_nothing(report, page):
    text = report.read_text(encoding="utf-8")
    assert not {"script", "link", "iframe", "object", "embed", "img", "base"} & set(page.tags)
    assert not [entry for entry in page.attributes if entry[1] in LOADING]
    assert all(value.startswith("#") for _, name, value in page.attributes if "href" in name)
    assert not re.search(r"url\((?!#)|@import|https?://", text)
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    (policy,) = [v for tag, name, v in page.attributes if name == "content" and "default-src" in v]
    assert policy.startswith("default-src 'none'")
    assert "script-src" not in policy


def test_the_page_is_light_and_dark_and_has_names_for_everything(report, page):
    assert "prefers-color-scheme: dark" in report.read_text(encoding="utf-8")
    assert len(page.ids) == len(set(page.ids))
    labels = [v for tag, name, v in page.attributes if (tag, name) == ("svg", "aria-label")]
    assert len(labels) == page.tags.count("svg") == page.tags.count("figure") == 8
    assert all(len(label) > 40 for label in labels)
    assert page.tags.count("main") == page.tags.count("h1") == 1


def test_every_reference_inside_a_figure_has_its_target(report, page):
    text = report.read_text(encoding="utf-8")
    wanted = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', text))
    assert wanted
    assert wanted <= set(page.ids)


def test_the_page_says_what_was_run_found_and_missing(page):
    text = " ".join(page.text.split())
    for part in (
        "Does a brain-like spectrum make a network robust?",
        "24 networks",
        "60,000 to train, 10,000 to test, 10,000 attacked",
        "striate 0.1.0; PyTorch 2.13.0",
        "60.0 minutes in all (40.0 minutes training, 8.0 minutes measuring alpha, 12.0 minutes",
        "Deep MLP on MNIST: no network was trained",
        "Shallow MLP on digits: the paper shows no such networks",
        "How to cite",
    ):
        assert part in text


def test_the_page_judges_the_claims_of_the_networks_that_are_there(report, page):
    text = " ".join(page.text.split())
    for part in (
        "Claim by claim",
        "Strong is more robust than weak at the same α (text 2)yesreproducedFGSM, β = 1: against",
        "Strong reaches the target earlier in training",
        "At the baseline’s own α",
    ):
        assert part in text
    assert "Robustness has a broad peak near α = 3" not in text  # no CNN was trained
    claims = pd.read_csv(report.parent / "claims.csv")
    assert set(claims["network"]) == {"shallow_mlp"}
    contrast = pd.read_csv(report.parent / "contrast.csv")
    assert set(contrast["source"]) == {"paper", "ours"}
    assert "The forms of the penalty" not in text
    assert not (report.parent / "forms.csv").exists()


def test_the_page_says_what_was_left_alone_and_sets_forms_side_by_side(tmp_path, saved, swept):
    for form in ("slope", "line"):
        swept(tmp_path, targets=(1.0,), betas=(1.0,), form=form)
    saved(tmp_path, width=500, alpha=1.9)
    saved(tmp_path, weight_decay=0.1, alpha=2.2)
    report = write(tmp_path)
    text = " ".join(Page(report.read_text(encoding="utf-8")).text.split())
    for part in (
        "2 networks trained without the penalty in 2 other settings",
        "Found and forced α: shallow MLP on MNIST",
        "The forms of the penalty",
        "line11.021.02 ± 0.01",
    ):
        assert part in text
    assert "width 500: only the baseline was trained" not in text
    assert len(pd.read_csv(report.parent / "forms.csv")) == 3
    assert (report.parent / "figures" / "found-forced-shallow-mlp-on-mnist.csv").exists()


def test_the_legend_says_what_each_verdict_means(tmp_path, saved):
    path = saved(tmp_path, beta=1.0, target=2.0)
    record, entries = results.read_record(path), results.load(path)
    about = {**entries[0].settings, "verdict": "none", "reason": "planted", "epoch": 10}
    entries.append(Score("verdict", 0.0, settings=about))
    results.save(path, entries, task=record["task"], provenance=record["provenance"])
    text = " ".join(Page(write(tmp_path).read_text(encoding="utf-8")).text.split())
    assert "does not (masked), is no better than guessing, or than the baseline (none), or" in text


def test_without_networks_of_the_paper_no_claim_is_judged(tmp_path, saved):
    saved(tmp_path, data="digits")
    report = write(tmp_path)
    assert "Claim by claim" not in report.read_text(encoding="utf-8")
    assert not (report.parent / "claims.csv").exists()


def test_planted_markup_comes_out_as_text(tmp_path, saved):
    planted = {"network": "<script>alert(1)</script>", "data": '"><img src=x onerror=alert(2)>'}
    saved(tmp_path, **planted, protocol="`$x^{<b>}$` & ../../up", attacked=())
    text = write(tmp_path).read_text(encoding="utf-8")
    page = Page(text)
    assert "<script>alert(1)</script>" in page.text
    assert "`$x^{<b>}$` & ../../up" in page.text
    assert not {"script", "img", "b/"} & set(page.tags)
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    inside = {path.name for path in (tmp_path / "report" / "figures").iterdir()}
    assert all(re.fullmatch(r"[\w+-]+\.(svg|pdf|csv)", name) for name in inside)


def test_a_lone_baseline_makes_a_page_and_writing_it_again_changes_nothing(tmp_path, saved):
    saved(tmp_path, attacked=())
    page = write(tmp_path)
    assert page == tmp_path / "report" / "report.html"
    text = Page(page.read_text(encoding="utf-8")).text
    assert "only the baseline was trained" in text
    assert "one seed only" in text
    assert "no network has β = 0.1, which the paper shows" in text
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    write(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_what_an_earlier_report_left_is_removed_and_what_is_somebodys_stays(tmp_path, saved):
    saved(tmp_path / "r", width=500)
    saved(tmp_path / "r", alpha=1.5, attacked=())
    write(tmp_path / "r")
    figures = tmp_path / "r" / "report" / "figures"
    first = {path.name for path in figures.iterdir()}
    shutil.rmtree(tmp_path / "r" / "gerum2022")
    saved(tmp_path / "r", data="digits", attacked=())
    (figures / "mine.svg").write_text("by hand")
    write(tmp_path / "r")
    second = {path.name for path in figures.iterdir()}
    fresh = {
        path.name for path in (write(tmp_path / "r", tmp_path / "o").parent / "figures").iterdir()
    }
    assert first - fresh
    assert second == fresh | {"mine.svg"}


def test_a_figure_that_was_changed_and_files_elsewhere_are_not_removed(tmp_path, saved):
    saved(tmp_path, attacked=())
    out = write(tmp_path).parent
    kept = tmp_path / "kept.csv"
    kept.write_text("mine")
    digest = hashlib.sha256(b"mine").hexdigest()
    for name in ("figures/changed.svg", "stale.csv", "figures/stale.csv"):
        (out / name).write_text("mine" if "stale" in name else "changed")
    with (out / "SHA256SUMS").open("a") as sums:
        for name in ("figures/changed.svg", "../kept.csv", kept, "stale.csv", "figures/stale.csv"):
            sums.write(f"{digest}  {name}\n")
    write(tmp_path)
    assert kept.exists()
    assert (out / "figures" / "changed.svg").exists()
    assert not (out / "stale.csv").exists()
    assert not (out / "figures" / "stale.csv").exists()
    listed = [line.split("  ") for line in (out / "SHA256SUMS").read_text().splitlines()]
    assert {name for _, name in listed} >= {"report.html", "table.csv"}
    for digest, name in listed:
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest


def test_times_and_versions_may_be_missing(tmp_path, saved):
    path = saved(tmp_path, attacked=())
    kept = [result for result in results.load(path) if result.name != "seconds"]
    results.save(path, kept, task=results.read_record(path)["task"], provenance={})
    text = Page(write(tmp_path).read_text(encoding="utf-8")).text
    assert "do not say how long" in text
    assert "They were done with" not in text


def test_a_folder_without_results_says_what_to_type(tmp_path):
    wanted = f"run `striate run gerum2022 --results {tmp_path}` or a `striate measure` first"
    with pytest.raises(ValueError, match=rf"no results of any study \(.*\) in .*; {wanted}"):
        write(tmp_path)
    with pytest.raises(ValueError, match="no results folder at"):
        write(tmp_path / "nowhere")
    other = [Score("r", 0.5, settings={"study": "other"})]
    results.save(tmp_path / "a.json", other, task={"study": "other"}, provenance={})
    with pytest.raises(ValueError, match="only of other"):
        write(tmp_path)
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 seconds"),
        (119.0, "119 seconds"),
        (150.0, "2.5 minutes"),
        (7200.0, "2.0 hours"),
        (2e5, "2.3 days"),
    ],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_what_failed_is_on_the_page_and_in_no_figure(tmp_path):
    save_network(tmp_path)
    write(tmp_path)
    before = (tmp_path / "report" / "report.html").read_text()
    assert 'id="failed"' not in before
    task = {"study": "gerum2022", "label": "<b>cell</b>"}
    about = {"error": "ValueError: the loss is <nan>"}
    results.save(tmp_path / ".failed" / "cell.json", [], task=task, provenance=about)
    (tmp_path / ".failed" / "torn.json").write_text("{")
    page = write(tmp_path).read_text()
    assert "<b>&lt;b&gt;cell&lt;/b&gt;</b>: ValueError: the loss is &lt;nan&gt;" in page
    assert "1 task failed and is in no figure" in page
