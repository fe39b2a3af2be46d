"""Robustness as scores, curves and arrays: against the formulas, and against planted answers."""

from functools import partial

import numpy as np
import pytest
import torch
from scipy.stats import beta, binom
from torch import nn

from striate.robustness import LinfBall, ball, pgd, robust_accuracy
from striate.study.robustness import (
    PAPER,
    PROTOCOLS,
    Attacks,
    Judge,
    Passbands,
    accuracy_at,
    in_batches,
    judged,
    network_robustness,
    octaves,
    passed,
)
from striate.study.robustness.written import (
    BOOTSTRAP,
    BOTH,
    EXACT,
    ONE_SIDED,
    accuracy_curve,
    interval,
)
from truths import images, labels, mlp

GRID = Attacks({"Linf": (0.01, 0.05), "L2": (0.1,)}, attack_wrong=False, steps=5)


def shown(count=30, batch_size=8):
    return in_batches(images(count), labels(count), batch_size=batch_size)


def measured(model=None, attacks=GRID, given=None, **words):
    return network_robustness(
        model or mlp(),
        given or shown(),
        **{"attacks": attacks, "seed": 0, "source": "net", **words},
    )


def named(found, name, **settings):
    (one,) = [
        each for each in found.results
        if each.name == name and settings.items() <= each.settings.items()
    ]  # fmt: skip
    return one


def test_outcomes_are_those_of_the_attacks_one_image_at_a_time():
    found = measured()
    model, pixels, classes = mlp(), images(30), labels(30)
    for norm, strengths in GRID.epsilons.items():
        for row, eps in zip(found.arrays[f"pgd/{norm}"], strengths, strict=True):
            climb = partial(pgd, ball=ball(norm, eps), steps=5, step_size=2 * eps / 5)
            alone = robust_accuracy(model, pixels, classes, climb, batch_size=1)
            np.testing.assert_array_equal(row, alone.numpy())
            score = named(found, "adversarial_accuracy", norm=norm, eps=eps)
            assert score.value == pytest.approx(alone.double().mean().item())
            assert score.settings["step_size"] == pytest.approx(2 * eps / 5)
    right = (model(pixels).argmax(1) == classes).numpy()
    np.testing.assert_array_equal(found.arrays["clean"], right)
    curve = named(found, "accuracy_pgd", norm="Linf")
    assert curve.x == (0, 0.01, 0.05)
    assert curve.y[0] == named(found, "clean_accuracy").value == pytest.approx(right.mean())
    np.testing.assert_array_equal(found.arrays["epsilons/Linf"], [0.01, 0.05])


def test_the_mean_is_that_of_the_papers_three_attacks():
    found = measured(attacks=Attacks(PROTOCOLS["authors"].epsilons, attack_wrong=True))
    three = [
        named(found, "adversarial_accuracy", norm=norm, eps=eps).value
        for norm, eps in PAPER.items()
    ]
    assert named(found, "mean_adversarial_accuracy").value == pytest.approx(np.mean(three))
    assert all(found.arrays[f"pgd/{norm}"].shape == (3, 30) for norm in PAPER)
    names = {one.name for one in measured().results}
    assert "mean_adversarial_accuracy" not in names  # no L1
    exact = Attacks(PROTOCOLS["paper"].epsilons, attack_wrong=False, geometry="exact")
    assert "mean_adversarial_accuracy" not in {one.name for one in measured(attacks=exact).results}


def test_a_linear_model_falls_where_its_margin_says():
    """Logits ±w·(x − ½): within L∞ eps the sign flips where |w·(x − ½)| < eps · |w|₁."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(32, 2, dtype=torch.float64))
    model[1].weight.data = torch.randn(
        1, 32, generator=torch.Generator().manual_seed(1), dtype=torch.float64
    ).repeat(2, 1) * torch.tensor([[1.0], [-1.0]])
    weights = model[1].weight[0].detach()
    pixels = 0.2 + 0.6 * torch.rand(
        40, 2, 4, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64
    )
    model[1].bias.data = torch.stack([-0.5 * weights.sum(), 0.5 * weights.sum()])
    margin = (pixels.flatten(1) - 0.5) @ weights
    classes = (margin < 0).long()
    eps = 0.05
    found = measured(
        model,
        Attacks({"Linf": (eps,)}, attack_wrong=False),
        in_batches(pixels, classes, batch_size=16),
    )
    expected = (margin.abs() > eps * weights.abs().sum()).numpy()
    assert 0 < expected.mean() < 1
    np.testing.assert_array_equal(found.arrays["pgd/Linf"][0], expected)
    assert found.arrays["clean"].all()


def test_wrong_images_are_attacked_only_if_asked():
    pixels, classes = images(30), labels(30)
    wrong = mlp()(pixels).argmax(1) != classes
    found = {
        both: measured(attacks=GRID._replace(attack_wrong=both)).arrays["pgd/Linf"]
        for both in (False, True)
    }
    assert not found[False][:, wrong].any()
    np.testing.assert_array_equal(found[True][:, ~wrong], found[False][:, ~wrong])
    climb = partial(pgd, ball=LinfBall(0.05), steps=5, step_size=0.02)
    both = robust_accuracy(mlp(), pixels, classes, climb, attack_wrong=True)
    np.testing.assert_array_equal(found[True][1], both.numpy())


@pytest.mark.parametrize("right", [10, 30, 95])
def test_the_interval_is_that_of_resampling(right):
    outcomes = torch.arange(100) < right
    found = interval(outcomes, seed=0)
    assert found.value == right / 100
    # Of resampled means the quantiles are those of the binomial, within the error of 1000 draws.
    for got, quantile in ((found.low, 0.025), (found.high, 0.975)):
        assert abs(got - binom.ppf(quantile, 100, right / 100) / 100) <= 0.021
    assert found.error == pytest.approx((found.high - found.low) / 2)


def test_the_seed_draws_the_resamples():
    outcomes = torch.rand(97, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = [interval(outcomes, seed=seed) for seed in (0, 0, 1)]
    assert found[0] == found[1]
    assert found[0].low != found[2].low
    assert found[0].high != found[2].high


@pytest.mark.parametrize("dtype", [torch.bool, torch.float64])
@pytest.mark.parametrize("count", [2, 20, 1000])
def test_where_all_images_are_alike_the_interval_is_exact(count, dtype):
    none, every = (
        interval(torch.full((count,), right, dtype=dtype), seed=0) for right in (False, True)
    )
    # Clopper and Pearson: the ends are quantiles of beta distributions.
    assert (none.value, none.low) == (0, 0)
    assert none.high == pytest.approx(beta.ppf(0.975, 1, count))
    assert (every.value, every.high) == (1, 1)
    assert every.low == pytest.approx(beta.ppf(0.025, count, 1))
    assert none.error == pytest.approx(none.high / 2)
    assert none.kind == every.kind == EXACT


def test_a_curve_says_which_intervals_it_has():
    rows = torch.arange(20) < torch.tensor([[20], [7], [0]])
    curve = accuracy_curve("accuracy_pgd", (0.0, 1.0, 2.0), rows, "net", {}, seed=0)
    assert curve.error[0] == pytest.approx(1 - beta.ppf(0.025, 20, 1))
    assert (curve.error[2], curve.settings["error"]) == (pytest.approx(curve.error[0]), BOTH)
    for part, kind in ((rows[1:2], BOOTSTRAP), (rows[2:], ONE_SIDED)):
        curve = accuracy_curve("accuracy_pgd", (1.0,), part, "net", {}, seed=0)
        assert curve.settings["error"] == kind


class Stopped(Exception):
    pass


def test_a_stopped_measurement_goes_on_after_its_last_batch(tmp_path):
    judge = Judge({"Linf": 0.05}, 20, 3, restarts=2, queries=20)
    words = {"passbands": Passbands((1.0, 2.0), "ideal"), "judge": judge}
    whole = measured(**words)
    done = []
    for stop in (2, 3, 5, None):

        def progress(part, of, stop=stop):
            done.append((part, of))
            if part == stop:
                raise Stopped

        if stop is None:
            again = measured(**words, partial=tmp_path / "x.json", progress=progress)
        else:
            with pytest.raises(Stopped):
                measured(**words, partial=tmp_path / "x.json", progress=progress)
    assert done[-1] == (5, 5)
    assert again.results == whole.results
    assert again.arrays.keys() == whole.arrays.keys()
    for name, array in whole.arrays.items():
        np.testing.assert_array_equal(again.arrays[name], array)
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert "x-attacks-0-8.safetensors" in kept
    assert "x-signs-Linf.safetensors" in kept


def test_batches_that_are_kept_are_not_attacked_again(tmp_path):
    calls = []
    model = mlp()
    model.register_forward_hook(lambda *_: calls.append(None))
    first = measured(model, partial=tmp_path / "x.json")
    assert calls
    calls.clear()
    assert measured(model, partial=tmp_path / "x.json").results == first.results
    assert not calls


JUDGE = Judge({"Linf": 0.05}, 20, 3, restarts=1, queries=20)
ATTACKS, PROBES, SIGNS = "attacks", "probes", "signs"
# What is another run, and which files are of another run by it.
UNLIKE = {
    "model": ({"model": mlp(1)}, {ATTACKS, PROBES, SIGNS}),
    "strength": (
        {"attacks": GRID._replace(epsilons={"Linf": (0.02, 0.05), "L2": (0.1,)})}, {ATTACKS},
    ),
    "strength judged": (
        {"judge": JUDGE._replace(at={"Linf": 0.01})}, {PROBES, SIGNS},
    ),
    "steps": ({"attacks": GRID._replace(steps=3)}, {ATTACKS, PROBES, SIGNS}),
    "wrong ones": ({"attacks": GRID._replace(attack_wrong=True)}, {ATTACKS}),
    "precision": ({"attacks": GRID._replace(precision="bfloat16")}, {ATTACKS}),
    "images": (
        {"given": in_batches(images(30, seed=1), labels(30), batch_size=8)},
        {ATTACKS, PROBES, SIGNS},
    ),
    "labels": (
        {"given": in_batches(images(30), labels(30, seed=1), batch_size=8)},
        {ATTACKS, PROBES, SIGNS},
    ),
    "cut-offs": ({"passbands": Passbands((2.0,), "ideal")}, {ATTACKS}),
    "filter": ({"passbands": Passbands((1.0,), "gaussian")}, {ATTACKS}),
    "images judged": ({"judge": JUDGE._replace(images=16)}, {SIGNS}),
    "restarts": ({"judge": JUDGE._replace(restarts=2)}, {PROBES}),
    "queries": ({"judge": JUDGE._replace(queries=40)}, {PROBES, SIGNS}),
    "surrogate": ({"judge": JUDGE._replace(surrogate=mlp(1))}, {PROBES}),
    "seed": ({"seed": 1}, {PROBES, SIGNS}),
    "baseline": ({"judge": JUDGE._replace(baseline={"Linf": 0.5})}, set()),
}  # fmt: skip


@pytest.mark.parametrize(("change", "anew"), UNLIKE.values(), ids=UNLIKE)
def test_no_run_answers_with_the_outcomes_of_another(tmp_path, change, anew):
    usual = {"passbands": Passbands((1.0,), "ideal"), "judge": JUDGE}
    measured(**usual, partial=tmp_path / "x.json")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    alone = measured(**usual | change)
    beside = measured(**usual | change, partial=tmp_path / "x.json")
    assert beside.results == alone.results
    for name, array in alone.arrays.items():
        np.testing.assert_array_equal(beside.arrays[name], array)
    made = {name for name in before if (tmp_path / name).read_bytes() != before[name]}
    assert {name.split("-")[1] for name in made} == anew


def test_a_damaged_batch_is_refused_by_name(tmp_path):
    measured(partial=tmp_path / "x.json")
    (tmp_path / "x-attacks-8-16.safetensors").write_bytes(b"no")
    with pytest.raises(ValueError, match=r"x-attacks-8-16\.safetensors is damaged"):
        measured(partial=tmp_path / "x.json")


def test_the_judge_says_what_signs_probes_and_verdict_are():
    judge = Judge({"Linf": 0.05}, 20, 3, restarts=2, queries=20, surrogate=mlp(1))
    found = measured(judge=judge)
    signs = [one for one in found.results if one.name == "sign"]
    assert len(signs) == 6
    assert {one.value for one in signs} <= {0.0, 1.0}
    assert all(
        (one.settings["measured"] > one.settings["limit"]) == bool(one.value) for one in signs
    )
    probes = {one.settings["probe"]: one for one in found.results if one.name == "probe"}
    assert next(iter(probes)) == "plain"
    assert list(probes)[-1] == "transfer"
    verdict = named(found, "verdict")
    outcomes = np.stack([found.arrays[f"probe/Linf/{name}"] for name in probes])
    assert verdict.settings["worst"] == pytest.approx(outcomes.all(0).mean())
    assert verdict.settings["plain"] == pytest.approx(probes["plain"].value)
    np.testing.assert_array_equal(outcomes[0], found.arrays["pgd/Linf"][1][:20])
    values = {"robust": 1, "undecided": 0, "masked": -1, "none": -2}
    assert verdict.value == values[verdict.settings["verdict"]]


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_gradients_in_half_precision_are_checked_and_answers_are_float32(precision):
    found = measured(attacks=GRID._replace(precision=precision))
    exact = measured()
    np.testing.assert_array_equal(found.arrays["clean"], exact.arrays["clean"])
    gaps = [one for one in found.results if one.name == "precision_gap"]
    assert len(gaps) == 3
    for one in gaps:
        norm, eps = one.settings["norm"], one.settings["eps"]
        row = GRID.epsilons[norm].index(eps)
        coarse, fine = (each.arrays[f"pgd/{norm}"][row, :8] for each in (found, exact))
        assert one.value == pytest.approx(coarse.mean() - fine.mean())
        assert one.settings["images"] == 8
    assert not [one for one in exact.results if one.name == "precision_gap"]


def wave(cycles, side=16, mean=0.5, height=0.25):
    across = torch.arange(side) / side
    return (mean + height * torch.cos(2 * torch.pi * cycles * across)).expand(1, 1, side, side)


@pytest.mark.parametrize("cycles", [1, 3, 5])
def test_a_grating_passes_on_its_own_side_of_an_ideal_cut(cycles):
    grey = torch.full((1, 1, 16, 16), 0.5)
    for cutoff in (2.0, 3.0, 4.0):
        low, high = (
            passed(wave(cycles), cutoff=cutoff, side=side, filter="ideal")
            for side in ("low", "high")
        )
        below, above = (low, high) if cycles <= cutoff else (high, low)
        torch.testing.assert_close(below, wave(cycles))
        torch.testing.assert_close(above, grey)


def test_a_gaussian_cut_weakens_by_its_formula_and_keeps_the_mean():
    gain = np.exp(-(3**2) / (2 * 2**2))
    for side, kept in (("low", gain), ("high", 1 - gain)):
        found = passed(wave(3, mean=0.4), cutoff=2.0, side=side, filter="gaussian")
        torch.testing.assert_close(found, wave(3, mean=0.4, height=0.25 * kept))


def test_what_leaves_the_range_is_clamped():
    found = passed(images(5), cutoff=1.0, side="high", filter="ideal")
    assert found.min() >= 0
    assert found.max() <= 1


def test_passbands_are_accuracies_on_passed_images():
    bands = Passbands((1.0, 2.0), "gaussian")
    found = measured(passbands=bands)
    for side in ("low", "high"):
        curve = named(found, f"accuracy_{side}_pass", filter="gaussian")
        assert curve.x == (1, 2)
        for point, cutoff in zip(curve.y, bands.cutoffs, strict=True):
            shown = passed(images(30), cutoff=cutoff, side=side, filter="gaussian")
            right = mlp()(shown).argmax(1) == labels(30)
            assert point == pytest.approx(right.double().mean().item())
    assert octaves(32) == (1, 2, 4, 8, 16)
    assert octaves(28) == (1, 2, 4, 8)


def test_an_accuracy_is_found_again_by_norm_and_strength():
    found = measured().results
    assert (
        accuracy_at(found, "Linf", 0.05, 5)
        == named(measured(), "adversarial_accuracy", eps=0.05).value
    )
    assert accuracy_at(found, "Linf", 0.05, 20) is None
    assert accuracy_at(found, "L1", 0.05, 5) is None


@pytest.mark.parametrize(("words", "message"), [
    ({"attacks": GRID._replace(epsilons={})}, "epsilons are none"),
    ({"attacks": GRID._replace(epsilons={"Linf": (0.1, 0.1)})}, "epsilons of Linf are 0.1, 0.1"),
    ({"attacks": GRID._replace(epsilons={"Linf": (0.0,)})}, "epsilons of Linf are 0; give each"),
    ({"attacks": GRID._replace(epsilons={"Linf": (2.0,)})}, "eps=2"),
    ({"attacks": GRID._replace(steps=0)}, "steps=0: give a whole number from 1 on"),
    ({"attacks": GRID._replace(precision="half")}, "choose one of float32, bfloat16, float16"),
    ({"passbands": Passbands((), "ideal")}, "cutoffs are none; give cycles per image"),
    ({"passbands": Passbands((2.0, 1.0), "ideal")}, "cutoffs are 2, 1; give cycles per image"),
    ({"passbands": Passbands((1.0,), "box")}, "filter='box'; choose ideal or gaussian"),
    ({"judge": Judge({"L1": 1.0}, 20, 3)}, "the strength to judge is 1 in L1"),
    ({"judge": Judge({"Linf": 0.05}, 31, 3)}, "images=31 to judge by, of 30"),
    ({"judge": Judge({"Linf": 0.05}, 20, 3, restarts=0)}, "restarts=0: give a whole number"),
    ({"given": shown(1)}, "1 images leave no interval; give at least two"),
    ({"given": shown()._replace(batch_size=0)}, "batch_size=0; show at least one image"),
    ({"given": shown()._replace(labels=labels(5))}, "4 batches of 8 but 5 labels"),
    ({"judge": JUDGE._replace(classes=4, surrogate=mlp(1))}, r"surrogate answers one .* \[1, 3\]"),
    ({"judge": JUDGE._replace(surrogate=nn.Flatten(0))}, r"surrogate answers one image with \[32"),
    ({"judge": JUDGE._replace(surrogate=nn.Conv2d(3, 3, 1))}, "surrogate: images of shape"),
], ids=range(18))  # fmt: skip
def test_what_cannot_be_measured_is_refused_before_any_work(words, message):
    model = mlp()
    model.register_forward_hook(lambda *_: pytest.fail("work has started"))
    with pytest.raises(ValueError, match=message):
        measured(model, **words)


@pytest.mark.parametrize(("count", "classes", "batch_size", "message"), [
    (100, 95, 50, "100 images but 95 labels; give a class to each"),
    (90, 95, 50, "90 images but 95 labels"),
    (90, 90, 0, "batch_size=0; show at least one image at a time"),
])  # fmt: skip
def test_images_in_memory_are_as_many_as_classes(count, classes, batch_size, message):
    with pytest.raises(ValueError, match=message):
        in_batches(images(count), labels(classes), batch_size=batch_size)


def test_a_cut_is_above_zero():
    with pytest.raises(ValueError, match="cutoff=0; give cycles per image, above 0"):
        passed(images(2), cutoff=0.0, side="low", filter="gaussian")


@pytest.mark.parametrize("name", ["probes", "signs"])
def test_each_seed_norm_and_batch_meets_chance_of_its_own(name, monkeypatch):
    """Three batches of probes, and all images at once for signs; two norms."""
    searched, met = getattr(judged, name), []

    def watched(*given, generator, **settings):
        met.append(generator.initial_seed())
        return searched(*given, generator=generator, **settings)

    monkeypatch.setattr(judged, name, watched)
    judge = JUDGE._replace(at={"Linf": 0.05, "L2": 0.1}, queries=1)
    for seed in (0, 0, 1):
        measured(judge=judge, seed=seed)
    times = 2 * {"probes": 3, "signs": 1}[name]
    first, again, other = met[:times], met[times : 2 * times], met[2 * times :]
    assert first == again
    assert len({*first, *other}) == len(met) - times == 2 * times


class Edge(nn.Module):
    """Takes images for class 0 up to a mean of 0.51; up to ½ it is flat."""

    def __init__(self):
        super().__init__()
        self.mean = nn.Linear(32, 1)
        nn.init.constant_(self.mean.weight, 1 / 32)
        nn.init.constant_(self.mean.bias, -0.5)

    def forward(self, x):
        above = self.mean(x.flatten(1)).relu()
        return torch.cat([torch.full_like(above, 0.01), above], 1)


def test_the_gap_is_what_the_coarser_gradient_leaves_more():
    """Pixels at ½ + 1/1024, which bfloat16 rounds to ½: there is no gradient, and nothing falls."""
    pixels, classes = torch.full((4, 2, 4, 4), 0.5 + 2**-10), torch.zeros(4, dtype=torch.long)
    attacks = Attacks({"Linf": (0.005, 0.05)}, attack_wrong=False, precision="bfloat16")
    found = measured(Edge(), attacks, in_batches(pixels, classes, batch_size=2))
    assert found.arrays["clean"].all()
    assert found.arrays["pgd/Linf"].all()
    gaps = [named(found, "precision_gap", eps=eps).value for eps in (0.005, 0.05)]
    assert gaps == [0, 1]  # of the float32 attack the weaker fells none, the stronger all
