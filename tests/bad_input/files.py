"""The files that the cases refer to; each is what its name says."""

import json
import os
import pickle
from pathlib import Path

import h5py
import numpy as np
import torch
from PIL import Image
from scipy.io import savemat
from torch import nn

from striate import results
from striate.results import Score

GOOD = np.arange(48.0).reshape(2, 6, 4)  # repeats, stimuli, units
IMAGES = np.zeros((6, 8, 8), np.uint8)
MOVIES = {
    "responses_a": GOOD,
    "images": IMAGES,
    "zoom_category_movie_frame": np.zeros((6, 4), int),
    "categories": np.array(["natural", "synthetic"]),
    "movies": np.array(["waves"]),
}

NETS = """\
from torch import nn
from striate.models import Network

depth = 3


def dense():
    return nn.Sequential(nn.Flatten(), nn.Linear(192, 40), nn.Linear(40, 10))


def small():
    return Network("small", dense(), 8, 8)


def nothing():
    pass


def broken():
    return nn.Linear(2, 3)(None)


def without_size():
    return Network("dense", dense(), None, None)


def nearest():
    return Network("dense", dense(), 8, 8, "nearest")
"""


class Hostile:
    def __reduce__(self):
        return os.system, ("touch it-ran",)


def lay_out(folder: Path) -> None:
    """Make all files below `folder`."""
    (folder / "empty").mkdir()
    (folder / "a-file").write_text("not a folder")
    _results(folder)
    _data_sets(folder)
    _arrays(folder)
    _mat(folder)
    _pickles(folder)
    _nwb(folder)
    _photographs(folder)
    _models(folder)


def _results(folder: Path) -> None:
    for name in ("damaged", "foreign", "newer", "other"):
        (folder / name).mkdir()
    path = folder / "damaged" / "cell.json"
    results.save(path, [Score("accuracy", 0.5)], task={"study": "gerum2022"}, provenance={})
    record = json.loads(path.read_text())
    (folder / "newer" / "cell.json").write_text(json.dumps(record | {"format": 99}))
    path.write_text(path.read_text().replace("0.5", "0.9"))
    (folder / "foreign" / "cell.json").write_text("{}")
    results.save(folder / "other" / "x.json", [Score("y", 1.0)], task={}, provenance={})
    for name in ("without-arrays", "bad-arrays"):
        path = folder / name / "x.json"
        results.save(path, [Score("y", 1.0)], task={}, provenance={}, arrays={"z": np.ones(3)})
    (folder / "without-arrays" / "x.npz").unlink()
    (folder / "bad-arrays" / "x.npz").write_bytes(b"not what was written")


def _data_sets(folder: Path) -> None:
    (folder / "no-data").mkdir()
    (folder / "bad-cifar10" / "cifar-10-batches-bin").mkdir(parents=True)
    (folder / "bad-cifar10" / "cifar-10-batches-bin" / "test_batch.bin").write_bytes(b"x" * 100)


def _arrays(folder: Path) -> None:
    contents = {
        "good": {"responses": GOOD},
        "two": {"responses_a": GOOD, "responses_b": GOOD},
        "unlike": {"responses_a": GOOD, "responses_b": GOOD[:, :3]},
        "nothing": {},
        "other-name": {"activity": GOOD},
        "two-axes": {"responses": GOOD[0]},
        "text": {"responses": np.array([[["high"]]])},
        "infinite": {"responses": GOOD + np.inf},
        "only-nan": {"responses": GOOD * np.nan},
        "objects": {"responses": np.array([[[{}]]], object)},
        "few-images": {"responses": GOOD, "images": IMAGES[:5]},
        "bright-images": {"responses": GOOD, "images": IMAGES + 255.0},
        "channels-last": {"responses": GOOD, "images": np.zeros((6, 8, 8, 3), np.uint8)},
        "one-pixel": {"responses": GOOD, "images": np.float32(0.5)},
        "few-names": {"responses": GOOD, "image_ids": np.arange(3)},
        "movies": MOVIES,
        "few-movies": MOVIES | {"zoom_category_movie_frame": np.array([[0, 0, 7, 0]] * 6)},
    }
    for name, arrays in contents.items():
        np.savez(folder / f"{name}.npz", **arrays)
    whole = (folder / "good.npz").read_bytes()
    (folder / "cut.npz").write_bytes(whole[: len(whole) // 2])
    (folder / "altered.npz").write_bytes(whole.replace(GOOD.tobytes(), GOOD[::-1].tobytes()))
    with h5py.File(folder / "good.h5", "w") as file:
        file["responses"] = GOOD
    packed = {
        "two-scales": {"scale_factor": [0.1, 0.2]},
        "no-offset": {"add_offset": np.nan},
        "scale-zero": {"scale_factor": 0.0},
        "large-fill": {"_FillValue": 40000},
    }
    for name, attributes in packed.items():
        with h5py.File(folder / f"{name}.nc", "w") as file:
            file["responses"] = GOOD.astype("i2")
            file["responses"].attrs.update(attributes)
    whole = (folder / "good.h5").read_bytes()
    (folder / "cut.h5").write_bytes(whole[: len(whole) // 2])


def _mat(folder: Path) -> None:
    stim = {
        "resp": np.ones((10, 5)),
        "spont": np.eye(8, 5),
        "istim": np.array([1, 1, 2, 2, 3, 3, 4, 4, 5, 5]),
    }
    files = {
        "good": stim,
        "no-spont": {"resp": stim["resp"]},
        "few-identities": stim | {"istim": stim["istim"][:3]},
        "from-zero": stim | {"istim": stim["istim"] - 1},
        "nan-identities": stim | {"istim": stim["istim"] * np.nan},
        "only-blank": stim | {"istim": np.ones(10)},
        "nan": stim | {"resp": stim["resp"] * np.nan},
        "infinite": stim | {"resp": stim["resp"] * np.inf},
    }
    for name, content in files.items():
        savemat(folder / f"{name}.mat", {"stim": content})
    savemat(folder / "no-stim.mat", {"other": 1})
    (folder / "cut.mat").write_bytes((folder / "good.mat").read_bytes()[:60])


def _pickles(folder: Path) -> None:
    good = {
        "images": IMAGES.astype(np.float32),
        "responses": GOOD.astype(np.float32),
        "image_types": np.array(["original"] * 6),
    }
    files = {
        "good": good,
        "a-list": [1, 2],
        "hostile": {"images": Hostile()},
        "few-types": good | {"image_types": good["image_types"][:5]},
        "bright": good | {"images": good["images"] + 300},
        "only-nan": good | {"responses": good["responses"] * np.nan},
    }
    for name, content in files.items():
        (folder / f"{name}.pkl").write_bytes(pickle.dumps(content))
    (folder / "cut.pkl").write_bytes((folder / "good.pkl").read_bytes()[:100])


def _nwb(folder: Path) -> None:
    good = {
        "units/spike_times": np.array([0.1, 0.2, 1.1, 1.2]),
        "units/spike_times_index": np.array([2, 4]),
        "intervals/trials/start_time": np.arange(4.0),
        "intervals/trials/stop_time": np.arange(4.0) + 1,
        "intervals/trials/stimulus_id": np.array([0, 1, 0, 1]),
    }
    files = {
        "good": good,
        "no-units": {name: values for name, values in good.items() if "units" not in name},
        "no-tables": {name: values for name, values in good.items() if "units" in name},
        "two-tables": good | {"intervals/epochs/start_time": np.arange(4.0)},
        "bad-index": good | {"units/spike_times_index": np.array([4, 2])},
        "text-spikes": good | {"units/spike_times": np.array([b"early", b"late"] * 2)},
        "nan-onsets": good | {"intervals/trials/start_time": np.full(4, np.nan)},
        "invalid": good | _invalid(0.0, 9.0),
        "bad-invalid": good | _invalid(2.0, 1.0),
        "few-stops": good | _invalid(0.0, 1.0) | {"intervals/trials/stop_time": np.ones(2)},
        "few-stimuli": good | {"intervals/trials/stimulus_id": np.array([0, 1])},
    }
    for name, content in files.items():
        with h5py.File(folder / f"{name}.nwb", "w") as file:
            for key, values in content.items():
                file[key] = values


def _invalid(start: float, stop: float) -> dict[str, np.ndarray]:
    table = "intervals/invalid_times"
    return {f"{table}/start_time": np.array([start]), f"{table}/stop_time": np.array([stop])}


def _photographs(folder: Path) -> None:
    for name in ("no-images", "bad-images", "deep-images", "some-images"):
        (folder / name).mkdir()
    (folder / "no-images" / "notes.txt").write_text("to do")
    (folder / "bad-images" / "a.png").write_bytes(b"not an image")
    Image.new("I;16", (9, 9)).save(folder / "deep-images" / "a.png")
    (folder / "some-images" / "a.png").write_bytes(b"not an image")
    Image.new("RGB", (9, 9)).save(folder / "some-images" / "b.png")


def _models(folder: Path) -> None:
    (folder / "nets.py").write_text(NETS)
    (folder / "unfinished.py").write_text("def dense(:\n")
    (folder / "lacking.py").write_text("import no_such_package\n")
    dense = nn.Sequential(nn.Flatten(), nn.Linear(192, 40), nn.Linear(40, 10))
    narrow = nn.Sequential(nn.Flatten(), nn.Linear(64, 40), nn.Linear(40, 10))
    weights = {
        "other-names": nn.Linear(2, 2).state_dict(),
        "other-shapes": narrow.state_dict(),
        "whole-model": dense,
        "checkpoint": {"model": dense.state_dict(), "epoch": 3},
        "a-list": [torch.zeros(2)],
        "hostile": Hostile(),
    }
    for name, content in weights.items():
        torch.save(content, folder / f"{name}.pt")
    (folder / "cut.pt").write_bytes((folder / "other-names.pt").read_bytes()[:300])
    (folder / "cut.safetensors").write_bytes(b"\0" * 20)
