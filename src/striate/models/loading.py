"""Networks by name: torchvision's, timm's, the paper's, small ones, or a function in a file."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import floor
from pathlib import Path

import torch
from torch import nn

from striate.models.network import Network, normalised
from striate.models.own_file import from_file, known_as, of_file
from striate.models.packages import package
from striate.models.small import MEAN, SMALL, STD
from striate.models.weights import load_weights
from striate.models.zoo.architectures import ORIGINAL, build, spare_of
from striate.models.zoo.entries import RANDOM, architecture_of, known_entry
from striate.results.given import as_path


def load(
    name: str,
    *,
    weights: str | Path | None = None,
    pretrained: bool = True,
    seed: int | None = None,
) -> Network:
    """Return a network that takes pixels in [0, 1].

    GoogLeNet and Inception, of torchvision or of the paper, always rescale their input as their
    published weights want it and never have their auxiliary heads, whatever the weights are.
    Sizes, interpolation and normalisation are those that torchvision and timm give with their
    weights. Where timm says that a network takes images squashed to a square, they are cut from the
    centre all the same.

    Parameters
    ----------
    name
        ``"torchvision/resnet50"`` or ``"timm/…"`` with their weights for ImageNet;
        ``"kong2021/resnet50"`` and its like, the 40 networks of Kong et al. 2021
        (`striate.models.ZOO`), each normalised as it was trained;
        ``"small/cnn-3x32"`` and its like, which are untrained (`striate.models.small`); or
        ``"path/to/file.py:function"``. The function takes nothing and returns a module that takes
        pixels in [0, 1] (see `normalised`), or a `Network`.
    weights
        A file of weights to load instead: safetensors, or what `torch.save` wrote of a state
        dictionary; `convert` makes one of an old checkpoint. Names must fit exactly. The network
        is then called by its name and that of the file.
    pretrained
        Whether networks of torchvision, timm and the paper come with their weights.
    seed
        What random weights are drawn from; needed where there are no others. A network of
        any source is then the same each time.

    Raises
    ------
    ValueError
        If there is no such network, its package is not installed, the file or its function cannot
        be run or does not return one, the weights cannot be read or do not fit, nothing says
        what random weights are drawn from, or the network is one of the paper's whose weights
        have to be given.
    """
    if not isinstance(name, str):
        raise ValueError(f"model={name!r} is a {type(name).__name__}; give the name of a network")
    weights = None if weights is None else as_path("weights", weights)
    name = known_as(name) if of_file(name) else name
    if weights is not None and not weights.is_file():
        raise ValueError(f"weights={str(weights)!r}: there is no such file")
    source = name.partition("/")[0]
    untrained = source == "small" or (source in _SOURCES and not pretrained)
    with _drawn_from(seed):
        network = _made(name, pretrained and weights is None)
    if untrained and weights is None and seed is None:
        raise ValueError(
            f"model={name!r} is untrained: give the weights that `striate train` writes, or in "
            "Python a seed, for random ones to train"
        )
    if weights is not None:
        spare = spare_of(architecture_of(name))
        load_weights(network.model, weights, spare=spare, hint=_hint(name))
        name = f"{name}, {weights.stem}"
    elif untrained and source != "small":
        name = f"{name}, {RANDOM}"  # the bare name is of the trained network
    network.model.eval()
    return network._replace(name=name)


def _made(name: str, pretrained: bool) -> Network:
    kind, _, rest = name.partition("/")
    if of_file(name):
        return from_file(name)
    if kind in _SOURCES and rest:
        return _SOURCES[kind](rest, pretrained)
    raise ValueError(
        f"model={name!r}; give torchvision/NAME, timm/NAME, kong2021/NAME, small/NAME or "
        "file.py:function"
    )


@contextmanager
def _drawn_from(seed: int | None) -> Iterator[None]:
    """Let modules draw their weights from `seed`: they know torch's own generator only.

    Without a seed they go on from where it is, and a file of the user's may set it; either way it
    is left as it was found.
    """
    if seed is not None and (type(seed) is not int or not 0 <= seed < 2**63):
        raise ValueError(f"seed={seed!r}: give a whole number, from 0 on and below 2**63")
    with torch.random.fork_rng(devices=[]):
        if seed is not None:
            torch.set_rng_state(torch.Generator().manual_seed(seed).get_state())
        yield


def _hint(name: str) -> str:
    """Say what may help where weights do not fit: the paper's robust ones are old checkpoints."""
    source, _, entry = name.partition("/")
    if source != "kong2021":
        return ""
    return f"; for an old checkpoint: {_converting(entry)}"


def _converting(entry: str) -> str:
    return f"striate models convert FILE --entry {entry} --out {entry}.safetensors"


def _torchvision(name: str, pretrained: bool) -> Network:
    models = package("torchvision.models", f"torchvision/{name}")
    if name not in models.list_models():
        raise ValueError(f"torchvision has no model {name!r}; see torchvision.models.list_models()")
    known = models.get_model_weights(name).__members__
    if ORIGINAL not in known:
        listed = ", ".join(each for each in known if each != "DEFAULT")
        raise ValueError(
            f"model='torchvision/{name}' has no weights {ORIGINAL}, which say what images it takes "
            f"(it has {listed or 'none'}); return what you want of it from a function "
            "in a file of your own"
        )
    model = _fetched(f"torchvision/{name}", lambda: build(models, name, pretrained))
    wanted = known[ORIGINAL].transforms()
    (resize,), (size,) = wanted.resize_size, wanted.crop_size
    made = normalised(model, wanted.mean, wanted.std)
    return Network(name, made, resize, size, wanted.interpolation.value)


def _fetched(name: str, make: Callable[[], nn.Module]) -> nn.Module:
    """Make a model whose weights may have to come from somewhere else."""
    try:
        return make()
    except OSError as error:
        raise ValueError(
            f"model={name!r}: its weights cannot be had here ({error}); give a file, weights="
        ) from error


def _timm(name: str, pretrained: bool) -> Network:
    timm = package("timm", f"timm/{name}")
    if not timm.is_model(name.split(".")[0]):
        raise ValueError(f"timm has no model {name!r}; see timm.list_models()")
    model = _fetched(f"timm/{name}", lambda: timm.create_model(name, pretrained=pretrained))
    wanted = timm.data.resolve_model_data_config(model)
    size = wanted["input_size"][-1]
    resize = floor(size / wanted["crop_pct"])
    made = normalised(model, wanted["mean"], wanted["std"])
    return Network(name, made, resize, size, wanted["interpolation"])


def _kong2021(name: str, pretrained: bool) -> Network:
    entry = known_entry(name)
    if pretrained and entry.weights:
        raise ValueError(
            f"model='kong2021/{name}' needs a file of weights, which torchvision does not bring: "
            f"{entry.weights}; {_converting(name)} makes a file to give"
        )
    models = package("torchvision.models", f"kong2021/{name}")
    model = _fetched(f"kong2021/{name}", lambda: build(models, entry.architecture, pretrained))
    return Network(name, normalised(model, entry.mean, entry.std), entry.resize, entry.size)


def _small(name: str, _: bool) -> Network:
    if name not in SMALL:
        raise ValueError(f"there is no network 'small/{name}'; there are {', '.join(SMALL)}")
    build_small, channels, side = SMALL[name]
    model = normalised(build_small(channels, side), [MEAN] * channels, [STD] * channels)
    return Network(name, model, side, side)


_SOURCES: dict[str, Callable[[str, bool], Network]] = {
    "torchvision": _torchvision,
    "timm": _timm,
    "kong2021": _kong2021,
    "small": _small,
}
