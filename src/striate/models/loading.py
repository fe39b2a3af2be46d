"""Networks by name: from torchvision, from timm, or from a function in a file."""

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from striate import layers
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
        If they differ in number, or a standard deviation is not positive.
    """
    if len(mean) != len(std) or not all(part > 0 for part in std):
        raise ValueError(f"mean={mean}, std={std}: one of each per channel, and std above 0")
    model.register_forward_pre_hook(Normalise(mean, std))
    return model


def load(name: str, *, weights: Path | None = None) -> Network:
    """Return a network that takes pixels in [0, 1].

    Parameters
    ----------
    name
        ``"torchvision/resnet50"`` or ``"timm/…"`` with their weights for ImageNet, or
        ``"path/to/file.py:function"``. The function takes nothing and returns a module that takes
        pixels in [0, 1] (see `normalised`), or a `Network`.
    weights
        A file of weights to load instead: safetensors, or what `torch.save` wrote of a state
        dictionary. Names must fit exactly.

    Raises
    ------
    ValueError
        If there is no such network, its package is not installed, the function does not return
        one, or the weights do not fit.
    """
    kind, _, rest = name.partition("/")
    if ":" in name and name.rpartition(":")[0].endswith(".py"):
        network = _from_file(name)
    elif kind in _SOURCES and rest:
        network = _SOURCES[kind](rest, weights is None)
    else:
        raise ValueError(
            f"model={name!r}; give torchvision/NAME, timm/NAME or path/to/file.py:function"
        )
    if weights is not None:
        _load_weights(network.model, weights)
    network.model.eval()
    return network._replace(name=name)


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


_SOURCES: dict[str, Callable[[str, bool], Network]] = {"torchvision": _torchvision, "timm": _timm}


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
    spec.loader.exec_module(module)
    make = getattr(module, function, None)
    if not callable(make):
        known = [each for each, value in vars(module).items() if callable(value)]
        raise ValueError(
            f"model={name!r}: {path} has no function {function!r}; it has {', '.join(known)}"
        )
    made = make()
    if isinstance(made, nn.Module):
        return Network(name, made, 256, 224)
    if not isinstance(made, Network):
        raise ValueError(
            f"model={name!r}: {function}() returned a {type(made).__name__}; return a module, "
            "or a striate.models.Network"
        )
    return made


def _load_weights(model: nn.Module, path: Path) -> None:
    if not path.is_file():
        raise ValueError(f"weights={path}: there is no such file")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
        model.load_state_dict(state, strict=True)
    except Exception as error:
        reason = str(error).splitlines()
        raise ValueError(f"weights={path} do not fit: {' '.join(reason[:3])}") from error
