"""``striate models``: the paper's networks, layers without weights, old checkpoints."""

import sys
from types import ModuleType

import pytest
import torch
from old_checkpoints import Tiny, tiny, wrapped, write

from striate import cli
from striate.models import ZOO
from striate.reference import kong2021_table_s1


@pytest.fixture
def striate(monkeypatch, capsys):
    def type_in(*words):
        monkeypatch.setattr(sys, "argv", ["striate", *map(str, words)])
        with pytest.raises(SystemExit) as leaving:
            cli.main()
        said = capsys.readouterr()
        return leaving.value.code, said.out, said.err

    return type_in


@pytest.fixture
def torchvision(monkeypatch):
    package, models = ModuleType("torchvision"), ModuleType("torchvision.models")
    models.get_model = lambda name, weights: (weights is None and Tiny()) or pytest.fail("weights")
    monkeypatch.setitem(sys.modules, "torchvision", package)
    monkeypatch.setitem(sys.modules, "torchvision.models", models)


def test_the_paper_s_networks_are_listed(striate):
    code, out, _ = striate("models", "list")
    header, *lines = [line.split("\t") for line in out.splitlines()]
    assert code == 0
    assert header == ["name", "architecture", "trained", "pixels", "layers", "top-1", "weights"]
    assert [line[0] for line in lines] == [f"kong2021/{name}" for name in ZOO]
    assert sum(int(line[4]) for line in lines) == 1029
    assert sum(line[2] == "robust" for line in lines) == 14
    assert sum(line[6] == "torchvision" for line in lines) == 25
    table = kong2021_table_s1().set_index("model")["top1_clean"]
    assert [float(line[5]) for line in lines] == [table[name] for name in ZOO]


@pytest.mark.usefixtures("torchvision")
def test_layers_are_listed_without_the_weights_of_a_network(striate):
    code, out, _ = striate("models", "layers", "kong2021/robust_resnet50_l2_3")
    assert code == 0
    assert out.splitlines()[0] == "conv1\tConv2d\t4×222×222\t197136\t"
    assert [line.partition("\t")[0] for line in out.splitlines()] == [
        "conv1", "bn1", "layer1", "layer1.0", "layer1.1", "fc",
    ]  # fmt: skip


def test_layers_of_a_network_for_grey_images_are_listed(striate):
    code, out, _ = striate("models", "layers", "small/cnn-1x8", "--layers", "conv1")
    assert (code, out) == (0, "conv1\tConv2d\t32×4×4\t512\t\n")


def test_layers_of_a_grey_network_of_ones_own_are_listed(striate, tmp_path):
    file = tmp_path / "grey_nets.py"
    file.write_text(
        "from torch import nn\n"
        "from striate.models import Network\n"
        "def sized(*layers):\n    return Network('grey', nn.Sequential(*layers), 8, 8)\n"
        "def conv():\n    return sized(nn.Conv2d(1, 2, 3), nn.ReLU())\n"
        "def flat():\n    return sized(nn.Flatten(), nn.Linear(64, 2))\n"
    )
    code, out, _ = striate("models", "layers", f"{file}:conv", "--layers", "0, 1@1")
    assert (code, out) == (0, "0\tConv2d\t2×6×6\t72\t\n1\tReLU\t2×6×6\t72\t\n")
    code, out, _ = striate("models", "layers", f"{file}:flat", "--channels", "1", "--layers", "1")
    assert (code, out) == (0, "1\tLinear\t2\t2\t\n")


@pytest.mark.usefixtures("torchvision")
def test_a_checkpoint_is_converted_and_it_is_said_what_was_left_out(striate, tmp_path):
    path = write(tmp_path / "old.ckpt", wrapped(tiny().state_dict(), "module.model."))
    out = tmp_path / "new.safetensors"
    code, said, err = striate("models", "convert", path, "--entry", "resnet50", "--out", out)
    assert (code, err) == (0, "")
    lines = said.splitlines()
    count = len(tiny().state_dict())
    assert lines[0] == f"{out}: {count} weights of resnet50"
    assert lines[1] == (
        "left out: args, optimizer, handle, kind, prec1, best, epoch, normalizer (2 parts), "
        f"attacker ({count} parts)"
    )
    assert lines[2].startswith("asked for and not run: cox_of_2020.utils.rebuild, ")
    assert lines[3:] == [f"next: striate measure … kong2021/resnet50 --weights {out}"]


def test_without_torchvision_a_line_says_that_nothing_was_compared(striate, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision.models", None)
    torch.save(tiny().state_dict(), tmp_path / "old.pt")
    out = tmp_path / "new.safetensors"
    code, said, _ = striate(
        "models", "convert", tmp_path / "old.pt", "--entry", "kong2021/resnet50", "--out", out
    )
    assert code == 0
    assert said.splitlines()[1].startswith("names and shapes were not compared")
    assert said.splitlines()[2] == f"next: striate measure … kong2021/resnet50 --weights {out}"


def test_a_mistake_costs_one_line(striate, tmp_path):
    code, out, err = striate(
        "models", "convert", tmp_path / "x.pt", "--entry", "resnet50", "--out", "x.safetensors"
    )
    assert (code, out) == (2, "")
    assert err == f"error: path='{tmp_path / 'x.pt'}': there is no such file\n"
