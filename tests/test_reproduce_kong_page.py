"""The tables of docs/reproduce-kong.md are the results in docs/results/kong2021."""

import re
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from striate.report.kong2021.analysis import EVERY, analyse
from striate.report.kong2021.found import found
from striate.report.kong2021.panels import FIGURES, panels
from striate.report.section import read
from striate.results import load, paths, read_record
from striate.statistics import Correlation

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "docs" / "results" / "kong2021"
CELLS = (
    ("clean_accuracy", ""), ("adversarial_accuracy", ""), ("predictivity", "pls"),
    ("predictivity_nested", "pls"), ("alpha", "pls"), ("frequency_score", "pls"),
)  # fmt: skip


def way_of(task):
    """Name the way in which a network was trained, as the page does."""
    if task["objective"] != "standard":
        return task["objective"]
    if task["blur"]:
        return f"blur, {task['blur']}"
    if task["spectral_alpha"] is None:
        return "standard"
    where = "dense layer" if task["spectral_layers"] == "hidden" else "first two maps"
    return f"α* = {task['spectral_alpha']:g} on the {where}"


def measured():
    """The rows of networks: those trained here by their way, others by their name."""
    trained = {}
    for path in (RESULTS / "training").glob("*.json"):
        trained[path.stem] = way_of(read_record(path)["task"])
    rows = defaultdict(list)
    for path in (RESULTS / "kong2021").glob("*.json"):
        model = read_record(path)["task"]["model"]
        scores = {
            (one.name, one.settings.get("regression") or ""): one.value
            for one in load(path)
            if one.name != "missing"
        }
        name = trained.get(model.partition(", ")[2]) or model.rpartition(":")[2]
        rows[name].append([scores.get(cell, np.nan) for cell in CELLS])
    return rows


def table():
    """The table of the page, from the results."""
    lines = [
        "| | networks | clean | attacked | predictivity | nested | α | frequency score |",
        "|" + "---|" * 8,
    ]
    for name, rows in sorted(measured().items()):
        values = np.array(rows, float)
        spread = np.ptp(values, axis=0) / 2
        cells = [
            f"{mean:.3f}" + (f" ± {half:.3f}" if len(rows) > 1 else "")
            for mean, half in zip(values.mean(0), spread, strict=True)
        ]
        lines.append(f"| {name} | {len(rows)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def test_the_table_of_the_page_is_that_of_the_results():
    assert table() in (ROOT / "docs" / "reproduce-kong.md").read_text(encoding="utf-8")


def test_the_correlations_of_the_page_are_those_that_the_report_prints():
    """Ends are of a bootstrap, which depends on the order of the networks: that of the report."""
    text = " ".join((ROOT / "docs" / "reproduce-kong.md").read_text(encoding="utf-8").split())
    (together,) = [one for one in found(read(RESULTS)) if len(one.networks) > 2]
    assert f"Over the {len(together.networks)} small networks" in text
    six, seven = (panels(one, together) for one in FIGURES[:2])
    for panel, written in (
        (six[0], r"R = (\S+) \(95 % interval (\S+) to (\S+)\)"),
        (six[1], r"go together \(R = (\S+), (\S+) to (\S+)\)"),
        (seven[0], r"not shown \((\S+), (\S+) to (\S+), but p = (\S+)\)"),
    ):
        said = re.findall(written, text.split("Nor is the paper")[1])[0]
        every = analyse(panel.dots).correlations[EVERY]
        assert isinstance(every, Correlation)
        numbers = (every.r, every.low, every.high, every.p)
        shown = [f"{number:.2f}".replace("-", "−") for number in numbers]
        assert list(said) == shown[: len(said)]


def test_every_result_of_the_page_is_sound():
    assert len(list(paths(RESULTS))) > 20


@pytest.mark.parametrize("name", ["standard", "trained"])
def test_the_page_speaks_of_networks_that_are_there(name):
    assert re.search(rf"^\| {name} \| \d", table(), re.MULTILINE)


if __name__ == "__main__":
    print(table())
