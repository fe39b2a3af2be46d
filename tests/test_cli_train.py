"""``striate train``, as typed, alone and by several processes; and the README's ten lines."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from striate import results
from striate.studies.training import networks
from striate.study.claims import claim
from typed import captured as striate

QUICK = "train small/cnn-1x8 --data digits --epochs 2 --train-images 300"
ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    monkeypatch.delenv("STRIATE_DATA", raising=False)
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def results_in(folder):
    return sorted(Path(folder, "training").glob("*.json"))


def test_a_network_is_trained_once_and_its_weights_are_measured(capsys, monkeypatch):
    status, out, err = striate(capsys, monkeypatch, QUICK)
    assert status == 0, err
    *scores, weights = out.splitlines()
    assert [line.split("\t")[:2] for line in scores] == [
        ["loss", "train"], ["accuracy", "train"], ["accuracy", "test"], ["loss", "test"],
    ]  # fmt: skip
    (path,) = results_in("results")
    assert Path(weights) == path.with_suffix(".safetensors")
    written = Path(weights).stat().st_mtime_ns
    assert striate(capsys, monkeypatch, QUICK)[1] == out
    assert Path(weights).stat().st_mtime_ns == written
    assert not list(Path("results", ".partial").glob("*"))
    about = "--images digits --layers conv3"
    measure = f"measure spectrum small/cnn-1x8 --weights {weights} {about}"
    status, _, err = striate(capsys, monkeypatch, measure)
    assert status == 0, err
    (spectrum,) = Path("results", "spectra").glob("*.json")
    (trained,) = {one.settings["model_sha256"] for one in results.load(path)}
    task = results.read_record(spectrum)["task"]
    assert (task["model_sha256"], task["model"]) == (trained, f"small/cnn-1x8, {path.stem}")


def test_a_damaged_network_is_told_moved_and_trained_again(capsys, monkeypatch):
    words = QUICK.replace("--epochs 2", "--epochs 1")
    before = striate(capsys, monkeypatch, words)[1]
    (path,) = results_in("results")
    path.write_text("no result")
    status, out, err = striate(capsys, monkeypatch, words)
    assert (status, out) == (0, before)
    assert f"{path.name} was damaged, and is now results/training/{path.name}.damaged-1\n" in err


def test_every_option_reaches_the_task(capsys, monkeypatch):
    words = (
        f"{QUICK} --objective adversarial --set eps=8/255 --set steps=2 --set step_size=0.02 "
        "--set norm=L2 --set random_start=1 --spectral-alpha 1.5 --spectral-beta 0.5 "
        "--spectral-layers 'conv[23]' --spectral-ranks 2-9 --spectral-units channels "
        "--spectral-every 2 --blur coarse-to-fine --blur-sigma 1.5 --noise 0.1 --augment "
        "--batch-size 50 --learning-rate 0.01 --drops 1 --weight-decay 0.001 --momentum 0.8 "
        "--precision bfloat16 --replays 2 --seed 7 --results elsewhere"
    )
    status, _, err = striate(capsys, monkeypatch, words)
    assert status == 0, err
    (path,) = results_in("elsewhere")
    expected = {
        "objective": "adversarial", "eps": 8 / 255, "steps": 2, "step_size": 0.02, "norm": "L2",
        "random_start": True, "spectral_alpha": 1.5, "spectral_beta": 0.5,
        "spectral_layers": "conv2 conv3", "spectral_ranks": "2-9", "spectral_units": "channels",
        "spectral_every": 2,
        "blur": "coarse-to-fine", "blur_sigma": 1.5, "noise": 0.1, "augment": "shift 1",
        "batch_size": 50, "learning_rate": 0.01, "drops": "1", "schedule": "drops", "images": 300,
        "weight_decay": 0.001, "momentum": 0.8, "precision": "bfloat16", "replays": 2, "seed": 7,
        "optimizer": "sgd", "epochs": 2,
    }  # fmt: skip
    task = results.read_record(path)["task"]
    assert {name: task[name] for name in expected} == expected


def test_a_preset_and_other_ways_to_learn(capsys, monkeypatch):
    words = f"{QUICK} --preset resnet50-free --schedule cosine"
    assert striate(capsys, monkeypatch, words)[0] == 0
    (path,) = results_in("results")
    task = results.read_record(path)["task"]
    expected = {
        "objective": "free", "eps": 4 / 255, "replays": 4, "schedule": "cosine", "drops": None,
        "batch_size": 256, "augment": "shift 1", "learning_rate": 0.1, "epochs": 2,
    }  # fmt: skip
    assert {name: task[name] for name in expected} == expected


def test_training_starts_from_weights_where_they_are_given(capsys, monkeypatch):
    _, out, _ = striate(capsys, monkeypatch, QUICK)
    weights = out.splitlines()[-1]
    again = f"{QUICK} --weights {weights} --epochs 1 --learning-rate 1e-9 --weight-decay 0"
    status, out, err = striate(capsys, monkeypatch, again.replace("--epochs 2 ", ""))
    assert status == 0, err
    one, other = load_file(weights), load_file(out.splitlines()[-1])
    for name, part in one.items():
        torch.testing.assert_close(other[name], part, atol=1e-5, rtol=0)
    started = {
        results.read_record(path)["task"]["initial_sha256"] for path in results_in("results")
    }
    assert len(started) == 2


def test_a_stopped_command_goes_on_where_it_was(capsys, monkeypatch):
    whole = striate(capsys, monkeypatch, f"{QUICK} --epochs 4 --results whole")[1].splitlines()[-1]
    kept, note, told = networks.train, networks.note, []
    monkeypatch.setattr(
        networks, "train", lambda *args, **more: kept(*args, checkpoint_seconds=0.0, **more)
    )

    def interrupted(checkpoint, epoch, *rest):
        note(checkpoint, epoch, *rest)
        told.append(epoch)
        if len(told) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(networks, "note", interrupted)
    words = f"{QUICK} --epochs 4 --results parts"
    status, out, err = striate(capsys, monkeypatch, words)
    assert (status, out) == (130, "")
    assert "stopped; the same command goes on from here" in err
    assert list(Path("parts", ".partial").glob("*.safetensors"))
    assert not list(Path("parts").glob("training/*"))
    status, out, err = striate(capsys, monkeypatch, words)
    assert status == 0, err
    assert Path(out.splitlines()[-1]).read_bytes() == Path(whole).read_bytes()


def test_two_processes_train_one_network_and_one_of_them_writes(tmp_path, capsys, monkeypatch):
    # Of 290 images, batches of 101 leave parts of unequal size, and a last batch of another. With
    # a strength of 1 the training itself is unstable, and rounding grows a hundredfold an epoch.
    words = (
        f"{QUICK} --train-images 290 --batch-size 101 --objective free --set eps=0 "
        "--set step_size=0.1 --spectral-alpha 1 --spectral-beta 0.1 --spectral-layers hidden "
        "--spectral-ranks 2-20"
    )
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    together = [
        sys.executable, "-W", "ignore", "-m", "torch.distributed.run", "--standalone",
        "--nproc-per-node", "2", "-m", "striate.cli", *shlex.split(words), "--results", "two",
    ]  # fmt: skip
    ran = {"env": environment, "cwd": tmp_path, "capture_output": True, "text": True}
    said = subprocess.run(together, **ran)
    assert said.returncode == 0, said.stderr
    status, _, err = striate(capsys, monkeypatch, f"{words} --results one")
    assert status == 0, err
    assert said.stdout.count(".safetensors") == 1
    (two,), (one,) = results_in(tmp_path / "two"), results_in(tmp_path / "one")
    assert two.name != one.name  # what is random about images, and batch-norm, would differ
    tasks = [results.read_record(path)["task"] for path in (two, one)]
    assert tasks[0] == tasks[1] | {"processes": 2}
    weights = [load_file(path.with_suffix(".safetensors")) for path in (two, one)]
    for name, part in weights[1].items():
        torch.testing.assert_close(weights[0][name], part, atol=1e-5, rtol=1e-4)
    again = subprocess.run(together, **ran)
    assert (again.returncode, again.stdout) == (0, said.stdout), again.stderr
    # While another run holds the task, which it then ends.
    content, partial = two.read_bytes(), tmp_path / "two" / ".partial" / two.name
    two.unlink()
    with claim(partial.with_suffix(".lock")):
        waiting = subprocess.Popen(
            together, env=environment, cwd=tmp_path, stdout=-1, stderr=-1, text=True
        )
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(timeout=20)
        two.write_bytes(content)
    out, err = waiting.communicate(timeout=120)
    assert (waiting.returncode, out) == (0, said.stdout), err
    # On top of a checkpoint that is damaged.
    two.unlink()
    partial.parent.mkdir(exist_ok=True)
    partial.write_text("{}")
    anew = subprocess.run(together, **ran)
    assert (anew.returncode, anew.stdout) == (0, said.stdout), anew.stderr
    assert "damaged" in anew.stderr


def test_photographs_in_folders_are_learned(tmp_path, capsys, monkeypatch):
    rng = np.random.default_rng(0)
    for part in ("train", "val"):
        for label in range(10):
            folder = tmp_path / "photos" / part / f"class-{label}"
            folder.mkdir(parents=True)
            for number in range(3):
                pixels = rng.integers(0, 256, (40, 36, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.png")
    words = "train small/cnn-3x32 --data photos --epochs 1 --batch-size 10 --threads 2"
    status, out, err = striate(capsys, monkeypatch, words)
    assert status == 0, err
    (path,) = results_in("results")
    task = results.read_record(path)["task"]
    assert (task["images"], task["augment"]) == (30, "random resized crop, flip")
    assert out.splitlines()[-1].endswith(".safetensors")


@pytest.mark.parametrize("shorter", [
    {"--epochs 20": "--epochs 10", "--epsilons 0.1": "--epsilons 0.1 --n 60",
     "--verdict": "--verdict --restarts 1 --queries 20"},
    pytest.param({}, marks=pytest.mark.slow),
], ids=["shorter", "as written"])  # fmt: skip
def test_the_ten_lines_of_the_readme_train_a_robust_network(shorter, capsys, monkeypatch):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split("## Train your own robust model in ten lines")[1]
    block = re.findall(r"```\n(.*?)```", section, re.DOTALL)[0]
    assert len(block.splitlines()) <= 10
    for usual, less in shorter.items():
        assert usual in block
        block = block.replace(usual, less)
    commands = [
        line.partition("#")[0].strip().removeprefix("striate ")
        for line in block.replace("\\\n", "").splitlines()
        if line.startswith("striate")
    ]
    assert len(commands) >= 4
    accuracy = {}
    for words in commands:
        found = sorted(map(str, Path("robust", "training").glob("*.safetensors")))
        for name in re.findall(r"robust/training/\S+", words):
            (match,) = [path for path in found if Path(path).match(name)]
            words = words.replace(name, match)
        status, out, err = striate(capsys, monkeypatch, words)
        assert status == 0, err
        if words.startswith("measure robustness"):
            (line,) = [line for line in out.splitlines() if line.startswith("adversarial_accuracy")]
            accuracy["standard" if "standard" in words else "robust"] = line
    reached = {name: float(line.split("\t")[2].split()[0]) for name, line in accuracy.items()}
    assert reached["robust"] > reached["standard"] + 0.1


def test_the_page_on_training_runs_and_points_to_what_exists(capsys):
    text = (ROOT / "docs" / "train.md").read_text(encoding="utf-8")
    (snippet,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(snippet, {})
    assert capsys.readouterr().out.startswith("small/cnn-1x8, cnn-1x8-digits-adversarial-seed0-")
    targets = re.findall(r"\]\(([^)#]+)\)", text)
    assert targets
    assert [target for target in targets if not (ROOT / "docs" / target).exists()] == []


def test_every_option_is_explained_on_the_page(capsys, monkeypatch):
    text = (ROOT / "docs" / "train.md").read_text(encoding="utf-8")
    monkeypatch.setenv("COLUMNS", "300")
    _, out, _ = striate(capsys, monkeypatch, "train --help")
    options = set(re.findall(r"--[a-z][a-z-]+", out))
    usual = {"--help", "--results", "--device", "--threads", "--train-images"}
    words = text.replace("`-", "`--spectral-")
    assert {option for option in options - usual if option not in words} == set()


@pytest.mark.parametrize("lost", [True, False])
def test_weights_that_are_lost_or_damaged_are_told_and_made_again(lost, capsys, monkeypatch):
    words = QUICK.replace("--epochs 2", "--epochs 1")
    before = striate(capsys, monkeypatch, words)[1]
    (path,) = results_in("results")
    weights = path.with_suffix(".safetensors")
    there = weights.read_bytes()
    if lost:
        weights.unlink()
    else:
        weights.write_bytes(there[:-1] + b"x")
    status, out, err = striate(capsys, monkeypatch, words)
    assert (status, out) == (0, before)
    assert ("cannot be read" if lost else "is damaged") in err
    assert f"the result is now results/training/{path.name}.damaged-1" in err
    assert weights.read_bytes() == there
    assert len(results_in("results")) == 1


NETS = """
from torch import nn
from striate.models import Network

def normed():
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 20), nn.BatchNorm1d(20), nn.Linear(20, 10))
    return Network("normed", net, 8, 8)

def frozen():
    return Network("frozen", normed().model.requires_grad_(False), 8, 8)
"""


@pytest.mark.parametrize(("words", "said"), [
    ("nets.py:normed --train-images 201 --batch-size 100",
     "batch_size=100 leaves a last batch of one image, on which nets.py:normed cannot be trained"),
    ("nets.py:frozen --train-images 200", "nets.py:frozen has no parameter that can be trained"),
])  # fmt: skip
def test_a_network_that_cannot_be_trained_is_refused_at_once(words, said, capsys, monkeypatch):
    Path("nets.py").write_text(NETS)
    status, _, err = striate(capsys, monkeypatch, f"train {words} --data digits --epochs 1")
    assert status == 2
    assert said in err
    assert not Path("results").exists()
    words = "train nets.py:normed --data digits --epochs 1 --train-images 200"
    assert striate(capsys, monkeypatch, words)[0] == 0


def test_photographs_that_cannot_be_read_are_told(tmp_path, capsys, monkeypatch):
    for part in ("train", "val"):
        for label in range(10):
            folder = tmp_path / "photos" / part / f"class-{label}"
            folder.mkdir(parents=True)
            for number in range(2):
                Image.new("RGB", (40, 40), (25 * label, 9, number)).save(folder / f"{number}.png")
    broken = tmp_path / "photos" / "train" / "class-3"
    (broken / "1.png").write_bytes(b"no image")
    words = "train small/cnn-3x32 --data photos --epochs 1 --batch-size 10"
    status, _, err = striate(capsys, monkeypatch, words)
    assert status == 0, err
    assert "train: left out, for it cannot be read: class-3/1.png (cannot identify" in err
    (path,) = results_in("results")
    task = results.read_record(path)["task"]
    assert task["images"] == 19
    assert task["left_out"].startswith("train: left out")
    (broken / "0.png").write_bytes(b"no image")
    status, _, err = striate(capsys, monkeypatch, words)
    assert status == 2
    assert "no image of class 'class-3' can be read; the first is class-3/0.png" in err
