"""Spectra of networks and recordings as results: right numbers, and all that moves them told."""

from functools import partial

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from torch import nn

from striate.responses import Kernel, Responses
from striate.spectra import alpha_interval, fit_power_law, simulate_recording
from striate.study.photographs import kernels_of_draws
from striate.study.spectra import Window, fair_comparison, network_spectra, recording_spectra
from striate.study.spectra.stimuli import lost_stimuli
from striate.study.spectra.window import components_of, fitting
from striate.study.spectra.written import window_curves

WINDOW = Window((3, 60), "rank")


def pixels(count=200, seed=0):
    """Images whose pixels follow a power law of their own, squeezed into [0, 1]."""
    rng = np.random.default_rng(seed)
    latent = rng.normal(size=(count, 64)) * np.arange(1, 65) ** -0.5
    mixed = latent @ np.linalg.qr(rng.normal(size=(64, 64)))[0]
    return torch.from_numpy(1 / (1 + np.exp(-mixed))).reshape(count, 1, 8, 8)


def network():
    """Ninety units bent so much that all their variances are above rounding, and five."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 90), nn.Tanh(), nn.Linear(90, 5)).double()
    with torch.no_grad():
        model[1].weight *= 3
    return model


class Drawn:
    """Draws from a tensor, and remembers what was asked."""

    def __init__(self, images):
        self.images, self.asked = images, []

    def __call__(self, count, seed):
        self.asked.append((count, seed))
        if count is None:
            return range(len(self.images))
        generator = torch.Generator().manual_seed(seed)
        return torch.randperm(len(self.images), generator=generator)[:count].tolist()

    def pick(self, rows):
        return self.images[list(rows)]


def measured(draw, layers=("2",), **settings):
    defaults = {"window": WINDOW, "z_scored": True, "seed": 5, "source": "net"}
    show = partial(kernels_of_draws, network(), draw.pick, layers=list(layers), memory="1GB")
    return network_spectra(show, draw, len(draw.images), **(defaults | settings))


def by_name(results, name):
    return [result for result in results if result.name == name]


def test_spectra_are_those_of_scikit_learn():
    draw = Drawn(pixels())
    results = measured(draw, set_size=100)
    spectra = []
    for seed in (5, 6, 7):
        responses = network()[:3](draw.pick(draw(100, seed))).detach().numpy()
        scaled = StandardScaler().fit_transform(responses)
        spectra.append(PCA(svd_solver="full").fit(scaled).explained_variance_[:90])
    parts = np.stack([each / each.sum() for each in spectra])
    (curve,) = by_name(results, "eigenspectrum")
    np.testing.assert_allclose(curve.y, parts.mean(0), rtol=1e-9)
    np.testing.assert_allclose(curve.error, parts.std(0, ddof=1), rtol=1e-6)
    alphas = [
        fit_power_law(torch.from_numpy(each), ranks=(3, 60), weights="rank").alpha
        for each in spectra
    ]
    (alpha,) = by_name(results, "alpha")
    assert alpha.value == pytest.approx(np.mean(alphas), rel=1e-9)
    assert alpha.error == pytest.approx(np.std(alphas, ddof=1), rel=1e-6)
    assert alpha.settings["error"] == "sd over sets"
    assert draw.asked[:3] == [(100, 5), (100, 6), (100, 7)]


def test_with_few_images_sets_are_halves_and_all_are_measured_too():
    draw = Drawn(pixels())
    results = measured(draw)
    assert draw.asked == [(100, 5), (100, 6), (100, 7), (None, None)]
    (alpha,), (whole,) = by_name(results, "alpha"), by_name(results, "alpha_all_images")
    assert (alpha.settings["images"], whole.settings["images"]) == (100, 200)
    assert alpha.settings["set_size"] == 100
    assert alpha.settings["available"] == 200
    assert alpha.error > 0
    assert whole.settings["ranks"] == "3-60"
    responses = network()[:3](draw.images).detach().numpy()
    scaled = torch.from_numpy(StandardScaler().fit_transform(responses))
    variances = torch.linalg.svdvals(scaled).square()
    expected = fit_power_law(variances, ranks=(3, 60), weights="rank").alpha
    assert whole.value == pytest.approx(expected.item(), rel=1e-9)
    assert whole.settings["corrected_low"] < whole.settings["corrected_high"]


def test_a_window_is_shortened_and_a_narrow_layer_has_a_spectrum_only():
    results = measured(Drawn(pixels()), ["2", "3"], window=Window((3, 1000), "rank"))
    windows = {
        (result.settings["layer"], result.settings["ranks"])
        for result in by_name(results, "alpha") + by_name(results, "alpha_all_images")
    }
    assert windows == {("2", "3-90")}
    assert [curve.settings["layer"] for curve in by_name(results, "eigenspectrum")] == ["2", "3"]
    assert len(by_name(results, "eigenspectrum")[1].y) == 5


@pytest.mark.parametrize(("change", "message"), [
    ({"sets": 1}, "sets=1: give a whole number from 2 on, or nothing is known of their spread"),
    ({"set_size": -5}, "set_size=-5: give a whole number from 2 on"),
    ({"window": Window((60, 90), "rank")}, r"200 images make sets of 100, and ranks \(60, 90\)"),
])  # fmt: skip
def test_too_little_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        measured(Drawn(pixels()), **change)


def recorded(alpha=1.0, units=40, ratio=2.0):
    tensor = simulate_recording(
        alpha=alpha, stimuli=300, units=units, repeats=4, signal_to_noise=ratio, seed=1
    )
    return Responses(tensor, "planted", "noise")


def test_a_recording_is_cross_validated_and_compared_with_plain_pca():
    results = recording_spectra(
        recorded(ratio=0.5),
        window=Window((3, 25), "rank"),
        algorithm="text",
        seed=0,
        shuffles=5,
        notes=["made up."],
    )
    alphas = {score.settings["method"]: score for score in by_name(results, "alpha")}
    cv, plain = alphas["cvPCA"], alphas["PCA of the trial mean"]
    assert abs(cv.value - 1) < 0.2
    assert plain.value < cv.value - 0.2  # noise flattens what is not cross-validated
    assert cv.settings["ranks"] == plain.settings["ranks"] == "3-25"
    assert cv.settings["notes"] == "made up."
    (curve,) = by_name(results, "cross_validated_eigenspectrum")
    assert len(curve.y) == 40
    assert sum(curve.y) == pytest.approx(1)


def r_squared(spectrum, first, last):
    """The squared correlation of logs at 100 ranks, equally far apart in log rank, one by one."""
    places = [round(x) for x in np.geomspace(first, last, 100)]
    pairs = np.log([[n, spectrum[n - 1]] for n in places])
    return np.corrcoef(pairs.T)[0, 1] ** 2


def test_the_fit_of_each_spectrum_of_a_recording_is_told():
    responses = recorded(ratio=0.5)
    results = recording_spectra(
        responses, window=Window((3, 25), "rank"), algorithm="text", seed=0, shuffles=5
    )
    curves = {one.settings["method"]: one.y for one in results if "eigenspectrum" in one.name}
    fits = {one.settings["method"]: one for one in by_name(results, "r_squared")}
    spreads = {one.settings["method"]: one.value for one in by_name(results, "residual_sd")}
    assert set(fits) == set(spreads) == {"cvPCA", "PCA of the trial mean"}
    plain = PCA(svd_solver="full").fit(responses.tensor.mean(0).numpy()).explained_variance_
    expected = {"cvPCA": curves["cvPCA"], "PCA of the trial mean": plain}
    for method, fit in fits.items():
        # The curve is a mean of shares, the fit of the mean: halvings hardly differ in their sum.
        assert fit.value == pytest.approx(r_squared(expected[method], 3, 25), abs=1e-4)
        assert fit.settings["ranks"] == "3-25"
        assert fit.error is None
    # Noise fills the high ranks of the trial mean: the law is bent, not only flatter.
    assert fits["cvPCA"].value != fits["PCA of the trial mean"].value
    assert 0 < spreads["PCA of the trial mean"] < 1


@pytest.mark.parametrize(("dimensions", "bound"), [(None, 1.0), (8.0, 1.25), (1.0, 3.0)])
def test_the_dimensions_of_the_stimuli_and_their_bound_are_kept_and_move_nothing(dimensions, bound):
    how = {"window": Window((3, 20), "rank"), "algorithm": "text", "seed": 0, "shuffles": 2}
    results = recording_spectra(recorded(), **how, dimensions=dimensions)
    results += fair_comparison(
        Responses(recorded(ratio=1e9).tensor[:1], "net:layer", "noise"), recorded(), **how,
        draws=2, groups=4, dimensions=dimensions,
    )  # fmt: skip
    kept = {(one.settings["dimensions"], one.settings["smoothness_bound"]) for one in results}
    assert kept == {(dimensions, bound)}
    plain = recording_spectra(recorded(), **how)
    values = [one.value for one in by_name(results, "alpha") if one.settings["method"] == "cvPCA"]
    assert values == [by_name(plain, "alpha")[0].value]


@pytest.mark.parametrize("dimensions", [0.0, float("inf")])
def test_dimensions_that_are_none_are_refused_before_anything_is_measured(dimensions):
    how = {"window": Window((3, 20), "rank"), "algorithm": "text", "seed": 0}
    with pytest.raises(ValueError, match=f"dimensions={dimensions}: give "):
        recording_spectra(recorded(), **how, dimensions=dimensions)


def test_a_recording_of_few_units_cannot_fill_every_window():
    with pytest.raises(ValueError, match=r"ranks=\(9, 100\): 300 stimuli × 10 units cannot fill"):
        recording_spectra(
            recorded(units=10), window=Window((9, 100), "rank"), algorithm="text", seed=0
        )


def test_a_fair_comparison_says_what_was_matched():
    layer = Responses(recorded(alpha=1.5, ratio=1e9).tensor[:1], "net:layer", "noise")
    results = fair_comparison(
        layer, recorded(), window=Window((3, 20), "rank"), algorithm="text", seed=0, draws=3,
        shuffles=3, groups=8,
    )  # fmt: skip
    ours, theirs = by_name(results, "alpha_matched")
    (difference,) = by_name(results, "alpha_difference")
    assert (ours.source, theirs.source) == ("net:layer", "planted")
    assert difference.value == pytest.approx(ours.value - theirs.value)
    assert difference.settings["low"] < 0.5 < difference.settings["high"]
    assert ours.settings["reliability"] == pytest.approx(theirs.settings["reliability"], rel=0.1)
    assert [len(curve.y) for curve in by_name(results, "matched_eigenspectrum")] == [40, 40]
    assert (ours.settings["varying"], theirs.settings.get("varying")) == (40, None)
    fits = {one.source: one.value for one in by_name(results, "r_squared")}
    spectra = {one.source: one.y for one in by_name(results, "matched_eigenspectrum")}
    assert fits["planted"] == pytest.approx(r_squared(spectra["planted"], 3, 20), abs=1e-9)
    # The mean of three draws is smoother than each.
    assert 0.9 < fits["net:layer"] < r_squared(spectra["net:layer"], 3, 20)


@pytest.mark.parametrize(("ranks", "at_least"), [((50, 90), 100), ((3, 5), 6)])
def test_a_window_narrower_than_an_octave_is_refused_alone_and_in_a_comparison(ranks, at_least):
    how = {"window": Window(ranks, "rank"), "algorithm": "text", "seed": 0}
    layer = Responses(recorded(units=120).tensor[:1], "net:layer", "noise")
    for measure in (recording_spectra, partial(fair_comparison, layer)):
        with pytest.raises(ValueError, match=f"twice its first rank at least, here at {at_least};"):
            measure(recorded(units=120), **how)


def test_one_halving_has_no_spread():
    results = recording_spectra(
        recorded(), window=Window((3, 20), "rank"), algorithm="text", seed=0, shuffles=1
    )
    (curve,) = by_name(results, "cross_validated_eigenspectrum")
    assert curve.error is None
    assert curve.settings["error"] == "none: one halving says nothing of their spread"
    assert all(score.error > 0 for score in by_name(results, "alpha"))


def test_the_window_that_is_left():
    assert fitting(Window((10, 1000), "rank"), 511) == Window((10, 511), "rank")
    assert fitting(Window((10, 1000), "rank"), 5000) == Window((10, 1000), "rank")
    assert fitting(Window((10, 1000), "none"), 20) == Window((10, 20), "none")
    assert fitting(Window((10, 1000), "rank"), 19) is None


def test_the_exponent_by_window():
    spectrum = torch.arange(1, 301, dtype=torch.float64) ** -1.3
    spectrum[250:] = 0
    curves = window_curves(spectrum, "rank", "planted", {})
    assert [curve.settings["first"] for curve in curves] == [1, 2, 5, 10, 20, 50, 100]
    for curve in curves:
        assert max(curve.x) <= 250
        assert min(curve.x) >= 2 * curve.settings["first"]
        np.testing.assert_allclose(curve.y, 1.3, rtol=1e-9)
    assert window_curves(torch.ones(1), "rank", "one", {}) == []


def test_a_layer_of_fewer_directions_than_units_does_not_cost_the_others_theirs():
    """Ninety units that are mixtures of seven: their window ends there."""
    torch.manual_seed(0)
    mixed = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 7), nn.Linear(7, 90), nn.Linear(90, 90), nn.Tanh()
    ).float()  # fmt: skip
    draw = Drawn(pixels().float())
    show = partial(kernels_of_draws, mixed, draw.pick, layers=["2", "4"], memory="1GB")
    results = network_spectra(
        show, draw, 200, window=Window((2, 60), "rank"), z_scored=True, seed=5, source="net"
    )
    (narrow,) = [one for one in by_name(results, "alpha") if one.settings["layer"] == "2"]
    assert narrow.settings["ranks"] == "2-7"
    assert {one.settings["layer"] for one in by_name(results, "alpha_all_images")} == {"2", "4"}


def test_the_spectrum_of_few_directions_ends_with_them_where_rounding_is_positive():
    """A hundred units that are mixtures of twenty, and more images than units, in float32."""
    torch.manual_seed(0)
    mixed = nn.Sequential(nn.Flatten(), nn.Linear(64, 20), nn.Linear(20, 100))
    draw = Drawn(pixels(600).float())
    show = partial(kernels_of_draws, mixed, draw.pick, layers=["2"], memory="1GB")
    results = network_spectra(
        show, draw, 600, window=Window((5, 60), "rank"), z_scored=True, set_size=300, seed=5,
        source="net",
    )  # fmt: skip
    assert [len(curve.y) for curve in by_name(results, "eigenspectrum")] == [20]
    fitted = by_name(results, "alpha") + by_name(results, "alpha_first_set")
    assert [score.settings["ranks"] for score in fitted] == ["5-20", "5-20"]
    assert not by_name(results, "alpha_all_images")  # of 600 images, 300 were a set
    assert max(x for curve in by_name(results, "alpha_by_window") for x in curve.x) == 20


def test_the_window_over_images_is_one_that_every_left_out_sample_fills():
    """Of 80 images 20 are copies: without a group, fewer are left than without its images."""
    generator = torch.Generator().manual_seed(0)
    base = torch.randn(60, 400, generator=generator, dtype=torch.float64)
    base *= torch.arange(1, 401) ** -0.5
    x = torch.cat([base, base[:20]])

    def show(draws):
        for name, drawn in draws.items():
            part = x[list(drawn.rows)]
            part = part - part.mean(0)
            yield "layer", name, Kernel(part @ part.T, 400, 400, False, "net", "images")

    results = network_spectra(
        show, Drawn(x), 80, window=Window((5, 1000), "rank"), z_scored=False, seed=0, source="net"
    )
    (whole,) = by_name(results, "alpha_all_images")
    group = torch.randperm(80, generator=torch.Generator().manual_seed(0)) % 20
    different = [len(x[group != number].unique(dim=0)) for number in range(20)]
    assert min(different) < 60
    assert whole.settings["ranks"] == f"5-{min(different) - 1}"
    assert whole.error < 0.2


def test_sets_that_share_most_of_their_images_have_no_error():
    results = measured(Drawn(pixels()), set_size=101)
    (alpha,), (curve,) = by_name(results, "alpha"), by_name(results, "eigenspectrum")
    assert alpha.error is None
    assert curve.error is None
    told = "none: sets of 101 of 200 images share most, and their sd is no error"
    assert alpha.settings["error"] == curve.settings["error"] == told
    (whole,) = by_name(results, "alpha_first_set")
    assert whole.error > 0
    assert whole.settings["error"].startswith("jackknife")


def test_the_authors_ask_pca_for_one_component_less_than_units():
    results = measured(Drawn(pixels()), window=Window((3, 1000), "rank"), components="authors")
    (curve,) = by_name(results, "eigenspectrum")
    assert len(curve.y) == 89
    assert sum(curve.y) == pytest.approx(1)
    fitted = by_name(results, "alpha") + by_name(results, "alpha_all_images")
    assert {score.settings["ranks"] for score in fitted} == {"3-89"}
    assert components_of("authors", 5000) == 2000
    with pytest.raises(ValueError, match="components='some'; choose 'all' or 'authors'"):
        components_of("some", 90)


def filmed(units=40):
    """Sixty films of five frames that hardly differ, and the film of each."""
    made = recorded(units=units).tensor[:, :60].repeat_interleave(5, 1)
    noise = torch.randn(made.shape, generator=torch.Generator().manual_seed(0), dtype=made.dtype)
    return Responses(made + 0.1 * noise, "films", "frames"), torch.arange(60).repeat_interleave(5)


def test_frames_of_one_movie_leave_together_with_and_without_cross_validation():
    responses, movies = filmed()
    how = {"window": Window((3, 25), "rank"), "algorithm": "text", "seed": 4, "shuffles": 2}
    scores = by_name(recording_spectra(responses, **how, groups=10, clusters=movies), "alpha")
    (plain,) = [one for one in scores if one.settings["method"] == "PCA of the trial mean"]
    expected = alpha_interval(
        responses.tensor.mean(0).double(), ranks=(3, 25), weights="rank", groups=10,
        clusters=movies, generator=torch.Generator().manual_seed(4),
    )  # fmt: skip
    low, high = expected.interval
    assert plain.error == pytest.approx((high - low) / 2, rel=1e-9)
    alone = by_name(recording_spectra(responses, **how, groups=10), "alpha")[1]
    assert plain.error > 1.3 * alone.error
    told = "jackknife over 60 clusters of images, half the 95 % interval"
    assert {one.settings["error"] for one in scores} == {told}
    assert alone.settings["error"] == "jackknife over images, half the 95 % interval"


def test_clusters_of_one_image_each_are_images_and_those_left_out_do_not_count():
    tensor = recorded().tensor.clone()
    tensor[1:, :3] = float("nan")
    cut = Responses(tensor, "v1", "noise")
    how = {"window": Window((3, 20), "rank"), "algorithm": "text", "seed": 0, "shuffles": 2}
    layer = Responses(recorded(ratio=1e9).tensor[:1], "net:layer", "noise")
    for clusters, over in (
        (torch.arange(300), "images"),
        (torch.arange(300) // 3, "99 clusters of images"),
    ):
        results = recording_spectra(cut, **how, clusters=clusters)
        results += fair_comparison(layer, cut, **how, draws=2, groups=4, clusters=clusters)
        kinds = {one.settings["error"] for one in results if "alpha" in one.name and one.error}
        assert kinds - {"sd over draws"} == {
            f"jackknife over {over}, half the 95 % interval",
            f"jackknife over {over} and draws of units, half the 95 % interval",
        }
        assert {one.settings["of_stimuli"] for one in results} == {300}


def test_each_cause_for_which_stimuli_are_left_out_is_told():
    trials = torch.randn(4, 50, 6, generator=torch.Generator().manual_seed(0))
    assert lost_stimuli(trials, seed=0) == ()
    lacking = trials.clone()
    lacking[:, 10:, 2] = float("nan")
    told = "40 of 50 stimuli are left out: unit 2 (counted from 0) has no two trials of 40; leave "
    assert lost_stimuli(lacking, seed=0) == (f"{told}out that unit instead",)
    assert "unit 7 (counted" in lost_stimuli(lacking, seed=0, units=torch.arange(5, 11))[0]
    lacking[1:, 9, 3:] = float("nan")
    lacking[1:, 0] = float("nan")
    # In whatever two trials the first half is, a unit lacks them.
    for unit, pair in enumerate([(0, 1), (2, 3), (0, 2), (1, 3), (0, 3), (1, 2)]):
        lacking[list(pair), 1, unit] = float("nan")
    assert lost_stimuli(lacking, seed=0) == (
        "1 of 50 stimuli is left out: no unit was recorded in two trials of them",
        "41 of 50 stimuli are left out: unit 2 (counted from 0) has no two trials of 40; leave out "
        "units like it, of 4 that lack some, instead",
        "1 of 50 stimuli is left out: no halving of their trials gave each unit one in both",
    )
    with pytest.raises(ValueError, match=r"unit 2 .* has two trials of 0: leave out units like it"):
        lost_stimuli(lacking.index_fill(2, torch.tensor([2]), float("nan")), seed=0)


def test_the_window_of_a_recording_ends_where_its_largest_movie_leaves_it():
    movies = torch.cat([torch.zeros(200), torch.arange(1, 101)]).long()
    responses = recorded(units=150, ratio=50.0)
    results = recording_spectra(
        responses, window=Window((2, 140), "rank"), algorithm="text", seed=0, shuffles=2, groups=5,
        clusters=movies,
    )  # fmt: skip
    # The largest group has the movie of 200 and a fifth of the 101 others, less one.
    group = torch.randperm(101, generator=torch.Generator().manual_seed(0)) % 5
    left = 300 - max(int((group[movies] == number).sum()) for number in range(5))
    assert left < 100
    assert {one.settings["ranks"] for one in by_name(results, "alpha")} == {f"2-{left - 1}"}


def test_a_recording_cannot_be_dealt_into_no_groups():
    with pytest.raises(ValueError, match="groups=0 of 300 stimuli: need at least 2"):
        recording_spectra(
            recorded(), window=Window((3, 20), "rank"), algorithm="text", seed=0, groups=0
        )


def test_trials_that_are_set_aside_are_set_aside_without_cross_validation_too():
    tensor = recorded().tensor.clone()
    spoilt = tensor.clone()
    spoilt[0, ::2, 0] = float("nan")  # of every other stimulus, the first trial lacks a unit
    spoilt[0, ::2, 1:] = 100 + 50 * spoilt[0, ::2, 1:]
    gone = tensor.clone()
    gone[0, ::2] = float("nan")
    how = {"window": Window((3, 25), "rank"), "algorithm": "text", "seed": 0, "shuffles": 2}
    spoilt, gone = (
        by_name(recording_spectra(Responses(x, "v1", "noise"), **how, missing="trial"), "alpha")
        for x in (spoilt, gone)
    )
    assert [one.value for one in spoilt] == pytest.approx([one.value for one in gone], rel=1e-9)


def test_the_seed_deals_the_images_into_the_groups_of_the_jackknife():
    """Units stay divided by their standard deviation over all images."""
    draw = Drawn(pixels())
    responses = network()[:3](draw.images).detach().numpy()
    scaled = torch.from_numpy(StandardScaler().fit_transform(responses))
    for seed in (0, 5):
        (found,) = by_name(measured(draw, seed=seed), "alpha_all_images")
        expected = alpha_interval(
            scaled, ranks=(3, 60), weights="rank", generator=torch.Generator().manual_seed(seed)
        )
        low, high = expected.interval
        assert found.error == pytest.approx((high - low) / 2, rel=1e-6)


def test_of_as_many_images_as_a_set_has_the_interval_is_over_all():
    draw = Drawn(pixels())
    results = measured(draw, set_size=200)
    assert draw.asked == [(200, 5), (200, 6), (200, 7)]
    (alpha,), (whole,) = by_name(results, "alpha"), by_name(results, "alpha_all_images")
    assert whole.settings["images"] == alpha.settings["images"] == 200
    assert whole.value == pytest.approx(alpha.value, rel=1e-9)
    assert (alpha.error, whole.error > 0) == (None, True)
