"""Whatever moves a number moves the name of its result: a stale one is never taken for it.

A table over the tasks that are made of a network and images: each change of the world, one at a
time, must give another key; a world that is built again must give the same.
"""

import sys
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat
from torch import nn

from striate.datasets import Presentation, recording
from striate.models import Network, normalised
from striate.studies import gerum2022, predictivity, robustness, spectra, training, tuning
from striate.study import path_of
from striate.study.predictivity import Regression, Rival, check_same
from striate.study.robustness import Judge

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


def read_name(file, **options):
    """Name the spectrum of a recording that is read like this."""
    window = sys.modules["striate.study.spectra"].Window((2, 4), "rank")
    return path_of(spectra.recording_task(recording(file, **options), window=window), Path()).name


NWB = {"table": "trials", "start_s": 0.04, "length_s": 0.06}


@pytest.fixture
def nwb(tmp_path):
    """Four stimuli, each shown five times, in two tables and by two columns."""
    rng, path = np.random.default_rng(0), tmp_path / "session.nwb"
    with h5py.File(path, "w") as file:
        file.attrs["nwb_version"] = "2.7.0"
        file["units/spike_times"] = np.sort(rng.random(400) * 21)
        file["units/spike_times_index"] = np.array([400])
        for table in ("trials", "others"):
            group = file.create_group(f"intervals/{table}")
            group["start_time"], group["stop_time"] = np.arange(20.0), np.arange(20.0) + 0.5
            for column in ("stimulus_id", "image"):
                group[column] = rng.permutation(np.repeat(["a", "b", "c", "d"], 5)).astype("S1")
    return path


@pytest.mark.parametrize("change", [
    {"stimulus": "image"}, {"drop": ["a"]}, {"drop": ["b"]}, {"table": "others"},
    {"start_s": 0.05}, {"length_s": 0.07}, {"start_s": 0.0400000001}, {"length_s": 0.0600000001},
    {"start_s": 10.0, "length_s": 1e-5}, {"start_s": 10.0, "length_s": 2e-5},
], ids=str)  # fmt: skip
def test_how_an_nwb_file_is_read_moves_the_name(change, nwb):
    others = [{}, {"drop": ["c"]}, {"stimulus": "image", "drop": ["a"]}, {"start_s": 10.0}]
    names = [read_name(nwb, **NWB | other) for other in (*others, change)]
    assert len(set(names)) == len(names)
    assert read_name(nwb, **NWB | change) == names[-1]


def test_nwb_options_that_say_the_same_leave_the_name(nwb):
    plain = recording(nwb, **NWB)
    assert not any("read with" in note for note in plain.notes)
    for same in ({"stimulus": "stimulus_id"}, {"drop": ()}, {"drop": ["nan"]}, {"start_s": 4e-2}):
        assert recording(nwb, **NWB | same).notes == plain.notes
    either = [recording(nwb, **NWB, drop=names).notes for names in (["a", "b"], ("b", "a", "a"))]
    assert either[0] == either[1]
    assert "read with drop=['a', 'b']" in either[0]


@pytest.fixture
def mouse(tmp_path):
    """Twelve images shown four times each, and three sets of pixels they might have been."""
    rng = np.random.default_rng(0)
    resp = rng.normal(size=(52, 6))
    resp[3, 2] = np.nan
    stim = {"resp": resp, "spont": rng.normal(size=(90, 6)), "istim": np.arange(52.0) % 13 + 1}
    stat = np.zeros((6, 1), [("redcell", object)])
    stat["redcell"] = (np.arange(6.0) > 4)[:, None]
    savemat(tmp_path / "mouse.mat", {"stim": stim, "stat": stat})
    for number in range(3):
        (tmp_path / str(number)).mkdir()
        imgs = rng.integers(0, 256, (20, 20, 12)).astype(float)
        savemat(tmp_path / str(number) / "images.mat", {"imgs": imgs})
    return tmp_path / "mouse.mat"


def test_how_a_session_of_stringer_is_read_moves_the_name(mouse):
    usual = {"spontaneous": 2, "nan_as_zero": True}
    changes = [
        {}, {"spontaneous": 3}, {"spontaneous": 0}, {"red_cells": False},
        {"repeats": "presentations"}, {"blank": 14},
    ]  # fmt: skip
    assert len({read_name(mouse, **usual | change) for change in changes}) == len(changes)


def test_the_file_that_images_are_from_moves_the_names_of_what_shows_them(mouse):
    """The responses, and so the name of the recording, are the same."""
    window = sys.modules["striate.study.spectra"].Window((2, 4), "rank")
    network = World().network()
    pictures = spectra.pictures(World().photographs(mouse.parent), network)
    shown, alone = set(), set()
    for number in range(3):
        file = mouse.parent / str(number) / "images.mat"
        read = recording(mouse, images=file, spontaneous=2, nan_as_zero=True)
        compared = spectra.comparison_task(network, read, [CONV], window=window, gains="own")
        mapped = predictivity.network_task(
            network, read, pictures, [CONV], presentation=WAY, regression=Regression("pls", 2),
            splits=2,
        )  # fmt: skip
        shown |= {path_of(task, Path()).name for task in (compared, mapped)}
        alone.add(path_of(spectra.recording_task(read, window=window), Path()).name)
    assert (len(shown), len(alone)) == (6, 1)
    assert mapped["images_from"] == read.images_from
    rival = Rival("other", CONV, {**mapped, "images_from": "images.mat, sha256 0"}, ..., ...)
    with pytest.raises(ValueError, match="other was measured with images_from="):
        check_same(mapped, rival)


def test_images_of_the_file_of_the_responses_are_not_named_again(tmp_path):
    assert "images_from" not in predicted(World(), tmp_path)
    assert recorded(tmp_path).images_from == ""


@pytest.mark.parametrize("change", [
    {"weight": 1e-6}, {"running": 1e-6}, {"mean": 0.5001}, {"nonlinear": nn.Tanh},
], ids=lambda change: next(iter(change)))  # fmt: skip
def test_what_a_surrogate_is_made_of_moves_the_name(change, tmp_path):
    """It has the same name, and attacks in the place of the network."""
    network = World().network()
    shown = robustness.labelled(World().photographs(tmp_path), network, seed=0)
    attacks = robustness.attacks_of("paper", epsilons={"Linf": (0.1,)})

    def name(surrogate):
        judge = Judge({"Linf": 0.1}, 20, 2, surrogate=surrogate.model)
        task = robustness.network_task(network, shown, attacks, judge=judge, surrogate=surrogate)
        return path_of(task, Path()).name

    assert name(World().network()) == name(World().network())
    assert name(World(**change).network()) != name(World().network())


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
        given = {"presentation": WAY, "gains": "own", **settings}  # there is no signal
        task = spectra.comparison_task(network, cortex, [CONV], window=window, **given)
        return path_of(task, Path()).name

    plain, changed = name(), dict(change)
    if changed.pop("version", None):
        for user in ("compared", "recordings"):
            monkeypatch.setattr(sys.modules[f"striate.studies.spectra.{user}"], "RECORDED", 99)
    assert name(**changed) != plain
    monkeypatch.undo()
    assert name() == plain


def labelled_folder(world, folder):
    data = Path(world.photographs(folder))
    for split in ("train", "val"):
        (folder / "data").mkdir(exist_ok=True)
        (folder / "data" / split).symlink_to(data, target_is_directory=True)
    return str(folder / "data")


def trained(world, folder, **plan):
    network = world.network()
    chosen = training.plan(**{"epochs": 1, "batch_size": 10, **plan})
    data = labelled_folder(world, folder)
    found = training.material(data, network, augment=False, seed=world.seed)
    return training.network_task(network, found, chosen, seed=world.seed)


def test_how_many_train_together_moves_the_name_where_there_are_several(tmp_path):
    """Each normalises its part of a batch by itself, and draws what is random for itself."""
    network = World().network()
    found = training.material(labelled_folder(World(), tmp_path), network, augment=False, seed=0)
    tasks = [
        training.network_task(
            network, found, training.plan(epochs=1, batch_size=10), seed=0, **more
        )
        for more in ({}, {"processes": 1}, {"processes": 2}, {"processes": 4})
    ]
    assert tasks[0] == tasks[1]
    assert "processes" not in tasks[0]
    assert len({path_of(task, Path()).name for task in tasks}) == 3


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
    {"weight_decay": 1e-4}, {"verdict": True}, {"verdict": True, "verdict_images": 300},
], ids=lambda overrides: list(overrides)[-1])  # fmt: skip
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
