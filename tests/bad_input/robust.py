"""Wrong calls of the study of robustness."""

TITLE = "striate.study.robustness and striate.studies.robustness"

# What the expressions are made of.
SETUP = """\
from functools import partial
from pathlib import Path

import torch
from torch import nn

from striate.models import Network
from striate.robustness import L2Ball, fgsm, pgd
from striate.studies import robustness
from striate.study.robustness import (
    Attacks,
    Judge,
    Passbands,
    in_batches,
    network_robustness,
    passed,
)

net = nn.Sequential(nn.Flatten(), nn.Linear(192, 10))
shown = in_batches(torch.rand(20, 3, 8, 8), torch.arange(20) % 10, batch_size=8)
attacks = Attacks({"Linf": (0.01, 0.05)}, attack_wrong=False)
measure = partial(network_robustness, net, seed=0, source="net")
attacked = partial(measure, shown)
draw = partial(robustness.labelled, network=Network("net", net, 8, 8))
pixels, classes = torch.linspace(0, 1, 20 * 192).view(20, 3, 8, 8), torch.arange(20) % 10
strike = partial(fgsm, ball=L2Ball(0.5))
climb = partial(pgd, ball=L2Ball(0.5), steps=2, step_size=0.3)


class Says(nn.Module):
    # Says something of the logits of another network.

    def __init__(self, what):
        super().__init__()
        self.inner, self.what = net, what

    def forward(self, shown):
        return self.what(self.inner(shown))
"""

CASES = [
    (
        "attacked(attacks=attacks._replace(epsilons={}))",
        "epsilons are none; give at least one strength above 0",
    ),
    (
        "attacked(attacks=attacks._replace(epsilons={'L2': (0.2, 0.1)}))",
        "epsilons of L2 are 0.2, 0.1; give each once, ascending, above 0",
    ),
    (
        "attacked(attacks=attacks._replace(steps=0))",
        "steps=0: give a whole number from 1 on",
    ),
    (
        "attacked(attacks=attacks._replace(precision='float8'))",
        "precision='float8'; choose one of float32, bfloat16, float16",
    ),
    (
        "attacked(attacks=attacks, passbands=Passbands((), 'ideal'))",
        "cutoffs are none; give cycles per image, ascending from above 0",
    ),
    (
        "attacked(attacks=attacks, passbands=Passbands((1.0,), 'box'))",
        "filter='box'; choose ideal or gaussian",
    ),
    (
        "attacked(attacks=attacks, judge=Judge({'Linf': 0.02}, 20, 10))",
        "the strength to judge is 0.02 in Linf, where those attacked are 0.01, 0.05; choose one of "
        "them",
    ),
    (
        "attacked(attacks=attacks, judge=Judge({'Linf': 0.05}, 30, 10))",
        "images=30 to judge by, of 20; give at least 2 and no more than there are",
    ),
    (
        "attacked(attacks=attacks, judge=Judge({'Linf': 0.05}, 20, 10, queries=0))",
        "queries=0: give a whole number from 1 on",
    ),
    (
        "measure(in_batches(torch.rand(1, 3, 8, 8), torch.tensor([0]), batch_size=8), "
        "attacks=attacks)",
        "1 images leave no interval; give at least two",
    ),
    (
        "measure(shown._replace(labels=torch.arange(5)), attacks=attacks)",
        "3 batches of 8 but 5 labels; give a class to each image",
    ),
    (
        "attacked(attacks=attacks, judge=Judge({'Linf': 0.05}, 20, 10, surrogate=nn.Flatten()))",
        "surrogate answers one image with [1, 192], and the model that is judged with [1, 10]; "
        "give one of the same classes",
    ),
    (
        "in_batches(torch.rand(100, 3, 8, 8), torch.arange(95) % 10, batch_size=50)",
        "100 images but 95 labels; give a class to each",
    ),
    (
        "in_batches(torch.rand(4, 3, 8, 8), torch.arange(4), batch_size=0)",
        "batch_size=0; show at least one image at a time",
    ),
    (
        "passed(torch.rand(2, 3, 8, 8), cutoff=2.0, side='low', filter='gauss')",
        "filter='gauss'; choose ideal or gaussian",
    ),
    (
        "passed(torch.rand(2, 3, 8, 8), cutoff=2.0, side='hi', filter='ideal')",
        "side='hi'; choose low or high",
    ),
    (
        "robustness.attacks_of('paper', epsilons={'L2': (0.0,)})",
        "epsilons of L2 are 0 alone; give at least one strength above 0",
    ),
    (
        "robustness.attacks_of('text')",
        "protocol='text'; choose one of paper, authors",
    ),
    (
        "robustness.attacks_of('paper', epsilons={'L3': (1.0,)})",
        "norm='L3'; choose one of Linf, L2, L1",
    ),
    (
        "robustness.attacks_of('paper', geometry='dense')",
        "geometry='dense'; choose paper or exact",
    ),
    (
        "draw('some-images')",
        "some-images has no classes: its images must lie at some-images/<class>/<file>, all of "
        "them",
    ),
    (
        "draw('digits', count=1)",
        "n=1 of 360 images; draw at least 2 and no more than there are",
    ),
    (
        "draw('digits')",
        "images of shape (1, 8, 8) do not pass through this Sequential: …",
    ),
    (
        "draw('digits', batch_size=0)",
        "batch_size=0; show at least one image at a time",
    ),
    (
        "draw('digits', classes=Path('a-file'))",
        "classes='a-file': the classes of digits are known",
    ),
    (
        "robustness.read_baseline(Path('nowhere.json'), {'L2': 0.15}, pictures='digits')",
        "baseline='nowhere.json' is no file; name a result of this study",
    ),
    (
        "robustness.read_baseline(Path('other/x.json'), {'L2': 0.15}, pictures='digits')",
        "baseline='other/x.json' is of study None; name a file that `measure robustness` wrote",
    ),
    (
        "in_batches(torch.rand(4, 3, 8, 8).numpy(), torch.arange(4), batch_size=2)",
        "images are a ndarray; give a torch.Tensor",
    ),
    (
        "measure(in_batches(torch.rand(4, 3, 8, 8), torch.arange(4) + 100, batch_size=2), "
        "attacks=attacks)",
        "labels run to 101, but the model has 10 outputs, of classes 0 to 9",
    ),
    (
        "measure(in_batches(torch.rand(4, 3, 8, 8), torch.arange(4) - 1, batch_size=2), "
        "attacks=attacks)",
        "labels begin at -1; classes are counted from 0",
    ),
    (
        "strike(Says(lambda logits: (logits, logits)), pixels, classes)",
        "the model puts out a tuple; give one of logits alone",
    ),
    (
        "climb(Says(lambda logits: logits.detach()), pixels, classes)",
        "the model's logits carry no gradient: it detaches them, or makes them under "
        "torch.no_grad() or of something else than its images",
    ),
    (
        "strike(net, pixels.flatten(1), classes)",
        "images are of shape (20, 192); give (images, channels, height, width), though some of "
        "them be 1",
    ),
    (
        "strike(net, pixels + 1e-6, classes)",
        "images lie in [1e-06, 1.000000…]; give pixels in [0, 1] and let the model normalise them",
    ),
    (
        "strike(net, pixels, classes.tolist())",
        "labels are a list; give a torch.Tensor",
    ),
    (
        "strike(net, pixels, classes.to(torch.uint8))",
        "labels are torch.uint8 of shape (20,); give torch.int64, one number an image",
    ),
]
