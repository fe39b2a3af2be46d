"""Wrong calls of tuning and visualize, and of the study that rests on them."""

TITLE = "striate.tuning, striate.visualize and striate.study.tuning"

# What the expressions are made of.
SETUP = """\
from functools import partial

import torch
from torch import nn

from striate import tuning, visualize
from striate.study.tuning import network_tuning, stimuli_for

seeded = torch.Generator().manual_seed(0)
net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))
bank = tuning.gabor_bank(24, frequencies_cpd=[1, 2], wavelengths="exact", pixels="float")
responses = torch.rand(200, 4, generator=seeded)  # to 10 orientations, 2 frequencies, 10 phases
curves = tuning.tuning_curves(responses, bank.shape)
edges, v1 = torch.tensor([0.5, 1.0, 2.0]), torch.tensor([3.0, 5.0])
gabor = partial(tuning.gabor, orientation_deg=0.0, phase_deg=0.0)
exact = partial(gabor, wavelengths="exact", pixels="float")
sample = partial(tuning.frequency_experiments, edges=edges, reference=v1)
optimal = partial(visualize.optimal_stimulus, net, "1", size=8, steps=2)
measure = partial(network_tuning, net, seed=0, z_scored=True, source="net")
"""

CASES = [
    (
        "exact(0, frequency_cpd=1.0)",
        "size=0: give a whole number from 1 on",
    ),
    (
        "exact(24, frequency_cpd=0.0)",
        "frequency_cpd holds 0; give positive cycles per degree",
    ),
    (
        "exact(24, frequency_cpd=20.0)",
        "frequency_cpd holds 20 cycles per degree, but 35 pixels per degree show at most 17.5 "
        "(Nyquist); lower it, or draw at 40 pixels per degree",
    ),
    (
        "exact(24, frequency_cpd=1.0, sigma_deg=0.0)",
        "sigma_deg=0.0: give a positive, finite number of degrees",
    ),
    (
        "exact(24, frequency_cpd=1.0, canvas=16)",
        "canvas=16 is smaller than size=24; it holds what is drawn",
    ),
    (
        "gabor(24, frequency_cpd=1.0, wavelengths='round', pixels='float')",
        "wavelengths='round'; choose 'exact' (as asked) or 'floor' (in whole pixels)",
    ),
    (
        "gabor(24, frequency_cpd=1.0, wavelengths='exact', pixels='bytes')",
        "pixels='bytes'; choose 'float' (as computed) or '8bit' (in 256 levels)",
    ),
    (
        "gabor(24, frequency_cpd=1.0, wavelengths=['exact'], pixels='float')",
        "wavelengths=['exact']; choose 'exact' (as asked) or 'floor' (in whole pixels)",
    ),
    (
        "tuning.gabor_bank(24, wavelengths='exact', pixels='float', phases_deg=[])",
        "phases_deg has shape (0,) in torch.float64; give one axis of numbers, at least one",
    ),
    (
        "tuning.tuning_curves(responses, (10, 10, 10))",
        "shape=(10, 10, 10) means 1000 stimuli, responses are to 200; give bank.shape of the bank "
        "that was shown",
    ),
    (
        "tuning.tuning_curves(responses * float('nan'), bank.shape)",
        "responses holds values that are not finite; leave out units like that",
    ),
    (
        "tuning.preferred_frequency(curves.frequency, [1.0, 2.0, 4.0])",
        "3 frequencies_cpd for curves of 2 points; give one each",
    ),
    (
        "tuning.preferred_frequency(curves.frequency, [1.0, 2.0], noise=-1.0)",
        "noise=-1.0: give one finite number from 0 on, or one of each of 4 units",
    ),
    (
        "tuning.preferred_frequency(curves.frequency, [-1.0, 1.0])",
        "frequencies_cpd=[-1.0, 1.0]: give finite frequencies from 0 on, each once",
    ),
    (
        "bank.images[[[0, 1], [2, 3]]]",
        "images[[[0, 1], [2, 3]]] has 2 axes; give an int, a slice, or one axis of places or of "
        "True and False",
    ),
    (
        "tuning.rounding_noise(curves.frequency[0])",
        "responses has shape (2,); need stimuli × units, at least one each",
    ),
    (
        "tuning.orientation_selectivity(curves.orientation, [0.0, 90.0])",
        "2 orientations_deg for curves of 10 points; give one each",
    ),
    (
        "tuning.orientation_selectivity(curves.orientation, [0.0, 180.0] * 5)",
        "orientations_deg=[0.0, 180.0, 0.0, 180.0, 0.0, 180.0, 0.0, 180.0, 0.0, 180.0] are one "
        "orientation; selectivity needs at least 2 (0 and 180 are one)",
    ),
    (
        "tuning.phase_modulation(responses, bank.shape, [0.0, 180.0] * 5)",
        "phases_deg holds 2 different phases; a first harmonic needs at least 3",
    ),
    (
        "tuning.bandwidth_octaves(curves.frequency, [2.0, 1.0])",
        "frequencies_cpd=[2.0, 1.0] do not ascend from above 0; sort them, and the curves with "
        "them",
    ),
    (
        "tuning.frequency_score(torch.ones(3), v1)",
        "counts have shape (3,); need 2 bins, as reference",
    ),
    (
        "tuning.frequency_histogram(torch.tensor([4.0]), edges)",
        "1 of 1 frequencies lie outside the edges, 0.5 to 2 (the first is 4); give them bins with "
        "open_ended(edges, reference)",
    ),
    (
        "sample(torch.tensor([]), generator=seeded)",
        "frequency_cpd holds no unit; is none selected?",
    ),
    (
        "sample(torch.tensor([1.0]), generator=0)",
        "generator=0: give a torch.Generator, such as torch.Generator().manual_seed(0)",
    ),
    (
        "sample(torch.tensor([1.0]), generator=seeded, draws=0)",
        "draws=0: give a whole number from 1 on",
    ),
    (
        "optimal([4], generator=seeded)",
        "channels: layer '1' has 4, counted from 0 to 3, and no 4",
    ),
    (
        "optimal(3, generator=seeded)",
        "channels=3: list channels, counted from 0",
    ),
    (
        "optimal([], generator=seeded)",
        "channels=[]: name at least one",
    ),
    (
        "optimal([0], generator=0)",
        "generator is a int; give torch.Generator().manual_seed(0)",
    ),
    (
        "optimal([0], generator=seeded, colour='red')",
        "colour='red'; choose 'colour' or 'grey'",
    ),
    (
        "optimal([0], generator=seeded, learning_rate=0.0)",
        "learning_rate=0.0: give a positive, finite number",
    ),
    (
        "visualize.peak_frequency(torch.zeros(1, 3, 8, 8))",
        "image 0 is blank, so no frequency is strongest",
    ),
    (
        "visualize.peak_frequency(torch.rand(0, 3, 8, 8))",
        "images has shape (0, 3, 8, 8); need at least 4 × 4 pixels, of one image and one plane",
    ),
    (
        "visualize.peak_frequency(torch.rand(1, 3, 8, 8), lowest_cpi='a')",
        "lowest_cpi='a': images of 8 × 8 pixels show frequencies above 0, up to 4 cycles per image",
    ),
    (
        "stimuli_for('224', protocol='paper')",
        "size='224': give the side of an image, a whole number from 1 on",
    ),
    (
        "stimuli_for(224, protocol='paper', field_deg='6')",
        "field_deg='6': give a positive number of degrees",
    ),
    (
        "stimuli_for(144, protocol='authors')",
        "protocol='authors' is of patches of 224 pixels, which images of 144 pixels cannot hold; "
        "choose paper",
    ),
    (
        "stimuli_for(224, protocol='authors', field_deg=12.0)",
        "field_deg=12: in whole pixels, 6.25 cycles per degree are drawn as 9.33, as another of "
        "the ten; choose protocol 'paper' or another width",
    ),
    (
        "stimuli_for(224, protocol='text')",
        "protocol='text'; choose one of paper, authors",
    ),
    (
        "stimuli_for(224, protocol='paper', field_deg=50.0)",
        "field_deg=50: images of 224 pixels cannot show patches of 1 degree and up to 8.75 cycles "
        "per degree over it; spread them over 4 to 12.8 degrees, or leave it out",
    ),
    (
        "stimuli_for(32, protocol='authors')",
        "protocol='authors' is of patches of 224 pixels, which images of 32 pixels cannot hold; "
        "choose paper",
    ),
    (
        "measure(stimuli_for(8, protocol='paper'), '1', optimal=-1)",
        "optimal=-1: give a whole number from 0 on",
    ),
    (
        "measure(stimuli_for(8, protocol='paper', channels=1), '1')",
        "images of shape (1, 8, 8) do not pass through this Sequential: …",
    ),
    (
        "optimal([True], generator=seeded)",
        "channels: layer '1' has 4, counted from 0 to 3, and no True",
    ),
    (
        "exact(24, frequency_cpd=1.0, sigma_deg=1e-170)",
        "sigma_deg=1e-170: of 3.5e-169 pixels, whose square is no number of float64; give a "
        "standard deviation that images can show",
    ),
    (
        "tuning.rounding_noise(responses, averaged=0)",
        "averaged=0: give a whole number from 1 on",
    ),
    (
        "measure(stimuli_for(8, protocol='paper'), '1', steps=2.5)",
        "steps=2.5: give a whole number from 1 on",
    ),
    (
        "measure(stimuli_for(8, protocol='paper'), '1', temperature='a')",
        "temperature='a': give a positive, finite number",
    ),
    (
        "measure(stimuli_for(8, protocol='paper'), '1', optimal='3')",
        "optimal='3': give a whole number from 0 on",
    ),
    (
        "measure(stimuli_for(8, protocol='paper'), '1', draws=2.5)",
        "draws=2.5: give a whole number from 1 on",
    ),
    (
        "measure(stimuli_for(8, protocol='paper'), '1', experiments=0)",
        "experiments=0: give a whole number from 1 on",
    ),
    (
        "optimal([0], generator=seeded, channel_axis=1.5)",
        "channel_axis=1.5: give a whole number, or None",
    ),
    (
        "optimal([0], generator=seeded, progress=3)",
        "progress=3: give a function of steps done, and of all",
    ),
    (
        "optimal([0], generator=seeded, temperature=1e-40)",
        "temperature=1e-40: give one from 1.18e-38 to 3.4e+38, numbers of single precision; "
        "activations are divided by it",
    ),
]
