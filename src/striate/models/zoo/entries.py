"""The 26 networks trained as usual and the 14 robust ones."""

import difflib
from typing import NamedTuple

from torch import nn

from striate.models.zoo.places import ARCHITECTURES, default_layers, paper_layers

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # mean and sd of each channel
RANDOM = "random weights"  # what follows the name of a network that has them
SALMAN = (
    "Salman et al. 2020, 'Do adversarially robust ImageNet models transfer better?': {file}.ckpt, "
    "of github.com/microsoft/robust-models-transfer"
)
NOWHERE = "not published with the paper; train it with the preset {preset}"


class Entry(NamedTuple):
    """One network of the study.

    Attributes
    ----------
    name
        As the paper's Table S1 has it.
    architecture
        As torchvision calls it.
    robust
        Whether it was trained to resist attacks.
    weights
        Where they come from, for people; ``""`` for those that torchvision brings.
    mean, std
        Of each channel, as in training, for pixels in [0, 1].
    resize, size
        Short side that photographs are brought to, and side of the square cut from their centre.
    layers
        Names of modules, shallow ones first.
    """

    name: str
    architecture: str
    robust: bool
    weights: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    resize: int
    size: int
    layers: tuple[str, ...]


def _entry(name: str, architecture: str, weights: str = "") -> Entry:
    """Fill in what all have in common."""
    inception, simclr = architecture == "inception_v3", name.endswith("simclr")
    return Entry(
        name=name,
        architecture=architecture,
        robust="robust" in name,
        weights=weights,
        mean=(0.0, 0.0, 0.0) if simclr else IMAGENET[0],
        std=(1.0, 1.0, 1.0) if simclr else IMAGENET[1],
        resize=299 if inception else 256,
        size=299 if inception else 224,
        layers=paper_layers(architecture),
    )


_PLAIN = (
    "alexnet",
    "vgg11",
    "vgg13",
    "vgg16",
    "vgg19",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "wide_resnet50_2",
    "wide_resnet101_2",
    "squeezenet1_0",
    "squeezenet1_1",
    "densenet121",
    "densenet161",
    "densenet169",
    "densenet201",
    "googlenet",
    "inception_v3",
    "mobilenet_v2",
    "mnasnet0_5",
    "mnasnet1_0",
    "shufflenet_v2_x0_5",
    "shufflenet_v2_x1_0",
)
# Architecture, what it withstands, and the file of its weights.
_SALMAN = (
    ("resnet50", "l2_3", "resnet50_l2_eps3"),
    ("resnet50", "linf_4", "resnet50_linf_eps4.0"),
    ("resnet50", "linf_2", "resnet50_linf_eps2.0"),
    ("resnet18", "linf_1", "resnet18_linf_eps1.0"),
    ("resnet18", "linf_0_5", "resnet18_linf_eps0.5"),
    ("wide_resnet50_2", "linf_4", "wide_resnet50_2_linf_eps4.0"),
    ("wide_resnet50_2", "l2_3", "wide_resnet50_2_l2_eps3"),
    ("densenet161", "l2_3", "densenet_l2_eps3"),
    ("mnasnet1_0", "l2_3", "mnasnet_l2_eps3"),
    ("mobilenet_v2", "l2_3", "mobilenet_l2_eps3"),
    ("shufflenet_v2_x1_0", "l2_3", "shufflenet_l2_eps3"),
)
_ENTRIES = (
    *(_entry(name, name) for name in _PLAIN),
    _entry(
        "resnet50_simclr",
        "resnet50",
        "SimCLR (Chen et al. 2020) with its linear head as `fc`; not linked by the paper",
    ),
    *(
        _entry(f"robust_{architecture}_{ball}", architecture, SALMAN.format(file=file))
        for architecture, ball, file in _SALMAN
    ),
    _entry(
        "free_robust_resnet50_linf_4",
        "resnet50",
        "Shafahi et al. 2019, of github.com/mahyarnajibi/FreeAdversarialTraining, or train it "
        "with the preset resnet50-free",
    ),
    _entry("trades_robust_resnet50_linf_4", "resnet50", NOWHERE.format(preset="resnet50-trades")),
    _entry("igr_robust_resnet50", "resnet50", NOWHERE.format(preset="resnet50-igr")),
)

ZOO: dict[str, Entry] = {entry.name: entry for entry in _ENTRIES}


def known_entry(name: str) -> Entry:
    """Return the entry called `name`.

    Raises
    ------
    ValueError
        If there is none; close names are suggested.
    """
    if name in ZOO:
        return ZOO[name]
    close = difflib.get_close_matches(name, ZOO, n=3)
    mean = f"did you mean {', '.join(close)}? " if close else ""
    raise ValueError(
        f"model='kong2021/{name}' is none of the paper's {len(ZOO)}; {mean}see striate models list"
    )


def entry_of(name: str) -> Entry | None:
    """Return the network of the study that a network stands for, by its name, or nothing.

    Parameters
    ----------
    name
        Of a `Network`: ``"kong2021/NAME"``, with a file of weights or without, and
        ``"torchvision/NAME"`` with its own weights. What has random weights stands for none, nor
        does an architecture of torchvision with weights from a file.
    """
    source, _, rest = name.partition("/")
    asked, _, file = rest.partition(", ")
    if file == RANDOM or source not in ("kong2021", "torchvision"):
        return None
    return ZOO.get(asked) if source == "kong2021" or not file else None


def architecture_of(name: str) -> str | None:
    """Return what torchvision calls the architecture of a network, or nothing if it has none.

    Parameters
    ----------
    name
        Of a `Network`, whatever its weights.
    """
    source, _, rest = name.partition("/")
    asked = rest.partition(", ")[0]
    if source == "kong2021" and asked in ZOO:
        return ZOO[asked].architecture
    return asked if source == "torchvision" else None


def layers_for(name: str, model: nn.Module) -> tuple[str, ...]:
    """Name the layers to look at in a network where nobody says which.

    Those of the paper in its 25 architectures, whatever the weights; otherwise `default_layers`.

    Parameters
    ----------
    name, model
        Of a `Network`.

    Raises
    ------
    ValueError
        As `default_layers`.
    """
    architecture = architecture_of(name)
    return paper_layers(architecture) if architecture in ARCHITECTURES else default_layers(model)
