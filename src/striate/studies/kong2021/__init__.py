"""The study of Kong et al. 2021, as one readable thing: every network, measured in every way.

Do networks that are harder to fool look more like V1? Each of 40 networks is shown photographs,
Gabor patches, the images of a V1 recording and attacks; the layer that predicts V1 best stands for
it, and over networks adversarial accuracy, predictivity, the exponent of the eigenspectrum and the
score of preferred frequencies are correlated.

Command
    ``striate measure all MODEL --images DIR [--recording FILE --stimulus-deg D] [--quick]``
    measures one network of anybody's; ``striate run kong2021 --model NAME[=MODEL] …`` several of
    the 40, by the names of Table S1; ``striate report`` sets both beside the published table.
Cost
    One pass over photographs and stimuli for spectra and predictivity together (as many as the
    memory budget asks for), one over 1000 patches, and for robustness 60 passes forwards and back
    per attacked image. ``docs/measure-all.md`` has times and memory of whole networks.
Expect
    Over the 40 published networks, mean accuracy under three attacks and PLS predictivity correlate
    with R = 0.772; with the exponent R = 0.362, with the frequency score R = 0.544.

What of it can be had
---------------------
The 25 networks that torchvision brings are loaded by name (``kong2021/resnet50``, extra ``zoo``).
The 14 robust ones and SimCLR need their weights as a file (``striate models list`` says whose;
``striate models convert`` makes old checkpoints safe). Cadena et al.'s recording and the validation
images of ImageNet are not distributed with this toolkit; their loaders are.

Each step has the result file that ``striate measure spectrum|tuning|predictivity|robustness`` of
the same settings writes, so neither does the other's work again. Where paper and code differ, see
these studies; ``authors`` follows the code in all of them. ``--quick`` is not the paper's protocol:
300 photographs, six layers, five splits, 40 attacked images, no ridge.
"""

from striate.studies.kong2021.measuring import measure_all
from striate.studies.kong2021.plan import STEPS, Plan
from striate.studies.kong2021.shown import Cortex, Shown
from striate.studies.kong2021.subject import Subject, subject
from striate.studies.kong2021.summary import NAME, absent, absent_task
from striate.studies.kong2021.tasks import Planned, check, planned

__all__ = [
    "NAME",
    "STEPS",
    "Cortex",
    "Plan",
    "Planned",
    "Shown",
    "Subject",
    "absent",
    "absent_task",
    "check",
    "measure_all",
    "planned",
    "subject",
]
