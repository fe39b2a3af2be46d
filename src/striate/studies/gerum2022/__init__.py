r"""Gerum, Pirlot, Fyshe & Zylberberg 2022: eigenspectra of 1/n^α, and robustness.

Does a network whose hidden layer has the eigenspectrum of visual cortex resist attacks?

Networks are trained with β·\|α−α*\| on their last hidden layer, over a grid of targets α*,
strengths β and seeds; each is then attacked by FGSM and PGD, and accuracy is plotted against the α
measured.

Command
    ``striate run gerum2022 --data mnist --network shallow_mlp --preset paper --results DIR``
Cost
    Two CPU cores, one cell on each: 13 minutes a shallow-MLP cell to train and 6 to attack at ten
    strengths. The whole grid of the paper for this network is 2 + 23 × 2 × 2 = 94 cells.
Expect
    Shallow MLP on MNIST, β = 0: α 1.54, accuracy 0.938, FGSM 0.290 and PGD 0.234 at ε = 0.05.
    What we got stands in ``docs/reproduce-gerum.md``.

Where paper and code differ
---------------------------
Rows as in our protocol sheet. ``paper``: the text; where it is silent, the code of May–September
2022, which the figures came from; where both are wrong or cannot run, the correction (marked !).
``authors``: that code, in every point. One value means both are the same.

==  ==========================  ==================================  ===========================
 #  what                        ``paper``                           ``authors``
==  ==========================  ==================================  ===========================
 1  penalty                     β·\|α−α*\| (``slope``)              same; ``line`` in 2023
 2  fit window (text: none)     ranks 6–50; ! 6–100, deep MLP       6–50; 1–10 in 2023
 3  batch, shallow MLP          2500                                1500
 4  CNN head                    ! dense 1000 (text: none;           dense 1000
                                ``cnn_no_head`` is the text's)
 5  batch, CNN (text: none)     6000                                6000
 6  CNN epochs                  200, attacked at 50 (as plotted)    200, attacked at 50
                                and 200 (as written)
 7  β                           0, 0.1, 1                           same; 0, 1, 10 in 2023
 8  spectrum that is fitted     divided by its sum, plus 1e-8       same
 9  PGD step                    ! 0.01·sign (text: raw gradient)    0.01·sign
10  PGD start (text: none)      clean image, once                   same
11  FGSM images (text: none)    all test images                     same; first 100 of each
                                                                    1000 in 2023 (not imitated)
12  "validation"                the official test set               same
13  α reported                  mean over the last epoch's          same
                                batches; also on the test set
14  seeds (text: none)          2 (MLP), 3 (CNN): 1234, 2468, …     same; 5 in 2023
15  deep MLP's best α           figure: 2.2–2.4 (text 3, caption    same
                                2.4 and 2.1)
16  ε shown                     0.05, 0.05, 0.10, 0.01              same
17  CNN on MNIST                ! images have a channel axis        ! same (theirs cannot run)
18  misprints in the text       read as meant                       same
19  options their code ignores  all of ours work                    (none needed)
20  frozen eigenvectors         not used                            not used (2023, ResNet only)
21  grids of 2023               presets ``2023``, ``2023-long``     same
22  figure scripts              every result is drawn               same
==  ==========================  ==================================  ===========================

Every cell is trained once: at β = 0 the target has no effect, so there is one baseline a seed, not
one a target and seed as in their runs. Attacks run at the epochs plotted, not after every epoch.
Their ResNet-20 has no figure, no attack, and is not part of this study.

Beyond the paper
----------------
Ours to choose, with the paper's value as the default: ``layers`` (``all``: the same penalty on
every hidden layer; the α reported stays that of the last), ``width`` of the dense hidden layers,
``weight_decay`` (added to the gradient, as torch's Adam does), ``solver`` of the penalty; and
``verdict``: whether it is judged if what the attacks leave is real (``docs/robustness-real.md``).
"""

from striate.studies.gerum2022.cell import measure
from striate.studies.gerum2022.grid import NAME, tasks
from striate.studies.gerum2022.presets import PRESETS, PROTOCOLS, Plan, plan

__all__ = ["NAME", "PRESETS", "PROTOCOLS", "Plan", "measure", "plan", "tasks"]
