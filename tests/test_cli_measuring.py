"""How one score is written on the terminal."""

import pytest

from striate.cli.measuring import tell_scores, value_of
from striate.results import Score, save

HALF = "bootstrap over channels, half the 95 % interval"


@pytest.mark.parametrize(("ends", "written", "kind"), [
    ({}, "1.000 ± 0.250", HALF),
    ({"low": 0.75, "high": 1.25}, "1.000 ± 0.250", HALF),
    ({"low": 0.5, "high": 1.0}, "1.000 (0.500 to 1.000)", "bootstrap over channels, the 95 %"),
])  # fmt: skip
def test_an_interval_that_is_written_whole_is_not_called_half(
    ends, written, kind, tmp_path, capsys
):
    score = Score("median", 1.0, 0.25, "net", {"error": HALF, **ends})
    assert value_of(score) == written
    tell_scores(
        save(tmp_path / "one.json", [score], task={}, provenance={}) or tmp_path / "one.json"
    )
    line = capsys.readouterr().out
    assert f"\t{written}\t" in line
    assert f"\t{kind}" in line


def test_a_score_without_an_error_stands_alone():
    assert value_of(Score("median", 1.0)) == "1.000"


def test_why_optimal_stimuli_are_missing_is_told_with_the_layer(tmp_path, capsys):
    there = [
        Score("responsive", 1.0, None, "net", {"layer": "3", "optimal_missing": "flat"}),
        Score("responsive", 1.0, None, "net", {"layer": "1"}),
    ]
    save(tmp_path / "one.json", there, task={}, provenance={})
    tell_scores(tmp_path / "one.json", "  ")
    assert capsys.readouterr().err.splitlines()[0] == "  no optimal stimuli of layer 3: flat"
