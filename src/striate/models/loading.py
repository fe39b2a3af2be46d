"""Networks by name: from torchvision, from timm, or from a function in a file."""

import importlib
import importlib.util
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import inf
from pathlib import Path
from traceback import extract_tb
from types import ModuleType
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from striate import layers
from striate.models.small import MEAN, SMALL, STD
from striate.results import digest

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


class Network(NamedTuple):
    """A model that takes pixels in [0, 1], and the images it wants to see.

    Attributes
    ----------
    name
        What it was asked for by.
    model
        In evaluation mode. Normalisation is done on the way in; layers keep their names.
    resize
        Length of the short side that images are first brought to, in pixels.
    size
        Side of the square then cut from their centre.
    """

    name: str
    model: nn.Module
    resize: int
    size: int


class Normalise:
    """Subtract the mean and divide by the standard deviation of each channel, before a model runs.

    A hook rather than a layer, so that the layers of the model keep their names.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        self.mean, self.std = tuple(mean), tuple(std)

    def __call__(self, _: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the inputs of the model, the first of them normalised."""
        pixels: Float[Tensor, "images channels height width"] = inputs[0]
        mean, std = (pixels.new_tensor(part).reshape(-1, 1, 1) for part in (self.mean, self.std))
        return (pixels - mean) / std, *inputs[1:]


def normalised(model: nn.Module, mean: Sequence[float], std: Sequence[float]) -> nn.Module:
    """Let `model` take pixels in [0, 1], and return it.

    Parameters
    ----------
    model
        Any module whose input is a batch of images.
    mean, std
        Of each channel, as in training.

    Raises
    ------
    ValueError
        If they are not as many numbers, a mean is not in [0, 1], or a standard deviation is not
        positive and finite.
    """
    layers.check_module(model)
    given = all(isinstance(part, Sequence) for part in (mean, std)) and 0 < len(mean) == len(std)
    if not given or not all(0 <= m <= 1 and 0 < s < inf for m, s in zip(mean, std, strict=True)):
        raise ValueError(
            f"mean={mean}, std={std}: give one number of each per channel, for pixels in [0, 1]; "
            "a mean lies in that range, and std is positive and finite"
        )
    model.register_forward_pre_hook(Normalise(mean, std))
    return model


def load(
    name: str, *, weights: Path | None = None, pretrained: bool = True, seed: int | None = None
) -> Network:
    """Return a network that takes pixels in [0, 1].

    Parameters
    ----------
    name
        ``"torchvision/resnet50"`` or ``"timm/…"`` with their weights for ImageNet;
        ``"small/cnn-3x32"`` and its like, which are untrained (`striate.models.small`); or
        ``"path/to/file.py:function"``. The function takes nothing and returns a module that takes
        pixels in [0, 1] (see `normalised`), or a `Network`.
    weights
        A file of weights to load instead: safetensors, or what `torch.save` wrote of a state
        dictionary. Names must fit exactly. The network is then called by its name and that of
        the file.
    pretrained
        Whether networks of torchvision and timm come with their weights.
    seed
        What random weights are drawn from; needed where there are no others. A network of
        any source is then the same each time.

    Raises
    ------
    ValueError
        If there is no such network, its package is not installed, the file or its function cannot
        be run or does not return one, the weights cannot be read or do not fit, or nothing says
        what random weights are drawn from.
    """
    if weights is not None and not isinstance(weights, Path):
        raise ValueError(f"weights={weights!r} is a {type(weights).__name__}; give a pathlib.Path")
    if weights is not None and not weights.is_file():
        raise ValueError(f"weights={str(weights)!r}: there is no such file")
    source = name.partition("/")[0]
    untrained = source == "small" or (source in _SOURCES and not pretrained)
    with _drawn_from(seed):
        network = _made(name, pretrained and weights is None)
    if untrained and weights is None and seed is None:
        raise ValueError(
            f"model={name!r} is untrained: give weights=, or seed= for random weights to train"
        )
    if weights is not None:
        _load_weights(network.model, weights)
        name = f"{name}, {weights.stem}"
    elif untrained and source != "small":
        name = f"{name}, random weights"  # the bare name is of the trained network
    network.model.eval()
    return network._replace(name=name)


def _made(name: str, pretrained: bool) -> Network:
    kind, _, rest = name.partition("/")
    if ":" in name and name.rpartition(":")[0].endswith(".py"):
        return _from_file(name)
    if kind in _SOURCES and rest:
        return _SOURCES[kind](rest, pretrained)
    raise ValueError(
        f"model={name!r}; give torchvision/NAME, timm/NAME, small/NAME or file.py:function"
    )


@contextmanager
def _drawn_from(seed: int | None) -> Iterator[None]:
    """Let modules draw their weights from `seed`: they know torch's own generator only."""
    if seed is None:
        yield
        return
    with torch.random.fork_rng(devices=[]):
        torch.set_rng_state(torch.Generator().manual_seed(seed).get_state())
        yield


def fingerprint(model: nn.Module) -> str:
    """SHA-256 of a model's layers, weights and buffers, and of how it normalises its input."""
    hooks = model._forward_pre_hooks.values()
    seen_as = [[hook.mean, hook.std] for hook in hooks if isinstance(hook, Normalise)]
    return digest([layers.fingerprint(model), seen_as])


def _torchvision(name: str, pretrained: bool) -> Network:
    models = _package("torchvision.models", name)
    if name not in models.list_models():
        raise ValueError(f"torchvision has no model {name!r}; see torchvision.models.list_models()")
    # The papers' weights, where newer ones have come since.
    model = models.get_model(name, weights="IMAGENET1K_V1" if pretrained else None)
    resize, size = (299, 299) if name == "inception_v3" else (256, 224)
    return Network(name, normalised(model, *IMAGENET), resize, size)


def _timm(name: str, pretrained: bool) -> Network:
    timm = _package("timm", name)
    if not timm.is_model(name.split(".")[0]):
        raise ValueError(f"timm has no model {name!r}; see timm.list_models()")
    model = timm.create_model(name, pretrained=pretrained)
    wanted = timm.data.resolve_model_data_config(model)
    size = wanted["input_size"][-1]
    resize = round(size / wanted["crop_pct"])
    return Network(name, normalised(model, wanted["mean"], wanted["std"]), resize, size)


def _small(name: str, _: bool) -> Network:
    if name not in SMALL:
        raise ValueError(f"there is no network 'small/{name}'; there are {', '.join(SMALL)}")
    build, channels, side = SMALL[name]
    model = normalised(build(channels, side), [MEAN] * channels, [STD] * channels)
    return Network(name, model, side, side)


_SOURCES: dict[str, Callable[[str, bool], Network]] = {
    "torchvision": _torchvision,
    "timm": _timm,
    "small": _small,
}


def _package(module: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ValueError(
            f"model='{package}/{name}' needs {package}, which is not installed; "
            "pip install striate[zoo]"
        ) from error


def _from_file(name: str) -> Network:
    path, _, function = name.rpartition(":")
    if not Path(path).is_file():
        raise ValueError(f"model={name!r}: there is no file {path}")
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"model={name!r}: {path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    with _its_own_errors(name, path):
        spec.loader.exec_module(module)
    make = getattr(module, function, None)
    if not callable(make):
        known = [each for each, value in vars(module).items() if callable(value)]
        there = ", ".join(known) or "none"
        raise ValueError(f"model={name!r}: {path} has no function {function!r}; it has {there}")
    with _its_own_errors(name, path):
        made = make()
    if isinstance(made, nn.Module):
        return Network(name, made, 256, 224)
    if not isinstance(made, Network) or not isinstance(made.model, nn.Module):
        raise ValueError(
            f"model={name!r}: {function}() returned a {type(made).__name__}; return a module, "
            "or a striate.models.Network of one"
        )
    if not all(isinstance(side, int) and side > 0 for side in (made.resize, made.size)):
        raise ValueError(
            f"model={name!r}: {function}() wants images of resize={made.resize!r}, "
            f"size={made.size!r}; both are whole numbers of pixels"
        )
    return made


@contextmanager
def _its_own_errors(name: str, path: str) -> Iterator[None]:
    """Say where a file of the user went wrong: a shell shows no more than one line."""
    try:
        yield
    except Exception as error:
        frames, file = extract_tb(error.__traceback__), Path(path).resolve()
        lines = [frame.lineno for frame in frames if Path(frame.filename).resolve() == file]
        line = f"line {lines[-1]}: " if lines else ""
        raise ValueError(
            f"model={name!r}: {path} fails: {line}{type(error).__name__}: {error}"
        ) from error


def _load_weights(model: nn.Module, path: Path) -> None:
    state = _read_weights(path)
    try:
        model.load_state_dict(state, strict=True)
    except RuntimeError as error:
        wrong = _misfits(model.state_dict(), state) or " ".join(str(error).split())
        raise ValueError(
            f"weights={str(path)!r} do not fit this {type(model).__name__}: {wrong}"
        ) from error


def _read_weights(path: Path) -> Mapping[str, Any]:
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    # A damaged file can make a reader raise nearly anything, and PyTorch advises to trust it.
    except Exception as error:
        asked = re.search(r"GLOBAL (\S+)", str(error))
        reason = f" it asks for {asked[1]}, which is not run;" if asked else ""
        raise ValueError(
            f"weights={str(path)!r} cannot be read:{reason} give safetensors, or what torch.save "
            "wrote of model.state_dict()"
        ) from error
    if not isinstance(state, Mapping):
        raise ValueError(
            f"weights={str(path)!r} holds a {type(state).__name__}; save model.state_dict()"
        )
    return state


def _misfits(wanted: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """Name some of what is missing, too much, or of another shape; nothing if nothing is."""
    kinds = {
        "missing": [name for name in wanted if name not in given],
        "unknown": [name for name in given if name not in wanted],
        "other shapes": [
            f"{name} {tuple(given[name].shape)} instead of {tuple(part.shape)}"
            for name, part in wanted.items()
            if isinstance(given.get(name), Tensor) and given[name].shape != part.shape
        ],
    }
    return "; ".join(
        f"{kind}: {', '.join(names[:3])}{f' and {len(names) - 3} more' * (len(names) > 3)}"
        for kind, names in kinds.items()
        if names
    )
