r"""How well any network's layers predict the neurons of a recording (Kong et al. 2021).

Which layer is most like V1, how much of what can be predicted does it predict, and is one network
better than another?

Command
    ``striate measure predictivity MODEL --recording FILE --images DIR --stimulus-deg 1.14
    [--layers '**'] [--crop-px 80] [--protocol paper|authors|consistent] [--regression pls|ridge]
    [--per-neuron] [--components 25] [--minimum-reliability 0.1] [--grouped movie]
    [--against RESULT.json]``
    Several sizes, ``--stimulus-deg 1.14,2,4``, share the photographs and make a result each.
Cost
    What ``striate measure spectrum`` costs for one set of photographs, and as much again for as
    many stimuli as photographs; per layer an eigendecomposition of photographs × photographs and
    two fits per split.
Expect
    Kong et al. 2021, PLS, 166 neurons of Cadena et al. 2019 of median reliability 0.428: 0.545
    (AlexNet) to 0.610 (a ResNet-50 regularised by its input gradient); networks trained against
    attacks 0.596 on average, others 0.575. Their recording is not distributed with this toolkit.

Where paper and code differ
---------------------------
``paper``: principal components of responses as they are; the text mentions no scaling. ``authors``:
components of z-scored responses, applied to responses that are not (D12), which is what their code
does. ``consistent``: z-scored by the same means and standard deviations at both, which their code
seems to intend. All take the components of 1536 photographs, of one seeded draw for all layers
(D13; the text has no number, the code draws anew for each layer), or of all there are if they are
fewer, and exact ones (D14; the code's are randomised).

The paper gives 6.4 degrees to the field of every network. At 35 pixels per degree, which the code
keeps, images of 299 pixels have 8.54 (D20): ``authors`` does so, ``--field-deg`` gives any other.
Images are resized by Pillow's bilinear filter (D39) and surrounded with black.

Which repeats count is the reader's matter (D10): ``striate.datasets.cadena2019`` has both rules.
The mean response is that over all trials of a stimulus (D11: the code averages the means of two
halves, the same where there are two repeats). Where stimuli had unequally many trials and some are
left out of halves, the ceiling is that of the mean response:
`striate.predictivity.split_half_reliability`. A neuron whose halves do not correlate has no ceiling
to be divided by, and is left out of scores; in the code, it makes the median NaN. Of more than
5000 neurons the code uses the most reliable hundredth, where the text is silent; so it is done
here, and said before anything is measured. A neuron without any trial of some stimulus has no mean
response to it, and is left out.

Splits are over single images, as in paper and code; frames of one movie, or textures made of one
photograph, then lie on both sides, and a map that memorises seems to predict (C2). ``--grouped
movie`` keeps them together. The best layer is chosen and scored by the same test stimuli (C3);
``v1_layer_nested`` is chosen within the train part. The paper resamples neurons 10 000 times to
compare networks, and names neither statistic nor side (D31); here it is the difference of medians.
"""

from striate.studies.predictivity.networks import (
    NAME,
    alike_across,
    measure_network,
    measured_alone,
    network_task,
    presentations,
)
from striate.studies.predictivity.rivals import read_rival
from striate.studies.predictivity.sharing import shared_features

__all__ = [
    "NAME",
    "alike_across",
    "measure_network",
    "measured_alone",
    "network_task",
    "presentations",
    "read_rival",
    "shared_features",
]
