"""The architectures of torchvision, built so that weights from any source make the same network."""

from collections.abc import Mapping
from types import ModuleType

import torch
from torch import Tensor, nn

# The weights of the papers, where newer ones have come since.
ORIGINAL = "IMAGENET1K_V1"
# Heads that help in training and are not run in evaluation.
AUXILIARY = {"googlenet": ("aux1", "aux2"), "inception_v3": ("AuxLogits",)}


def build(models: ModuleType, architecture: str, pretrained: bool) -> nn.Module:
    """Return an architecture of torchvision, with its first weights for ImageNet or random ones.

    GoogLeNet and Inception were trained on pixels scaled otherwise. torchvision's weights come
    with a network that rescales what it is given (``transform_input``); weights from elsewhere
    with one that does not. Here they always rescale, and never have the auxiliary heads, so that
    the same weights are the same function, however they were loaded.

    Parameters
    ----------
    models
        `torchvision.models`, or what has its `get_model`.
    architecture
        As torchvision calls it.
    pretrained
        Whether with the weights of the papers, where newer ones have come since.
    """
    heads = AUXILIARY.get(architecture, ())
    if pretrained:
        model = models.get_model(architecture, weights=ORIGINAL)
    elif heads:
        model = models.get_model(
            architecture, weights=None, aux_logits=False, transform_input=True, init_weights=True
        )
    else:
        model = models.get_model(architecture, weights=None)
    for head in heads:
        _without(model, head)
    return model


def _without(model: nn.Module, head: str) -> None:
    """Leave no trace of a head in the modules' names, nor in the fingerprint."""
    delattr(model, head)
    for name, value in ((head, None), ("aux_logits", False)):
        setattr(model, name, value)


def spare_of(architecture: str | None) -> tuple[str, ...]:
    """Say how the names begin of weights that files of an architecture have and it does without."""
    return tuple(f"{head}." for head in AUXILIARY.get(architecture or "", ()))


def blueprint(models: ModuleType, architecture: str) -> Mapping[str, Tensor]:
    """Return the names of an architecture's weights, with tensors of their shapes and no content.

    Parameters
    ----------
    models
        `torchvision.models`, or what has its `get_model`.
    architecture
        As torchvision calls it.
    """
    with torch.device("meta"):
        return build(models, architecture, pretrained=False).state_dict()
