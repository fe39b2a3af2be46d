"""Why a cell of a network's row is empty."""

import pytest

from striate.results import Score
from striate.studies.kong2021.summary import summarised

OTHERS = {"pls": "none", "ridge": "none", "robustness": "none"}
NO_ALPHA = [Score("dimensions", 3.0, settings={"layer": "a"})]


def reasons_of(found, reasons):
    """Reasons of the cells α and frequency score, by quantity."""
    scores = summarised(found, OTHERS | reasons, {"model": "m"})
    return {
        score.settings["quantity"]: score.settings["reason"]
        for score in scores
        if score.name == "missing" and score.settings["quantity"] in ("alpha", "frequency_score")
    }


def scored(value, **settings):
    """One score of layer b."""
    return [Score("frequency_score", value, settings={"layer": "b", **settings})]


def test_a_step_that_was_not_done_says_why_itself():
    told = reasons_of({}, {"spectra": "too few images", "tuning": "left out"})
    assert told == {"alpha": "too few images", "frequency_score": "left out"}


def test_where_no_layer_has_a_frequency_score_none_stands_for_the_network():
    flat = [Score("channels", 0.0, settings={"layer": "a", "unit": "cycles/degree"})]
    told = reasons_of({"spectra": NO_ALPHA, "tuning": flat}, {})
    assert told == {
        "alpha": "no layer stands for the network: there is neither a recording nor a frequency "
        "score",
        "frequency_score": "no channel of any layer prefers a frequency: none of their means over "
        "phases varies",
    }


def test_images_without_degrees_have_no_frequency_score():
    small = [Score("channels", 9.0, settings={"layer": "a", "unit": "cycles/image"})]
    told = reasons_of({"spectra": NO_ALPHA, "tuning": small}, {})
    assert told["frequency_score"].startswith("images this small have no degrees of their own")


def test_the_layer_with_the_highest_frequency_score_may_have_no_alpha():
    tuned = [Score("frequency_score", 0.4, settings={"layer": "a"}), *scored(0.5)]
    found = {"spectra": [Score("alpha", 1.0, settings={"layer": "a"})], "tuning": tuned}
    told = reasons_of(found, {})
    assert told == {"alpha": "layer b varies in too few directions for a window of ranks"}
    (score,) = (one for one in summarised(found, OTHERS, {}) if one.name == "frequency_score")
    assert (score.value, score.settings["layer"]) == (0.5, "b")
    assert score.settings["rule"] == "highest frequency score"


@pytest.mark.parametrize("way", ["pls", "ridge"])
def test_the_layer_most_like_v1_may_have_no_frequency_score(way):
    mapped = [
        Score(name, 0.3, settings={"layer": layer})
        for name, layer in (("v1_layer", "a"), ("v1_layer_nested", "b"))
    ]
    found = {way: mapped, "spectra": NO_ALPHA, "tuning": scored(0.5)}
    told = reasons_of(found, {})
    assert told == {
        "alpha": "layer a varies in too few directions for a window of ranks",
        "frequency_score": "no channel of layer a prefers a frequency: none of their means over "
        "phases varies",
    }
