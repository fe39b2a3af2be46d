"""How well layers predict neurons: planted layers are found, and the numbers are scikit-learn's."""

import numpy as np
import pytest
import torch
from planted_predictivity import LAYERS, WIDTH, plant, responses
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.multioutput import MultiOutputRegressor
from sklearn.preprocessing import StandardScaler

from striate.activations import collect
from striate.responses import Kernel, Responses
from striate.study.predictivity import (
    PROTOCOLS,
    Regression,
    Rival,
    check_same,
    difference,
    layer_features,
    network_predictivity,
    population_of,
    rival_of,
    splits_of,
)
from striate.study.predictivity.features import scores_of
from truths import gaussian
from truths import planted as of_variances

PLS = Regression("pls", 25)


def features(planted, layers=LAYERS, protocol="paper"):
    found = layer_features(
        planted.model,
        planted.photographs,
        {"shown": planted.stimuli},
        layers,
        protocol=PROTOCOLS[protocol],
        memory="500MB",
        batch_size=200,
    )
    return {layer: each["shown"] for layer, each in found.items()}


def measured(
    planted, *, layers=LAYERS, protocol="paper", regression=PLS, count=4, found=None, **settings
):
    return network_predictivity(
        found or features(planted, layers, protocol),
        population_of(responses(planted)),
        splits=splits_of(len(planted.stimuli), count=count, groups=None),
        regression=regression,
        source="net",
        settings=settings,
    )


def by_name(found, name, layer=None):
    (one,) = [
        each
        for each in found.results
        if each.name == name and layer in (None, each.settings.get("layer"))
    ]
    return one


def test_the_planted_layer_its_ceiling_and_its_predictivity_are_found():
    r"""With all components, both maps are least squares.

    They err by the noise of the train responses: with p features, v p / (train - p - 1) of the
    signal's variance of 1, where v is that of an average's noise; so a perfect layer scores
    1/√(1 + error). The median over m neurons of a correlation over n stimuli, divided by a ceiling
    whose reliability is 2h / (1 + h) of that of halves, has a standard deviation of √(π/2m) times a
    neuron's; relative errors of both add at worst. 4 of these, and a bias of the order of 1/n.
    """
    off = []
    for seed in range(20):
        planted = plant(seed)
        found = features(planted)
        repeats, n, m = planted.trials.shape
        h, r = planted.half, planted.corrected
        train, slope = int(0.75 * n), 2 / (1 + h) ** 2
        error = (1 / r - 1) * WIDTH / (train - WIDTH - 1)
        expected = 1 / (1 + error) ** 0.5
        correlation = expected * r**0.5
        of_median = 4 * (np.pi / (2 * m * n)) ** 0.5
        relative = (1 - correlation**2) / correlation + slope * (1 - h**2) / (2 * r)
        bound = expected * relative * of_median + 2 / n
        assert bound < 0.05
        assert repeats == 4
        for regression in (PLS, Regression("ridge", lambdas=(1e-6, 1e-4))):
            seen = measured(planted, regression=regression, found=found, count=2)
            best, nested = by_name(seen, "v1_layer"), by_name(seen, "v1_layer_nested")
            assert best.settings["layer"] == "4"
            assert abs(best.value - expected) < bound
            assert best.value == by_name(seen, "predictivity", "4").value
            assert (nested.settings["layer"], nested.settings["chosen"]) == ("4", 1.0)
            assert nested.value == pytest.approx(best.value, abs=1e-12)
            ceiling = by_name(seen, "ceiling").value
            assert abs(ceiling - r**0.5) < slope * (1 - h**2) / (2 * r**0.5) * of_median + 2 / n
            assert by_name(seen, "reliability").value == pytest.approx(ceiling**2, rel=1e-3)
            others = [by_name(seen, "predictivity", one).value for one in LAYERS if one != "4"]
            assert max(others) < best.value - 0.04
            off.append(best.value - expected)
    assert abs(np.mean(off)) < bound / 20**0.5 + 2 / n


def few_photographs():
    planted = plant(3, stimuli=120, neurons=9, repeats=2)
    return planted._replace(photographs=planted.photographs[:12])


def reference(planted, layer, protocol, split, regression):
    """One layer and one split, with scikit-learn and numpy, as the text of the protocol goes.

    Where there are as many components as units, scores are a rotation of the units, which changes
    no map; so fewer photographs than units are given.
    """
    x, new = (
        collect(planted.model, images, layer)[layer].mean().numpy()
        for images in (planted.photographs, planted.stimuli)
    )
    scaler = StandardScaler(with_std=protocol != "paper").fit(x)
    pca = PCA(svd_solver="full").fit(scaler.transform(x))
    kept = (pca.explained_variance_ > 1e-9 * pca.explained_variance_[0]).sum()
    seen = new if protocol == "authors" else scaler.transform(new)
    features = pca.transform(seen)[:, :kept]
    order = np.random.RandomState(split).permutation(len(new))
    train, test = order[: int(0.75 * len(new))], order[int(0.75 * len(new)) :]
    mean = planted.trials.mean(0).numpy()
    if regression.how == "pls":
        model = PLSRegression(regression.components, scale=False, tol=1e-13, max_iter=50_000)
    else:
        grid = {"alpha": list(regression.lambdas)}
        model = GridSearchCV(Ridge(solver="svd"), grid, cv=KFold(5), scoring="r2")
        if regression.select == "neuron":
            model = MultiOutputRegressor(model)
    prediction = model.fit(features[train], mean[train]).predict(features)
    r = [np.corrcoef(prediction[test, j], mean[test, j])[0, 1] for j in range(mean.shape[1])]
    y = planted.trials[:, test].numpy()
    noise = y.var(0, ddof=1).mean(0)
    wrong = np.square(y - prediction[test]).mean((0, 1))
    explained = 1 - (wrong - noise) / (y.var((0, 1)) - noise)
    return np.array(r), explained, kept


@pytest.mark.parametrize("protocol", list(PROTOCOLS))
@pytest.mark.parametrize("regression", [
    Regression("pls", 6), Regression("ridge", lambdas=(0.1, 1.0, 10.0)),
    Regression("ridge", lambdas=(0.1, 1.0, 10.0), select="neuron"),
], ids=["pls", "ridge", "ridge per neuron"])  # fmt: skip
def test_numbers_are_those_of_scikit_learn(protocol, regression):
    planted = few_photographs()
    found = measured(planted, protocol=protocol, regression=regression, count=2)
    one, other = planted.trials.numpy()
    half = np.array([np.corrcoef(one[:, j], other[:, j])[0, 1] for j in range(9)])
    reliability = 2 * half / (1 + half)
    np.testing.assert_allclose(found.arrays["reliability"], reliability, rtol=1e-6)
    medians = {}
    for layer in LAYERS:
        raw, explained, kept = zip(
            *(reference(planted, layer, protocol, split, regression) for split in range(2)),
            strict=True,
        )
        corrected = np.array(raw) / np.sqrt(reliability)
        arrays = {"correlation": raw, "noise_corrected": corrected, "feve": explained}
        for name, expected in arrays.items():
            np.testing.assert_allclose(found.arrays[f"{layer}/{name}"], expected, atol=2e-5)
        for name, expected in (
            ("predictivity", corrected), ("predictivity_raw", raw), ("feve", explained)
        ):  # fmt: skip
            score, median = by_name(found, name, layer), np.median(expected, axis=1)
            assert score.value == pytest.approx(median.mean(), abs=2e-5)
            assert score.error == pytest.approx(median.std(), abs=2e-5)
            assert score.settings["pca"] == kept[0]
        medians[layer] = np.median(corrected, axis=1)
    curve = by_name(found, "predictivity_by_layer")
    assert (curve.x, curve.settings["layers"]) == ((1, 2, 3, 4), "2 4 6 8")
    np.testing.assert_allclose(curve.y, [each.mean() for each in medians.values()], atol=2e-5)
    np.testing.assert_allclose(curve.error, [each.std() for each in medians.values()], atol=2e-5)


def test_protocols_differ_and_say_what_field_they_mean():
    def scores(planted):
        pls = Regression("pls", 3)
        return [
            by_name(measured(planted, protocol=each, regression=pls), "predictivity", "4").value
            for each in ("paper", "authors", "consistent")
        ]

    paper, authors, consistent = scores(few_photographs())
    assert len({round(each, 3) for each in (paper, authors, consistent)}) == 3
    paper, authors, consistent = scores(plant(3, stimuli=120, neurons=9, repeats=2))
    assert authors == pytest.approx(paper, rel=1e-9)  # both are rotations of the units
    assert abs(consistent - paper) > 1e-3
    fields = {name: each.field_deg(299) for name, each in PROTOCOLS.items()}
    assert fields == {"paper": 6.4, "authors": 299 / 35, "consistent": 6.4}
    assert PROTOCOLS["authors"].field_deg(224) == 6.4


def test_the_map_has_no_more_components_than_there_are():
    planted = plant(0, stimuli=120)
    found = layer_features(
        planted.model, planted.photographs[:8], {"a": planted.stimuli, "b": planted.stimuli[:5]},
        ["4"], protocol=PROTOCOLS["paper"],
    )["4"]  # fmt: skip
    assert (found["a"].shape, found["b"].shape) == ((120, 7), (5, 7))
    assert torch.allclose(found["a"][:5], found["b"])
    fewer = layer_features(
        planted.model, planted.photographs, {"a": planted.stimuli}, ["4"], most=3,
        protocol=PROTOCOLS["paper"],
    )["4"]["a"]  # fmt: skip
    assert fewer.shape == (120, 3)


def with_trials(trials):
    return Responses(trials, "recorded", "noise")


def test_neurons_without_signal_are_fitted_but_not_counted():
    planted = plant(1, stimuli=120, neurons=12)
    trials = torch.cat([planted.trials, gaussian(4, 120, 6, seed=5)], 2)
    trials[0, 7, 2] = torch.nan  # one trial of four
    trials[:, 7, 3] = torch.nan  # never with stimulus 7
    found = measured(planted._replace(trials=trials))
    kept = found.arrays["kept"]
    reliability = found.arrays["reliability"]
    assert not kept[3]
    assert kept[2]
    assert (kept == ((reliability > 0) & (np.arange(18) != 3))).all()
    assert kept[:12].sum() == 11
    assert 0 < kept[12:].sum() < 6  # by chance, halves of noise correlate or do not
    score = by_name(found, "predictivity", "4")
    assert score.settings["neurons"] == kept.sum()
    assert score.settings["dropped"] == 18 - kept.sum()
    assert score.settings["dropped_lacking"] == 1
    assert score.settings["dropped_unreliable"] == 17 - kept.sum()
    corrected = found.arrays["4/noise_corrected"]
    assert corrected.shape == (4, 18)
    assert (np.isnan(corrected).all(0) == ~kept).all()
    assert score.value == pytest.approx(np.median(corrected[:, kept], axis=1).mean(), rel=1e-6)
    # Correlations are known of all that were fitted.
    assert (np.isnan(found.arrays["4/correlation"]).any(0) == (np.arange(18) == 3)).all()


def test_of_one_split_there_is_no_standard_deviation():
    found = measured(plant(1, stimuli=120, neurons=12), layers=LAYERS[:2], count=1)
    for one in found.results:
        assert one.error is None, one.name
        assert "error" not in one.settings, one.name
    assert {"predictivity", "predictivity_by_layer", "feve", "v1_layer_nested"} <= {
        one.name for one in found.results
    }


def test_the_fraction_explained_is_the_median_of_an_even_number_too():
    found = measured(plant(1, stimuli=120, neurons=12), layers=LAYERS[:2], count=3)
    assert found.arrays["kept"].sum() == 12
    for layer in LAYERS[:2]:
        expected = np.median(found.arrays[f"{layer}/feve"].astype(float), axis=1)
        score = by_name(found, "feve", layer)
        assert score.value == pytest.approx(expected.mean(), rel=1e-5)
        assert score.error == pytest.approx(expected.std(), rel=1e-4)


def test_a_neuron_that_a_layer_cannot_be_chosen_by_counts_elsewhere():
    """It is silent where the layer of the first split is chosen, and nowhere else."""
    planted = plant(4, stimuli=120, neurons=12)
    silent = splits_of(120, count=3, groups=None).inner[0].test
    trials = planted.trials.clone()
    trials[:, silent, 5] = 0.0
    found = measured(planted._replace(trials=trials), count=3)
    usual, nested = (by_name(found, name) for name in ("v1_layer", "v1_layer_nested"))
    assert (usual.settings["neurons"], nested.settings["neurons"]) == (12, 11)
    assert (usual.settings["layer"], nested.settings["layer"]) == ("4", "4")
    assert nested.settings["chosen"] == 1
    others = np.delete(found.arrays["4/noise_corrected"].astype(float), 5, axis=1)
    assert nested.value == pytest.approx(np.median(others, axis=1).mean(), rel=1e-6)


def test_neurons_of_too_little_reliability_may_be_left_out_of_scores():
    planted = plant(1, stimuli=120, neurons=12)
    trials = planted.trials + 2 * torch.linspace(0, 2, 12) * gaussian(4, 120, 12, seed=8)
    planted = planted._replace(trials=trials)
    found = features(planted, LAYERS[:2])
    usual, fewer = (
        network_predictivity(
            found, population_of(responses(planted), **asked), regression=PLS, source="net",
            splits=splits_of(120, count=2, groups=None), settings={},
        )
        for asked in ({}, {"minimum": 0.4})
    )  # fmt: skip
    reliability = usual.arrays["reliability"]
    assert (fewer.arrays["kept"] == (reliability > 0.4)).all()
    assert 2 < fewer.arrays["kept"].sum() < usual.arrays["kept"].sum()
    score = by_name(fewer, "predictivity", "4")
    kept = usual.arrays["4/noise_corrected"][:, reliability > 0.4]
    assert score.value == pytest.approx(np.median(kept, axis=1).mean(), rel=1e-6)
    assert score.settings["minimum_reliability"] == 0.4
    assert score.settings["neurons"] + score.settings["dropped"] == 12
    assert not any("minimum_reliability" in one.settings for one in usual.results)
    with pytest.raises(
        ValueError, match=r"no neuron's reliability exceeds minimum_reliability=0.99"
    ):
        population_of(responses(planted), minimum=0.99)


def test_a_perfect_layer_scores_one_where_repeats_are_unequal_too():
    """Half the stimuli were shown once, of four times: the mean response has that noise."""
    planted = plant(2, stimuli=800, neurons=60, noise=2.0)
    trials = planted.trials.clone()
    trials[1:, ::2] = torch.nan
    even, uneven = (
        measured(planted._replace(trials=each), layers=["4"], count=3)
        for each in (planted.trials, trials)
    )
    n, repeats = len(planted.stimuli), torch.tensor([1.0, 4.0])
    ceiling = by_name(uneven, "ceiling")
    # As in the test of planted ceilings: four standard deviations of a median, relative.
    bound = 8 * (np.pi / (2 * 60 * n)) ** 0.5 + 4 / n
    true = (1 / (1 + 2.0 * (1 / repeats).mean())) ** 0.5
    assert ceiling.value == pytest.approx(true.item(), rel=bound / true.item())
    assert ceiling.settings["reliability"] == "covariance of halves"
    assert not any("reliability" in one.settings for one in even.results)
    # What is lost to fitting noise to 16 features of 600 stimuli is a few hundredths.
    score = by_name(uneven, "predictivity", "4").value
    assert 0.93 < score < 1 + bound / true.item()


def test_trials_that_were_not_recorded_are_left_out_of_means():
    planted = plant(1, stimuli=120, neurons=12)
    padded = torch.cat([planted.trials, torch.full((2, 120, 12), torch.nan).double()])
    population = population_of(with_trials(padded))
    assert torch.allclose(population.mean, planted.trials.mean(0))
    score = by_name(measured(planted._replace(trials=padded)), "predictivity", "4").value
    # Other halvings: of six repeats, two of which are empty.
    assert score == pytest.approx(by_name(measured(planted), "predictivity", "4").value, rel=0.02)


def test_of_very_many_neurons_the_most_reliable_hundredth_is_used():
    strength = torch.linspace(0.1, 2, 300).double()
    trials = gaussian(1, 80, 300, seed=1) * strength + gaussian(2, 80, 300, seed=2)
    few, all_of_them = (population_of(with_trials(trials), most=most) for most in (299, 300))
    assert all_of_them.used.all()
    half = few.reliability.half
    assert few.used.sum() == 3
    assert half[few.used].min() > half[~few.used].max()
    assert few.mean.shape == (80, 3)


def test_it_is_told_which_neurons_are_left_out_and_why():
    strength = torch.linspace(0.1, 2, 300).double()
    trials = gaussian(1, 80, 300, seed=1) * strength + gaussian(2, 80, 300, seed=2)
    trials[:, 7, 3] = torch.nan
    trials[1, 8, 4] = torch.nan  # of two trials: the neuron stays
    few, everyone = (population_of(with_trials(trials), most=most) for most in (299, 300))
    noise = int((everyone.reliability.corrected <= 0).sum())
    assert noise > 5
    assert everyone.left_out() == {"lacking": 1, "unreliable": noise}
    assert few.left_out() == {
        "lacking": 1, "unreliable": noise, "less_reliable": 299 - noise - int(few.used.sum())
    }  # fmt: skip
    lacking, unreliable = everyone.notes()
    assert lacking == (
        "1 of 300 neurons is left out: not recorded with every stimulus; leave out the missing "
        "stimuli instead, to keep more neurons"
    )
    assert unreliable == (
        f"{noise} of 300 neurons are left out: without a reliable signal, a reliability above 0"
    )
    assert few.notes()[:2] == everyone.notes()
    assert few.notes()[2] == (
        f"{299 - noise - int(few.used.sum())} of 300 neurons are left out: of more than 299 the "
        "most reliable 1 % are used, as in the code of Kong et al. 2021; "
        f"{299 - noise} have a reliable signal"
    )
    assert (
        population_of(with_trials(trials), minimum=0.1, most=300)
        .notes()[1]
        .endswith("a reliability above 0.1")
    )
    whole = population_of(with_trials(trials[:, :, 200:]))
    assert (whole.left_out(), whole.notes()) == ({}, ())


def test_each_neuron_left_out_counts_for_one_cause():
    planted = plant(1, stimuli=120, neurons=12)
    trials = torch.cat([planted.trials, gaussian(4, 120, 6, seed=5)], 2)
    trials[:, 7, 3] = torch.nan
    trials[:, splits_of(120, count=4, groups=None).outer[1].test, 5] = 0.0  # still in one split
    found = measured(planted._replace(trials=trials))
    settings = by_name(found, "predictivity", "4").settings
    causes = {name: value for name, value in settings.items() if name.startswith("dropped_")}
    assert causes["dropped_lacking"] == causes["dropped_still"] == 1
    assert sum(causes.values()) == settings["dropped"] == 18 - found.arrays["kept"].sum()
    plain = measured(planted)
    assert not any(name.startswith("dropped_") for one in plain.results for name in one.settings)


@pytest.mark.parametrize(("trials", "message"), [
    (gaussian(1, 20, 3), "recorded has one repeat; predictivity needs two"),
    (torch.stack([gaussian(20, 3), -gaussian(20, 3)]), "recorded: no neuron was recorded with"),
])  # fmt: skip
def test_a_recording_that_cannot_be_predicted_is_refused(trials, message):
    with pytest.raises(ValueError, match=message):
        population_of(with_trials(trials))


def test_splits_are_the_papers_and_groups_stay_together():
    splits = splits_of(6250, count=2, groups=None)
    assert splits.outer[1].train[:3].tolist() == [1163, 2743, 4625]
    groups = [f"movie {number // 10}" for number in range(100)]
    for outer, inner in zip(*splits_of(100, count=20, groups=groups), strict=True):
        sides = [{groups[index] for index in rows} for rows in (*inner, outer.test)]
        assert all(a.isdisjoint(b) for a, b in zip(sides, sides[1:] + sides[:1], strict=True))
        assert set(outer.train.tolist()) == {*inner.train.tolist(), *inner.test.tolist()}


@pytest.mark.parametrize(("count", "groups", "message"), [
    (0, None, "splits=0: give a whole number from 1 on"),
    (3, ["a"] * 10 + ["b"] * 10, "20 stimuli of 2 groups cannot be split into train and test, and"),
])  # fmt: skip
def test_what_cannot_be_split_is_refused(count, groups, message):
    with pytest.raises(ValueError, match=message):
        splits_of(20, count=count, groups=groups)


@pytest.mark.parametrize(("regression", "message"), [
    (Regression("pls", 0), "components=0: give a whole number from 1 on"),
    (Regression("ridge", lambdas=()), r"lambdas=\(\): give positive numbers"),
    (Regression("ridge", lambdas=(1.0, -1.0)), r"lambdas=\(1.0, -1.0\)"),
])  # fmt: skip
def test_a_map_that_is_none_is_refused(regression, message):
    with pytest.raises(ValueError, match=message):
        regression.check()


def test_features_need_photographs_and_a_layer_that_varies():
    planted = plant(0)
    given = {"shown": {"a": planted.stimuli[:5]}, "protocol": PROTOCOLS["paper"]}
    with pytest.raises(ValueError, match="2 photographs have no principal components"):
        layer_features(planted.model, planted.photographs[:2], layers=["4"], **given)
    planted.model[3].bias.data -= 1e6  # silent
    with pytest.raises(ValueError, match="layer '4' responds alike to all photographs"):
        layer_features(planted.model, planted.photographs, layers=["4"], **given)


def rival(found):
    return rival_of(found.results, found.arrays)


def test_two_networks_are_compared_neuron_by_neuron():
    planted = plant(2)
    better, worse = measured(planted), measured(planted, layers=["8"])
    gap = difference(rival(better), rival(worse), seed=0)
    kept = better.arrays["kept"] & worse.arrays["kept"]
    means = [
        each.arrays[f"{layer}/noise_corrected"].astype(float).mean(0)[kept]
        for each, layer in ((better, "4"), (worse, "8"))
    ]
    assert gap.value == pytest.approx(np.median(means[0]) - np.median(means[1]), rel=1e-12)
    # The definition of a paired bootstrap, with other random numbers.
    rng = np.random.default_rng(1)
    draws = rng.integers(0, kept.sum(), (4000, kept.sum()))
    gaps = np.median(means[0][draws], axis=1) - np.median(means[1][draws], axis=1)
    low, high = np.quantile(gaps, [0.025, 0.975])
    # The error of a quantile of 4000 draws is a few hundredths of the interval.
    assert gap.settings["low"] == pytest.approx(low, abs=0.15 * (high - low))
    assert gap.settings["high"] == pytest.approx(high, abs=0.15 * (high - low))
    assert gap.error == pytest.approx((gap.settings["high"] - gap.settings["low"]) / 2)
    assert gap.settings["p_one_sided"] == 1 / 10_001
    assert gap.settings["p_two_sided"] == 2 / 10_001
    assert (gap.settings["against"], gap.settings["against_layer"]) == ("net", "8")
    assert (gap.settings["layer"], gap.settings["resamples"]) == ("4", 10_000)
    back = difference(rival(worse), rival(better), seed=0)
    assert back.value == -gap.value
    assert back.settings["p_one_sided"] == 1.0


def test_a_network_does_not_differ_from_itself():
    ours = rival(measured(plant(2)))
    gap = difference(ours, ours, seed=0)
    assert (gap.value, gap.error, gap.settings["p_two_sided"]) == (0, 0, 1)


def test_neurons_kept_for_one_network_alone_are_not_compared():
    """What is not kept is NaN."""
    nan = torch.nan
    ours = torch.tensor([0.9, 0.5, nan, 0.7, nan], dtype=torch.float64)
    theirs = torch.tensor([nan, 0.1, 0.8, 0.2, nan], dtype=torch.float64)
    one, other = (
        Rival(name, "l", {}, values, values.isfinite())
        for name, values in (("a", ours), ("b", theirs))
    )
    for gap, sign in ((difference(one, other, seed=0), 1), (difference(other, one, seed=0), -1)):
        assert gap.settings["neurons"] == 2
        assert gap.value == pytest.approx(sign * (0.6 - 0.15))


@pytest.mark.parametrize("name", ["recording", "population", "protocol", "grouped"])
def test_networks_measured_otherwise_are_not_compared(name):
    ours = rival(measured(plant(2, stimuli=120), layers=["8"], count=1))
    one, other = (ours._replace(settings={**ours.settings, name: value}) for value in ("a", "b"))
    with pytest.raises(ValueError, match=f"net was measured with {name}='b', and this is 'a'"):
        difference(one, other, seed=0)
    check_same(one.settings, one)


def test_other_regressions_splits_and_neurons_are_not_compared():
    planted = plant(2, stimuli=120)
    one = rival(measured(planted))
    ridge = rival(measured(planted, regression=Regression("ridge")))
    with pytest.raises(ValueError, match="net was measured with regression='ridge'"):
        difference(one, ridge, seed=0)
    with pytest.raises(ValueError, match="net was measured with splits=2, and this is 4"):
        difference(one, rival(measured(planted, count=2)), seed=0)
    fewer = rival(measured(planted._replace(trials=planted.trials[..., 1:])))
    with pytest.raises(ValueError, match="net was measured on 30 neurons and net on 29"):
        difference(one, fewer, seed=0)


def test_what_is_no_predictivity_has_no_best_layer():
    with pytest.raises(ValueError, match="holds no predictivity"):
        rival_of([], {})


def test_layers_are_chosen_within_the_train_part():
    """Whatever the test stimuli do, the layer chosen without them is the same."""
    planted = plant(4, stimuli=120, neurons=12)
    splits = splits_of(120, count=1, groups=None)
    test = splits.outer[0].test
    spoilt = planted.trials.clone()
    spoilt[:, test] = gaussian(4, len(test), 12, seed=9) + gaussian(1, len(test), 12, seed=8)
    nested = by_name(measured(planted._replace(trials=spoilt), count=1), "v1_layer_nested")
    assert nested.settings["layer"] == "4"
    assert abs(nested.value) < 0.5


def test_a_component_of_little_variance_counts_and_one_of_rounding_does_not():
    """Below a hundred-thousandth of the mean variance, a component may be float32's rounding."""
    variances = np.array([1.0] * 8 + [3e-5, 3e-6])
    assert variances[8] > 1e-5 * variances.mean() > variances[9]
    x, new = of_variances(variances, 11, 10).numpy(), gaussian(5, 10).numpy()
    centred = x - x.mean(0)
    gram, cross = (torch.from_numpy(rows @ centred.T) for rows in (centred, new - x.mean(0)))
    kernel = Kernel((gram + gram.T) / 2, 10, 10, False, "net:layer", "noise", {"shown": cross})
    found = scores_of("layer", kernel)["shown"]
    assert found.shape == (5, 9)
    # The eight of equal variance may be turned among themselves; the ninth is what it is.
    expected = PCA(9, svd_solver="full").fit(x).transform(new)[:, 8]
    np.testing.assert_allclose(found[:, 8].abs(), np.abs(expected), rtol=1e-6)
