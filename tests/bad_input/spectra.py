"""Wrong calls of striate.spectra, and the message of the ValueError of each."""

TITLE = "striate.spectra"

# What the expressions are made of.
SETUP = """\
from functools import partial

import torch

from striate import models, spectra
from striate.spectra import SpectralPenalty, fit_power_law

seeded = torch.Generator().manual_seed(0)
x = torch.randn(40, 30, generator=seeded)  # 40 stimuli, 30 units
nan = torch.full((40, 30), float("nan"))
gram = x @ x.T
variances = torch.arange(1.0, 101.0) ** -1
trials = spectra.simulate_recording(
    alpha=1.0, stimuli=40, units=30, repeats=3, signal_to_noise=4.0, seed=0
)
one_unit_lost = trials.index_fill(2, torch.tensor([3]), float("nan"))
model = models.shallow_mlp((1, 8, 8), 10, seed=0)
penalty = partial(SpectralPenalty, alpha=1.0, beta=0.1, ranks=(1, 20))
between = penalty(every=2)  # in training, after a step that was penalised
between(x)
fit = partial(fit_power_law, ranks=(1, 10), weights="none")
interval = partial(spectra.alpha_interval, ranks=(1, 9), weights="none", generator=seeded)
cvpca = partial(spectra.repeated_eigenspectra, algorithm="text", seed=0)
cv_alpha = partial(
    spectra.cross_validated_alpha, ranks=(1, 9), weights="none", algorithm="text", seed=0
)
compare = partial(spectra.compare_spectra, ranks=(1, 9), weights="none", algorithm="text", seed=0)
simulate = partial(
    spectra.simulate_recording,
    alpha=1.0, stimuli=20, units=10, repeats=2, signal_to_noise=1.0, seed=0,
)


def term_before_a_forward_pass():
    with penalty().attach(model, "hidden") as term:
        return term()


def attach(layer):
    with penalty().attach(model, layer):
        pass
"""

CASES = [
    (
        "compare(x, trials, gains='each')",
        "gains='each'; choose 'equal' or 'own'",
    ),
    (
        "spectra.eigenspectrum(x[:1])",
        "a covariance needs at least 2 stimuli, x has 1",
    ),
    (
        "spectra.eigenspectrum(nan)",
        "x holds responses that are not finite; did training diverge?",
    ),
    (
        "spectra.eigenspectrum(x[:, :0])",
        "x has shape (40, 0); without units there is no variance",
    ),
    (
        "spectra.eigenspectrum(1e25 * x)",
        "x varies by so much that torch.float32 does not hold its square (1.21e+53); give "
        "x.double() or another unit",
    ),
    (
        "spectra.leading_eigenvalues(1e25 * x, 3)",
        "x holds responses so large that their squares are not finite; did training diverge? If "
        "not, give float64 or divide them",
    ),
    (
        "fit(variances).predict([1, 2])",
        "ranks is a list; give a torch.Tensor of ranks",
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
        "alpha=inf: the exponent wanted is finite and, as variances fall with their rank, not "
        "negative",
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
        "SpectralPenalty(alpha=1.0, beta=0.1, ranks=(6, 50), every=0)",
        "every=0: give a whole number from 1 on",
    ),
    (
        "SpectralPenalty(alpha='1', beta=0.1, ranks=(6, 50))",
        "alpha='1' is no number; give one, or a schedule of them",
    ),
    (
        "SpectralPenalty(alpha=1.0, beta=None, ranks=(6, 50))",
        "beta=None is no number; give one, or a schedule of them",
    ),
    (
        "SpectralPenalty(alpha=1.0, beta=0.1, ranks=50)",
        "ranks=50: give first and last, two whole numbers, e.g. (6, 50)",
    ),
    (
        "penalty()(x[:15])",
        "ranks=(1, 20) need 20 eigenvalues, but a batch of 15 with 30 units has 14; use a larger "
        "batch or fewer ranks",
    ),
    (
        "penalty()(x[:, :15])",
        "ranks=(1, 20) need 20 eigenvalues, but a batch of 40 with 15 units has 15; use a larger "
        "batch or fewer ranks",
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
        "layer 'hidden' ran 0 times since its output was last taken, passes without gradient not "
        "counted; run the model once, then take it, and choose a layer that runs once in a pass, "
        "outside of reentrant checkpointing (a model compiled and run before this block does not "
        "see it)",
    ),
    (
        "spectra.batch_alpha(x, ranks=(1, 31))",
        "ranks=(1, 31) need 31 eigenvalues, but a batch of 40 with 30 units has 30; use a larger "
        "batch or fewer ranks",
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
        "ranks=(1, 31) need 31 eigenvalues, but 40 stimuli (all but one group) × 30 units have "
        "30; fit fewer ranks or use more groups",
    ),
    (
        "spectra.alpha_interval(x[:25], ranks=(1, 24), weights='none', generator=seeded)",
        "ranks=(1, 24) need 24 eigenvalues, but 23 stimuli (all but one group) × 30 units have "
        "22; fit fewer ranks or use more groups",
    ),
    (
        "interval(x, clusters=[0] * 40)",
        "clusters is a list; give a torch.Tensor",
    ),
    (
        "interval(x, clusters=torch.zeros(39))",
        "clusters has shape (39,); need a number for each of 40 stimuli",
    ),
    (
        "interval(x, clusters=torch.arange(40) // 10)",
        "groups=20 of 4 clusters of stimuli: need at least 2, one cluster each",
    ),
    (
        "spectra.alpha_interval(x[:10].repeat(2, 1), ranks=(1, 10), weights='none', groups=5, "
        "generator=torch.Generator())",
        "ranks=(1, 10) end in variances that may be rounding: 20 stimuli × 30 units vary in 9 "
        "directions; end at rank 9 at most, or give float64",
    ),
    (
        "spectra.eigenspectrum(x.numpy())",
        "x is a ndarray; give a torch.Tensor: stimuli × units",
    ),
    (
        "spectra.eigenspectrum(x.long())",
        "x holds torch.int64; give floating point, e.g. x.double()",
    ),
    (
        "spectra.eigenspectrum(x.half())",
        "x holds torch.float16; give float32 or float64",
    ),
    (
        "spectra.eigenspectrum(x[0])",
        "x has shape (30,); need stimuli × units",
    ),
    (
        "spectra.eigenspectrum(trials)",
        "x has shape (3, 40, 30); need stimuli × units",
    ),
    (
        "spectra.leading_eigenvalues(x, 2.5)",
        "count=2.5 eigenvalues asked of 40 stimuli × 30 units, which have 30",
    ),
    (
        "fit_power_law(variances, ranks=(6.0, 50.0), weights='none')",
        "ranks=(6.0, 50.0): give first and last, two whole numbers, e.g. (6, 50)",
    ),
    (
        "fit_power_law(variances, ranks='6-50', weights='none')",
        "ranks='6-50': give first and last, two whole numbers, e.g. (6, 50)",
    ),
    (
        "fit_power_law(variances, ranks=50, weights='none')",
        "ranks=50: give first and last, two whole numbers, e.g. (6, 50)",
    ),
    (
        "fit(variances * float('inf'))",
        "the variance at rank 1 is inf, not positive and finite; its precision does not hold such "
        "squares: give responses in other units",
    ),
    (
        "fit(variances * float('nan'))",
        "the variance at rank 1 is nan, not positive; fit ranks that start above 1",
    ),
    (
        "fit(x)",
        "eigenvalues has shape (40, 30); need one axis, ranks",
    ),
    (
        "fit(variances.tolist())",
        "eigenvalues is a list; give a torch.Tensor: one axis, ranks",
    ),
    (
        "spectra.goodness_of_fit(variances, ranks=(1, 200), weights='none')",
        "ranks=(1, 200) end beyond the 100 ranks there are",
    ),
    (
        "spectra.alpha_by_window(variances, firsts=[], lasts=[50], weights='none')",
        "firsts=[] name no window; give a list of ranks",
    ),
    (
        "spectra.alpha_by_window(variances, firsts=[0], lasts=[50], weights='none')",
        "a rank of firsts=0: give a whole number from 1 on",
    ),
    (
        "spectra.alpha_by_window(variances, firsts=6, lasts=50, weights='none')",
        "firsts=6 name no window; give a list of ranks",
    ),
    (
        "spectra.alpha_by_window(variances, firsts=[6], lasts=[50], weights='1/n')",
        "weights='1/n'; choose 'rank' (1/n) or 'none'",
    ),
    (
        "spectra.gram_eigenspectrum(x)",
        "gram has shape (40, 30); need stimuli × stimuli",
    ),
    (
        "spectra.gram_eigenspectrum(gram.long())",
        "gram holds torch.int64; give floating point, e.g. gram.double()",
    ),
    (
        "spectra.gram_eigenspectrum(gram * float('nan'))",
        "gram holds inner products that are not finite; did a response overflow?",
    ),
    (
        "spectra.gram_eigenspectrum(gram.triu())",
        "gram differs from its transpose by 26, its largest entry being 59.7; give inner "
        "products between all stimuli of one set",
    ),
    (
        "spectra.gram_eigenspectrum(-gram)",
        "gram has a direction of negative variance (-150, the trace being 1.24e+03), so it holds "
        "no inner products; give responses @ responses.T",
    ),
    (
        "spectra.gram_eigenspectrum(gram[:1, :1])",
        "a spectrum needs at least 2 stimuli, gram has 1",
    ),
    (
        "spectra.gram_eigenspectrum(gram, count=0)",
        "count=0: give a whole number from 1 on, or None for all",
    ),
    (
        "spectra.principal_scores(gram, count=35)",
        "count=35 components asked of 40 stimuli, whose responses vary in 30 directions; ask for "
        "at most 30",
    ),
    (
        "spectra.principal_scores(gram, gram[:5].T, count=5)",
        "cross has shape (40, 5); need new stimuli × the 40 stimuli of gram",
    ),
    (
        "spectra.principal_scores(gram, gram[:5] * float('inf'), count=5)",
        "cross holds inner products that are not finite; did a response overflow?",
    ),
    (
        "interval(x, weights='1/n')",
        "weights='1/n'; choose 'rank' (1/n) or 'none'",
    ),
    (
        "interval(x, ranks=(9, 1))",
        "ranks=(9, 1): need 1 <= first < last, both counted from 1",
    ),
    (
        "interval(x, generator=0)",
        "generator=0: give torch.Generator().manual_seed(…)",
    ),
    (
        "interval(x, groups=2.5)",
        "groups=2.5 of 40 stimuli: need at least 2, one stimulus each",
    ),
    (
        "interval(x, groups=41)",
        "groups=41 of 40 stimuli: need at least 2, one stimulus each",
    ),
    (
        "interval(nan)",
        "x holds responses that are not finite; did training diverge?",
    ),
    (
        "interval(torch.ones(40, 30))",
        "ranks=(1, 9) end in variances that may be rounding: 40 stimuli × 30 units vary in 0 "
        "directions; show stimuli that differ, or give float64",
    ),
    (
        "spectra.gram_alpha_interval(x, ranks=(1, 9), weights='none', generator=seeded)",
        "gram has shape (40, 30); need stimuli × stimuli",
    ),
    (
        "spectra.cross_validated_eigenspectrum(trials[0], trials[1], algorithm='both')",
        "algorithm='both'; choose 'text' (the papers' equations) or 'released' (their Python code)",
    ),
    (
        "spectra.cross_validated_eigenspectrum(trials[0], trials[1].T, algorithm='text')",
        "half1 is (40, 30) and half2 (30, 40); need both stimuli × units, the same ones",
    ),
    (
        "spectra.cross_validated_eigenspectrum(trials[0], trials[1, :20], algorithm='text')",
        "half1 is (40, 30) and half2 (20, 30); need both stimuli × units, the same ones",
    ),
    (
        "spectra.cross_validated_eigenspectrum(trials, trials, algorithm='text')",
        "half1 has shape (3, 40, 30); need stimuli × units",
    ),
    (
        "spectra.cross_validated_eigenspectrum(one_unit_lost[0], trials[1], algorithm='text')",
        "responses of 1 of 30 units to 40 of 40 stimuli are missing or infinite in one half or "
        "both; leave them out with complete_halves, or give all trials to repeated_eigenspectra",
    ),
    (
        "spectra.cross_validated_eigenspectrum(trials[0, :, :1], trials[1, :, :1], "
        "algorithm='text')",
        "cvPCA needs 2 stimuli and 2 units, given 40 × 1",
    ),
    (
        "spectra.cross_validated_eigenspectrum(trials[0], trials[1], algorithm='text', count=2.5)",
        "count=2.5: give a whole number from 1 on, or None for all",
    ),
    (
        "spectra.shuffled_eigenspectra(trials[0], trials[1], algorithm='text', shuffles=0, seed=0)",
        "shuffles=0: give a whole number from 1 on",
    ),
    (
        "spectra.complete_halves(trials[0], trials[1], drop='trials')",
        "drop='trials'; choose 'stimuli' or 'units'",
    ),
    (
        "spectra.complete_halves(one_unit_lost[0], trials[1], drop='stimuli')",
        "drop='stimuli' leaves 0 of 40 stimuli, cvPCA needs 2; drop the units with most missing "
        "first",
    ),
    (
        "cvpca(trials[:1])",
        "responses has shape (1, 40, 30); need repeats × stimuli × units, with at least 2 repeats",
    ),
    (
        "cvpca(trials[0])",
        "responses has shape (40, 30); need repeats × stimuli × units",
    ),
    (
        "cvpca(trials.long())",
        "responses holds torch.int64; give floating point, e.g. responses.double()",
    ),
    (
        "cvpca(trials[:, :, :1])",
        "cvPCA needs at least 2 units, responses has 1",
    ),
    (
        "cvpca(trials[:, :1])",
        "1 of 1 stimuli have trials of every unit for two halves, cvPCA needs 2 such stimuli; "
        "unit 0 (counted from 0) has two trials of 1: leave out units like it",
    ),
    (
        "cvpca(one_unit_lost)",
        "0 of 40 stimuli have trials of every unit for two halves, cvPCA needs 2 such stimuli; "
        "unit 3 (counted from 0) has two trials of 0: leave out units like it",
    ),
    (
        "cvpca(one_unit_lost, missing='trial')",
        "0 of 40 stimuli have two trials with all 30 units, cvPCA needs 2 such stimuli; leave "
        "out units that are often missing, or use missing='response'",
    ),
    (
        "cvpca(trials * float('inf'))",
        "responses holds infinite numbers; mark what was not recorded with NaN",
    ),
    (
        "cvpca(trials, missing='nan')",
        "missing='nan'; choose 'response' (average each unit over what was recorded) or 'trial' "
        "(set aside trials that lack a unit)",
    ),
    (
        "cvpca(trials, shuffles=2.5)",
        "shuffles=2.5: give a whole number from 1 on",
    ),
    (
        "cvpca(trials, seed=None)",
        "seed=None: give a whole number of at most 64 bits, e.g. 0",
    ),
    (
        "cvpca(trials, seed=10**20)",
        "seed=100000000000000000000: give a whole number of at most 64 bits, e.g. 0",
    ),
    (
        "cv_alpha(trials, level='0.9')",
        "level='0.9': a confidence lies in (0, 1), e.g. 0.95",
    ),
    (
        "cv_alpha(trials, level=95)",
        "level=95: a confidence lies in (0, 1), e.g. 0.95",
    ),
    (
        "cv_alpha(trials, groups=41)",
        "groups=41 of 40 stimuli: need at least 2, one stimulus each",
    ),
    (
        "cv_alpha(trials, ranks=(1, 31))",
        "ranks=(1, 31) need 31 eigenvalues, but 38 stimuli (all but one group) × 30 units have "
        "30; fit fewer ranks or use more groups",
    ),
    (
        "cv_alpha(trials, clusters=list(range(40)))",
        "clusters is a list; give a torch.Tensor",
    ),
    (
        "cv_alpha(trials, clusters=torch.arange(10))",
        "clusters has shape (10,); need a number for each of 40 stimuli",
    ),
    (
        "cv_alpha(trials, clusters=torch.zeros(40))",
        "groups=20 of 1 clusters of stimuli: need at least 2, one cluster each",
    ),
    (
        "cv_alpha(torch.randn(2, 40, 30, generator=seeded.manual_seed(0)), ranks=(1, 20))",
        "mean cross-validated spectrum of all stimuli: the variance at rank 2 is -1.94, not "
        "positive; fit ranks that start above 2",
    ),
    (
        "compare(x, trials[0])",
        "recording has shape (40, 30); need repeats × stimuli × units",
    ),
    (
        "compare(x, trials[:1])",
        "recording has shape (1, 40, 30); need repeats × stimuli × units, with at least 2 repeats",
    ),
    (
        "compare(x.T, trials)",
        "network has shape (30, 40); need the recording's 40 stimuli × units, in the recording's "
        "order",
    ),
    (
        "compare(x[:20], trials)",
        "network has shape (20, 30); need the recording's 40 stimuli × units, in the recording's "
        "order",
    ),
    (
        "compare(x[:, :20], trials)",
        "network has 20 units that vary over the stimuli, the recording 30; give a wider layer",
    ),
    (
        "compare(torch.ones(40, 30), trials)",
        "network has 0 units that vary over the stimuli, the recording 30; give a wider layer",
    ),
    (
        "compare(nan, trials)",
        "network holds responses that are not finite",
    ),
    (
        "compare(x.long(), trials)",
        "network holds torch.int64; give floating point, e.g. network.double()",
    ),
    (
        "compare(x, one_unit_lost)",
        "0 of 40 stimuli have trials of every unit for two halves, cvPCA needs 2 such stimuli; "
        "unit 3 (counted from 0) has two trials of 0: leave out units like it",
    ),
    (
        "compare(x, trials, algorithm='both')",
        "algorithm='both'; choose 'text' (the papers' equations) or 'released' (their Python code)",
    ),
    (
        "compare(x, trials, weights='1/n')",
        "weights='1/n'; choose 'rank' (1/n) or 'none'",
    ),
    (
        "compare(x, trials, ranks=(1, 31))",
        "ranks=(1, 31) end beyond the 30 ranks there are",
    ),
    (
        "compare(x, trials, draws=1)",
        "draws=1: give a whole number from 2 on, or nothing is known of their spread",
    ),
    (
        "compare(x, trials, groups=41)",
        "groups=41 of 40 stimuli: need at least 2, one stimulus each",
    ),
    (
        "simulate(alpha=float('nan'))",
        "alpha=nan: an exponent is a finite number from 0 on",
    ),
    (
        "simulate(units=0)",
        "units=0: give a whole number from 1 on",
    ),
    (
        "simulate(signal_to_noise=0)",
        "signal_to_noise=0: a ratio of variances is positive and finite",
    ),
    (
        "simulate(noise='pink')",
        "noise='pink'; choose 'gaussian' or 'poisson'",
    ),
    (
        "spectra.smoothness_bound(0)",
        "dimensions=0: give how many dimensions the stimuli have, above 0, or None for many",
    ),
    (
        "spectra.smoothness_bound('8')",
        "dimensions='8': give how many dimensions the stimuli have, above 0, or None for many",
    ),
    (
        "spectra.arrange(x, 'rows')",
        "units='rows'; choose one of 'flat', 'channels', 'features', 'centre'",
    ),
    (
        "spectra.arrange(torch.zeros(2, 6, 6, 5), 'channels')",
        "units='channels', but activations of shape (2, 6, 6, 5) have channels on their last axis; "
        'give units="features", or activations.movedim(-1, 1) (where images are no squares and '
        'axis 1 does hold them, "features" of activations.movedim(1, -1))',
    ),
    (
        "spectra.arrange(x[0], 'flat')",
        "activations has shape (30,); need batch × units, or more axes",
    ),
    (
        "spectra.ramp(0.0, 1.0, steps=0)",
        "steps=0: give a whole number from 1 on",
    ),
    (
        "spectra.ramp(0.0, 1.0, steps=2.5)",
        "steps=2.5: give a whole number from 1 on",
    ),
    (
        "spectra.ramp(0.0, 1.0, steps=3, after=0.5)",
        "after=0.5: give a whole number from 0 on",
    ),
    (
        "spectra.ramp(0.0, None, steps=3)",
        "end=None: give a finite number",
    ),
    (
        "spectra.ramp('a', 1.0, steps=3)",
        "start='a': give a finite number",
    ),
    (
        "SpectralPenalty(alpha=lambda: 1.0, beta=0.1, ranks=(6, 50))",
        "alpha is a function that cannot be called with a step (too many positional arguments); "
        "give a number, or a function of the training step, counted from 0",
    ),
    (
        "penalty().attach(model, ['hidden']).__enter__()",
        "layer=['hidden']: name one layer, e.g. 'layer1'; several get a penalty each, in "
        "striate.spectra.attach(model, {'layer': penalty})",
    ),
    (
        "SpectralPenalty(alpha=-1.0, beta=0.1, ranks=(6, 50))",
        "alpha=-1.0: the exponent wanted is finite and, as variances fall with their rank, not "
        "negative",
    ),
    (
        "SpectralPenalty(alpha=1.0, beta=0.1, ranks=(6, 50))(variances.numpy())",
        "activations are a ndarray; give what a layer puts out, a torch.Tensor",
    ),
    (
        "SpectralPenalty(alpha=True, beta=0.1, ranks=(6, 50))",
        "alpha=True is no number; give one, or a schedule of them",
    ),
    (
        "SpectralPenalty(alpha=1.0, beta=lambda step: None, ranks=(6, 50))",
        "a schedule gave None at step 0; let it give a number",
    ),
    (
        "penalty()(torch.zeros(50, 30, dtype=torch.int64))",
        "activations are torch.int64, which has no gradient; give floating point, e.g. "
        "activations.float()",
    ),
    (
        "between.measure(torch.zeros(50, 30, dtype=torch.int64))",
        "activations are torch.int64, which has no gradient; give floating point, e.g. "
        "activations.float()",
    ),
    (
        "penalty(beta=0.0)(torch.zeros(50, 30, dtype=torch.int64))",
        "activations are torch.int64, which has no gradient; give floating point, e.g. "
        "activations.float()",
    ),
    (
        "penalty().over([torch.zeros(50, 30, dtype=torch.int64)])",
        "activations are torch.int64, which has no gradient; give floating point, e.g. "
        "activations.float()",
    ),
    (
        "penalty()(torch.zeros(50, 30, dtype=torch.complex64))",
        "activations are torch.complex64; a spectrum is of real ones, e.g. torch.view_as_real("
        "activations)",
    ),
]
