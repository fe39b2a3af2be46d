"""Whatever moves a number moves the name of its result: a stale one is never taken for it.

A table over the tasks that are made of a network and images: each change of the world, one at a
time, must give another key; a world that is built again must give the same.
"""

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from striate.datasets import Presentation, recording
from striate.models import Network, normalised
from striate.studies import gerum2022, predictivity, robustness, spectra, training, tuning
from striate.study import path_of
from striate.study.predictivity import Regression

SIZE = 16
# Layers of the tiny network, by name.
CONV, POOLED = "1", "3"


class World(NamedTuple):
    """What a measurement is made of: a network, how it sees, the images, and what is asked."""

    weight: float = 0.0  # added to the first of them
    running: float = 0.0  # mean of the normalisation layer, a buffer
    nonlinear: type = nn.ReLU
    mean: float = 0.5
    std: float = 0.2
    dtype: torch.dtype = torch.float32
    resize: int = SIZE
    size: int = SIZE
    pixels: tuple[int, int] = (20, 20)  # size of one of the images
    pixel: int = 100  # of another one
    layer: str = CONV
    seed: int = 0
    version: int = 1
    asked: object = None  # a setting of the measurement

    def network(self):
        generator = torch.Generator().manual_seed(0)
        model = nn.Sequential(
            nn.BatchNorm2d(3), nn.Conv2d(3, 4, 5, 3), self.nonlinear(), nn.AdaptiveAvgPool2d(2),
            nn.Flatten(), nn.Linear(16, 2),
        )  # fmt: skip
        with torch.no_grad():
            for weights in model.parameters():
                weights.copy_(torch.randn(weights.shape, generator=generator))
            model[1].weight[0, 0, 0, 0] += self.weight
            model[0].running_mean += self.running
        model = normalised(model.eval().to(self.dtype), [self.mean] * 3, [self.std] * 3)
        return Network("tiny", model, self.resize, self.size)

    def photographs(self, folder):
        """Two classes of twenty photographs."""
        for number in range(40):
            rng = np.random.default_rng(number)
            size = self.pixels if number == 5 else (20, 20)
            pixels = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
            if number == 7:
                pixels[3, 4, 1] = self.pixel
            file = folder / "photos" / "ab"[number % 2] / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(file)
        return str(folder / "photos")


def spectrum(world, folder):
    network = world.network()
    shown = spectra.pictures(world.photographs(folder), network)
    return spectra.network_task(
        network, shown, [world.layer], protocol=world.asked or "paper", seed=world.seed
    )


def tuned(world, folder):
    network = world.network()
    shown = spectra.pictures(world.photographs(folder), network)
    return tuning.network_task(
        network, [world.layer], pictures=shown, experiments=world.asked or 10, seed=world.seed
    )


def recorded(folder):
    rng = np.random.default_rng(0)
    np.savez(
        folder / "v1.npz",
        responses=rng.normal(size=(3, 48, 5)).astype("float32"),
        images=rng.integers(0, 256, (48, 20, 20), dtype=np.uint8),
    )
    return recording(folder / "v1.npz")


def predicted(world, folder):
    network = world.network()
    return predictivity.network_task(
        network,
        recorded(folder),
        spectra.pictures(world.photographs(folder), network),
        [world.layer],
        presentation=Presentation(2.0, 4.0),
        regression=Regression("pls", world.asked or 4),
        splits=3,
        seed=world.seed,
    )


def attacked(world, folder):
    network = world.network()
    shown = robustness.labelled(world.photographs(folder), network, seed=world.seed)
    attacks = robustness.attacks_of("paper", epsilons={"Linf": (world.asked or 0.1,)})
    return robustness.network_task(network, shown, attacks, seed=world.seed)


MEASURED = {
    "spectra": (spectrum, "striate.studies.spectra.about", "authors"),
    "tuning": (tuned, "striate.studies.tuning.networks", 20),
    "predictivity": (predicted, "striate.studies.predictivity.networks", 5),
    "robustness": (attacked, "striate.studies.robustness.networks", 0.2),
}
CHANGES = {
    "weights": {"weight": 1e-6},
    "a buffer": {"running": 1e-6},
    "architecture": {"nonlinear": nn.Tanh},
    "mean": {"mean": 0.5001},
    "std": {"std": 0.2001},
    "dtype": {"dtype": torch.float64},
    "resize": {"resize": 18},
    "crop": {"size": 15},
    "an image": {"pixels": (20, 21)},
    "layer": {"layer": POOLED},
    "seed": {"seed": 1},
}


def key(task, world, folder):
    folder.mkdir()
    return path_of(task(world, folder), Path()).name


@pytest.mark.parametrize("kind", MEASURED)
def test_every_change_of_the_world_moves_the_name_and_nothing_else_does(
    kind, tmp_path, monkeypatch
):
    task, module, asked = MEASURED[kind]
    changes = CHANGES | {"a setting": {"asked": asked}}
    if kind == "robustness":
        del changes["layer"], changes["dtype"]  # it attacks the whole, in single precision
    keys = {"nothing": key(task, World(), tmp_path / "nothing")}
    assert key(task, World(), tmp_path / "again") == keys["nothing"]
    for name, change in changes.items():
        keys[name] = key(task, World(**change), tmp_path / name)
    for user in [module, f"striate.studies.{kind}.networks"]:
        if hasattr(sys.modules[user], "VERSION"):
            monkeypatch.setattr(sys.modules[user], "VERSION", 99)
    keys["version"] = key(task, World(), tmp_path / "version")
    same = {name for name in keys if list(keys.values()).count(keys[name]) > 1}
    assert same == set()


@pytest.mark.parametrize("kind", MEASURED)
def test_a_pixel_that_leaves_the_size_of_its_file_moves_the_name(kind, tmp_path):
    task, _, _ = MEASURED[kind]
    keys = [key(task, World(pixel=pixel), tmp_path / str(pixel)) for pixel in (100, 101)]
    assert keys[0] != keys[1]


def test_a_recording_is_named_by_its_bytes(tmp_path):
    """One trial of one neuron to one image."""
    names = set()
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        rng = np.random.default_rng(0)
        responses = rng.normal(size=(3, 48, 5)).astype("float32")
        responses[1, 2, 3] += number
        np.savez(folder / "v1.npz", responses=responses)
        window = sys.modules["striate.study.spectra"].Window((2, 4), "rank")
        task = spectra.recording_task(recording(folder / "v1.npz"), window=window)
        names.add(path_of(task, Path()).name)
    assert len(names) == 2


WAY = Presentation(2.0, 6.4)


@pytest.mark.parametrize("change", [
    {"presentation": None}, {"presentation": Presentation(2.1, 6.4)},
    {"presentation": Presentation(2.0, 6.5)}, {"presentation": Presentation(2.0, 6.4, 10)},
    {"presentation": Presentation(2.0, 6.4, surround=0.5)}, {"dimensions": 8.0}, {"version": 99},
], ids=str)  # fmt: skip
def test_what_a_compared_network_is_shown_moves_the_name(change, tmp_path, monkeypatch):
    window = sys.modules["striate.study.spectra"].Window((2, 4), "rank")
    cortex, network = recorded(tmp_path), World().network()

    def name(**settings):
        given = {"presentation": WAY, **settings}
        task = spectra.comparison_task(network, cortex, [CONV], window=window, **given)
        return path_of(task, Path()).name

    plain, changed = name(), dict(change)
    if changed.pop("version", None):
        for user in ("compared", "recordings"):
            monkeypatch.setattr(sys.modules[f"striate.studies.spectra.{user}"], "RECORDED", 99)
    assert name(**changed) != plain
    monkeypatch.undo()
    assert name() == plain


def trained(world, folder, **plan):
    network = world.network()
    data = Path(world.photographs(folder))
    for split in ("train", "val"):
        (folder / "data").mkdir(exist_ok=True)
        (folder / "data" / split).symlink_to(data, target_is_directory=True)
    chosen = training.plan(**{"epochs": 1, "batch_size": 10, **plan})
    found = training.material(str(folder / "data"), network, augment=False, seed=world.seed)
    return training.network_task(network, found, chosen, seed=world.seed)


def test_every_change_of_what_is_trained_moves_the_name(tmp_path, monkeypatch):
    keys = {"nothing": key(trained, World(), tmp_path / "nothing")}
    assert key(trained, World(), tmp_path / "again") == keys["nothing"]
    for name in ("weights", "a buffer", "mean", "std", "an image", "seed", "resize"):
        keys[name] = key(trained, World(**CHANGES[name]), tmp_path / name)
    for name, value in (("epochs", 2), ("learning_rate", 0.02), ("precision", "bfloat16")):
        folder = tmp_path / name
        folder.mkdir()
        keys[name] = path_of(trained(World(), folder, **{name: value}), Path()).name
    monkeypatch.setattr(sys.modules["striate.studies.training.networks"], "VERSION", 99)
    keys["version"] = key(trained, World(), tmp_path / "version")
    assert len(set(keys.values())) == len(keys)


GRID = {"preset": "quick", "protocol": "paper", "data": "digits", "network": "shallow_mlp"}


@pytest.mark.parametrize("overrides", [
    {"epochs": 39, "attack_epochs": (39,)}, {"attack_epochs": (20,)}, {"batch_size": 480},
    {"epsilons": (0.0, 0.1)}, {"form": "line"}, {"ranks": (6, 49)}, {"learning_rate": 2e-3},
    {"train_images": 1436}, {"attack_images": 499 - 200}, {"solver": "exact"}, {"width": 70},
    {"weight_decay": 1e-4}, {"verdict": True},
], ids=lambda overrides: next(iter(overrides)))  # fmt: skip
def test_every_setting_of_a_grid_moves_the_names_of_its_cells(overrides):
    plain, changed = (gerum2022.tasks(**GRID, overrides=words) for words in ({}, overrides))
    names = [path_of(task, Path()).name for task in (*plain, *changed)]
    assert len(set(names)) == len(plain) + len(changed)


def test_the_data_and_the_version_of_a_grid_move_the_names_of_its_cells(monkeypatch):
    grid = sys.modules["striate.studies.gerum2022.grid"]

    def names():
        tasks = gerum2022.tasks(**GRID, overrides={})
        return {path_of(task, Path()).name for task in tasks}

    plain = names()
    with monkeypatch.context() as patch:
        patch.setattr(grid, "VERSION", 99)
        assert plain.isdisjoint(names())
    with monkeypatch.context() as patch:
        patch.setattr(grid.datasets, "fingerprint", lambda name: "other")
        assert plain.isdisjoint(names())
    assert names() == plain
