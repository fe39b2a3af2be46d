import json
import re

import pytest
import torch

from striate import datasets, results
from striate.datasets import LabelledImages
from striate.models import NETWORKS
from striate.studies import gerum2022
from striate.studies.gerum2022 import PRESETS, PROTOCOLS, plan, tasks

SIZES = {"mnist": (60_000, 10_000), "cifar10": (50_000, 10_000)}
SHAPES = {"mnist": (1, 28, 28), "cifar10": (3, 32, 32)}
TARGETS = {
    "paper": [round(0.6 + 0.2 * i, 1) for i in range(18)],
    "shallow": [round(0.6 + 0.2 * i, 1) for i in range(23)],
    "2023": [round(0.2 * i, 1) for i in range(21)],
}


def blank(name):
    """A data set of the official size that takes no memory."""

    def load(split):
        count = SIZES[name][split == "test"]
        images = torch.zeros(1, 1, 1, 1).expand(count, *SHAPES[name])
        return LabelledImages(images, torch.zeros(count, dtype=torch.long), f"blank {name}")

    return load


@pytest.fixture(autouse=True)
def official_sizes(monkeypatch):
    for name in SIZES:
        monkeypatch.setitem(datasets.DATASETS, name, blank(name))
    monkeypatch.setattr(datasets, "fingerprint", lambda name: f"content of {name}")


def cells(*, preset="paper", protocol="paper", data="mnist", network="shallow_mlp", **overrides):
    return tasks(preset=preset, protocol=protocol, data=data, network=network, overrides=overrides)


def column(tasks, name):
    return sorted({task[name] for task in tasks}, key=lambda value: (value is not None, value))


# protocols/gerum.md §3 and §4: baselines + targets x penalised strengths x seeds; batch; epochs.
GRIDS = [
    ("paper", "shallow_mlp", "mnist", 2 + 23 * 2 * 2, 2500, 50, "50"),
    ("paper", "deep_mlp", "mnist", 2 + 18 * 2 * 2, 1500, 50, "50"),
    ("paper", "cnn", "mnist", 3 + 18 * 2 * 3, 6000, 200, "50 200"),
    ("paper", "cnn", "cifar10", 3 + 18 * 2 * 3, 6000, 200, "50 200"),
    ("paper", "cnn_no_head", "mnist", 3 + 18 * 2 * 3, 6000, 200, "50 200"),
    ("2023", "shallow_mlp", "mnist", 5 + 21 * 2 * 5, 2500, 100, "50 100"),
    ("2023", "deep_mlp", "mnist", 5 + 21 * 2 * 5, 1500, 100, "50 100"),
    ("2023", "deep_cnn", "cifar10", 5 + 21 * 2 * 5, 6000, 100, "50 100"),
    ("2023-long", "cnn", "cifar10", 5 + 21 * 2 * 5, 6000, 1000, "50 1000"),
]


@pytest.mark.parametrize(
    ("preset", "network", "data", "count", "batch", "epochs", "attacked"), GRIDS, ids=str
)
def test_a_grid_is_the_one_published(preset, network, data, count, batch, epochs, attacked):
    grid = cells(preset=preset, network=network, data=data)
    assert len(grid) == count
    assert column(grid, "batch_size") == [batch]
    assert column(grid, "epochs") == [epochs]
    assert column(grid, "attack_epochs") == [attacked]
    assert column(grid, "learning_rate") == [1e-4]
    assert column(grid, "train_images") == [SIZES[data][0]]
    assert column(grid, "attack_images") == [SIZES[data][1]]
    assert column(grid, "epsilons") == [" ".join(f"{i / 100:g}" for i in range(20))]
    assert column(grid, "pgd_steps") == [40]
    assert column(grid, "pgd_step_size") == [0.01]


@pytest.mark.parametrize(
    ("preset", "network", "targets", "betas", "seeds", "form", "ranks"),
    [
        ("paper", "shallow_mlp", TARGETS["shallow"], [0, 0.1, 1], 2, "slope", "6-50"),
        ("paper", "deep_mlp", TARGETS["paper"], [0, 0.1, 1], 2, "slope", "6-100"),
        ("paper", "cnn", TARGETS["paper"], [0, 0.1, 1], 3, "slope", "6-50"),
        ("2023", "cnn", TARGETS["2023"], [0, 1, 10], 5, "line", "1-10"),
        ("2023-long", "cnn", TARGETS["2023"], [0, 1, 10], 5, "line", "1-10"),
    ],
    ids=str,
)
def test_every_cell_is_there_once(preset, network, targets, betas, seeds, form, ranks):
    grid = cells(preset=preset, network=network)
    found = [(task["beta"], task["target"], task["seed"]) for task in grid]
    wanted = {
        (float(beta), target, 1234 * (repeat + 1))
        for beta in betas
        for target in (targets if beta else [None])
        for repeat in range(seeds)
    }
    assert set(found) == wanted
    assert len(found) == len(wanted)
    assert column(grid, "form") == [form]
    assert column(grid, "ranks") == [ranks]
    assert len(set(column(grid, "label"))) == len(grid)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("network", NETWORKS)
def test_the_protocols_differ_where_the_table_says(preset, network):
    paper, authors = (
        plan(preset=preset, protocol=p, data="mnist", network=network) for p in PROTOCOLS
    )
    differ = {name for name in paper._fields if getattr(paper, name) != getattr(authors, name)}
    expected = set()
    if network == "shallow_mlp" and preset != "quick":
        expected = {"batch_size"}
        assert (paper.batch_size, authors.batch_size) == (2500, 1500)
    if network == "deep_mlp" and preset in ("quick", "paper"):
        expected = {"ranks"}
        assert (paper.ranks, authors.ranks) == ((6, 100), (6, 50))
    if preset == "paper" and "cnn" in network:
        expected = {"attack_epochs"}
        assert (paper.attack_epochs, authors.attack_epochs) == ((50, 200), (50,))
    assert differ == expected


@pytest.mark.parametrize("data", ["digits", "mnist", "cifar10"])
def test_the_quick_preset_runs_on_every_data_set(data):
    grid = cells(preset="quick", data=data)
    assert len(grid) == 1 + 3 * 2
    assert column(grid, "seed") == [1234]
    assert column(grid, "attack_epochs") == [str(grid[0]["epochs"])]
    assert column(grid, "attack_images") == [360 if data == "digits" else 500]


def test_a_task_is_plain_values_that_survive_json_and_name_what_they_stand_for():
    for task in cells(preset="quick", data="digits"):
        assert json.loads(json.dumps(task)) == task
        assert task["study"] == "gerum2022"
        assert task["fingerprint"] == "content of digits"
        assert task["weights"] == "none"
    labels = column(cells(seeds=1, alphas=(0.6, 2), betas=(0, 0.1)), "label")
    assert labels == [
        "shallow_mlp-mnist-beta0-seed1234",
        "shallow_mlp-mnist-beta0.1-alpha0.6-seed1234",
        "shallow_mlp-mnist-beta0.1-alpha2-seed1234",
    ]


# field of Plan: (its override, setting of a task, what it says there)
OVERRIDES = {
    "epochs": (60, "epochs", 60),
    "attack_epochs": ((3, 50), "attack_epochs", "3 50"),
    "batch_size": (1000, "batch_size", 1000),
    "epsilons": ((0, 8 / 255, 0.5), "epsilons", "0 0.0313725490196078 0.5"),
    "form": ("ratio", "form", "ratio"),
    "ranks": ((2, 40), "ranks", "2-40"),
    "learning_rate": (0.01, "learning_rate", 0.01),
    "train_images": (30_000, "train_images", 30_000),
    "attack_images": (500, "attack_images", 500),
    "solver": ("exact", "solver", "exact"),
    "layers": ("all", "layers", "all"),
    "width": (300, "width", 300),
    "weight_decay": (1e-4, "weight_decay", 1e-4),
    "every": (2, "every", 2),
    "verdict": (True, "verdict", "against a baseline"),
    "verdict_images": (300, "verdict_images", 300),
}
GRID_OVERRIDES = {
    "alphas": ((0, 2.5), "target", [None, 0.0, 2.5]),
    "betas": ((0, 3), "beta", [0.0, 3.0]),
    "seeds": (3, "seed", [1234, 2468, 3702]),
}


def test_there_is_a_case_here_for_every_setting():
    assert OVERRIDES.keys() | GRID_OVERRIDES.keys() == set(gerum2022.Plan._fields)


@pytest.mark.parametrize("name", OVERRIDES)
def test_a_setting_that_is_overridden_is_obeyed_and_names_another_file(name):
    given, setting, spelled = OVERRIDES[name]
    needed = {"verdict": True} if name == "verdict_images" else {}
    before, after = (
        cells(network="deep_mlp", **needed, **change) for change in ({}, {name: given})
    )
    assert column(after, setting) == [spelled]
    assert {results.digest(task) for task in before}.isdisjoint(map(results.digest, after))
    assert [{**task, setting: None} for task in before] == [
        {**task, setting: None} for task in after
    ]


def test_as_many_images_as_ever_to_judge_by_are_no_other_verdict():
    assert cells(verdict=True, verdict_images=500) == cells(verdict=True)
    few = {"verdict": True, "attack_images": 360}
    assert cells(**few, verdict_images=360) == cells(**few)
    for wrong in ({"verdict_images": 500}, {**few, "verdict_images": 500}):
        with pytest.raises(ValueError, match="verdict_images=500"):
            cells(**wrong)


@pytest.mark.parametrize("name", GRID_OVERRIDES)
def test_a_grid_that_is_overridden_shares_its_cells_with_others(name):
    """A larger grid trains only what the smaller one lacked."""
    given, setting, expected = GRID_OVERRIDES[name]
    after = cells(**{name: given})
    assert column(after, setting) == expected
    assert all(type(task["beta"]) is float for task in after)
    assert {type(task["target"]) for task in after} <= {float, type(None)}
    common = {results.digest(task) for task in cells()} & {results.digest(task) for task in after}
    assert common


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"preset": "2023"}, {"preset": "2023-long"}),
        ({"protocol": "paper"}, {"protocol": "authors"}),
        ({"data": "mnist"}, {"data": "cifar10"}),
        ({"network": "cnn"}, {"network": "deep_cnn"}),
    ],
    ids=str,
)
def test_cells_of_other_grids_lie_in_other_files(one, other):
    common = {"network": "cnn"}
    first, second = cells(**common | one), cells(**common | other)
    assert {results.digest(task) for task in first}.isdisjoint(map(results.digest, second))


def test_what_is_not_asked_for_is_as_in_the_paper():
    for network in NETWORKS:
        grid = cells(network=network)
        assert column(grid, "solver") == ["auto"]
        assert column(grid, "layers") == ["last"]
        assert column(grid, "width") == [None]
        assert column(grid, "weight_decay") == [0.0]


@pytest.mark.parametrize("network", [name for name in NETWORKS if name != "cnn_no_head"])
def test_the_papers_width_is_no_other_network_whoever_names_it(network):
    units = NETWORKS[network]((1, 28, 28), 10, seed=0).output.in_features
    assert cells(network=network, width=units) == cells(network=network)
    assert column(cells(network=network, width=units + 1), "width") == [units + 1]


REFUSED = [
    ({"preset": "papers"}, "preset='papers'; choose one of quick, paper, 2023, 2023-long"),
    ({"protocol": "text"}, "protocol='text'; choose one of paper, authors"),
    ({"data": "svhn"}, "data='svhn'; choose one of digits, mnist, cifar10"),
    (
        {"network": "mlp"},
        "network='mlp'; choose one of shallow_mlp, deep_mlp, cnn, cnn_no_head, deep_cnn",
    ),
    ({"alpha": 1}, "no setting ['alpha']; there are alphas, betas, seeds, epochs,"),
    ({"alphas": ()}, "the grid is empty; give at least one alpha, one beta and one seed"),
    ({"betas": ()}, "the grid is empty"),
    ({"seeds": 0}, "the grid is empty"),
    ({"alphas": (1, 2, 1)}, "alphas=(1.0, 2.0, 1.0): give each value once"),
    ({"betas": (1, 1.0)}, "betas=(1.0, 1.0): give each value once"),
    ({"alphas": (1, float("nan"))}, "alpha=nan: the exponent wanted is finite"),
    ({"betas": (0, -1)}, "beta=-1.0: the strength of a penalty is finite and not negative"),
    ({"epochs": 0}, "epochs=0, learning_rate=0.0001: give positive numbers"),
    ({"learning_rate": 0.0}, "epochs=50, learning_rate=0.0: give positive numbers"),
    ({"learning_rate": float("inf")}, "learning_rate=inf: give positive numbers"),
    ({"attack_epochs": (50, 51)}, "attack_epochs=(50, 51), but training has epochs 1 to 50"),
    ({"attack_epochs": (0,)}, "attack_epochs=(0,), but training has epochs 1 to 50"),
    ({"attack_epochs": ()}, "attack_epochs=(), but training has epochs 1 to 50"),
    ({"epsilons": (0.0, 0.2, 0.1)}, "must start at 0 and rise, up to at most 1"),
    ({"epsilons": (0.1, 0.2)}, "must start at 0"),
    ({"epsilons": (0.0,)}, "must start at 0"),
    ({"epsilons": (0, 8)}, "up to at most 1"),
    ({"ranks": (0, 10)}, "ranks=(0, 10): need 1 <= first < last"),
    ({"ranks": (10, 10)}, "ranks=(10, 10): need 1 <= first < last"),
    ({"batch_size": 0}, "batch_size=0, but there are 60000 training images of mnist"),
    ({"batch_size": 60_001}, "batch_size=60001, but there are 60000 training images"),
    ({"train_images": 2000}, "batch_size=2500, but there are 2000 training images of mnist"),
    ({"train_images": 0}, "train_images=0, but mnist has 60000 training images here"),
    ({"train_images": 60_001}, "train_images=60001, but mnist has 60000 training images here"),
    ({"every": 25}, "every=25 is more than the 24 steps of an epoch"),
    ({"attack_images": 0}, "attack_images=0; attack at least one image"),
    ({"attack_images": -5}, "attack_images=-5; attack at least one image"),
    ({"attack_images": 10_001}, "attack_images=10001, but mnist has 10000 test images here"),
    (
        {"train_images": 5030},
        "ranks=(6, 50) need batches of at least 51 images, but the smallest batch of an epoch "
        "has 30 (5030 images in batches of 2500); change --batch-size or --ranks",
    ),
    (
        {"network": "deep_cnn", "ranks": (6, 501)},
        "ranks=(6, 501) end beyond what α can be measured on: hidden of deep_cnn has 500 units, "
        "and 10000 test images have 9999 ranks; change --ranks or --width",
    ),
    (
        {"preset": "quick", "data": "digits", "ranks": (6, 360)},
        "ranks=(6, 360) end beyond what α can be measured on: hidden of shallow_mlp has 2000 "
        "units, and 360 test images have 359 ranks",
    ),
    ({"layers": "first"}, "layers='first'; choose one of last, all"),
    ({"layers": "all"}, "layers='all', but shallow_mlp has one hidden layer; leave it out"),
    ({"width": 0}, "width=0: a layer has at least one unit"),
    (
        {"network": "cnn_no_head", "width": 100},
        "width=100, but cnn_no_head has no dense layer; leave it out",
    ),
    (
        {"network": "deep_mlp", "width": 99},
        "ranks=(6, 100) end beyond what α can be measured on: hidden of deep_mlp has 99 units",
    ),
    (
        {"network": "deep_mlp", "width": 99, "layers": "all"},
        "ranks=(6, 100) end beyond what α can be measured on: tanh1 of deep_mlp has 99 units",
    ),
    ({"weight_decay": -1e-4}, "weight_decay=-0.0001: give 0 or a positive number"),
    ({"weight_decay": float("inf")}, "weight_decay=inf: give 0 or a positive number"),
    ({"weight_decay": float("nan")}, "weight_decay=nan: give 0 or a positive number"),
    (
        {"preset": "quick", "data": "digits", "network": "cnn"},
        "images of 8×8 pixels are too small for this network, which needs 10×10",
    ),
]


@pytest.mark.parametrize(("asked", "says"), REFUSED, ids=str)
def test_what_cannot_work_is_refused_before_any_work(asked, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        cells(**asked)


def test_the_table_of_differences_has_every_row_of_the_protocol_sheet():
    rows = re.findall(r"^ ?(\d+)  ", gerum2022.__doc__ or "", flags=re.MULTILINE)
    assert [int(row) for row in rows] == list(range(1, 23))
