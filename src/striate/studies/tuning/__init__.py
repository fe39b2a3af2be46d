r"""Tuning of the channels of any network's layers, compared with V1 (Kong et al. 2021).

Do channels prefer the spatial frequencies that V1 cells prefer, how selective are they for
orientation and phase, and do later principal components prefer finer patterns?

Command
    ``striate measure tuning MODEL --layers '**' [--images DIR] [--optimal 3] [--field-deg 6.4]``
Cost
    1000 patches through the network, once for all layers: for SqueezeNet and nine layers a minute
    of processor time and 0.75 GB in all. With photographs, what ``striate measure spectrum`` costs
    for one set of them, and per layer eleven eigendecompositions of images × images, 3 s of
    processor time for 1000 photographs and 74 s for 2816. With ``--optimal``, 512 steps of gradient
    ascent per layer: for three channels of an early layer of SqueezeNet, some five minutes of
    processor time.
Expect
    Kong et al. 2021, mean ± sd over 1000 experiments of 150 channels, at the layer that predicts V1
    best: ResNet-50 0.763 ± 0.033 and, trained against attacks, 0.817 ± 0.032; ResNet-18
    0.771 ± 0.039 and 0.790 ± 0.036. Which attacks, the paper does not say. Of known answers: all
    channels at 20 cycles per image score 0.4950, at 56 0.0396, at 2.5 0.

Where paper and code differ
---------------------------
``paper``: exact wavelengths (D15) and pixels as computed (D17); ``authors``: wavelengths rounded
down to whole pixels, which turns 28.3 and 40 cycles per image into 32 and 44.8, and pixels cut to 8
bits, on a grey of 127. Both have both ends of the phases, so that phase 0 counts twice (D16): there
text and code agree. A third mixture, that each silence of the text be filled from the code but its
wavelengths be those of the text (exact wavelengths, 8 bits), is no protocol here; `gabor_bank` and
`striate.study.tuning.network_tuning` measure it, and any other.

The paper gives 6.4 degrees to the images of every network. Where they are larger than 224 pixels
(Inception: 299), that and 35 pixels per degree exclude each other (D20): ``paper`` keeps 35 pixels
per degree, ``--field-deg 6.4`` the degrees, and ``authors``, as the code does, shows images of 224
pixels to the larger network. Patches do not fit images of less than 140 pixels; these are shown
gratings, frequencies are in cycles per image, and there is no score against V1.

The unit in the middle of each channel's map is measured, its responses as they are (before
rectification, where the layer is). The code cannot take dense layers; here their units are
channels. Experiments are seeded, those of the code are not (D34).
"""

from striate.studies.tuning.networks import NAME, measure_network, network_task, planes_of

__all__ = ["NAME", "measure_network", "network_task", "planes_of"]
