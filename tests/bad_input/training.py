"""Wrong calls of the study that trains, and of ``striate train``."""

TITLE = "striate.studies.training"

# What the expressions are made of.
SETUP = """\
from functools import partial

import torch
from torch import nn

from striate.models import Network, load
from striate.studies import training

net = load("small/cnn-1x8", seed=0)
digits = partial(training.material, "digits", net)
asked = training.Asked(1.0, 1.0, ("hidden",), (2, 20))


def task(network=net, seed=0, processes=1, **given):
    images = training.material("digits", network, train_images=110)
    return training.network_task(
        network, images, training.plan(**given), seed=seed, processes=processes
    )


class Mine(nn.Module):
    # With a part that is idle, and another answer in training mode if that is asked for.

    def __init__(self, twice=False):
        super().__init__()
        self.inner, self.idle, self.twice = net.model, nn.Linear(2, 2), twice

    def forward(self, pixels):
        logits = self.inner(pixels)
        return (logits, logits) if self.twice and self.training else logits


class Centring(nn.Module):
    # By a mean that it does not save.

    def __init__(self):
        super().__init__()
        self.inner = net.model
        self.register_buffer("mean", torch.zeros(()), persistent=False)

    def forward(self, pixels):
        if self.training:
            self.mean.lerp_(pixels.mean(), 0.1)
        return self.inner(pixels - self.mean)


class Noted(nn.Module):
    # With a note in its state.

    def __init__(self):
        super().__init__()
        self.inner = net.model

    def forward(self, pixels):
        return self.inner(pixels)

    def get_extra_state(self):
        return {"by": "me"}


lazy = nn.Sequential(nn.Flatten(), nn.LazyLinear(10))
"""

CASES = [
    (
        "task(Network('centring', Centring(), 8, 8))",
        "centring learns in training mode what its state_dict leaves out: mean; register such "
        "buffers as persistent, or the weights that are written are those of another network",
    ),
    (
        "task(Network('noted', Noted(), 8, 8))",
        "the state_dict of Noted holds _extra_state, a dict; files of weights hold tensors, so "
        "keep it in a buffer, or out of the state",
    ),
    (
        "task(Network('lazy', lazy, 8, 8))",
        "1.weight of Sequential has no shape yet (a lazy layer); show the model an image before it "
        "is trained",
    ),
    (
        "training.plan(objective='madry')",
        "objective='madry'; choose one of 'standard', 'adversarial', 'trades', 'igr', 'free'",
    ),
    (
        "training.plan(objective='adversarial')",
        "the objective 'adversarial' needs eps, steps, step_size; give each a value",
    ),
    (
        "training.plan(settings={'eps': 0.1})",
        "settings eps: the objective 'standard' takes no settings",
    ),
    (
        "training.plan('resnet50-pgd')",
        "preset='resnet50-pgd'; choose one of resnet50-trades, resnet50-igr, resnet50-free, "
        "resnet50-adversarial",
    ),
    (
        "training.plan('resnet50-trades', objective='igr')",
        "objective='igr', but preset='resnet50-trades' is of 'trades'; leave one of them out",
    ),
    (
        "training.plan('resnet50-igr', optimizer='adam')",
        "optimizer='adam', but preset='resnet50-igr' is of 'sgd'; leave one out",
    ),
    (
        "training.plan('resnet50-igr', epochs=50)",
        "drops=(35, 70, 90): after epoch 70 of 50 no epoch is left; with a preset of more epochs, "
        "give drops or a schedule too",
    ),
    (
        "training.plan(optimizer='lbfgs')",
        "optimizer='lbfgs'; choose one of sgd, adam",
    ),
    (
        "training.plan(optimizer='adam', momentum=0.9)",
        "momentum=0.9 is of optimizer 'sgd', not of 'adam'",
    ),
    (
        "training.plan(schedule='steps')",
        "schedule='steps'; choose one of constant, cosine",
    ),
    (
        "training.plan(schedule='cosine', drops=(3,))",
        "schedule='cosine' and drops=(3,): give one of them",
    ),
    (
        "training.plan(drops=(5, 3))",
        "drops=(5, 3): give epochs from 1 on, each later than the last",
    ),
    (
        "training.plan(epochs=0)",
        "epochs=0: give a whole number from 1 on",
    ),
    (
        "training.plan(learning_rate=-0.1)",
        "learning_rate=-0.1: give a number above 0 and up to 1e+06",
    ),
    (
        "training.plan(blur='constant', blur_sigma=1e9)",
        "blur_sigma=1000000000.0: give a number of pixels from 0 to 10000",
    ),
    (
        "training.plan(momentum=1.0)",
        "momentum=1.0: give a number from 0 to less than 1",
    ),
    (
        "training.plan(weight_decay=-1e-4)",
        "weight_decay=-0.0001: give a finite number, 0 or more",
    ),
    (
        "training.plan(precision='float8')",
        "precision='float8'; choose one of float32, bfloat16, float16",
    ),
    (
        "training.plan(noise=-0.1)",
        "noise of sd=-0.1: give a finite number, 0 or more",
    ),
    (
        "training.plan(blur='coarse', blur_sigma=2.0)",
        "blur='coarse'; choose one of coarse-to-fine, fine-to-coarse, constant",
    ),
    (
        "training.plan(blur='constant')",
        "blur='constant', blur_sigma=0.0: a kind of blur and its standard deviation in pixels go "
        "together",
    ),
    (
        "training.plan(spectral=asked._replace(beta=-1.0))",
        "beta=-1.0: the strength of a penalty is finite and not negative",
    ),
    (
        "training.plan(spectral=asked._replace(units='maps'))",
        "units='maps'; choose one of 'flat', 'channels', 'features', 'centre'",
    ),
    (
        "digits(train_images=0)",
        "train_images=0: give a whole number from 1 on",
    ),
    (
        "digits(train_images=2000)",
        "train_images=2000, but digits has 1437",
    ),
    (
        "training.material('digits', load('small/cnn-1x28', seed=0))",
        "data='digits' has images of 8×8 pixels and small/cnn-1x28 takes 28×28; choose another "
        "network, or a folder of photographs",
    ),
    (
        "training.material('nowhere', net)",
        "data='nowhere': there is no folder nowhere/train; give digits, mnist, cifar10, or a "
        "folder that holds train/<class>/<file> and val/<class>/<file>",
    ),
    (
        "task(batch_size=111)",
        "batch_size=111 is more than the 110 training images",
    ),
    (
        "task(seed=-1)",
        "seed=-1: give a whole number from 0 on",
    ),
    (
        "task(spectral=asked._replace(layers=('dense',)))",
        "layers='dense' fits no layer of this Sequential; did you mean …?",
    ),
    (
        "task(spectral=asked)",
        "spectral_layers='hidden': of the smallest batch, of 10 images, it has no such spectrum: …",
    ),
    (
        "task(Network('odd', nn.Sequential(nn.Flatten(), nn.Linear(64, 4)), 8, 8))",
        "odd answers an image with (4,) numbers, and digits has 10 classes; give a network with an "
        "output for each",
    ),
    (
        "task(Network('aux', Mine(twice=True), 8, 8))",
        "aux answers with logits in evaluation mode, and with tuple in training mode; give a "
        "network that answers with logits in both, without auxiliary outputs (in torchvision "
        "aux_logits=False)",
    ),
    (
        "task(Network('idle', Mine(), 8, 8), processes=2)",
        "idle has parameters that take no part in its answer, and 2 processes wait for the "
        "gradient of each: idle.weight, idle.bias; set requires_grad=False on them",
    ),
]

# What is typed, and the line on standard error.
TYPED = [
    (
        "train small/cnn-1x8 --data digits --set eps",
        "--set 'eps': give a name and a value, e.g. eps=8/255",
    ),
    (
        "train small/cnn-1x8 --data digits --objective free --set eps=8/0 --set step_size=0.1",
        "eps='8/0': give a finite number",
    ),
    (
        "train small/cnn-1x8 --data digits --objective free --set eps=0.1 --set step_size=0.1 "
        "--set eps=0.2",
        "--set gives eps more than once; say which of them is meant",
    ),
    (
        "train small/cnn-1x8 --data digits --spectral-alpha 1",
        "--spectral-beta is missing: a penalty on spectra needs --spectral-alpha, --spectral-beta, "
        "--spectral-layers and --spectral-ranks",
    ),
    (
        "train small/cnn-1x8 --data digits --drops soon",
        "--drops 'soon': give numbers with commas, e.g. 1,2,3",
    ),
    (
        "train small/cnn-1x9 --data digits",
        "there is no network 'small/cnn-1x9'; there are …",
    ),
    (
        "train small/cnn-1x8 --data digits --device tpu",
        "device='tpu' cannot be used here: …",
    ),
    (
        "train small/cnn-1x8 --data digits --results a-file",
        "--results a-file is a file; name a folder",
    ),
    (
        "train small/cnn-1x8 --data digits --weights nowhere.pt",
        "weights='nowhere.pt': there is no such file",
    ),
    (
        "train small/cnn-1x8 --data digits --spectral-alpha 1 --spectral-beta 1 "
        "--spectral-layers hidden --spectral-ranks 6:50",
        "--spectral-ranks '6:50': give first-last, both included, e.g. 6-50",
    ),
]
