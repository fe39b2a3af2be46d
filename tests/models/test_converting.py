"""Old checkpoints become plain weights, whatever they are wrapped in, and run nothing."""

import builtins
import os
import pickle
import subprocess
import sys
from collections import OrderedDict
from functools import partial
from types import ModuleType

import pytest
import torch
from old_checkpoints import Tiny, tiny, wrapped, write
from published_weights import usual
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from striate.models import convert, load
from striate.models.zoo.checkpoints import LIMIT, read_checkpoint

ENTRY = "robust_resnet50_l2_3"
OTHERS = ("args", "optimizer", "handle", "kind", "prec1", "best", "epoch")


@pytest.fixture
def torchvision(monkeypatch):
    """Its resnet50 is a tiny one, and so are the rest."""
    package, models = ModuleType("torchvision"), ModuleType("torchvision.models")

    def get_model(_, weights, **options):
        model = Tiny()
        for head in ("aux1", "aux2") if options else ():
            setattr(model, head, None)
        return model

    models.get_model, models.list_models = get_model, lambda: ["resnet50", "googlenet"]
    models.get_model_weights = usual
    monkeypatch.setitem(sys.modules, "torchvision", package)
    monkeypatch.setitem(sys.modules, "torchvision.models", models)


@pytest.fixture
def no_torchvision(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.setitem(sys.modules, "torchvision.models", None)


def same(path, model):
    found, wanted = load_file(path), model.state_dict()
    assert set(found) == set(wanted)
    return all(torch.equal(found[name], wanted[name]) for name in wanted)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before 1.6"])
@pytest.mark.parametrize(("key", "prefix", "attack"), [
    ("model", "module.model.", True),
    ("model", "module.model.model.", True),
    ("state_dict", "module.", False),
    ("state_dict", "module.model.", True),
    ("model", "", False),
])  # fmt: skip
@pytest.mark.usefixtures("torchvision")
def test_a_checkpoint_becomes_weights_that_load(key, prefix, attack, zipped, tmp_path):
    model = tiny()
    state = wrapped(model.state_dict(), prefix, attack=attack)
    path, out = write(tmp_path / "old.ckpt", state, key=key, zipped=zipped), tmp_path / "new"
    found = convert(path, out / "x.safetensors", entry=ENTRY)
    assert same(out / "x.safetensors", model)
    assert found.kept == tuple(model.state_dict())
    assert found.checked
    extra = [name for name in state if "normalizer" in name or "attacker" in name]
    assert found.dropped == (*OTHERS, *extra)
    assert len(extra) == attack * (2 + len(model.state_dict()))
    assert {name.rpartition(".")[0] for name in found.asked} >= {
        "cox_of_2020.utils", "dill_of_2020._dill", "numpy",
    }  # fmt: skip
    assert [each.name for each in out.iterdir()] == ["x.safetensors"]
    network = load(f"kong2021/{ENTRY}", weights=out / "x.safetensors")
    pixels = torch.rand(2, 3, 6, 6)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    seen = (pixels - mean[:, None, None]) / std[:, None, None]
    torch.testing.assert_close(network.model(pixels), model(seen))


@pytest.mark.parametrize("entry", [ENTRY, f"kong2021/{ENTRY}"])
@pytest.mark.usefixtures("torchvision")
def test_bare_state_dictionaries_and_safetensors_are_taken_too(entry, tmp_path):
    state = wrapped(tiny().state_dict(), "module.", attack=False)
    torch.save(state, tmp_path / "old.pt")
    save_file(dict(state), tmp_path / "old.safetensors")
    for name in ("old.pt", "old.safetensors"):
        found = convert(tmp_path / name, tmp_path / "new.safetensors", entry=entry)
        assert same(tmp_path / "new.safetensors", tiny())
        assert (found.dropped, found.asked) == ((), ())
    with safe_open(tmp_path / "new.safetensors", "pt") as file:
        about = file.metadata()
    assert about["entry"] == f"kong2021/{ENTRY}"
    assert len(about["sha256 of the checkpoint"]) == 64


@pytest.mark.usefixtures("no_torchvision")
def test_without_torchvision_names_are_not_compared_and_that_is_said(tmp_path):
    path = write(tmp_path / "old.ckpt", wrapped({"fc.weight": torch.ones(2, 3)}, "module.model."))
    found = convert(path, tmp_path / "new.safetensors", entry=ENTRY)
    assert found.kept == ("fc.weight",)
    assert not found.checked


@pytest.mark.usefixtures("torchvision")
def test_heads_that_are_not_run_are_left_out(tmp_path):
    heads = {"aux1.fc.weight": torch.ones(2, 2), "aux2.fc.weight": torch.ones(2, 2)}
    torch.save(tiny().state_dict() | heads, tmp_path / "google.pth")
    found = convert(tmp_path / "google.pth", tmp_path / "x.safetensors", entry="googlenet")
    assert found.dropped == tuple(heads)
    assert same(tmp_path / "x.safetensors", tiny())
    with pytest.raises(
        ValueError, match=r"not hold a resnet50, .*: unknown: aux1\.fc\.weight, aux"
    ):
        convert(tmp_path / "google.pth", tmp_path / "x.safetensors", entry="resnet50")


@pytest.mark.usefixtures("no_torchvision")
def test_what_holds_nothing_but_an_attack_is_refused(tmp_path):
    torch.save({"module.attacker.model.fc.weight": torch.ones(2)}, tmp_path / "old.pt")
    with pytest.raises(ValueError, match="holds no weights but those of an attack"):
        convert(tmp_path / "old.pt", tmp_path / "x.safetensors", entry=ENTRY)


class Hung:
    """Read back, an ordered dictionary whose own methods are hidden by numbers."""

    def __init__(self, content):
        self.content = content

    def __reduce__(self):
        hidden = dict.fromkeys(("items", "keys", "values", "get", "__iter__", "__getitem__"), 3)
        return OrderedDict, (), hidden, None, iter(self.content.items())


@pytest.mark.usefixtures("no_torchvision")
def test_what_a_file_hangs_on_a_dictionary_is_not_used(tmp_path):
    torch.save(Hung({"model": Hung(tiny().state_dict())}), tmp_path / "old.pt")
    assert torch.load(tmp_path / "old.pt").items == 3
    convert(tmp_path / "old.pt", tmp_path / "x.safetensors", entry=ENTRY)
    assert same(tmp_path / "x.safetensors", tiny())


@pytest.mark.usefixtures("no_torchvision")
def test_names_of_densenets_before_2018_are_today_s(tmp_path):
    old = {f"features.denseblock1.denselayer2.{part}.weight": torch.ones(2)
           for part in ("norm.1", "conv.1", "norm.2", "conv.2")}  # fmt: skip
    torch.save(old | {"classifier.weight": torch.ones(2, 2)}, tmp_path / "old.pth")
    found = convert(tmp_path / "old.pth", tmp_path / "x.safetensors", entry="densenet121")
    block = "features.denseblock1.denselayer2"
    parts = ("norm1", "conv1", "norm2", "conv2")
    assert found.kept == (*(f"{block}.{part}.weight" for part in parts), "classifier.weight")


@pytest.mark.usefixtures("torchvision")
def test_counters_may_lack_and_parts_may_share_memory(tmp_path):
    state = tiny().state_dict()
    del state["bn1.num_batches_tracked"]
    state["bn1.bias"] = state["bn1.running_mean"]  # one storage
    state["fc.weight"] = state["fc.weight"].T.contiguous().T  # another order in memory
    torch.save(state, tmp_path / "old.pt")
    convert(tmp_path / "old.pt", tmp_path / "x.safetensors", entry="resnet50")
    found = load("kong2021/resnet50", weights=tmp_path / "x.safetensors").model.state_dict()
    assert found["bn1.num_batches_tracked"] == 0
    assert all(torch.equal(found[name], state[name]) for name in state)


def changed(**parts):
    return tiny().state_dict() | parts


def without(name):
    state = tiny().state_dict()
    del state[name]
    return state


@pytest.mark.parametrize(("content", "said"), [
    (lambda: without("fc.weight"),
     r"old\.pt' does not hold a resnet50, which kong2021/resnet50 is: missing: fc\.weight$"),
    (lambda: nn.Conv2d(3, 4, 3).state_dict(), r"is: missing: conv1\.weight, .* and \d+ more; unkn"),
    (lambda: changed(**{"fc.weight": torch.ones(7, 4)}),
     r"other shapes: fc\.weight \(7, 4\) instead of \(5, 4\)"),
    (lambda: changed(**{"module.extra.weight": torch.ones(1)}), r"unknown: module\.extra\.weight"),
    (lambda: changed(**{"fc.bias": torch.ones(5, dtype=torch.int64)}),
     r"fc\.bias is of torch\.int64, not of floating-point numbers"),
    (lambda: changed(**{"fc.bias": torch.ones(5, dtype=torch.complex64)}), "is of torch.complex64"),
    (lambda: changed(**{"bn1.num_batches_tracked": torch.tensor(1.0)}),
     r"bn1\.num_batches_tracked is of torch\.float32, not of whole numbers"),
    (lambda: changed(**{"fc.bias": torch.full((5,), torch.nan)}),
     r"fc\.bias has numbers that are not finite"),
    (lambda: {"epoch": 3, "acc": 0.5}, "holds no weights, .* it has epoch, acc"),
    (lambda: {"model": {"lr": 0.1}, "epoch": 3}, "holds no weights, .* it has lr"),
    (lambda: {}, "holds no weights, .* it has nothing"),
    (lambda: [torch.ones(2)], "holds a list, and no state dictionary; a whole network cannot"),
    (lambda: {"w": torch.ones(2, device="meta")}, "holds no weights"),
])  # fmt: skip
@pytest.mark.usefixtures("torchvision")
def test_what_is_no_such_network_is_refused_and_leaves_nothing(content, said, tmp_path):
    torch.save(content(), tmp_path / "old.pt")
    with pytest.raises(ValueError, match=said):
        convert(tmp_path / "old.pt", tmp_path / "x.safetensors", entry="resnet50")
    assert [path.name for path in tmp_path.iterdir()] == ["old.pt"]


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before 1.6"])
@pytest.mark.usefixtures("torchvision")
def test_a_whole_network_is_refused(zipped, tmp_path):
    torch.save(nn.Linear(2, 2), tmp_path / "old.pt", _use_new_zipfile_serialization=zipped)
    said = "no state dictionary|cannot be read as what torch.save writes"
    with pytest.raises(ValueError, match=said):
        convert(tmp_path / "old.pt", tmp_path / "x.safetensors", entry="resnet50")


@pytest.mark.parametrize(("change", "said"), [
    ({"entry": "resnet51"}, "model='kong2021/resnet51' is none of the paper's 40"),
    ({"path": "nowhere.pt"}, r"nowhere\.pt': there is no such file"),
    ({"out": "x.pt"}, r"x\.pt': name a file that ends in \.safetensors"),
    ({"path": "old.safetensors", "out": "old.safetensors"}, "is the file to convert; name another"),
])  # fmt: skip
def test_what_is_asked_wrongly_is_refused(change, said, tmp_path):
    torch.save(tiny().state_dict(), tmp_path / "old.pt")
    save_file(tiny().state_dict(), tmp_path / "old.safetensors")
    asked = {"path": "old.pt", "out": "x.safetensors", "entry": "resnet50"} | change
    with pytest.raises(ValueError, match=said):
        convert(tmp_path / asked["path"], tmp_path / asked["out"], entry=asked["entry"])


@pytest.mark.parametrize("content", [b"", b"\0" * 40, b"PK\3\4 torn", b"not a pickle at all"])
def test_damaged_files_are_refused(content, tmp_path):
    (tmp_path / "old.pt").write_bytes(content)
    with pytest.raises(
        ValueError, match=r"old\.pt' cannot be read as what torch\.save writes: \w+"
    ):
        read_checkpoint(tmp_path / "old.pt")
    torch.save(tiny().state_dict(), tmp_path / "whole.pt", _use_new_zipfile_serialization=False)
    (tmp_path / "old.pt").write_bytes((tmp_path / "whole.pt").read_bytes()[:300])
    with pytest.raises(
        ValueError, match=r"old\.pt' cannot be read as what torch\.save writes: \w+"
    ):
        read_checkpoint(tmp_path / "old.pt")


class Call:
    """Calls a function when it is unpickled."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call

    def __call__(self):
        """As a pickle's first item has to be; what it stands for is called when it is read."""


def payloads(mark):
    """Each of them makes the file `mark` if it runs."""
    touch = f"__import__('pathlib').Path({str(mark)!r}).touch()"
    return {
        "system": Call(os.system, f"touch {mark}"),
        "popen": Call(subprocess.Popen, ["touch", str(mark)]),
        "call": Call(subprocess.check_call, ["touch", str(mark)]),
        "eval": Call(builtins.eval, touch),
        "exec": Call(builtins.exec, touch),
        "open": Call(builtins.open, str(mark), "w"),
        "partial": Call(Call(partial, os.mkdir, str(mark))),
        "import": Call(Call(getattr, Call(builtins.__import__, "os"), "mkdir"), str(mark)),
    }


NAMES = tuple(payloads("x"))
REFUSED = ("system", "partial")  # PyTorch's reader never looks into the operating system


@pytest.mark.parametrize("name", NAMES)
def test_a_payload_would_run_if_one_let_it(name, tmp_path):
    written = pickle.dumps(payloads(tmp_path / "it-ran")[name], protocol=2)
    found = pickle.loads(written)
    if name == "popen":
        found.wait()
    if name == "open":
        found.close()
    assert (tmp_path / "it-ran").exists()


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before 1.6"])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("torchvision")
def test_nothing_in_a_file_runs(name, zipped, tmp_path):
    out, admitted = tmp_path / "new.safetensors", set(torch.serialization.get_safe_globals())
    content = {"args": payloads(tmp_path / "it-ran")[name], "model": tiny().state_dict()}
    torch.save(content, tmp_path / "old.pt", _use_new_zipfile_serialization=zipped)
    if name in REFUSED:
        with pytest.raises(ValueError, match=r"old\.pt' (asks for|cannot be read)"):
            convert(tmp_path / "old.pt", out, entry="resnet50")
        assert not out.exists()
    else:
        found = convert(tmp_path / "old.pt", out, entry="resnet50")
        assert found.asked
        assert found.dropped == ("args",)
        assert same(out, tiny())
    assert not (tmp_path / "it-ran").exists()
    assert set(torch.serialization.get_safe_globals()) == admitted


def test_the_operating_system_is_refused_by_name(tmp_path):
    torch.save({"args": Call(os.system, "true")}, tmp_path / "old.pt")
    with pytest.raises(
        ValueError, match=r"asks for (posix|nt)\.system, which is never read; do not"
    ):
        read_checkpoint(tmp_path / "old.pt")


def test_a_file_that_asks_for_no_end_of_names_is_refused(tmp_path):
    module = ModuleType("endless")
    for number in range(LIMIT + 1):
        kind = type(f"K{number}", (), {"__module__": "endless"})
        setattr(module, kind.__name__, kind)
    sys.modules["endless"] = module
    try:
        kinds = [getattr(module, f"K{number}") for number in range(LIMIT + 1)]
        torch.save(kinds[:LIMIT], tmp_path / "many.pt")
        torch.save(kinds, tmp_path / "more.pt")
    finally:
        del sys.modules["endless"]
    assert len(read_checkpoint(tmp_path / "many.pt").asked) == LIMIT
    with pytest.raises(ValueError, match=rf"asks for more than {LIMIT} .*, endless\.K{LIMIT} am"):
        read_checkpoint(tmp_path / "more.pt")
