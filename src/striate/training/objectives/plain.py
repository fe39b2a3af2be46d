"""The loss of ordinary training."""

from torch import nn
from torch.nn.functional import cross_entropy

from striate.training.objectives.steps import Images, Labels, Step


def standard(model: nn.Module, images: Images, labels: Labels) -> Step:
    """Mean cross-entropy."""
    logits = model(images)
    return Step(cross_entropy(logits, labels), logits, {})
