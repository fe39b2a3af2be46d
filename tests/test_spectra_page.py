"""The page on spectra says what the kept results say."""

from pathlib import Path

import pytest

from striate import results
from striate.results import Score

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "spectra.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("| ")
]


def kept(pattern):
    """Scores of the one result whose file is named like this."""
    (file,) = (DOCS / "results" / "spectra").glob(f"spectrum-{pattern}-*.json")
    return [one for one in results.load(file) if isinstance(one, Score)]


def cell(score, digits):
    return f"{score.value:.{digits}f} ± {score.error:.{digits}f}"


def ranks(score):
    return score.settings["ranks"].replace("-", "–")


@pytest.mark.parametrize("network", ["plain", "robust"])
def test_the_table_of_networks_is_that_of_the_results(network):
    table = {row[1]: row for row in ROWS if row[0] == network and len(row) == 7}
    scores = kept(f"cifar_networks.py-{network}")
    assert set(table) == {one.settings["layer"] for one in scores}
    for layer, row in table.items():
        mine = {one.name: one for one in scores if one.settings["layer"] == layer}
        sets, first = mine["alpha"], mine["alpha_all_images"]
        windows = [ranks(sets)] + [f"first set {ranks(first)}"] * (ranks(sets) != ranks(first))
        assert row[2:] == [
            str(sets.settings["units"]), "; ".join(windows), cell(sets, 3), cell(first, 3),
            f"{mine['r_squared'].value:.2f}",
        ]  # fmt: skip


@pytest.mark.parametrize("name", ["trained", "untrained"])
def test_the_table_of_one_architecture_is_that_of_the_results(name):
    column = {"trained": 2, "untrained": 4}[name]
    table = {row[0]: row for row in ROWS if row[0].startswith("features.")}
    scores = kept(f"squeezenet.py-{name}")
    layers = {one.settings["layer"].removesuffix(".expand3x3_activation"): [] for one in scores}
    assert set(table) == set(layers)
    for one in scores:
        layers[one.settings["layer"].removesuffix(".expand3x3_activation")].append(one)
    for layer, mine in layers.items():
        by_name = {one.name: one for one in mine}
        shown = [cell(by_name[name], 3) for name in ("alpha", "alpha_all_images")]
        assert table[layer][column : column + 2] == shown


@pytest.mark.parametrize(
    ("population", "label"),
    [
        *((name, name) for name in ("ay2_u003", "ay3_u001", "ay3_u002", "ay4_u001", "ay4_u005")),
        ("6-populations", "all, side by side (a pseudo-population)"),
    ],
)
def test_the_table_of_recordings_is_that_of_the_results(population, label):
    (row,) = [row for row in ROWS if row[0] == label and len(row) == 7 and row[1].isdecimal()]
    scores = kept(f"henaff2021_macaque_v1.npz-{population}")
    expected = [str(scores[0].settings["units"]), ranks(scores[0])]
    for method in ("cvPCA", "PCA of the trial mean"):
        mine = {one.name: one for one in scores if one.settings["method"] == method}
        expected += [cell(mine["alpha"], 2), f"{mine['r_squared'].value:.2f}"]
    assert row[1:] == expected


def test_the_bound_is_held_against_the_intervals_that_were_kept():
    found = []
    for file in (DOCS / "results" / "spectra").glob("spectrum-henaff*.json"):
        (cross,) = [
            one
            for one in results.load(file)
            if one.name == "alpha" and one.settings["method"] == "cvPCA"
        ]
        found.append((cross.settings["corrected_low"], cross.settings["corrected_high"]))
    found.sort()
    assert [low > 1 for low, _ in found] == [False] + [True] * 5
    low, high = found[0]
    said = " ".join(PAGE.split())
    assert f"five lie above 1 and that of the pseudo-population, {low:.2f} to {high:.2f}" in said


NETWORKS = {
    "robust": "cifar_networks.py-robust",
    "plain": "cifar_networks.py-plain",
    "SqueezeNet, untrained": "squeezenet.py-untrained",
    "SqueezeNet, trained": "squeezenet.py-trained",
}


def compared(network, population, gains, degrees=None):
    """The recording's α, and differences of the layers from the least on, if they were measured."""
    pattern = f"comparison-{NETWORKS[network]}-henaff2021_macaque_v1.npz-{population}-*.json"
    for file in (DOCS / "results" / "spectra").glob(pattern):
        task = results.read_record(file)["task"]
        if (task.get("gains", "own"), task["stimulus_deg"]) == (gains, degrees):
            found = results.load(file)
            (theirs,) = {
                one.value
                for one in found
                if one.name == "alpha_matched" and one.source == task["recording"]
            }
            gaps = [one for one in found if one.name == "alpha_difference"]
            return theirs, sorted(gaps, key=lambda one: one.value)
    return None


def minus(text):
    return text.replace("-", "−")


@pytest.mark.parametrize(
    ("label", "population", "gains"),
    [
        ("91 units", "6-populations", "equal"),
        ("all 214 units", "6-populations", "own"),
        *((name, name, "own") for name in ("ay2_u003", "ay3_u001", "ay3_u002", "ay4_u005")),
    ],
)
def test_the_table_of_networks_under_a_recording_s_conditions_is_that_of_the_results(
    label, population, gains
):
    (row,) = [row for row in ROWS if row[0] == label and row[1] in ("equal", "own")]
    expected = [gains, None]
    for network in NETWORKS:
        found = compared(network, population, gains)
        if found is None:
            expected.append("–")
            continue
        expected[1] = f"{found[0]:.2f}"
        ends = [found[1][0], found[1][-1]]
        expected.append(" to ".join(minus(cell(one, 2)) for one in ends))
    assert row[1:] == expected


def judged(gaps):
    """How many layers differ by more than the interval."""
    sides = {
        "below": sum(one.settings["high"] < 0 for one in gaps),
        "above": sum(one.settings["low"] > 0 for one in gaps),
    }
    return ", ".join(f"{count} {side}" for side, count in sides.items() if count) or "none"


@pytest.mark.parametrize("network", NETWORKS)
def test_the_table_of_sizes_is_that_of_the_results(network):
    (row,) = [row for row in ROWS if row[0] == network and len(row) == 5]
    expected = []
    for degrees in (None, 4.0, 2.0):
        found = compared(network, "6-populations", "equal", degrees)
        if found is None:
            expected.append("–")
            continue
        values = [one.value for one in found[1]]
        mean = sum(values) / len(values)
        text = f"{values[0]:.2f} to {values[-1]:.2f}, mean {mean:.2f}; {judged(found[1])}"
        expected.append(minus(text))
    assert [cell.partition(" (")[0] for cell in row[2:]] == expected
