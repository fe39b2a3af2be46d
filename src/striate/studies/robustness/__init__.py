"""Robustness of any network to attack (Kong et al. 2021), and whether it is real.

How many images does a network still name when each may be changed a little, in the worst way that
gradients find? In three norms, and on low- and high-passed images where that is asked.

Command
    ``striate measure robustness MODEL --images DIR|mnist|cifar10|digits [--n N]``
    ``[--protocol paper|authors] [--norm Linf --epsilons 0,1/255,8/255] [--verdict] [--passbands]``
Cost
    Per attack 20 passes forwards and back over the images that the network gets right, and one
    forwards over all. Processor time of one core: 10 000 images of the small CIFAR-10 network at
    two strengths, one minute; 200 photographs of SqueezeNet and the paper's three attacks, five
    and a half. A verdict adds, per norm, some 360 passes forwards and back and 500 forwards over at
    most 1000 images. What is finished of a stopped measurement is kept batch by batch.
Expect
    Kong et al. 2021, all 50 000 validation images: SqueezeNet 1.1 0.582, attacked 0.128 (L∞),
    0.220 (L2), 0.177 (L1). On 200 photographs of another sample, ± half the 95 % interval, it is
    0.560 ± 0.070, 0.090 ± 0.040, 0.155 ± 0.048 and 0.115 ± 0.045. Of ``cifar_networks.py:robust``
    in ``examples``, on all 10 000 test images of CIFAR-10, 0.6925 is published, 0.6224 under L∞
    1/255 and 0.5482 under 2/255; here 0.693, 0.631 and 0.567, and ``docs/robustness.md`` says what
    of the difference is known.

Where paper and code differ
---------------------------
The adversarial accuracy is the plain mean of three: L∞ 1/1020, L2 0.15, L1 40, each by 20 steps of
``2 * eps / 20`` from the image. The code measures three strengths in each norm (D25): L∞ 1/1020,
1/255, 4/255, L2 0.15, 0.6, 2.4, L1 40, 160, 640. ``paper`` is the smallest of each, ``authors``
all; the mean is over the smallest in both. ``authors`` attacks images that are wrong without an
attack as well, which may by chance be right after it; ``paper`` counts them wrong, as every ball
contains the image itself, so that its accuracies are as low or lower.

The L1 attack of paper and code is dense and its projection a scaling, in effect a second L2 attack;
``--geometry exact`` is the sparse one onto the true ball, of which there is then no mean.
"""

from striate.studies.robustness.baselines import Baseline, read_baseline
from striate.studies.robustness.networks import (
    JUDGED,
    NAME,
    attacks_of,
    measure_network,
    network_task,
)
from striate.studies.robustness.pictures import Labelled, labelled

__all__ = [
    "JUDGED",
    "NAME",
    "Baseline",
    "Labelled",
    "attacks_of",
    "labelled",
    "measure_network",
    "network_task",
    "read_baseline",
]
