import pytest

from striate.report.names import called, distinct, files_of, in_order, layers, models, recordings
from striate.report.spectra.words import alpha_of, windows_of
from striate.report.words import listed, span
from striate.results import Score


def named(*given):
    tasks = [{"model": model, "model_sha256": sha} for model, sha in given]
    return list(models(tasks).values())


@pytest.mark.parametrize(
    ("given", "labels"),
    [
        ([("examples/a.py:plain", "1"), ("torchvision/resnet50", "2")], ["a:plain", "resnet50"]),
        ([("x/a.py:net", "1"), ("y/a.py:net", "2")], ["x/a.py:net", "y/a.py:net"]),
        ([("x/a.py:net", "1"), ("x/a.py:net", "1")], ["a:net"]),
        ([("a.py:net", "1"), ("a.py:net", "2")], ["a.py:net (1)", "a.py:net (2)"]),
    ],
    ids=["short", "one file name", "one network", "other weights"],
)
def test_networks_are_named_as_shortly_as_can_be(given, labels):
    assert named(*given) == labels


def test_recordings_are_named_by_population_or_file():
    sources = ["a.npz u1: 5 x 6, sha256 1", "b.npz u1: 5 x 6, sha256 2", "c.h5: 7 x 8, sha256 3"]
    assert list(recordings(sources).values()) == ["a u1", "b u1", "c, all units"]
    assert list(recordings(sources[:1]).values()) == ["u1"]
    assert files_of([*sources[:2], sources[0]]) == ["a.npz (sha256 1)", "b.npz (sha256 2)"]


def test_names_of_files_may_have_spaces_and_dots():
    sources = ["monkey A 3.npz: 1 x 2, sha256 1", "m.2019-08-20.npz u 1: 1 x 2, sha256 2"]
    sources.append("m.2019-08-21.npz u 1: 1 x 2, sha256 3")
    assert list(recordings(sources).values()) == [
        "monkey A 3, all units", "m.2019-08-20 u 1", "m.2019-08-21 u 1",
    ]  # fmt: skip
    assert files_of(sources)[0] == "monkey A 3.npz (sha256 1)"


def test_a_layer_that_is_a_number_is_called_one():
    assert [called(name) for name in ("3", "3.conv", "conv3")] == [
        "layer 3",
        "layer 3.conv",
        "conv3",
    ]


def test_settings_are_told_in_words():
    labels = {("n.py:a", True, None): "n.py:a", ("n.py:b", False, 3): "n.py:a"}
    assert list(distinct(labels, ("model", "attack_wrong", "spectral_every")).values()) == [
        "n.py:a, images already wrong attacked too, spectral every not given",
        "n.py:a, model n.py:b, images already wrong left as they are, spectral every 3",
    ]


def test_long_names_of_layers_are_shortened_and_never_the_name_of_another():
    """`features.3` is a module of the network as well, and `blocks.3` is not its attention."""
    names = ["features.2", "features.3.expand3x3_activation", "features.12.expand3x3_activation"]
    assert [*layers(names).values()] == ["features.2", "features.3…", "features.12…"]
    names = ["blocks.3.attn", "blocks.4.attn", "layer1.0.conv1.first", "layer1.0"]
    assert [*layers(names).values()] == [*names[:2], "layer1.0.conv1…", "layer1.0"]
    clash = ["stage.first.convolution", "stage.first.normalisation"]
    assert [*layers(clash).values()] == clash  # no part of one is its own
    assert [*layers(names[2:3]).values()] == names[2:3]


def test_numbers_in_names_are_sorted_as_numbers():
    names = ["f.10", "f.2", "conv", "f.2.b"]
    assert sorted(names, key=in_order) == ["conv", "f.2", "f.2.b", "f.10"]


def test_equal_labels_say_what_is_different():
    labels = distinct({(1, "x"): "same", (2, "x"): "same", (3, "x"): "other"}, ("set_size", "b"))
    assert list(labels.values()) == ["same, set size 1", "same, set size 2", "other"]


def test_numbers_are_written_for_readers():
    kind = {"error": "sd over sets"}
    assert alpha_of(Score("alpha", -0.5, 0.02, settings=kind)) == "−0.50 ± 0.02"
    assert alpha_of(Score("alpha", 1.2345, 0.0021, settings=kind)) == "1.234 ± 0.002"
    assert alpha_of(Score("alpha", 1.2345)) == "1.23"
    assert alpha_of(None) == "unknown"
    assert (span([3, 3]), span([10, 2000]), span([-1.5, 0.5], 1)) == (
        "3",
        "10–2,000",
        "−1.5 to 0.5",
    )
    assert (listed("a"), listed("ab"), listed("abc")) == ("a", "a and b", "a, b and c")


def test_windows_are_counted():
    scores = [
        Score("alpha", 1.0, settings={"ranks": ranks, "weights": "rank"})
        for ranks in ("10-99", "10-50", "10-99")
    ]
    assert windows_of(scores) == "ranks 10–99 (2 fits) and 10–50 (1 fit), weights 1/n"
    assert windows_of(scores[:1]) == "ranks 10–99, weights 1/n"
