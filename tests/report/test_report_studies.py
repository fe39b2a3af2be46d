"""A page of several studies: which are found, what each adds, and what must not get through."""

import re
from functools import partial

import pandas as pd
import pytest
import torch
from synthetic_gerum2022 import save_sweep
from synthetic_spectra import save_everything, save_layers, save_recording
from test_report_page import Page

from striate import results
from striate.datasets import Recording
from striate.models import Network
from striate.report import page as report_page
from striate.report import write
from striate.report.section import Section, Study, read
from striate.report.spectra.found import found
from striate.responses import Responses
from striate.results import Score
from striate.studies import spectra
from striate.study import run
from striate.study.spectra import Window

BRAIN, CORTEX = "Does a brain-like spectrum", "with the spectrum of cortex?"


def page_of(folder):
    report = write(folder)
    return report, Page(report.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("savers", "titles", "tables"),
    [
        ((save_sweep,), {BRAIN}, {"table.csv", "claims.csv", "contrast.csv"}),
        ((save_everything,), {CORTEX}, {"spectra.csv"}),
        (
            (save_sweep, save_everything),
            {BRAIN, CORTEX},
            {"table.csv", "claims.csv", "contrast.csv", "spectra.csv"},
        ),
    ],
    ids=["gerum2022", "spectra", "both"],
)
def test_each_study_that_is_found_has_a_section(tmp_path, savers, titles, tables):
    for save in savers:
        save(tmp_path)
    report, page = page_of(tmp_path)
    text = " ".join(page.text.split())
    assert {title for title in (BRAIN, CORTEX) if title in text} == titles
    assert {path.name for path in report.parent.glob("*.csv")} == tables
    assert page.tags.count("section") == len(savers)
    assert page.tags.count("h1") == page.tags.count("main") == 1
    assert len(page.ids) == len(set(page.ids))
    assert page.tags.count("svg") == page.tags.count("figure")
    assert page.text.count("Nature 571") == 1  # both studies cite it
    labels = [v for tag, name, v in page.attributes if (tag, name) == ("svg", "aria-label")]
    assert all(len(label) > 40 for label in labels)
    links = [
        v.removeprefix("#") for tag, name, v in page.attributes if (tag, name) == ("a", "href")
    ]
    assert len(links) == (2 if len(savers) == 2 else 0)
    assert set(links) <= set(page.ids)
    assert not re.search(r"url\((?!#)|@import|https?://", report.read_text(encoding="utf-8"))


def test_a_further_study_is_one_more_entry(tmp_path, monkeypatch):
    words = {"findings": ["Found <b>."], "rows": {}, "networks": {}, "time": "", "missing": []}
    table = pd.DataFrame({"a": [1]})

    def section(records, folder):
        many = f"{len(records)} toys"
        return Section("Toys?", "Toys", many, "spectra.html.jinja", words, [], {"toys": table}, ())

    studies = (*report_page.STUDIES, Study("toys", "striate toys", section))
    monkeypatch.setattr(report_page, "STUDIES", studies)
    results.save(tmp_path / "a.json", [Score("r", 1.0)], task={"study": "toys"}, provenance={})
    save_layers(tmp_path, {"a": 1.0})
    report, page = page_of(tmp_path)
    assert "toys · 1 toys" in page.text
    assert "Found <b>." in page.text
    assert {path.name for path in report.parent.glob("*.csv")} == {"toys.csv", "spectra.csv"}


def test_the_section_on_spectra_says_what_was_found_and_missing(tmp_path):
    save_layers(tmp_path, {"a": 1.0})
    _, page = page_of(tmp_path)
    text = " ".join(page.text.split())
    for part in (
        "spectra · 1 network",
        "No recording: striate spectrum RECORDING",
        "No network under a recording's conditions",
        "nets:plain is alone on 200 images of val",
        "The computations took 30 seconds.",
        "a α 1.000 ± 0.020 sd over sets 10–99 100 500 0.970".replace(" ", ""),
    ):
        assert part.replace(" ", "") in text.replace(" ", "")


def test_planted_markup_comes_out_as_text(tmp_path):
    save_layers(
        tmp_path,
        {"<script>alert(1)</script>": 1.0, "`$x^{<b>}$` & ../../up": 1.2},
        model='"><img src=x onerror=alert(2)>',
        pictures="<iframe src=y> 123",
    )
    save_recording(tmp_path, "<object data=z>")
    report, page = page_of(tmp_path)
    assert "<script>alert(1)</script>" in page.text
    assert '"><img src=x onerror=alert(2)>' in page.text
    assert "<object data=z>" in page.text
    assert not {"script", "img", "iframe", "object"} & set(page.tags)
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    inside = {path.name for path in (report.parent / "figures").iterdir()}
    assert all(re.fullmatch(r"[\w+-]+\.(svg|pdf|csv)", name) for name in inside)


def test_writing_again_changes_nothing(tmp_path):
    save_everything(tmp_path)
    write(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    write(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_damaged_file_is_refused_and_nothing_is_written(tmp_path):
    path = save_layers(tmp_path, {"a": 1.0})
    path.write_text(path.read_text().replace("sd over sets", "sd over seas"))
    with pytest.raises(ValueError, match=r"is damaged: its checksum does not match"):
        write(tmp_path)
    assert not (tmp_path / "report").exists()


def test_files_of_the_study_without_a_spectrum_are_refused(tmp_path):
    task = {"study": "spectra", "kind": "network", "model": "m", "model_sha256": "1"}
    results.save(tmp_path / "a.json", [Score("alpha", 1.0)], task=task, provenance={})
    with pytest.raises(ValueError, match="hold no spectrum; move them away and rerun"):
        write(tmp_path)


def test_the_page_reads_what_the_study_writes(tmp_path):
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(90, 3, 8, 8, generator=generator)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 60), torch.nn.ReLU())
    network = Network("nets.py:small", model, 8, 8)
    shown = spectra.Pictures(
        "noise 1", 90, lambda n, seed: range(n or 90), lambda rows: images[list(rows)]
    )
    layers, window = ["1", "2"], Window((2, 12), "rank")
    task = spectra.network_task(network, shown, layers, protocol="paper", sets=2)
    measure = partial(spectra.measure_network, network=network, shown=shown)
    list(run(measure, [task], directory=tmp_path))
    signal = images.flatten(1)[:, :30] * torch.linspace(3, 0.3, 30)
    trials = signal + 0.1 * torch.randn(6, 90, 30, generator=generator)
    responses = Responses(trials, "made.npz u1: 6 x 90 x 30, sha256 1", "noise")
    recording = Recording(responses, images, torch.arange(90), ())
    settings = {"recording": recording, "window": window, "algorithm": "text"}
    task = spectra.recording_task(recording, window=window)
    list(run(partial(spectra.measure_recording, **settings), [task], directory=tmp_path))
    task = spectra.comparison_task(network, recording, layers, window=window)
    measure = partial(spectra.measure_comparison, network=network, **settings)
    list(run(measure, [task], directory=tmp_path))
    there = found(read(tmp_path))
    (together,), (population,), (comparison,) = there
    assert [layer.name for layer in together.networks[0].layers] == layers
    assert set(population.alphas) == {"cvPCA", "PCA of the trial mean"}
    assert [match.layer for match in comparison.matches] == layers
    report = write(tmp_path)
    assert set(pd.read_csv(report.parent / "spectra.csv")["name"]) == {
        "alpha",
        "alpha_all_images",
        "alpha_matched",
        "alpha_difference",
    }
