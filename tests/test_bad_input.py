"""One table of wrong calls and the whole answer to each, which is also ``docs/bad-input.md``.

``python tests/test_bad_input.py > docs/bad-input.md`` writes the document again;
``python tests/test_bad_input.py --answers`` shows what every case says now.
"""

import contextlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

DOCUMENT = Path(__file__).parent.parent / "docs" / "bad-input.md"

# What the expressions of the table are made of.
SETUP = """\
from functools import partial
from pathlib import Path

import torch
from torch import nn

from striate import datasets, layers, models, reference, report, results, robustness
from striate import spectra, study, training
from striate.results import Curve, Score
from striate.robustness import LinfBall, epsilon_at, fgsm, pgd
from striate.spectra import SpectralPenalty, fit_power_law

seeded = torch.Generator().manual_seed(0)
x = torch.randn(40, 30, generator=seeded)  # 40 stimuli, 30 units
nan = torch.full((40, 30), float("nan"))
variances = torch.arange(1.0, 101.0) ** -1
images = torch.rand(20, 1, 8, 8, generator=seeded)
labels = torch.randint(10, (20,), generator=seeded)
model = models.shallow_mlp((1, 8, 8), 10, seed=0)
penalty = partial(SpectralPenalty, alpha=1.0, beta=0.1, ranks=(1, 20))
adam = models.keras_adam(model.parameters(), learning_rate=1e-3)
fit = partial(training.train, model, images, labels, objective=training.standard,
              optimizer=adam, epochs=1, batch_size=10, seed=0)


def first(epochs):
    return next(epochs)


def after_divergence():
    with torch.no_grad():
        model.output.weight.fill_(float("nan"))
    return first(fit())


def term_before_a_forward_pass():
    with penalty().attach(model, "hidden") as term:
        return term()


def attach(layer):
    with penalty().attach(model, layer):
        pass
"""

# What was typed in a shell, and the one line on standard error. "…" stands for anything.
TYPED = [
    (
        "run gerum2023",
        "study='gerum2023'; there is gerum2022",
    ),
    (
        "run gerum2022 --preset papers",
        "preset='papers'; choose one of quick, paper, 2023, 2023-long",
    ),
    (
        "run gerum2022 --protocol text",
        "protocol='text'; choose one of paper, authors",
    ),
    (
        "run gerum2022 --data svhn",
        "data='svhn'; choose one of digits, mnist, cifar10",
    ),
    (
        "run gerum2022 --network mlp",
        "network='mlp'; choose one of shallow_mlp, deep_mlp, cnn, cnn_no_head, deep_cnn",
    ),
    (
        "run gerum2022 --network cnn",
        "images of 8×8 pixels are too small for this network, which needs 10×10; use "
        "shallow_mlp or deep_mlp",
    ),
    (
        "run gerum2022 --form slop",
        "form='slop'; choose one of 'slope', 'line', 'ratio'",
    ),
    (
        "run gerum2022 --alphas '1;2'",
        "--alphas '1;2': give numbers with commas, e.g. 1,2,3",
    ),
    (
        "run gerum2022 --alphas ''",
        "--alphas '': give numbers with commas, e.g. 1,2,3",
    ),
    (
        "run gerum2022 --alphas 1,nan",
        "alpha=nan: the exponent wanted is a finite number",
    ),
    (
        "run gerum2022 --alphas 1,1",
        "alphas=(1.0, 1.0): give each value once",
    ),
    (
        "run gerum2022 --betas strong",
        "--betas 'strong': give numbers with commas, e.g. 1,2,3",
    ),
    (
        "run gerum2022 --betas=-1",
        "beta=-1.0: the strength of a penalty is finite and not negative",
    ),
    (
        "run gerum2022 --betas 1,inf",
        "beta=inf: the strength of a penalty is finite and not negative",
    ),
    (
        "run gerum2022 --seeds 0",
        "the grid is empty; give at least one alpha, one beta and one seed",
    ),
    (
        "run gerum2022 --ranks 6",
        "--ranks '6': give first-last, both included, e.g. 6-50",
    ),
    (
        "run gerum2022 --ranks 6:50",
        "--ranks '6:50': give first-last, both included, e.g. 6-50",
    ),
    (
        "run gerum2022 --ranks 0-50",
        "ranks=(0, 50): need 1 <= first < last, both counted from 1",
    ),
    (
        "run gerum2022 --ranks 50-6",
        "ranks=(50, 6): need 1 <= first < last, both counted from 1",
    ),
    (
        "run gerum2022 --ranks 6-600",
        "ranks=(6, 600) need batches of at least 601 images, but the smallest batch of an "
        "epoch has 479 (1437 images in batches of 479); change --batch-size or --ranks",
    ),
    (
        "run gerum2022 --ranks 6-400",
        "ranks=(6, 400) end beyond what α can be measured on: hidden of shallow_mlp has "
        "2000 units, and 360 test images have 359 ranks; change --ranks or --width",
    ),
    (
        "run gerum2022 --batch-size 1000 --ranks 6-500",
        "ranks=(6, 500) need batches of at least 501 images, but the smallest batch of an "
        "epoch has 437 (1437 images in batches of 1000); change --batch-size or --ranks",
    ),
    (
        "run gerum2022 --batch-size 700",
        "ranks=(6, 50) need batches of at least 51 images, but the smallest batch of an "
        "epoch has 37 (1437 images in batches of 700); change --batch-size or --ranks",
    ),
    (
        "run gerum2022 --batch-size 2000",
        "batch_size=2000, but there are 1437 training images of digits; use --preset "
        "quick or a --batch-size from 1 to 1437",
    ),
    (
        "run gerum2022 --batch-size 0",
        "batch_size=0, but there are 1437 training images of digits; use --preset quick "
        "or a --batch-size from 1 to 1437",
    ),
    (
        "run gerum2022 --preset paper",
        "batch_size=2500, but there are 1437 training images of digits; use --preset "
        "quick or a --batch-size from 1 to 1437",
    ),
    (
        "run gerum2022 --epochs 0",
        "epochs=0, learning_rate=0.001: give positive numbers",
    ),
    (
        "run gerum2022 --epochs 10 --attack-epochs 20",
        "attack_epochs=(20,), but training has epochs 1 to 10",
    ),
    (
        "run gerum2022 --attack-epochs 0",
        "attack_epochs=(0,), but training has epochs 1 to 40",
    ),
    (
        "run gerum2022 --attack-epochs last",
        "--attack-epochs 'last': give numbers with commas, e.g. 1,2,3",
    ),
    (
        "run gerum2022 --epsilons 0,0.2,0.1",
        "epsilons=(0.0, 0.2, 0.1) must start at 0 and rise, up to at most 1",
    ),
    (
        "run gerum2022 --epsilons 0.1,0.2",
        "epsilons=(0.1, 0.2) must start at 0 and rise, up to at most 1",
    ),
    (
        "run gerum2022 --epsilons 0,8",
        "epsilons=(0.0, 8.0) must start at 0 and rise, up to at most 1",
    ),
    (
        "run gerum2022 --learning-rate 0",
        "epochs=40, learning_rate=0.0: give positive numbers",
    ),
    (
        "run gerum2022 --learning-rate inf",
        "epochs=40, learning_rate=inf: give positive numbers",
    ),
    (
        "run gerum2022 --train-images 0",
        "train_images=0, but digits has 1437 training images here",
    ),
    (
        "run gerum2022 --train-images 5000",
        "train_images=5000, but digits has 1437 training images here",
    ),
    (
        "run gerum2022 --attack-images=-5",
        "attack_images=-5; attack at least one image",
    ),
    (
        "run gerum2022 --solver fast",
        "solver='fast'; choose one of 'exact', 'subspace', 'auto'",
    ),
    (
        "run gerum2022 --layers first",
        "layers='first'; choose one of last, all",
    ),
    (
        "run gerum2022 --layers all",
        "layers='all', but shallow_mlp has one hidden layer; leave it out",
    ),
    (
        "run gerum2022 --width 0",
        "width=0: a layer has at least one unit",
    ),
    (
        "run gerum2022 --width 40",
        "ranks=(6, 50) end beyond what α can be measured on: hidden of shallow_mlp has 40 "
        "units, and 360 test images have 359 ranks; change --ranks or --width",
    ),
    (
        "run gerum2022 --network cnn_no_head --width 100",
        "width=100, but cnn_no_head has no dense layer; leave it out",
    ),
    (
        "run gerum2022 --weight-decay=-0.1",
        "weight_decay=-0.1: give 0 or a positive number",
    ),
    (
        "run gerum2022 --jobs 0",
        "jobs=0; at least one network is trained at a time",
    ),
    (
        "run gerum2022 --device gpu",
        "device='gpu' cannot be used here: …",
    ),
    (
        "run gerum2022 --device cuda:99",
        "device='cuda:99' cannot be used here: …",
    ),
    (
        "run gerum2022 --device meta",
        "device='meta' cannot be used here: …",
    ),
    (
        "run gerum2022 --results a-file",
        "--results a-file is a file; name a folder",
    ),
    (
        "report",
        "no results folder at results; `striate run … --results` makes one",
    ),
    (
        "report --results empty",
        "no results of gerum2022 in empty; run `striate run gerum2022 --results empty` first",
    ),
    (
        "report --results other",
        "no results of gerum2022 in other; run `striate run gerum2022 --results other` first",
    ),
    (
        "report --results damaged",
        "damaged/cell.json is damaged: its checksum does not match; delete it and rerun",
    ),
    (
        "report --results foreign",
        "foreign/cell.json is not a result file ('task'); move it away and rerun",
    ),
    (
        "report --results newer",
        "newer/cell.json has format 99, this version reads 1; upgrade striate",
    ),
    (
        "table --results nowhere",
        "no results folder at nowhere; `striate run … --results` makes one",
    ),
    (
        "table --results empty",
        "no results of gerum2022 in DIR; run `striate run gerum2022 --results DIR` first",
    ),
    (
        "data fetch imagenet",
        "there is no data set 'imagenet'; there are digits, mnist, cifar10",
    ),
    (
        "data verify minst",
        "there is no data set 'minst'; did you mean 'mnist'? there are digits, mnist, cifar10",
    ),
    (
        "data verify mnist",
        "mnist is not in cache; type `striate data fetch mnist` where there is a network, "
        "or set STRIATE_DATA to a folder that holds it",
    ),
]

# What typer itself refuses, in its own frame; part of its words.
USAGE = [
    (
        "run",
        "Missing argument",
    ),
    (
        "run gerum2022 --alpha 1",
        "No such option: --alpha",
    ),
    (
        "run gerum2022 --seeds two",
        "Invalid value for '--seeds'",
    ),
    (
        "run gerum2022 --learning-rate fast",
        "Invalid value for '--learning-rate'",
    ),
    (
        "train",
        "No such command 'train'",
    ),
    (
        "data verify",
        "Missing argument",
    ),
]

# What was written in Python, and the message of its ValueError.
WRITTEN = [
    (
        "spectra.eigenspectrum(x[:1])",
        "a covariance needs at least 2 stimuli, x has 1",
    ),
    (
        "spectra.eigenspectrum(nan)",
        "x holds responses that are not finite; did training diverge?",
    ),
    (
        "spectra.leading_eigenvalues(x, 31)",
        "count=31 eigenvalues asked of 40 stimuli × 30 units, which have 30",
    ),
    (
        "spectra.leading_eigenvalues(x, 0)",
        "count=0 eigenvalues asked of 40 stimuli × 30 units, which have 30",
    ),
    (
        "fit_power_law(variances, ranks=(0, 50), weights='none')",
        "ranks=(0, 50): need 1 <= first < last, both counted from 1",
    ),
    (
        "fit_power_law(variances, ranks=(50, 6), weights='none')",
        "ranks=(50, 6): need 1 <= first < last, both counted from 1",
    ),
    (
        "fit_power_law(variances, ranks=(6, 200), weights='none')",
        "ranks=(6, 200) end beyond the 100 ranks there are",
    ),
    (
        "fit_power_law(variances, ranks=(6, 50), weights='1/n')",
        "weights='1/n'; choose 'rank' (1/n) or 'none'",
    ),
    (
        "fit_power_law(variances - 0.1, ranks=(6, 50), weights='rank')",
        "the variance at rank 10 is 0, not positive; fit ranks that end below 10",
    ),
    (
        "SpectralPenalty(alpha=1.0, beta=-0.1, ranks=(6, 50))",
        "beta=-0.1: the strength of a penalty is finite and not negative",
    ),
    (
        "SpectralPenalty(alpha=float('inf'), beta=0.1, ranks=(6, 50))",
        "alpha=inf: the exponent wanted is a finite number",
    ),
    (
        "SpectralPenalty(alpha=1.0, beta=0.1, ranks=(50, 6))",
        "ranks=(50, 6): need 1 <= first < last, both counted from 1",
    ),
    (
        "SpectralPenalty(alpha=1.0, beta=0.1, ranks=(6, 50), form='abs')",
        "form='abs'; choose one of 'slope', 'line', 'ratio'",
    ),
    (
        "penalty()(x[:15])",
        "ranks=(1, 20) need 20 eigenvalues, but a batch of 15 with 30 units has 14; use a "
        "larger batch or fewer ranks",
    ),
    (
        "penalty()(x[:, :15])",
        "ranks=(1, 20) need 20 eigenvalues, but a batch of 40 with 15 units has 15; use a "
        "larger batch or fewer ranks",
    ),
    (
        "penalty()(nan)",
        "x holds responses that are not finite; did training diverge?",
    ),
    (
        "attach('hiden')",
        "layer='hiden' is not a layer of this Sequential; did you mean 'hidden'?",
    ),
    (
        "term_before_a_forward_pass()",
        "layer 'hidden' ran 0 times since its output was last taken; run the model once, "
        "then take it (a model compiled and run before this block does not see it)",
    ),
    (
        "spectra.batch_alpha(x, ranks=(1, 31))",
        "ranks=(1, 31) need 31 eigenvalues, but a batch of 40 with 30 units has 30; use a "
        "larger batch or fewer ranks",
    ),
    (
        "spectra.alpha_interval(x, ranks=(1, 20), weights='none', generator=seeded, level=95)",
        "level=95: a confidence lies in (0, 1), e.g. 0.95",
    ),
    (
        "spectra.alpha_interval(x, ranks=(1, 20), weights='none', generator=seeded, groups=1)",
        "groups=1 of 40 stimuli: need at least 2, one stimulus each",
    ),
    (
        "spectra.alpha_interval(x, ranks=(1, 31), weights='none', generator=seeded)",
        "ranks=(1, 31) need 31 eigenvalues, but 40 stimuli (all but one group) × 30 units "
        "have 30; fit fewer ranks or use more groups",
    ),
    (
        "spectra.alpha_interval(x[:25], ranks=(1, 24), weights='none', generator=seeded)",
        "ranks=(1, 24) need 24 eigenvalues, but 23 stimuli (all but one group) × 30 units "
        "have 22; fit fewer ranks or use more groups",
    ),
    (
        "LinfBall(8)",
        "eps=8: pixels are in [0, 1], and so is the radius; 8/255?",
    ),
    (
        "LinfBall(-0.1)",
        "eps=-0.1: pixels are in [0, 1], and so is the radius; 8/255?",
    ),
    (
        "fgsm(model, 255 * images, labels, ball=LinfBall(8 / 255))",
        "images lie in [0.11, 255]; give pixels in [0, 1] and let the model normalise them",
    ),
    (
        "pgd(model, images - 0.5, labels, ball=LinfBall(0.1), steps=40, step_size=0.01)",
        "images lie in [-0.5, 0.499]; give pixels in [0, 1] and let the model normalise them",
    ),
    (
        "fgsm(model, images, labels[:19], ball=LinfBall(0.1))",
        "20 images but 19 labels",
    ),
    (
        "pgd(model, images, labels, ball=LinfBall(0.1), steps=0, step_size=0.01)",
        "steps=0, step_size=0.01, restarts=1: need at least one step, a positive "
        "step_size and at least one restart",
    ),
    (
        "pgd(model, images, labels, ball=LinfBall(0.1), steps=40, step_size=0.0)",
        "steps=40, step_size=0.0, restarts=1: need at least one step, a positive "
        "step_size and at least one restart",
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
        "accuracy falls to 0.8, not to 0.45 = 0.5 of the clean one, up to epsilon 0.1; "
        "attack with larger epsilons",
    ),
    (
        "models.cnn((1, 8, 8), 10, seed=0)",
        "images of 8×8 pixels are too small for this network, which needs 10×10; use "
        "shallow_mlp or deep_mlp",
    ),
    (
        "models.deep_cnn((3, 16, 16), 10, seed=0)",
        "images of 16×16 pixels are too small for this network, which needs 18×18; use "
        "shallow_mlp or deep_mlp",
    ),
    (
        "datasets.digits('validation')",
        "there is no split 'validation'; type 'train' or 'test'",
    ),
    (
        "datasets.mnist('test', root=Path('nowhere'))",
        "root names nowhere, which is not a folder; correct it or leave it out",
    ),
    (
        "datasets.mnist('test', root=Path('no-data'))",
        "mnist is not in no-data; type `striate data fetch mnist` where there is a "
        "network, or set STRIATE_DATA to a folder that holds it",
    ),
    (
        "datasets.cifar10('train', root=Path('bad-cifar10'))",
        "bad-cifar10/cifar-10-batches-bin holds no train images, that is none of "
        "data_batch_1.bin, data_batch_2.bin, data_batch_3.bin, data_batch_4.bin, "
        "data_batch_5.bin; add them, or type `striate data fetch cifar10` and unset "
        "STRIATE_DATA",
    ),
    (
        "datasets.cifar10('test', root=Path('bad-cifar10'))",
        "bad-cifar10/cifar-10-batches-bin/test_batch.bin holds 100 bytes, not a whole "
        "number of records of 3073; delete it and type `striate data fetch cifar10`",
    ),
    (
        "datasets.verify('cifar100')",
        "there is no data set 'cifar100'; did you mean 'cifar10'? there are digits, mnist, cifar10",
    ),
    (
        "first(fit(epochs=0))",
        "epochs=0, batch_size=10 with 20 images: need at least one epoch and a batch no "
        "larger than the training set",
    ),
    (
        "first(fit(batch_size=21))",
        "epochs=1, batch_size=21 with 20 images: need at least one epoch and a batch no "
        "larger than the training set",
    ),
    (
        "first(training.train(model, images, labels[:19], objective=training.standard, "
        "optimizer=adam, epochs=1, batch_size=10, seed=0))",
        "20 images but 19 labels",
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
        "study.layer_alpha(model, 'hidden', images, ranks=(6, 50))",
        "ranks=(6, 50) need 50 eigenvalues, but a batch of 20 with 2000 units has 19; use "
        "a larger batch or fewer ranks",
    ),
    (
        "study.layer_spectrum(model, 'conv1', images)",
        "layer='conv1' is not a layer of this Sequential; did you mean 'flatten', "
        "'dense1', 'hidden', 'output'?",
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
        "'alpha' has an error but settings['error'] does not say which: write e.g. 'sd "
        "over batches', 'sem over seeds', 'bootstrap 95 %'",
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
        "foreign/cell.json is not a result file ('task'); move it away and rerun",
    ),
    (
        "results.load_all(Path('nowhere'))",
        "no results folder at nowhere; `striate run … --results` makes one",
    ),
    (
        "report.gerum2022_table([])",
        "no results of gerum2022 in DIR; run `striate run gerum2022 --results DIR` first",
    ),
    (
        "after_divergence()",
        "the loss became nan; lower the learning rate or beta",
    ),
]


CASES = [*TYPED, *USAGE, *WRITTEN]


def prepare(folder: Path) -> None:
    """Lay out what the cases refer to."""
    from striate import results
    from striate.results import Score

    (folder / "empty").mkdir()
    (folder / "a-file").write_text("not a folder")
    for name in ("damaged", "foreign", "newer", "other"):
        (folder / name).mkdir()
    path = folder / "damaged" / "cell.json"
    results.save(path, [Score("accuracy", 0.5)], task={"study": "gerum2022"}, provenance={})
    record = json.loads(path.read_text())
    (folder / "newer" / "cell.json").write_text(json.dumps(record | {"format": 99}))
    path.write_text(path.read_text().replace("0.5", "0.9"))
    (folder / "foreign" / "cell.json").write_text("{}")
    results.save(folder / "other" / "x.json", [Score("y", 1.0)], task={}, provenance={})
    (folder / "no-data").mkdir()
    (folder / "bad-cifar10" / "cifar-10-batches-bin").mkdir(parents=True)
    (folder / "bad-cifar10" / "cifar-10-batches-bin" / "test_batch.bin").write_bytes(b"x" * 100)


def answers() -> Iterator[dict[str, object]]:
    """Make every wrong call, as a user would without the checks of types that tests have."""
    from striate import cli

    for words, _ in (*TYPED, *USAGE):
        out, err = io.StringIO(), io.StringIO()
        sys.argv = ["striate", *shlex.split(words)]
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                cli.main()
                status = 0
            except SystemExit as leaving:
                status = leaving.code
            except BaseException as error:
                status = repr(error)
        yield {"out": out.getvalue(), "err": err.getvalue(), "status": status}
    names: dict[str, object] = {}
    exec(SETUP, names)
    for expression, _ in WRITTEN:
        try:
            eval(expression, names)
            answer, kind = "", "no error"
        except Exception as error:
            answer, kind = str(error), type(error).__name__
        yield {"message": answer, "kind": kind}


def asked() -> tuple[list[dict], list[str]]:
    """Make all calls in one process of their own; return the answers, and the files they left."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        before = set(folder.rglob("*"))
        environment = {
            **{key: value for key, value in os.environ.items() if key != "STRIATE_DATA"},
            "STRIATE_CACHE": "cache",
            "COLUMNS": "200",
            "OMP_NUM_THREADS": "1",
        }
        done = subprocess.run(
            [sys.executable, "-W", "error", str(Path(__file__)), "--make"],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
        )
        left = [str(path) for path in folder.rglob("*") if path not in before]
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), left


def document() -> str:
    def row(*cells: str) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    return "\n".join(
        [
            "# What striate says to bad input",
            "",
            "Made from the cases of `tests/test_bad_input.py`, which makes every one of these",
            "calls and compares the whole answer; `python tests/test_bad_input.py >",
            "docs/bad-input.md` writes this page again. “…” may stand for words of PyTorch's.",
            "",
            "## In a shell",
            "",
            "Each leaves exit status 2, one line on standard error, no traceback and no file.",
            "`empty`, `a-file`, `damaged` … are what their names say.",
            "",
            row("`striate …`", "`error: …`"),
            row("---", "---"),
            *(row(f"`{words}`", message) for words, message in TYPED),
            "",
            "Words that are no command or option, or numbers that are none, also leave exit status",
            "2, with a line on usage and the reason in a frame:",
            "",
            row("`striate …`", "reason"),
            row("---", "---"),
            *(row(f"`{words}`", message) for words, message in USAGE),
            "",
            "## In Python",
            "",
            "Each raises `ValueError`. The expressions refer to:",
            "",
            "```python",
            SETUP.rstrip(),
            "```",
            "",
            row("expression", "message"),
            row("---", "---"),
            *(row(f"`{expression}`", message) for expression, message in WRITTEN),
            "",
        ]
    )


@pytest.fixture(scope="module")
def answered() -> tuple[dict[str, dict], list[str]]:
    found, left = asked()
    return {call: answer for (call, _), answer in zip(CASES, found, strict=True)}, left


def means(expected: str, said: str) -> bool:
    pattern = ".*".join(map(re.escape, expected.split("…")))
    return re.fullmatch(pattern, said) is not None


@pytest.mark.parametrize(("words", "message"), TYPED)
def test_a_wrong_command_costs_one_line_and_status_2(answered, words, message):
    answer = answered[0][words]
    assert means(f"error: {message}\n", answer["err"]), answer["err"]
    assert (answer["out"], answer["status"]) == ("", 2)


@pytest.mark.parametrize(("words", "message"), USAGE)
def test_a_command_that_does_not_exist_is_explained(answered, words, message):
    answer = answered[0][words]
    assert message in " ".join(answer["err"].split())
    assert "Traceback" not in answer["err"]
    assert (answer["out"], answer["status"]) == ("", 2)


@pytest.mark.parametrize(("expression", "message"), WRITTEN)
def test_a_wrong_call_is_a_value_error_that_says_why(answered, expression, message):
    answer = answered[0][expression]
    assert means(message, answer["message"]), answer["message"]
    assert answer["kind"] == "ValueError"


def test_what_is_refused_leaves_nothing_behind(answered):
    assert answered[1] == []


def test_no_case_is_there_twice():
    calls = [call for call, _ in CASES]
    assert len(set(calls)) == len(calls) >= 30


def test_the_document_is_the_table():
    assert DOCUMENT.read_text(encoding="utf-8") == document()


if __name__ == "__main__":
    if sys.argv[1:] == ["--make"]:
        made = list(answers())
        print(json.dumps(made))
    elif sys.argv[1:] == ["--answers"]:
        for (call, _), answer in zip(CASES, asked()[0], strict=True):
            print(call, answer, sep="\n    ")
    else:
        print(document(), end="")
