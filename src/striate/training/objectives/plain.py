"""The loss of ordinary training."""

from torch import nn
from torch.nn.functional import cross_entropy

from striate.robustness.victim import check_labels
from striate.training.objectives.steps import Images, Labels, Step, logits_of


def standard(model: nn.Module, images: Images, labels: Labels) -> Step:
    """Mean cross-entropy, of any images: that pixels lie in [0, 1] is not asked for.

    Raises
    ------
    ValueError
        If labels are not one class for each image, or the model answers with something else than
        logits.
    """
    check_labels(labels, images=len(images))
    logits = logits_of(model, images, labels)
    return Step(cross_entropy(logits, labels), logits, {})
