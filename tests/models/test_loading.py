"""Networks are found by name, take pixels, and say clearly what is wrong when they are not."""

import builtins
import importlib
import os
import shutil
import sys
import types
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from published_weights import weights
from safetensors.torch import save_file
from torch import nn

from striate import layers
from striate.models import Network, fingerprint, load, normalised, own_file
from striate.models.own_code import code_digest
from striate.models.weights import load_weights
from striate.results import digest

FILE = """
import torch
from torch import nn
from striate.models import Network

def small():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 5), nn.Dropout(0.5))

def sized():
    return Network("mine", small(), 40, 32)

def number():
    return 3

constant = 7
"""
EXAMPLES = Path(__file__).parents[2] / "examples"
needs_data = pytest.mark.skipif("STRIATE_DATA" not in os.environ, reason="needs STRIATE_DATA")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    return path


def test_a_function_in_a_file_makes_a_network(file):
    found = load(f"{file}:small")
    assert (found.name, found.resize, found.size) == (f"{file}:small", 256, 224)
    assert [name for name, _ in found.model.named_modules()] == ["", "0", "1", "2"]
    assert not any(layer.training for layer in found.model.modules())
    sized = load(f"{file}:sized")
    assert (sized.resize, sized.size) == (40, 32)
    assert layers.fingerprint(sized.model) == layers.fingerprint(found.model)


@pytest.mark.parametrize(("name", "message"), [
    ("resnet18", "model='resnet18'; give torchvision/NAME, timm/NAME, kong2021/NAME, small/"),
    ("keras/vgg", "model='keras/vgg'; give torchvision/NAME"),
    ("torchvision/", "model='torchvision/'; give torchvision/NAME"),
    ("nowhere.py:make", "there is no file nowhere.py"),
    ("FILE:big", "has no function 'big'; it has Network, small, sized, number"),
    ("FILE:constant", "has no function 'constant'"),
    ("FILE:number", r"number\(\) returned a int; return a module, or a striate.models.Network"),
])  # fmt: skip
def test_what_is_no_network_is_refused(name, message, file):
    with pytest.raises(ValueError, match=message):
        load(name.replace("FILE", str(file)))


@pytest.mark.parametrize("package", ["torchvision", "timm"])
def test_a_package_that_is_not_installed_is_named(package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setitem(sys.modules, f"{package}.models", None)
    message = f"needs {package}, which is not installed; pip install 'striate\\[zoo\\]'"
    with pytest.raises(ValueError, match=message):
        load(f"{package}/resnet18")


def in_place_of(monkeypatch, name, **members):
    """A package that need not be installed, as far as we use it."""
    module = types.ModuleType(name)
    for member, value in members.items():
        setattr(module, member, value)
    monkeypatch.setitem(sys.modules, name.partition(".")[0], module)
    monkeypatch.setitem(sys.modules, name, module)


def test_torchvision_is_asked_for_the_weights_of_the_papers(monkeypatch, tmp_path):
    asked = []

    def get_model(name, weights, **options):
        asked.append((name, weights))
        model = nn.Conv2d(3, 2, 1)
        model.AuxLogits = None
        return model

    known = {
        "resnet18": weights(),
        "inception_v3": weights(342, 299),
        "efficientnet_v2_l": weights(480, 480, (0.5,) * 3, (0.5,) * 3, "bicubic"),
        "deeplabv3": {"COCO_V1": None},
        "nothing": {},
    }
    in_place_of(
        monkeypatch,
        "torchvision.models",
        list_models=lambda: list(known),
        get_model=get_model,
        get_model_weights=lambda name: types.SimpleNamespace(__members__=known[name]),
    )
    found = load("torchvision/resnet18")
    assert found[2:] == (256, 224, "bilinear")
    assert load("torchvision/inception_v3")[2:] == (342, 299, "bilinear")
    large = load("torchvision/efficientnet_v2_l")
    assert large[2:] == (480, 480, "bicubic")
    conv = nn.Conv2d(3, 2, 1)
    conv.load_state_dict(large.model.state_dict())
    grey = torch.full((1, 3, 2, 2), 0.5)
    torch.testing.assert_close(large.model(grey), conv(0 * grey))
    for name, has in (("deeplabv3", "COCO_V1"), ("nothing", "none")):
        for pretrained in (True, False):
            with pytest.raises(ValueError, match=rf"no weights IMAGENET1K_V1, .* \(it has {has}\)"):
                load(f"torchvision/{name}", pretrained=pretrained, seed=0)
    save_file(nn.Conv2d(3, 2, 1).state_dict(), tmp_path / "w.safetensors")
    load("torchvision/resnet18", weights=tmp_path / "w.safetensors")
    assert [weights for _, weights in asked] == [*["IMAGENET1K_V1"] * 3, None]
    pixels = torch.rand(2, 3, 4, 4)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    seen = (pixels - mean[:, None, None]) / std[:, None, None]
    conv = nn.Conv2d(3, 2, 1)
    conv.load_state_dict(found.model.state_dict())
    torch.testing.assert_close(found.model(pixels), conv(seen))
    with pytest.raises(ValueError, match="torchvision has no model 'resnet19'"):
        load("torchvision/resnet19")


def test_timm_says_itself_what_its_models_want_to_see(monkeypatch):
    config = {
        "input_size": (3, 288, 288),
        "crop_pct": 0.9245,
        "mean": (0.5,) * 3,
        "std": (0.25,) * 3,
        "interpolation": "bicubic",
    }
    in_place_of(
        monkeypatch,
        "timm",
        is_model=lambda name: name == "vit",
        create_model=lambda _name, pretrained: nn.Identity(),
        data=types.SimpleNamespace(resolve_model_data_config=lambda _: config),
    )
    found = load("timm/vit.in1k")
    assert found[2:] == (311, 288, "bicubic")
    assert torch.equal(found.model(torch.full((1, 3, 2, 2), 0.75)), torch.ones(1, 3, 2, 2))
    with pytest.raises(ValueError, match="timm has no model 'vgg'"):
        load("timm/vgg")


@pytest.mark.parametrize("ending", ["safetensors", "pt"])
def test_weights_are_loaded_from_a_file(ending, file, tmp_path):
    other = nn.Sequential(nn.Flatten(), nn.Linear(12, 5), nn.Dropout(0.5))
    path = tmp_path / f"weights.{ending}"
    (save_file if ending == "safetensors" else torch.save)(other.state_dict(), path)
    found = load(f"{file}:small", weights=path)
    assert layers.fingerprint(found.model) == layers.fingerprint(other)
    assert fingerprint(found.model) != fingerprint(load(f"{file}:small").model)


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("checkpoint", [False, True])
def test_weights_as_trainings_keep_them_are_loaded(parallel, checkpoint, file, tmp_path):
    other = load(f"{file}:small").model
    state = (nn.DataParallel(other) if parallel else other).state_dict()
    torch.save({"epoch": 3, "state_dict": state} if checkpoint else state, tmp_path / "w.pt")
    found = load(f"{file}:small", weights=tmp_path / "w.pt")
    for name, value in other.state_dict().items():
        assert torch.equal(found.model.state_dict()[name], value)


def test_a_part_that_is_called_module_is_no_wrapper(tmp_path):
    model = nn.Module()
    model.module = nn.Linear(3, 2)
    torch.save(model.state_dict(), tmp_path / "w.pt")
    other = nn.Module()
    other.module = nn.Linear(3, 2)
    load_weights(other, tmp_path / "w.pt")
    assert torch.equal(other.module.weight, model.module.weight)


def test_weights_that_do_not_fit_are_refused(file, tmp_path):
    with pytest.raises(ValueError, match="there is no such file"):
        load(f"{file}:small", weights=tmp_path / "none.pt")
    torch.save(nn.Linear(2, 2).state_dict(), tmp_path / "other.pt")
    with pytest.raises(
        ValueError, match=r"other\.pt' do not fit this Sequential: missing: 1\.weight"
    ):
        load(f"{file}:small", weights=tmp_path / "other.pt")
    (tmp_path / "torn.safetensors").write_bytes(b"\0" * 20)
    with pytest.raises(ValueError, match=r"torn\.safetensors' cannot be read"):
        load(f"{file}:small", weights=tmp_path / "torn.safetensors")


class Evil:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


def test_weights_that_are_a_program_do_not_run(file, tmp_path):
    marker = tmp_path / "it ran"
    torch.save({"1.weight": Evil(marker)}, tmp_path / "evil.pt")
    with pytest.raises(ValueError, match=r"it asks for posix\.system, which is not run"):
        load(f"{file}:small", weights=tmp_path / "evil.pt")
    assert not marker.exists()


def test_a_fingerprint_is_of_names_kinds_and_numbers():
    one = nn.Linear(2, 3).requires_grad_(False)
    same = nn.Linear(2, 3)
    same.load_state_dict(one.state_dict())
    assert fingerprint(one) == fingerprint(same)
    changed = nn.Linear(2, 3)
    changed.load_state_dict(one.state_dict())
    with torch.no_grad():
        changed.weight[0, 0] += 1e-6
    wrapped = nn.Sequential(one)
    prints = {fingerprint(each) for each in (one, changed, wrapped, nn.Linear(2, 3).half())}
    assert len(prints) == 4
    # The same weights see something else, or are used otherwise.
    prints = {fingerprint(normalised(same, (0.5,), (std,))) for std in (0.25, 0.5)}
    convolutions = [nn.Conv2d(1, 1, 1, stride) for stride in (1, 2)]
    convolutions[1].load_state_dict(convolutions[0].state_dict())
    prints |= {fingerprint(each) for each in convolutions}
    assert len(prints | {fingerprint(one)}) == 5


@pytest.mark.parametrize(("mean", "std"), [((0.5,), (0.5, 0.5)), ((0.5,), (0.0,))])
def test_normalisation_that_cannot_be_is_refused(mean, std):
    with pytest.raises(ValueError, match="give one number of each per channel"):
        normalised(nn.Identity(), mean, std)


def test_normalisation_follows_kind_and_passes_gradients():
    model = normalised(nn.Identity(), (0.5,), (0.25,))
    pixels = torch.rand(2, 1, 3, 3, dtype=torch.float64, requires_grad=True)
    out = model(pixels)
    out.sum().backward()
    assert out.dtype == torch.float64
    assert torch.equal(pixels.grad, torch.full_like(pixels, 4.0))


@pytest.mark.parametrize("name", ["untrained", pytest.param("trained", marks=needs_data)])
def test_the_example_of_a_network_of_ones_own(name):
    found = load(f"{EXAMPLES / 'squeezenet.py'}:{name}")
    assert isinstance(found, Network)
    assert sum(part.numel() for part in found.model.parameters()) == 1_235_496
    assert found.model(torch.rand(1, 3, 224, 224)).shape == (1, 1000)


@needs_data
@pytest.mark.parametrize(("name", "published"), [("plain", 0.9173), ("robust", 0.6925)])
def test_the_cifar_networks_are_as_accurate_as_published(name, published):
    from striate.datasets import cifar10

    test = cifar10("test")
    model = load(f"{EXAMPLES / 'cifar_networks.py'}:{name}").model
    with torch.no_grad():
        correct = (model(test.images[:1000]).argmax(1) == test.labels[:1000]).float().mean()
    assert abs(correct - published) < 3 * (published * (1 - published) / 1000) ** 0.5


OWN_CODE = """
'''Networks.'''
import torch
from torch import nn

GAIN = 1.0


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(2, 3)

    def forward(self, images):
        return bent(self.linear(images) * GAIN)


def bent(x):
    return x.relu()


def net():
    return Net()


def other():
    return nn.Linear(2, 3)


if __name__ == "__main__":
    print(other(), net())
"""


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("GAIN = 1.0", "GAIN = -1.0", False),
        ("* GAIN", "/ GAIN", False),
        ("x.relu()", "x.tanh()", False),
        ("def net():\n    return Net()", "def net():\n    return Net().double()", False),
        ("GAIN = 1.0", "GAIN = 1.0\nif GAIN:\n    GAIN = 2", False),
        ("def bent", "# Below zero, nothing.\n\n\ndef bent", True),
        ("return nn.Linear(2, 3)", "return nn.Linear(2, 4)", True),
        ("print(other(), net())", "print(net())", True),
        ("Networks.", "My networks.", True),
    ],
)
def test_the_fingerprint_of_a_network_of_a_file_is_of_the_code_it_rests_on(
    before, after, same, tmp_path
):
    file = tmp_path / "nets.py"
    file.write_text(OWN_CODE)
    first = load(f"{file}:net", seed=0).model
    file.write_text(OWN_CODE.replace(before, after))
    assert OWN_CODE.count(before) == 1
    second = load(f"{file}:net", seed=0).model
    assert (fingerprint(first) == fingerprint(second)) == same
    assert fingerprint(deepcopy(first)) == fingerprint(first)


@pytest.mark.parametrize("function", ["a", "b", "c"])
def test_a_decorator_is_code_and_a_star_brings_any_name(function, tmp_path):
    def code_of(text):
        (tmp_path / "nets.py").write_text(text)
        return code_digest(tmp_path / "nets.py", function)

    text = "from torch.nn import *\n@{}\ndef a():\n    return Linear(1, 1)\nb = c = a\n"
    once = text.format("staticmethod")
    assert code_of(once) != code_of(text.format("classmethod"))
    assert code_of(once) != code_of(once.replace("import *", "import Linear"))


def test_a_file_imports_those_beside_it_and_they_are_code_too(tmp_path):
    (tmp_path / "beside_one.py").write_text("from beside_two import size\n")
    (tmp_path / "beside_two.py").write_text("import beside_one\nsize = 3\n")
    (tmp_path / "nets.py").write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "from torch import nn\nimport beside_one\n"
        "@dataclass\nclass Sizes:\n    size: int\n"
        "def net():\n    return nn.Linear(Sizes(beside_one.size).size, 1)\n"
        "def other():\n    return nn.Linear(2, 1)\n"
    )
    before = list(sys.path)
    assert load(f"{tmp_path}/nets.py:net", seed=0).model.in_features == 3
    assert sys.path == before
    code = code_digest(tmp_path / "nets.py", "net"), code_digest(tmp_path / "nets.py", "other")
    (tmp_path / "beside_two.py").write_text("import beside_one\nsize = 4\n")
    assert code_digest(tmp_path / "nets.py", "net") != code[0]
    assert code_digest(tmp_path / "nets.py", "other") == code[1]


def helped(folder, activation):
    """A network whose activation is of a file beside it."""
    folder.mkdir(exist_ok=True)
    (folder / "nets.py").write_text(
        "from torch import nn\nfrom helps import act\nimport helps_too.act as again\n"
        "class Net(nn.Module):\n    def forward(self, x):\n        return again.act(act(x))\n"
        "def net():\n    return Net()\n"
    )
    (folder / "helps_too").mkdir(exist_ok=True)
    for file in ("helps.py", "helps_too/act.py"):
        (folder / file).write_text(f"import torch\ndef act(x):\n    return {activation}\n")
    return f"{folder}/nets.py:net"


def test_files_beside_a_network_are_those_that_lie_there_now(tmp_path):
    one, other = helped(tmp_path / "1", "x + 1"), helped(tmp_path / "2", "x * 10")
    x, loaded = torch.tensor([1.0]), {}
    for name, wanted in ((one, 3.0), (other, 100.0), (one, 3.0)):
        loaded[name] = load(name).model
        assert loaded[name](x).item() == wanted
    assert fingerprint(loaded[one]) != fingerprint(loaded[other])
    helped(tmp_path / "1", "x + 20")
    changed = load(one).model
    assert changed(x).item() == 41
    assert fingerprint(changed) != fingerprint(loaded[one])
    # Of another size, or bytes of before could be taken for these within a second.
    (tmp_path / "1" / "helps_too" / "act.py").write_text("def act(x):\n    return x - 1.25\n")
    assert load(one).model(x).item() == 19.75


def test_files_beside_networks_in_folders_within_each_other_are_told_apart(tmp_path):
    x = torch.tensor([1.0])
    outer, inner = helped(tmp_path, "x + 1"), helped(tmp_path / "inner", "x * 10")
    found = [load(name).model(x).item() for name in (outer, inner, outer, inner)]
    assert found == [3.0, 100.0, 3.0, 100.0]
    helped(tmp_path / "inner", "x * 3.5")
    assert load(inner).model(x).item() == 12.25


def test_packages_of_one_name_take_turns(tmp_path):
    """A part of the first package must not be left beside the second, nor the other way round."""
    for name, parts in (("1", ("base", "sub")), ("2", ("base",))):
        folder = tmp_path / name
        (folder / "packed").mkdir(parents=True)
        (folder / "packed" / "__init__.py").write_text("")
        for part in parts:
            (folder / "packed" / f"{part}.py").write_text(f"SIZE = {name}\n")
        (folder / "nets.py").write_text(
            "from torch import nn\nimport packed.base\n"
            + "".join(f"import packed.{part}\n" for part in parts)
            + f"def net():\n    return nn.Linear(packed.{parts[-1]}.SIZE, 1)\n"
        )
    for name in "12121":
        assert load(f"{tmp_path}/{name}/nets.py:net", seed=0).model.in_features == int(name)


def test_what_the_caller_has_imported_and_not_changed_is_what_the_network_is_made_of(
    tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "helps_me.py").write_text(
        "from torch import nn\nclass Net(nn.Identity):\n    ...\n"
    )
    (tmp_path / "nets.py").write_text("import helps_me\ndef net():\n    return helps_me.Net()\n")
    mine = importlib.import_module("helps_me")
    for _ in range(2):
        assert isinstance(load(f"{tmp_path}/nets.py:net").model, mine.Net)
    (tmp_path / "helps_me.py").write_text("from torch import nn\nclass Net(nn.Tanh):\n    pass\n")
    assert isinstance(load(f"{tmp_path}/nets.py:net").model, nn.Tanh)


def test_networks_are_loaded_by_several_threads(tmp_path):
    names = [helped(tmp_path / str(n), f"x + {n}") for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        loaded = list(pool.map(load, names * 2))
    found = [one.model(torch.tensor([0.0])).item() for one in loaded]
    assert found == [0.0, 2.0, 4.0, 6.0] * 2


def test_striate_stays_though_a_network_lies_beside_it(tmp_path, monkeypatch):
    import striate

    monkeypatch.setattr(own_file, "_FOLDERS", {Path(striate.__file__).parents[1]})
    assert "striate" not in own_file._imported()


def test_what_has_not_changed_beside_a_network_is_not_run_again(tmp_path):
    """It may have registered something, which cannot be done twice."""
    name = helped(tmp_path / "1", "x + 1")
    with (tmp_path / "1" / "helps.py").open("a") as file:
        file.write("import builtins\nassert not hasattr(builtins, 'helped')\n")
        file.write("builtins.helped = True\n")
    try:
        assert load(name).model(torch.tensor([1.0])).item() == 3
        assert load(name).model(torch.tensor([1.0])).item() == 3
        module = sys.modules["helps"]
        load(helped(tmp_path / "2", "x * 10"))
        assert sys.modules["helps"] is not module
    finally:
        del builtins.helped


def test_a_module_that_the_caller_has_stays_the_caller_s(tmp_path, monkeypatch):
    name = helped(tmp_path / "1", "x + 1")
    (tmp_path / "1" / "helps_more.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path / "1"))
    more = importlib.import_module("helps_more")
    load(name)
    assert sys.modules["helps_more"] is more


REGISTRIES = {
    "a decorator": (
        "KNOWN = {}\ndef known(f):\n    KNOWN[f.__name__] = f\n    return f\n"
        "@known\ndef act(x):\n    return BODY\n",
        "KNOWN['act'](x)",
    ),
    "a base class": (
        "class Base:\n    KNOWN = {}\n    def __init_subclass__(cls):\n"
        "        Base.KNOWN[cls.__name__] = cls\n"
        "class Middle(Base):\n    pass\n"
        "class Act(Middle):\n    def __call__(self, x):\n        return BODY\n",
        "Base.KNOWN['Act']()(x)",
    ),
    "its name": ("def act(x):\n    return BODY\n", "globals()['act'](x)"),
    "a file beside": (
        "from registry import KNOWN, known\n@known\ndef act(x):\n    return BODY\n",
        "KNOWN['act'](x)",
    ),
}


@pytest.mark.parametrize("way", REGISTRIES)
def test_code_that_is_found_by_its_name_is_code_of_the_network(way, tmp_path):
    code, call = REGISTRIES[way]
    (tmp_path / "registry.py").write_text("KNOWN = {}\ndef known(f):\n    KNOWN['act'] = f\n")
    digests = set()
    for body in ("x.relu()", "x.tanh()"):
        (tmp_path / "nets.py").write_text(
            "from torch import nn\n"
            + code.replace("BODY", body)
            + f"def net():\n    return lambda x: {call}\n"
        )
        digests.add(code_digest(tmp_path / "nets.py", "net"))
    assert len(digests) == 2


def test_plain_classes_and_decorators_of_others_are_not(tmp_path):
    digests = set()
    (tmp_path / "beside.py").write_text("class Plain:\n    pass\n")
    for size in (1, 2):
        (tmp_path / "nets.py").write_text(
            "import functools\nfrom torch import nn\n"
            "import abc\nfrom beside import Plain\n"
            "class Base(nn.Module):\n    pass\n"
            f"class Third(Plain, metaclass=abc.ABCMeta):\n    size = {size}\n"
            f"class Other(Base):\n    size = {size}\n"
            f"@functools.cache\ndef other():\n    return {size}\n"
            "def net():\n    return Base()\n"
        )
        digests.add(code_digest(tmp_path / "nets.py", "net"))
    assert len(digests) == 1


PACKAGE = {
    "nets.py": (
        "from torch import nn\nimport lone.deep.one\nfrom mynet.blocks import Net\n"
        "def net():\n    return nn.Sequential(Net(), lone.deep.one.made())\n"
        "def other():\n    return nn.Linear(2, 1)\n"
    ),
    "mynet/__init__.py": "from . import names\n",
    "mynet/names.py": "NAME = 'mine'\n",
    "mynet/blocks.py": (
        "from torch import nn\nfrom .parts import wide\nfrom mynet.parts.deep import tall\n"
        "class Net(nn.Linear):\n    def __init__(self):\n        super().__init__(wide(), tall)\n"
    ),
    "mynet/sizes.py": "WIDE = 3\n",
    "mynet/parts/__init__.py": "from ..sizes import WIDE\ndef wide():\n    return WIDE\n",
    "mynet/parts/deep.py": "import mynet\ntall = 4\n",
    "mynet/unused.py": "WIDE = 5\n",
    "lone/deep/one.py": "from torch import nn\nfrom .two import *\n",
    "lone/deep/two.py": "from torch.nn import Identity as made\n",
    "torch.txt": "no code",
}


@pytest.fixture
def package(tmp_path):
    """A file of the user's, a package beside it, and a folder that is one without saying so."""
    known = set(sys.modules)
    for name, text in PACKAGE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    yield tmp_path
    for name in set(sys.modules) - known:
        if name.split(".")[0] in ("mynet", "lone"):
            del sys.modules[name]


def test_what_is_no_python_or_installed_is_not_followed(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "__init__.py").write_text("try:\n    from . import py2\nexcept: pass\n")
    (tmp_path / "old" / "py2.py").write_text("print 'hello'\n")
    installed = tmp_path / "lib" / "site-packages" / "big"
    installed.mkdir(parents=True)
    (installed / "__init__.py").write_text("SIZE = 3\n")
    (tmp_path / "big").symlink_to(installed)
    (tmp_path / "nets.py").write_text("import old\nimport big\ndef net():\n    return old, big\n")
    before = code_digest(tmp_path / "nets.py", "net")
    (installed / "__init__.py").write_text("SIZE = 4\n")
    assert code_digest(tmp_path / "nets.py", "net") == before
    (tmp_path / "old" / "py2.py").write_text("print 'hi'\n")
    assert code_digest(tmp_path / "nets.py", "net") != before


@pytest.mark.parametrize(("changed", "same"), [
    ("mynet/__init__.py", False), ("mynet/blocks.py", False), ("mynet/sizes.py", False),
    ("mynet/names.py", False),
    ("mynet/parts/__init__.py", False), ("mynet/parts/deep.py", False),
    ("lone/deep/one.py", False), ("lone/deep/two.py", False), ("mynet/unused.py", True),
    ("torch.txt", True),
])  # fmt: skip
def test_packages_beside_a_file_are_code_as_far_as_they_are_imported(changed, same, package):
    made = load(f"{package}/nets.py:net", seed=0).model
    assert (made[0].in_features, made[0].out_features) == (3, 4)
    before = [code_digest(package / "nets.py", name) for name in ("net", "other")]
    (package / changed).write_text(PACKAGE[changed] + "\nMORE = 1\n")
    after = [code_digest(package / "nets.py", name) for name in ("net", "other")]
    assert (before[0] == after[0]) == same
    assert before[1] == after[1]


def test_a_package_of_the_same_content_elsewhere_is_the_same_code(package, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "nets"
    shutil.copytree(package, elsewhere)
    assert code_digest(elsewhere / "nets.py", "net") == code_digest(package / "nets.py", "net")


def test_code_beside_a_file_has_the_digest_it_always_had(tmp_path):
    """Results that are kept carry it in their names."""
    (tmp_path / "beside.py").write_text("SIZE = 3\n")
    text = "import beside\nfrom torch import nn\ndef net():\n    return nn.Linear(beside.SIZE, 1)\n"
    (tmp_path / "nets.py").write_text(text)
    parts = ["import beside", "from torch import nn", text[text.index("def") :].rstrip()]
    expected = digest([parts, ["beside.py", "SIZE = 3\n"]])
    assert code_digest(tmp_path / "nets.py", "net") == expected


def test_a_network_of_a_file_has_one_name_however_it_is_typed(tmp_path, monkeypatch):
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "nets.py").write_text(OWN_CODE)
    monkeypatch.chdir(tmp_path)
    typed = ["here/nets.py", "./here/nets.py", "here/../here/nets.py", str(folder / "nets.py")]
    assert {load(f"{path}:net", seed=0).name for path in typed} == {"here/nets.py:net"}
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert load("../here/nets.py:net", seed=0).name == "../here/nets.py:net"


def test_a_home_is_spelt_out(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "nets.py").write_text(OWN_CODE)
    assert isinstance(load("~/nets.py:net", seed=0).model, nn.Module)


@pytest.mark.parametrize("seed", [-1, 2**63, True])
def test_a_seed_that_is_none_is_refused_by_name(seed):
    with pytest.raises(ValueError, match=rf"seed={seed!r}: give a whole number, from 0 on"):
        load("small/cnn-1x8", seed=seed)


def test_loading_leaves_the_generator_of_torch_alone(file):
    before = torch.get_rng_state()
    load(f"{file}:small")
    assert torch.equal(torch.get_rng_state(), before)


def test_normalisation_of_a_layer_is_part_of_the_fingerprint():
    def wrapped(mean):
        torch.nn.init.ones_((body := nn.Conv2d(3, 1, 1)).weight)
        torch.nn.init.zeros_(body.bias)
        return nn.Sequential(normalised(body, [mean] * 3, [1.0] * 3))

    assert fingerprint(wrapped(0.5)) == fingerprint(wrapped(0.5))
    assert fingerprint(wrapped(0.5)) != fingerprint(wrapped(0.25))
    assert fingerprint(normalised(wrapped(0.5), [0.1] * 3, [1.0] * 3)) != fingerprint(wrapped(0.5))


def test_images_of_other_channels_than_the_normalisation_are_refused():
    model = normalised(nn.Conv2d(3, 1, 1), [0.5] * 3, [0.5] * 3)
    with pytest.raises(ValueError, match=r"images of shape \(1, 4, 4\) meet .* of 3 channels"):
        model(torch.rand(2, 1, 4, 4))


class Versioned(nn.Linear):
    """Like MNASNet of torchvision: weights without a version are none."""

    _version = 2

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, *others):
        if local_metadata.get("version") not in (1, 2):
            raise ValueError("version should be set to 1 or 2 instead of None")
        self.found = local_metadata["version"]
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *others)


@pytest.mark.parametrize(("ending", "version"), [("safetensors", 2), ("pt", 1)])
def test_layers_that_ask_for_the_version_of_weights_are_told(ending, version, tmp_path):
    model = nn.Sequential(Versioned(2, 2), nn.BatchNorm1d(2))
    state = model.state_dict()
    state._metadata["0"]["version"] = 1
    path = tmp_path / f"weights.{ending}"
    (save_file if ending == "safetensors" else torch.save)(state, path)
    load_weights(model, path)
    assert model[0].found == version


def test_old_weights_of_normalisation_have_no_number_of_batches(tmp_path):
    state = nn.BatchNorm1d(2).state_dict()
    del state["num_batches_tracked"]
    save_file(state, tmp_path / "old.safetensors")
    load_weights(nn.BatchNorm1d(2), tmp_path / "old.safetensors")


def test_weights_without_names_are_refused(tmp_path):
    torch.save({1: torch.ones(2)}, tmp_path / "w.pt")
    with pytest.raises(ValueError, match="holds something called 1, which is no text"):
        load_weights(nn.Linear(1, 1), tmp_path / "w.pt")


def test_weights_that_cannot_be_fetched_say_so(monkeypatch):
    def create_model(_name, pretrained):
        raise OSError("no route to host")

    in_place_of(monkeypatch, "timm", is_model=lambda _: True, create_model=create_model)
    with pytest.raises(ValueError, match=r"cannot be had here \(no route to host\); give"):
        load("timm/vit")


def test_who_says_how_large_images_are_is_told():
    alone = nn.Flatten()
    assert Network("timm/x", alone, 256, 224).takes() == "timm/x takes 224×224"
    assert Network("nets.py:mine", alone, 8, 8).takes() == (
        "nets.py:mine takes 8×8, which a striate.models.Network that mine returns decides"
    )
