import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from synthetic_gerum2022 import attacked_accuracy, measured_alpha, save_network

from striate.report.gerum2022.sweeps import alpha_by_epoch, is_papers, spectrum, sweeps
from striate.report.tidy import frame, points
from striate.results import Curve, Score, load, load_all, read_record, save


def read(folder):
    return sweeps(load_all(folder))


def test_a_sweep_holds_networks_that_differ_in_beta_target_and_seed(folder):
    mnist, digits = sweeps(load_all(folder))
    assert (mnist.label, digits.label) == ("shallow MLP on MNIST", "shallow MLP on digits")
    assert len(mnist.networks) == 2 * (1 + 2 * 4)
    assert mnist.networks.value_counts(["beta", "target"], dropna=False).eq(2).all()
    assert len(digits.published) == 0
    assert len(mnist.published) > 0


def test_whatever_else_differs_starts_another_sweep(tmp_path, saved):
    saved(tmp_path)
    saved(tmp_path, protocol="authors", batch_size=1500)
    saved(tmp_path, network="cnn")
    found = sweeps(load_all(tmp_path))
    assert [sweep.label for sweep in found] == [
        "shallow MLP on MNIST, protocol authors, batch size 1500",
        "shallow MLP on MNIST, protocol paper, batch size 2500",
        "CNN on MNIST",
    ]
    assert [len(sweep.networks) for sweep in found] == [1, 1, 1]


@pytest.mark.parametrize(
    ("change", "label"),
    [
        ({"layers": "all"}, "layers all"),
        ({"width": 500}, "width 500"),
        ({"weight_decay": 1e-4}, "weight decay 0.0001"),
        ({"every": 2}, "every 2"),
    ],
)
def test_what_was_chosen_beyond_the_paper_starts_another_sweep(tmp_path, saved, change, label):
    saved(tmp_path, layers="last", width=None, weight_decay=0.0)
    saved(tmp_path, **{"layers": "last", "width": None, "weight_decay": 0.0, **change})
    labels = {sweep.label.removeprefix("shallow MLP on MNIST, ") for sweep in read(tmp_path)}
    assert labels > {label}
    assert "None" not in str(labels)


def test_results_from_before_there_was_a_choice_belong_with_the_paper_s_settings(tmp_path, saved):
    saved(tmp_path, seed=1234)
    saved(tmp_path, seed=2468, layers="last", width=None, weight_decay=0.0, solver="exact")
    (sweep,) = read(tmp_path)
    assert len(sweep.networks) == 2


def test_solvers_share_a_sweep_and_a_network_trained_with_two_counts_once(tmp_path, saved):
    saved(tmp_path, seed=1234, solver="auto", attacked=())
    saved(tmp_path, seed=1234, solver="exact")
    saved(tmp_path, seed=2468, solver="auto")
    saved(tmp_path, seed=3702, solver="auto")
    saved(tmp_path, seed=3702, solver="subspace", attacked=())
    (sweep,) = read(tmp_path)
    assert sweep.networks["seed"].tolist() == [1234, 2468, 3702]
    # The exact one was attacked, and of the last seed the one of the subspace was not.
    assert sweep.networks["attacked_epochs"].tolist() == ["10", "10", ""]


def test_networks_attacked_at_different_strengths_share_a_sweep(tmp_path, saved):
    saved(tmp_path, seed=1234, epsilons="0 0.05")
    saved(tmp_path, seed=2468, epsilons="0 0.02 0.05")
    (sweep,) = read(tmp_path)
    assert sweep.networks["seed"].tolist() == [1234, 2468]


def attacked_at(folder, strengths, **settings):
    """Save a network of which only these strengths of its attacks are kept."""
    path = save_network(folder, epsilons=" ".join(map(str, strengths)), **settings)
    record = read_record(path)
    entries = []
    for entry in load(path):
        if entry.name.startswith("accuracy_"):
            kept = [place for place, x in enumerate(entry.x) if x in strengths]
            x, y = (tuple(axis[place] for place in kept) for axis in (entry.x, entry.y))
            entry = replace(entry, x=x, y=y)
        entries.append(entry)
    save(path, entries, task=record["task"], provenance=record["provenance"])
    return path


def test_a_network_attacked_by_two_runs_counts_once_at_all_strengths(tmp_path):
    attacked_at(tmp_path, (0.0, 0.15), verdict="against a baseline")
    attacked_at(tmp_path, (0.0, 0.02, 0.05))
    attacked_at(tmp_path, (0.0, 0.02, 0.1), seed=2468)
    (sweep,) = read(tmp_path)
    assert sweep.networks["seed"].tolist() == [1234, 2468]
    assert sweep.networks["seconds"].tolist() == [150.0, 150.0]
    ours = sweep.accuracies[sweep.accuracies["attack"] == "fgsm"]
    strengths = ours.groupby("seed")["epsilon"].apply(list)
    assert strengths[1234] == [0.0, 0.02, 0.05, 0.15]
    assert strengths[2468] == [0.0, 0.02, 0.1]
    alpha = measured_alpha(0.0, None, 1234)
    at_last = alpha + (1.2 - alpha) * 0.9**30
    for row in ours[ours["seed"] == 1234].itertuples():
        expected = attacked_accuracy("fgsm", 0.0, at_last, row.epsilon)
        assert row.accuracy == pytest.approx(expected)
    spectra = spectrum(sweep, beta=0.0, target=None)
    assert set(spectra["n"]) == {2}


def test_a_network_that_lies_there_twice_counts_once(tmp_path, saved):
    for seed in (1234, 2468):
        saved(tmp_path, beta=1.0, target=2.0, seed=seed)
    alone = alpha_by_epoch(read(tmp_path)[0])
    shutil.copytree(tmp_path / "gerum2022", tmp_path / "copy" / "gerum2022")
    (sweep,) = read(tmp_path)
    assert len(sweep.networks) == 2
    pd.testing.assert_frame_equal(alpha_by_epoch(sweep), alone)
    assert set(alone["n"]) == {2}


@pytest.mark.parametrize(("network", "ranks", "papers"), [
    ("shallow_mlp", "6-50", True), ("shallow_mlp", "1-10", False), ("shallow_mlp", "6-100", False),
    ("deep_mlp", "6-50", True), ("deep_mlp", "6-100", True), ("deep_mlp", "1-10", False),
])  # fmt: skip
def test_published_curves_are_read_at_alphas_of_the_papers_window(
    tmp_path, saved, network, ranks, papers
):
    saved(tmp_path, network=network, ranks=ranks)
    (sweep,) = read(tmp_path)
    assert sweep.published.empty is not papers
    assert is_papers(sweep.settings) is papers


def test_labels_tell_sweeps_apart_even_where_settings_are_long(tmp_path, saved):
    for last in ("0.18", "0.19"):
        saved(tmp_path, fingerprint=f"0 0.01 0.02 0.03 0.04 0.05 {last}")
    labels = [sweep.label for sweep in sweeps(load_all(tmp_path))]
    assert len(set(labels)) == 2
    assert all(len(label) < 60 for label in labels)


def test_the_first_attacked_epoch_counts_and_alpha_is_of_that_epoch(tmp_path, saved):
    saved(tmp_path, network="cnn", beta=1.0, target=3.0, epochs=8, attacked=(2, 8))
    (sweep,) = sweeps(load_all(tmp_path))
    row = sweep.networks.iloc[0]
    final = measured_alpha(1.0, 3.0, 1234)
    at_2 = final + (1.2 - final) * 0.9**6
    assert (row["epoch"], row["attacked_epochs"]) == (2, "2, 8")
    assert row["alpha"] == pytest.approx(at_2)
    assert row["alpha_test"] == pytest.approx(at_2 + 0.03)
    assert set(sweep.accuracies["epoch"]) == {2}


def test_a_network_that_was_not_attacked_counts_at_its_last_epoch(tmp_path, saved):
    saved(tmp_path, attacked=(), epochs=5)
    (sweep,) = sweeps(load_all(tmp_path))
    assert sweep.networks["epoch"].tolist() == [5]
    assert sweep.accuracies["attack"].tolist() == ["none"]
    assert sweep.epsilon is None


def test_the_paper_is_compared_with_its_own_form_of_penalty_only(tmp_path, saved):
    saved(tmp_path, form="line")
    (sweep,) = sweeps(load_all(tmp_path))
    assert sweep.published.empty


def test_alpha_by_epoch_is_the_mean_over_seeds(folder):
    table = alpha_by_epoch(sweeps(load_all(folder))[0])
    row = table[(table["beta"] == 1) & (table["target"] == 5) & (table["epoch"] == 10)].iloc[0]
    finals = [measured_alpha(1.0, 5.0, seed) for seed in (1234, 2468)]
    values = [final + (1.2 - final) * 0.9**30 for final in finals]
    assert row["alpha"] == pytest.approx(np.mean(values))
    assert row["sem"] == pytest.approx(abs(values[1] - values[0]) / 2)
    assert row["n"] == 2
    assert table["epoch"].min() == 1
    assert 0 not in set(table["beta"])


def test_a_spectrum_is_the_mean_over_seeds(folder):
    table = spectrum(sweeps(load_all(folder))[0], beta=1.0, target=1.0)
    shapes = [np.arange(1.0, 121) ** -measured_alpha(1.0, 1.0, seed) for seed in (1234, 2468)]
    np.testing.assert_allclose(table["variance"], np.mean([s / s.sum() for s in shapes], axis=0))
    assert table["n"].eq(2).all()
    assert spectrum(sweeps(load_all(folder))[0], beta=1.0, target=9.0).empty


def test_other_studies_are_ignored_and_alone_are_an_error():
    other = Score("brain_score", 0.5, settings={"study": "kong2021"})
    with pytest.raises(
        ValueError, match=r"no results of gerum2022 in DIR \(only of kong2021\); run"
    ):
        sweeps([other])
    with pytest.raises(ValueError, match="striate run gerum2022 --results some/folder"):
        sweeps([], folder="some/folder")


def test_tidy_tables_have_a_row_per_score_and_per_point():
    score = Score("alpha", 1.5, 0.1, "a net", {"seed": 1, "error": "sd over batches"})
    curve = Curve("alpha", (1.0, 2.0), (3.0, 4.0), source="a net", settings={"seed": 1})
    table = frame([score, curve])
    assert table.to_dict("records") == [
        {
            "name": "alpha",
            "source": "a net",
            "seed": 1,
            "error_kind": "sd over batches",
            "value": 1.5,
            "error": 0.1,
        }
    ]
    assert points([score, curve], {"alpha"})[["x", "y"]].to_numpy().tolist() == [[1, 3], [2, 4]]
    assert points([score, curve], {"loss"}).empty
