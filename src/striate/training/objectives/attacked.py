"""Train on the images that fool the network."""

from contextlib import nullcontext

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from striate.robustness import Attack
from striate.robustness.victim import check_labels, frozen
from striate.training.objectives.steps import (
    Images,
    Labels,
    Step,
    bare,
    blaming_the_training,
    in_full,
    logits_of,
)


def adversarial(model: nn.Module, images: Images, labels: Labels, *, attack: Attack) -> Step:
    r"""Mean cross-entropy on adversarial images.

    Madry et al. 2018:
    :math:`\min_\theta E \max_{\delta\in\Delta} \mathrm{CE}(f_\theta(x+\delta), y)`. `attack` looks
    for the maximum in evaluation mode, whatever mode it leaves the network in; the gradient takes
    the images it finds as given. Under autocast to float16, `attack` runs without.

    Parameters
    ----------
    model
        Images to logits. Of a `DistributedDataParallel`, the network inside is attacked.
    images, labels
        Pixels in [0, 1], true classes.
    attack
        ``(model, images, labels) -> adversarial images``, in the norm wanted, e.g.
        ``partial(pgd, ball=L2Ball(0.5), steps=7, step_size=0.1)``.

    Returns
    -------
    step
        Its logits are those of the adversarial images.

    Raises
    ------
    ValueError
        If labels are not one class for each image, the model answers with something else than
        logits, or as in `attack`.
    """
    check_labels(labels, images=len(images))
    float16 = torch.get_autocast_dtype(images.device.type) == torch.float16
    without = in_full(images) if float16 else nullcontext()
    with frozen(bare(model)), without, blaming_the_training("the learning rate"):
        fooling = attack(bare(model), images, labels)
    logits = logits_of(model, fooling, labels)
    return Step(cross_entropy(logits, labels), logits, {})
