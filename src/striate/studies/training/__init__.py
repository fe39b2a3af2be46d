"""A network trained: which one, on what, for what; its weights, and a result that tells all of it.

How a network was trained decides its spectrum, its tuning and its robustness. Here any of the five
objectives of `striate.training` is minimised, with a penalty on the spectra of layers and with
blurred or noisy images where that is asked, and the weights are ready for every measurement.

Command
    ``striate train MODEL --data mnist|cifar10|digits|DIR [--objective adversarial]``
    ``[--set eps=4/255 --set steps=7 --set step_size=1/255] [--preset resnet50-trades]``
    ``[--spectral-alpha 1 --spectral-beta 1 --spectral-layers hidden --spectral-ranks 6-50]``
Cost
    One thread of a CPU: ``small/cnn-3x32`` 3.4 s an epoch of 10 000 images of CIFAR-10 with
    ``standard``, and about as many times that as the objective makes passes forwards and back.
Expect
    ``small/cnn-3x32`` on 10 000 images of CIFAR-10, and ``small/cnn-1x28`` on as many of MNIST, ten
    epochs each: see ``docs/train.md``.

``accuracy`` and ``loss`` on ``train`` are those of the images that the objective shows last, so
attacked ones for ``adversarial`` and ``free``; on ``test`` images are as they are.
"""

from striate.studies.training.material import Material, material
from striate.studies.training.networks import NAME, network_task, train_network, weights_problem
from striate.studies.training.plans import BLURS, OPTIMIZERS, PRECISIONS, Asked, Plan, plan
from striate.studies.training.together import follow, joined, led, processes

__all__ = [
    "BLURS",
    "NAME",
    "OPTIMIZERS",
    "PRECISIONS",
    "Asked",
    "Material",
    "Plan",
    "follow",
    "joined",
    "led",
    "material",
    "network_task",
    "plan",
    "processes",
    "train_network",
    "weights_problem",
]
