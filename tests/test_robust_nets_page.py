"""Every number in the tables of docs/robust-nets.md is the one that was measured."""

import re
import runpy
from pathlib import Path

import pytest

from striate.results import load, read_record

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "robust-nets.md").read_text(encoding="utf-8")
RESULTS = ROOT / "docs" / "results"
# What tells the ways of training apart in their tasks.
WAYS = {
    "standard": ("standard", None, None, 0.0),
    "adversarial": ("adversarial", None, None, 0.0),
    "TRADES, β 4": ("trades", None, None, 0.0),
    "input gradient, λ 1": ("igr", None, None, 0.0),
    "free, 4 replays": ("free", None, None, 0.0),
    "blur, coarse to fine": ("standard", None, "coarse-to-fine", 0.0),
    "blur, fine to coarse": ("standard", None, "fine-to-coarse", 0.0),
    "blur, constant": ("standard", None, "constant", 0.0),
    "noise": ("standard", None, None, "noise"),
    "α* = 1 on": ("standard", 1.0, None, 0.0),
    "α* = 2": ("standard", 2.0, None, 0.0),
    "adversarial, and α* = 1, β 1": ("adversarial", 1.0, None, 0.0),
    "adversarial, and α* = 1, β 0.1": ("adversarial", 0.1, None, 0.0),
}


def rows(heading):
    """Cells of the table that begins with `heading`, by the words of their first column."""
    table = TEXT[TEXT.index(heading) :].split("\n\n")[0]
    lines = [line.strip("|").split("|") for line in table.splitlines()[2:]]
    return {first.strip(): [cell.strip(" *") for cell in cells] for first, *cells in lines}


def agrees(cell, values):
    """Tell whether a cell is the mean of two values ± half their difference."""
    mean, spread = [float(number) for number in re.findall(r"[\d.]+", cell)]
    assert abs(mean - sum(values) / len(values)) < 0.00051, (cell, values)
    assert abs(spread - (max(values) - min(values)) / 2) < 0.00051, (cell, values)


@pytest.fixture(scope="module")
def networks():
    """Results of robustness by data set and way, through the weights that were attacked."""
    trained = {}
    for path in (RESULTS / "nets" / "training").glob("*.json"):
        task = read_record(path)["task"]
        noise = "noise" if task["noise"] else 0.0
        # Of the two that are trained against attacks, β; of the others, α*.
        attacked = task["objective"] == "adversarial"
        steered = task["spectral_beta" if attacked else "spectral_alpha"]
        which = (task["objective"], steered, task["blur"], noise)
        trained[path.stem] = (task["data"].split(" ")[0], which)
    found = {}
    for path in (RESULTS / "nets" / "robustness").glob("*.json"):
        stem = read_record(path)["task"]["model"].partition(", ")[2]
        found.setdefault(trained[stem], []).append(load(path))
    return found


@pytest.mark.parametrize(("data", "heading"), [
    ("mnist", "| MNIST, ε"), ("cifar10", "| CIFAR-10, ε"),
])  # fmt: skip
def test_the_small_networks(networks, data, heading):
    row_of = runpy.run_path(str(ROOT / "examples" / "robust_nets.py"))["row_of"]
    table = rows(heading)
    assert len(table) == len(WAYS)
    seen = set()
    for words, (clean, attacked, least, verdicts) in table.items():
        way = max((way for way in WAYS if words.startswith(way)), key=len)
        seen.add(way)
        results = networks[data, WAYS[way]]
        assert len(results) == 2
        measured = [row_of(one) for one in results]
        for cell, name in ((clean, "clean"), (attacked, "attacked"), (least, "worst")):
            agrees(cell, [row[name] for row in measured])
        judged = [one for each in results for one in each if one.name == "verdict"]
        assert sorted(one.settings["verdict"] for one in judged) == sorted(verdicts.split(", "))
    assert seen == set(WAYS)


def test_the_steered_networks():
    row_of = runpy.run_path(str(ROOT / "examples" / "steered_resnets.py"))["row_of"]
    found = {}
    for path in (RESULTS / "steered").glob("*.json"):
        alpha, numbers = row_of(path)
        found.setdefault(alpha, []).append(numbers)
    assert {alpha: len(both) for alpha, both in found.items()} == dict.fromkeys(
        ("none", "0.8", "1", "1.5", "2", "3"), 2
    )
    names = {
        "α found, stage 1": "alpha layer1.1",
        "stage 2": "alpha layer2.1",
        "stage 3": "alpha layer3.1",
        "stage 4": "alpha layer4.1",
        "clean": "accuracy",
        "PGD-20, 0.5/255": "pgd 20, 0.5/255",
        "PGD-20, 1/255": "pgd 20, 1/255",
        "PGD-20, 2/255": "pgd 20, 2/255",
        "PGD-20, 4/255": "pgd 20, 4/255",
        "PGD-20, 1/255, 300 images": "accuracy under pgd 20, same images",
        "PGD-100 × 5, the same": "accuracy under pgd 100 × 5",
        "random search, the same": "accuracy under random search",
    }
    table = rows("| | no penalty")
    assert table.keys() == names.keys()
    for words, cells in table.items():
        for alpha, cell in zip(("none", "0.8", "1", "1.5", "2", "3"), cells, strict=True):
            values = [numbers[names[words]] for numbers in found[alpha]]
            if "alpha" in names[words]:
                assert abs(float(cell) - sum(values) / 2) < 0.0051, (words, alpha)
            else:
                agrees(cell, values)
