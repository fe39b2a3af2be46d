"""Wrong calls of robustness, study, results and report, and what they say."""

TITLE = "striate.robustness, striate.study, striate.results and striate.report"

# What the expressions are made of.
SETUP = """\
from pathlib import Path

import numpy as np
import torch

from striate import models, report, results, study
from striate.results import Curve, Score
from striate.robustness import LinfBall, epsilon_at, fgsm, pgd

seeded = torch.Generator().manual_seed(0)
images = torch.rand(20, 1, 8, 8, generator=seeded)
labels = torch.randint(10, (20,), generator=seeded)
model = models.shallow_mlp((1, 8, 8), 10, seed=0)


def save(arrays):
    results.save(Path("new.json"), [], task={}, provenance={}, arrays=arrays)
"""

CASES = [
    (
        "LinfBall(8)",
        "eps=8: pixels are in [0, 1], and so is the radius; 8/255?",
    ),
    (
        "LinfBall(True)",
        "eps=True is a bool; give a number",
    ),
    (
        "LinfBall(-0.1)",
        "eps=-0.1: pixels are in [0, 1], and so is the radius; 8/255?",
    ),
    (
        "fgsm(lambda x: x.flatten(1), images, labels, ball=LinfBall(0.1))",
        "model is a function; give a torch.nn.Module",
    ),
    (
        "fgsm(model, 255 * images, labels, ball=LinfBall(8 / 255))",
        "images lie in [0.0203, 255]; give pixels in [0, 1] and let the model normalise them",
    ),
    (
        "pgd(model, images - 0.5, labels, ball=LinfBall(0.1), steps=40, step_size=0.01)",
        "images lie in [-0.5, 0.5]; give pixels in [0, 1] and let the model normalise them",
    ),
    (
        "fgsm(model, images, labels[:19], ball=LinfBall(0.1))",
        "20 images but 19 labels",
    ),
    (
        "pgd(model, images, labels, ball=LinfBall(0.1), steps=0, step_size=0.01)",
        "steps=0, restarts=1: need at least one step and one restart; both are whole numbers",
    ),
    (
        "pgd(model, images, labels, ball=LinfBall(0.1), steps=40, step_size=0.0)",
        "step_size=0.0: give a positive length of at most 1e+09, in pixel units and the norm of "
        "the ball",
    ),
    (
        "pgd(model, images, labels, ball=LinfBall(0.1), steps=40, step_size=float('inf'))",
        "step_size=inf: give a positive length of at most 1e+09, in pixel units and the norm of "
        "the ball",
    ),
    (
        "pgd(model, images, labels, ball=LinfBall(0.1), steps=40, step_size=0.01, restarts=5)",
        "restarts=5 from one start are all alike; set random_start=True",
    ),
    (
        "pgd(model, images, labels, ball=LinfBall(0.1), steps=40, step_size=0.01, "
        "random_start=True)",
        "random_start=True needs generator=torch.Generator().manual_seed(…)",
    ),
    (
        "epsilon_at([0.0, 0.1], [0.9])",
        "epsilons and accuracies need one length, and the first epsilon is 0",
    ),
    (
        "epsilon_at([0.1, 0.2], [0.9, 0.1])",
        "epsilons and accuracies need one length, and the first epsilon is 0",
    ),
    (
        "epsilon_at([0.0, 0.2, 0.1], [0.9, 0.5, 0.1])",
        "epsilons=[0.0, 0.2, 0.1] must rise",
    ),
    (
        "epsilon_at([0.0, 0.1], [0.9, 0.1], fraction=50)",
        "fraction=50: give a part of the clean accuracy, in (0, 1)",
    ),
    (
        "epsilon_at([0.0, 0.1], [0.9, 0.8])",
        "accuracy falls to 0.8, not to 0.45 = 0.5 of the clean one, up to epsilon 0.1; attack "
        "with larger epsilons",
    ),
    (
        "study.layer_alpha(model, 'hidden', images, ranks=(6, 50))",
        "ranks=(6, 50) need 50 eigenvalues, but a batch of 20 with 2000 units has 19; use a "
        "larger batch or fewer ranks",
    ),
    (
        "study.layer_spectrum(model, 'conv1', images)",
        "layer='conv1' is not a layer of this Sequential; did you mean 'flatten', 'dense1', "
        "'hidden', 'output'?",
    ),
    (
        "study.path_of({'seed': 1}, Path('results'))",
        "a task needs settings 'study' and 'label', this has ['seed']",
    ),
    (
        "Score('accuracy', float('nan'))",
        "'accuracy' holds a number that is not finite; a result records measurements",
    ),
    (
        "Score('alpha', 1.0, error=0.1)",
        "'alpha' has an error but settings['error'] does not say which: write e.g. 'sd over "
        "batches', 'sem over seeds', 'bootstrap 95 %'",
    ),
    (
        "Curve('accuracy_pgd', (0.0, 0.1), (0.9,))",
        "curve 'accuracy_pgd': x, y and error need one length, got 2, 1 and None",
    ),
    (
        "results.load(Path('damaged/cell.json'))",
        "damaged/cell.json is damaged: its checksum does not match; delete it and rerun",
    ),
    (
        "results.load(Path('foreign/cell.json'))",
        "foreign/cell.json is not a result file (it has no task, provenance, results, format, "
        "sha256); move it away and rerun",
    ),
    (
        "results.load_arrays(Path('without-arrays/x.json'))",
        "without-arrays/x.json has arrays in x.npz, which is missing; copy it too, or delete the "
        "result and rerun",
    ),
    (
        "results.load_arrays(Path('bad-arrays/x.json'))",
        "bad-arrays/x.npz is damaged, or of another result: its checksum is not the one in "
        "x.json; delete both and rerun",
    ),
    (
        "save({'names': np.array(['a'])})",
        "arrays['names'] is of <U1; give a numpy array of numbers",
    ),
    (
        "save({'names': [1, 2]})",
        "arrays['names'] is of list; give a numpy array of numbers",
    ),
    (
        "results.load_all(Path('nowhere'))",
        "no results folder at nowhere; `striate run … --results` makes one",
    ),
    (
        "report.gerum2022_table([])",
        "no results of gerum2022 in DIR; run `striate run gerum2022 --results DIR` first",
    ),
]
