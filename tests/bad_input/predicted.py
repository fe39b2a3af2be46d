"""Wrong calls about showing a recording to a network and predicting it, and what they say."""

TITLE = "striate.predictivity, striate.datasets.present and striate.studies.predictivity"

# What the expressions are made of.
SETUP = """\
from functools import partial
from pathlib import Path

import torch
from torch import nn

from striate import activations, datasets
from striate import predictivity as maths
from striate.datasets import Presentation
from striate.models import Network
from striate.responses import Responses
from striate.studies import predictivity
from striate.studies.spectra import Pictures
from striate.study import predictivity as study
from striate.study.predictivity import PROTOCOLS, Regression

seeded = torch.Generator().manual_seed(0)
images = torch.rand(20, 20, 20, generator=seeded)
photographs = torch.rand(12, 3, 8, 8, generator=seeded)
way = Presentation(stimulus_deg=2.0, field_deg=4.0)
shown = datasets.present(images, way, size=8)
trials = torch.randn(1, 20, 5, generator=seeded) + torch.randn(3, 20, 5, generator=seeded)
responses = Responses(trials, 'a file', 'noise')
recording = datasets.Recording(responses, images[:, None], torch.arange(20), ())
net = Network('net', nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), 8, 8)
grey = Network('grey', nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU()), 8, 8)
colour = recording._replace(images=images[:, None].expand(-1, 3, -1, -1))
present = partial(datasets.present, size=8)
x, y = torch.randn(20, 4, generator=seeded), torch.randn(20, 3, generator=seeded)
split = maths.split_indices(20, seed=0)
ridge = partial(maths.ridge, x, y, select='population')
task = partial(
    predictivity.network_task, net, recording, Pictures('noise', 12, None, None), ['1'],
    presentation=way, regression=Regression('pls', 2),
)


def features(photographs):
    return study.layer_features(
        net.model, photographs, {'shown': shown}, ['1'], protocol=PROTOCOLS['paper']
    )
"""

CASES = [
    (
        "ridge(splits=[(split.train, split.test)], lambdas=(1.0,))",
        "splits[0] is a tuple; give Split(train, test), as split_indices makes it",
    ),
    (
        "maths.pls(x, y, splits=[(0, 1)], z_scored=False, components=2)",
        "splits[0] is a tuple; give Split(train, test), as split_indices makes it",
    ),
    (
        "maths.pls(x, y, splits=[split], z_scored='no', components=2)",
        "z_scored='no': give True or False",
    ),
    (
        "maths.fit_pls(1e80 * x.double(), 1e80 * y.double(), z_scored=False, components=2)",
        "features reach …e+80 from their means and responses …e+80; squares of their products are "
        "beyond float64, so give them in other units",
    ),
    (
        "maths.lambda_grid(x, decades=3, count=3)",
        "decades=3, count=3: give two powers of ten, the lower first, and at least 2 penalties, "
        "e.g. decades=(-4, 3), count=15",
    ),
    (
        "maths.lambda_grid(x, decades=('a', 'b'), count=3)",
        "decades='a': give a number",
    ),
    (
        "maths.split_indices(20, seed=0, train_share='a')",
        "train_share='a': give a share between 0 and 1, e.g. 0.75",
    ),
    (
        "maths.layer_score(torch.rand(3, 4), [True] * 4)",
        "kept is a list; give a torch.Tensor of truth values",
    ),
    (
        "maths.compare_models(y[:, 0], y[:, 1], seed=0, level='a')",
        "level='a': a confidence lies in (0, 1), e.g. 0.95",
    ),
    (
        "maths.noise_corrected(y, torch.rand(3), minimum=None)",
        "minimum=None: a reliability to exceed, from 0 on and below 1",
    ),
    (
        "maths.explained_variance(y, torch.stack([y, y]), minimum='x')",
        "minimum='x': a share of variance, from 0 on and below 1",
    ),
    (
        "maths.spearman_brown(y, times='2')",
        "times='2': give how many times as many repeats, e.g. 2.0",
    ),
    (
        "maths.uneven_repeats(y)",
        "responses has shape (20, 3); need repeats × stimuli × neurons, none of them empty",
    ),
    (
        "Presentation(stimulus_deg=0.0, field_deg=6.4)",
        "stimulus_deg=0.0: give degrees of visual angle, above 0",
    ),
    (
        "Presentation(stimulus_deg='2', field_deg=6.4)",
        "stimulus_deg='2': give degrees of visual angle, above 0",
    ),
    (
        "Presentation(stimulus_deg=2.0, field_deg=float('inf'))",
        "field_deg=inf: give degrees of visual angle, above 0",
    ),
    (
        "Presentation(stimulus_deg=8.0, field_deg=6.4)",
        "stimulus_deg=8 does not fit into field_deg=6.4; give the degrees of what crop_px leaves, "
        "or a wider field",
    ),
    (
        "Presentation(stimulus_deg=2.0, field_deg=6.4, surround=128)",
        "surround=128: give a grey level in [0, 1], 0 is black",
    ),
    (
        "Presentation(stimulus_deg=2.0, field_deg=6.4, crop_px=0)",
        "crop_px=0: give the side of a square in pixels, or (top, left, height, width)",
    ),
    (
        "Presentation(stimulus_deg=2.0, field_deg=6.4, crop_px=2.5)",
        "crop_px=2.5: give the side of a square in pixels, or (top, left, height, width)",
    ),
    (
        "Presentation(stimulus_deg=2.0, field_deg=6.4, crop_px=(0, 0, 5))",
        "crop_px=(0, 0, 5): give the side of a square in pixels, or (top, left, height, width)",
    ),
    (
        "present(images, Presentation(2.0, 4.0, crop_px=30))",
        "crop_px=30 is not within images of 20×20 pixels",
    ),
    (
        "present(images[:, :, :5], Presentation(4.0, 4.0))",
        "images of 20×5 pixels, 4 degrees wide, are higher than field_deg=4; cut them with crop_px",
    ),
    (
        "present(images[0], way)",
        "images has shape (20, 20); it must be (stimuli, height, width), or (stimuli, channels, "
        "height, width) with 1 or 3 channels, none of them empty",
    ),
    (
        "present(255 * images, way)",
        "images is float32 from … to …; give 8-bit integers, or floating-point numbers in [0, 1]",
    ),
    (
        "present(images, way, size=0)",
        "size=0: give a whole number from 1 on",
    ),
    (
        "present(photographs, way, channels=1)",
        "images has 3 channels, the network takes 1",
    ),
    (
        "activations.kernels(net.model, photographs, '1', z_scored=True, raw=['new'])",
        "raw=['new']: list names of others; there are none",
    ),
    (
        "activations.kernels(net.model, photographs, '1', z_scored=True, others={'new': shown}, "
        "raw='new')",
        "raw='new': list names of others; there are 'new'",
    ),
    (
        "study.population_of(Responses(trials[:1], 'a file', 'noise'))",
        "a file has one repeat; predictivity needs two, to tell signal from noise",
    ),
    (
        "study.population_of(Responses(torch.stack([trials[0], -trials[0]]), 'a file', 'noise'))",
        "a file: no neuron was recorded with every stimulus and answers alike in two halves of its "
        "trials; leave out stimuli that were rarely shown",
    ),
    (
        "study.splits_of(20, count=0, groups=None)",
        "splits=0: give a whole number from 1 on",
    ),
    (
        "study.splits_of(20, count=2, groups=['a'] * 10 + ['b'] * 10)",
        "20 stimuli of 2 groups cannot be split into train and test, and the train part again: "
        "groups holds one label only; a split keeps each group on one side",
    ),
    (
        "study.rival_of([], {})",
        "holds no predictivity; name a file that `measure predictivity` wrote",
    ),
    (
        "features(photographs[:2])",
        "2 photographs have no principal components to speak of; give more, about 1000",
    ),
    (
        "features(photographs[:1].expand(4, -1, -1, -1))",
        "layer '1' responds alike to all photographs; leave it out",
    ),
    (
        "predictivity.presentations([2.0, 2.0], size=8, protocol='paper')",
        "stimulus_deg=(2.0, 2.0): give each width once",
    ),
    (
        "predictivity.presentations([2.0], size=8, protocol='text')",
        "protocol='text'; choose one of paper, authors, consistent",
    ),
    (
        "task(protocol='text')",
        "protocol='text'; choose one of paper, authors, consistent",
    ),
    (
        "task(grouped='category')",
        "grouped='category'; choose one of none, movie",
    ),
    (
        "task(grouped='movie')",
        "a file does not name what its images stem from; leave out grouped, or read it with "
        "'image_ids'",
    ),
    (
        "task(minimum_reliability='some')",
        "minimum_reliability='some': give a reliability to exceed, from 0 on and below 1",
    ),
    (
        "task(seed=-1)",
        "seed=-1: give a whole number from 0 on",
    ),
    (
        "task(regression=Regression('pls', 11))",
        "components=11: the part to train on within a split's train part has 11 stimuli; give at "
        "most 10",
    ),
    (
        "task(splits=0)",
        "splits=0: give a whole number from 1 on",
    ),
    (
        "task(presentation=Presentation(2.0, 4.0, crop_px=30))",
        "crop_px=30 is not within images of 20×20 pixels",
    ),
    (
        "task(regression=Regression('lasso'))",
        "regression='lasso'; choose one of pls, ridge",
    ),
    (
        "task(regression=Regression('pls', 0))",
        "components=0: give a whole number from 1 on",
    ),
    (
        "task(regression=Regression('ridge', lambdas=(1.0, 0.0)))",
        "lambdas=(1.0, 0.0): give positive numbers to choose from",
    ),
    (
        "task(regression=Regression('ridge', select='each'))",
        "select='each'; choose 'population' (one penalty for all neurons) or 'neuron'",
    ),
    (
        "task(regression=Regression('pls', 2, select='neuron'))",
        "select='neuron' is for ridge; partial least squares has no penalty to choose",
    ),
    (
        "predictivity.network_task(grey, colour, Pictures('noise', 12, None, None), ['1'], "
        "presentation=way, regression=Regression('pls', 2))",
        "images has 3 channels, the network takes 1",
    ),
    (
        "activations.kernels(grey.model, photographs[:, :1], '1', z_scored=True, others={'new': "
        "datasets.Presented(colour.images, way, 8, channels=1)})",
        "images has 3 channels, the network takes 1",
    ),
    (
        "predictivity.network_task(net, recording._replace(images=None), Pictures('noise', 12, "
        "None, None), ['1'], presentation=way, regression=Regression('pls'))",
        "a file comes without its images, which the network must see",
    ),
    (
        "predictivity.network_task(net, recording, Pictures('noise', 2, None, None), ['1'], "
        "presentation=way, regression=Regression('pls'))",
        "2 photographs of noise: give at least 3, better 1536",
    ),
    (
        "predictivity.read_rival(Path('nowhere.json'))",
        "against='nowhere.json' is no file; name a result of this study",
    ),
    (
        "predictivity.read_rival(Path('other/x.json'))",
        "against='other/x.json': holds no predictivity; name a file that `measure predictivity` "
        "wrote",
    ),
    (
        "predictivity.read_rival(Path('damaged/cell.json'))",
        "damaged/cell.json is damaged: its checksum does not match; delete it and rerun",
    ),
    (
        "maths.fit_ridge(1e160 * x.double(), y.double(), lambdas=(1.0,), select='population')",
        "features reach …e+160 from their means; their squares are beyond float64, so give them in "
        "other units",
    ),
    (
        "maths.split_indices(4, seed=0, groups=[1.0, float('nan'), 2.0, 3.0])",
        "groups holds NaN, which is no label; give strings or whole numbers",
    ),
]
