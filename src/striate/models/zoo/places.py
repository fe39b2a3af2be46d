"""Which layers of an architecture are looked at: names of modules, shallow ones first.

Kong et al. 2021: where maps shrink and where blocks end, as torchvision names its modules. Robust
networks have the layers of their architecture.
"""

from collections.abc import Callable, Iterable, Sequence

from torch import nn

BLOCKS = {
    "resnet18": (2, 2, 2, 2),
    "resnet34": (3, 4, 6, 3),
    "resnet50": (3, 4, 6, 3),
    "resnet101": (3, 4, 23, 3),
    "resnet152": (3, 8, 36, 3),
    "wide_resnet50_2": (3, 4, 6, 3),
    "wide_resnet101_2": (3, 4, 23, 3),
    "densenet121": (6, 12, 24, 16),
    "densenet161": (6, 12, 36, 24),
    "densenet169": (6, 12, 32, 32),
    "densenet201": (6, 12, 48, 32),
}
POOLS = {  # the five max-pools
    "vgg11": (2, 5, 10, 15, 20),
    "vgg13": (4, 9, 14, 19, 24),
    "vgg16": (4, 9, 16, 23, 30),
    "vgg19": (4, 9, 18, 27, 36),
}
FIRES = {"squeezenet1_0": (3, 4, 5, 7, 8, 9, 10, 12), "squeezenet1_1": (3, 4, 6, 7, 9, 10, 11, 12)}


def paper_layers(architecture: str) -> tuple[str, ...]:
    """Name the layers that Kong et al. 2021 looked at in an architecture of torchvision.

    Parameters
    ----------
    architecture
        As torchvision calls it, e.g. ``"resnet50"``.

    Raises
    ------
    ValueError
        If it is none of the 25 of the paper.
    """
    if architecture not in _PLACES:
        raise ValueError(
            f"architecture={architecture!r} is none of the paper's: {', '.join(_PLACES)}; for "
            "others, see default_layers"
        )
    return tuple(_PLACES[architecture](architecture))


def default_layers(model: nn.Module) -> tuple[str, ...]:
    """Name the layers of any network that are worth a first look, as the paper chose its own.

    Its blocks: the kind of numbered module that occurs most often and is more than a list of
    others, as the residual blocks of a convolutional network or the layers of a transformer. Where
    nothing occurs twice, every convolution and dense layer but the last.

    Parameters
    ----------
    model
        Any module.

    Raises
    ------
    ValueError
        If there is neither.
    """
    kinds: dict[type[nn.Module], list[str]] = {}
    for name, module in model.named_modules():
        if name[-1:].isdigit() and _is_block(module):
            kinds.setdefault(type(module), []).append(name)
    blocks = max(kinds.values(), key=len, default=[])
    if len(blocks) > 1:
        return tuple(blocks)
    plain = [
        name
        for name, module in model.named_modules()
        if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear))
    ]
    if len(plain) < 2:
        raise ValueError(
            f"a {type(model).__name__} has neither blocks nor layers to choose from; name layers"
        )
    return tuple(plain[:-1])


def _is_block(module: nn.Module) -> bool:
    """Tell whether a module is made of others and is more than a list of them."""
    listing = isinstance(module, (nn.Sequential, nn.ModuleList, nn.ModuleDict))
    return not listing and any(True for _ in module.children())


def _alexnet(_: str) -> list[str]:
    return [*_numbered("features", (2, 5, 7, 9, 12)), *_numbered("classifier", (2, 5))]


def _vgg(name: str) -> list[str]:
    return [*_numbered("features", POOLS[name]), *_numbered("classifier", (1, 4))]


def _resnet(name: str) -> list[str]:
    stages = enumerate(BLOCKS[name], 1)
    blocks = [f"layer{stage}.{block}" for stage, count in stages for block in range(count)]
    return ["relu", "maxpool", *blocks, "avgpool"]


def _squeezenet(name: str) -> list[str]:
    fires = [f"features.{number}.expand3x3_activation" for number in FIRES[name]]
    return ["features.2", *fires]


def _densenet(name: str) -> list[str]:
    found = ["features.pool0"]
    for stage, count in enumerate(BLOCKS[name], 1):
        block = f"features.denseblock{stage}.denselayer"
        found += [f"{block}{number}" for number in range(1, count + 1)]
        found += [f"features.transition{stage}.pool"] * (stage < len(BLOCKS[name]))
    return found


def _googlenet(_: str) -> list[str]:
    return [
        "maxpool1",
        "maxpool2",
        *(f"inception3{letter}" for letter in "ab"),
        "maxpool3",
        *(f"inception4{letter}" for letter in "abcde"),
        "maxpool4",
        *(f"inception5{letter}" for letter in "ab"),
        "avgpool",
    ]


def _inception(_: str) -> list[str]:
    mixed = [f"Mixed_{stage}{letter}" for stage, all_ in _MIXED.items() for letter in all_]
    return ["maxpool1", "maxpool2", *mixed]


_MIXED = {5: "bcd", 6: "abcde", 7: "abc"}


def _mobilenet(_: str) -> list[str]:
    projections = [f"features.{number}.conv.2" for number in range(2, 18)]
    return ["features.0.2", "features.1.conv.1", *projections, "features.18.2"]


def _mnasnet(_: str) -> list[str]:
    stacks = {8: 3, 9: 3, 10: 3, 11: 2, 12: 4, 13: 1}
    projections = [
        f"layers.{stack}.{block}.layers.6"
        for stack, count in stacks.items()
        for block in range(count)
    ]
    return ["layers.2", "layers.5", *projections, "layers.16"]


def _shufflenet(_: str) -> list[str]:
    stages = {2: 4, 3: 8, 4: 4}
    blocks = [f"stage{stage}.{block}" for stage, count in stages.items() for block in range(count)]
    return ["maxpool", *blocks, "conv5.2"]


def _numbered(parent: str, numbers: Iterable[int]) -> list[str]:
    return [f"{parent}.{number}" for number in numbers]


_RESNETS = [name for name in BLOCKS if "resnet" in name]
_DENSENETS = [name for name in BLOCKS if name.startswith("densenet")]
_PLACES: dict[str, Callable[[str], Sequence[str]]] = {
    "alexnet": _alexnet,
    **dict.fromkeys(POOLS, _vgg),
    **dict.fromkeys(_RESNETS, _resnet),
    **dict.fromkeys(FIRES, _squeezenet),
    **dict.fromkeys(_DENSENETS, _densenet),
    "googlenet": _googlenet,
    "inception_v3": _inception,
    "mobilenet_v2": _mobilenet,
    "mnasnet0_5": _mnasnet,
    "mnasnet1_0": _mnasnet,
    "shufflenet_v2_x0_5": _shufflenet,
    "shufflenet_v2_x1_0": _shufflenet,
}
ARCHITECTURES = tuple(_PLACES)
