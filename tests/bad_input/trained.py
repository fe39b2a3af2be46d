"""Wrong calls of striate.training, and the message of the ValueError of each."""

TITLE = "striate.training"

# What the expressions are made of.
SETUP = """\
from functools import partial
from pathlib import Path

import torch

from striate import models, training

images, labels = torch.rand(20, 1, 8, 8), torch.randint(10, (20,))
model = models.shallow_mlp((1, 8, 8), 10, seed=0)
adam = models.keras_adam(model.parameters(), learning_rate=1e-3)
fit = partial(training.train, model, images, labels, objective=training.standard,
              optimizer=adam, epochs=1, batch_size=10, seed=0)


def first(epochs):
    return next(epochs)


class Says(torch.nn.Module):
    # Says something of the logits of another network.

    def __init__(self, what):
        super().__init__()
        self.inner, self.what = model, what

    def forward(self, pixels):
        return self.what(self.inner(pixels))


def lesson(name, model=model, images=images, labels=labels, **settings):
    return training.make_objective(name, settings, seed=0)[0](model, images, labels)


def without_bounds():
    other = models.shallow_mlp((1, 8, 8), 10, seed=0)
    with torch.no_grad():
        other.output.weight.fill_(float("nan"))
    return other


def after_divergence():
    with torch.no_grad():
        model.output.weight.fill_(float("nan"))
    return first(fit())


def watch(layers, ranks=(1, 5), **options):
    with training.watch(model, layers, ranks=ranks, **options):
        model(images)
"""

CASES = [
    (
        "first(fit(epochs=0))",
        "epochs=0, batch_size=10 with 20 images: need at least one epoch and a batch no larger "
        "than the training set",
    ),
    (
        "first(fit(batch_size=21))",
        "epochs=1, batch_size=21 with 20 images: need at least one epoch and a batch no larger "
        "than the training set",
    ),
    (
        "first(training.train(model, images, labels[:19], objective=training.standard, "
        "optimizer=adam, epochs=1, batch_size=10, seed=0))",
        "20 images but 19 labels",
    ),
    (
        "fit(seed=1.5)",
        "seed=1.5: give a whole number",
    ),
    (
        "fit(epochs=2.0)",
        "epochs=2.0: give a whole number",
    ),
    (
        "fit(batch_size=10.0)",
        "batch_size=10.0: give a whole number",
    ),
    (
        "training.train(model, images, labels.tolist(), objective=training.standard, "
        "optimizer=adam, epochs=1, batch_size=10, seed=0)",
        "labels are a list; give a torch.Tensor",
    ),
    (
        "training.train(model, images, labels.int(), objective=training.standard, "
        "optimizer=adam, epochs=1, batch_size=10, seed=0)",
        "labels are torch.int32 of shape (20,); give torch.int64, one number an image",
    ),
    (
        "training.train(model, images, labels - 10, objective=training.standard, "
        "optimizer=adam, epochs=1, batch_size=10, seed=0)",
        "labels begin at …; classes are counted from 0",
    ),
    (
        "training.train(model, images.tolist(), labels, objective=training.standard, "
        "optimizer=adam, epochs=1, batch_size=10, seed=0)",
        "images are a list; give a torch.Tensor, or a Source with a length and `take`",
    ),
    (
        "lesson('standard', labels=labels.float())",
        "labels are torch.float32 of shape (20,); give torch.int64, one number an image",
    ),
    (
        "lesson('standard', labels=labels[:, None])",
        "labels are torch.int64 of shape (20, 1); give torch.int64, one number an image",
    ),
    (
        "lesson('standard', labels=labels + 20 * (labels == labels.max()))",
        "labels run to …, but the model has 10 outputs, of classes 0 to 9",
    ),
    (
        "training.standard(model, images, 0 * labels - 100)",
        "labels begin at -100; classes are counted from 0",
    ),
    (
        "lesson('trades', beta=2.0, eps=0.1, steps=2.5, step_size=0.1, order='paper')",
        "steps=2.5: give a whole number",
    ),
    (
        "lesson('standard', Says(lambda logits: (logits, logits)))",
        "the model puts out a tuple; give one of logits alone",
    ),
    (
        "lesson('free', Says(lambda logits: {'out': logits}), eps=0.1, step_size=0.1)",
        "the model puts out a dict; give one of logits alone",
    ),
    (
        "lesson('igr', Says(lambda logits: logits.detach()), strength=0.3, h=0.01)",
        "the model's logits carry no gradient: it detaches them, or makes them under "
        "torch.no_grad() or of something else than its images",
    ),
    (
        "lesson('igr', images=images.flatten(1), strength=0.3, h=0.01)",
        "images are of shape (20, 64); give (images, channels, height, width), though some of "
        "them be 1",
    ),
    (
        "lesson('adversarial', without_bounds(), eps=0.1, steps=2, step_size=0.05)",
        "the training may have diverged: lower the learning rate. If not, the model answers 20 of "
        "20 images with NaN or infinity, where the loss has no gradient; look at its weights and "
        "at what it divides by",
    ),
    (
        "first(fit(checkpoint=Path('damaged/cell.json')))",
        "damaged/cell.json is damaged: its checksum does not match; delete it and rerun",
    ),
    (
        "first(fit(checkpoint=Path('other/x.json'), task={'seed': 1}))",
        "other/x.json belongs to a run with other settings; delete it to start afresh",
    ),
    (
        "watch('hiden')",
        "layers='hiden' fits no layer of this Sequential; did you mean 'hidden'?",
    ),
    (
        "watch([])",
        'layers=[]: name at least one layer, or "**" for all of them',
    ),
    (
        "watch(None)",
        "layers=None: layers are named by text, e.g. 'layer1'",
    ),
    (
        "watch('hidden', ranks=5)",
        "ranks=5: give first and last, two whole numbers, e.g. (6, 50)",
    ),
    (
        "watch('hidden', ranks=(5, 1))",
        "ranks=(5, 1): need 1 <= first < last, both counted from 1",
    ),
    (
        "watch('hidden', ranks=(1, 600))",
        "stimuli=512 in gather=1 parts cannot fill ranks=(1, 600), which need 601; use more "
        "stimuli",
    ),
    (
        "watch('hidden', weights='1/n')",
        "weights='1/n'; choose 'rank' (1/n) or 'none'",
    ),
    (
        "watch('hidden', units='rows')",
        "units='rows'; choose one of 'flat', 'channels', 'features', 'centre'",
    ),
    (
        "watch('hidden', every=0)",
        "gather=1, every=0: gather at least one pass, and no more than there are from one "
        "measurement to the next",
    ),
    (
        "watch('hidden', every=1.5)",
        "every=1.5: give a whole number",
    ),
    (
        "watch('hidden', gather=3, every=2)",
        "gather=3, every=2: gather at least one pass, and no more than there are from one "
        "measurement to the next",
    ),
    (
        "watch('hidden', to='readings.csv')",
        "to='readings.csv': readings are lines of JSON; end the path in .jsonl",
    ),
    (
        "watch('hidden', to='a-file/readings.jsonl')",
        "to='a-file/readings.jsonl' cannot be written: …",
    ),
    (
        "watch('hidden', to=3)",
        "to=3: give a function, a path ending in .jsonl or a TensorBoard SummaryWriter",
    ),
    (
        "after_divergence()",
        "the loss became nan; lower the learning rate or beta",
    ),
]
