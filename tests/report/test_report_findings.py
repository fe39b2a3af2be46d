import re
from dataclasses import replace

import pytest

from striate.report import gerum2022_findings
from striate.results import Curve, Score, load_all


def findings(results):
    return [sentence.replace("\u00a0", " ") for sentence in gerum2022_findings(results)]


def test_three_sentences_with_the_numbers_in_them(folder):
    baseline, attack, targets = findings(load_all(folder))
    assert "shallow MLP on MNIST settles at α = 1.54" in baseline  # (1.526 + 1.545) / 2
    assert "93.8 % of the test images" in baseline
    assert "published: α = 1.54 and 93.8 %" in baseline
    assert "2 networks" in baseline
    assert "FGSM at ε = 0.05" in attack
    assert "β = 1 keep" in attack
    assert "at α = 1.0, rising to" in attack
    assert "at α = 4.8" in attack or "at α = 4.9" in attack
    assert "of 16 networks ended within 0.1 of the target α*" in targets
    assert "instead of 5.0" in targets
    assert "the published curves are missed by" in targets


def test_robustness_that_falls_with_alpha_is_said_to_fall(folder):
    def fragile(result):
        if isinstance(result, Curve) and result.name.startswith("accuracy_"):
            weight = 0.1 if (result.settings["target"] or 0) > 2 else 1
            return replace(result, y=tuple(weight * y for y in result.y))
        return result

    _, attack, _ = findings([fragile(result) for result in load_all(folder)])
    assert "falling to" in attack
    assert "with the best," in attack  # the best lies inside, at target 2


def test_what_is_printed_alike_is_no_trend(folder):
    def changed(inside, right):
        values = {1.0: 0.53, 2.0: inside, 3.0: inside, 5.0: right}
        return [
            replace(result, y=tuple(values[result.settings["target"]] for _ in result.y))
            if result.name.startswith("accuracy_") and result.settings["target"]
            else result
            for result in load_all(folder)
        ]

    for right in (0.53, 0.53 + 1e-5, 0.53 - 1e-5):
        _, attack, _ = findings(changed(0.53, right))
        assert "β = 1 keep 53.0 % at α = 1.0, and as many at α = " in attack
        assert "rising" not in attack
        assert "falling" not in attack
        assert "best" not in attack
    _, attack, _ = findings(changed(0.6, 0.53))
    assert re.search(r"and as many at α = [\d.]+, with the best, 60.0 %, at α = ", attack)


def test_of_several_sweeps_the_one_spoken_of_is_named(folder, tmp_path, saved):
    for sentence in findings(load_all(folder)):  # there are digits, too
        assert "shallow MLP on MNIST" in sentence.replace("Shallow", "shallow")
    _, attack, targets = findings(load_all(folder))
    assert attack.startswith("Shallow MLP on MNIST: attacked with FGSM")
    assert re.match(r"Shallow MLP on MNIST: \d+ of 16 networks ended within", targets)
    saved(tmp_path, beta=1.0, target=2.0)
    _, attack, targets = findings(load_all(tmp_path))
    assert attack.startswith("Attacked with FGSM")
    assert targets.startswith("1 of 1 network ended")


def test_only_the_baseline(tmp_path, saved):
    saved(tmp_path)
    baseline, attack, targets = findings(load_all(tmp_path))
    assert "1 network trained without the penalty" in baseline
    assert "unknown" in attack
    assert "the baseline keeps" in attack
    assert "No target was set" in targets


def test_no_baseline_no_attack_no_published_value(tmp_path, saved):
    saved(tmp_path, data="digits", beta=1.0, target=2.0, attacked=())
    baseline, attack, targets = findings(load_all(tmp_path))
    assert "There is no baseline" in baseline
    assert "no shallow MLP on digits was attacked" in attack
    assert "1 of 1 network ended" in targets
    assert "the paper has no shallow MLP on digits" in targets


def test_one_alpha_is_no_trend(tmp_path, saved):
    saved(tmp_path, beta=1.0, target=2.0)
    _, attack, _ = findings(load_all(tmp_path))
    assert "the only α reached" in attack


def test_without_alpha_there_is_nothing_to_say_about_targets(tmp_path, saved):
    saved(tmp_path, beta=1.0, target=2.0)
    saved(tmp_path)
    baseline, attack, targets = findings([r for r in load_all(tmp_path) if r.name != "alpha"])
    assert "α was not measured" in targets
    assert "baseline is unknown" in baseline
    assert "unknown" in attack


def test_no_results_is_an_error():
    with pytest.raises(ValueError, match="striate run gerum2022"):
        gerum2022_findings([Score("alpha", 1.0, settings={"study": "kong2021"})])
