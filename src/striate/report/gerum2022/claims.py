"""The claims of Gerum et al. 2022 one by one: what their curves say, what ours say, and why.

Each claim has a rule (`striate.report.gerum2022.judging`), and the same rule judges the paper's
digitised curves and our networks, so that a claim the paper's own figures do not bear out is seen
as such.
"""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np

from striate.reference import mouse_v1_spectrum
from striate.report.gerum2022.evidence import Evidence
from striate.report.gerum2022.judging import (
    above,
    accuracy_within,
    best_within,
    equals_baseline,
    level_within,
    never_beats_baseline,
    no_peak,
    only_beats_baseline,
    rising,
)
from striate.report.gerum2022.race import sooner
from striate.report.gerum2022.verdicts import (
    NOT,
    OPEN,
    REPRODUCED,
    STRONG,
    WEAK,
    Judgement,
    Rule,
    every,
    everywhere,
)
from striate.report.mouse import MOUSE_RANKS

INFINITY = float("inf")
ATTACKED = ("fgsm", "pgd")
BOTH = (WEAK, STRONG)
# α that the paper calls brain-like, larger, and low; its targets go from 0.6 to 4 or 5.
BRAIN, LARGER, LOW, HIGH = (0.7, 1.3), (1.9, 3.1), (0.0, 1.3), (2.5, INFINITY)


class Claim(NamedTuple):
    """Something the paper says of one network and data set, and how to judge it.

    `of_networks` is false where a published spectrum decides and no network.
    """

    network: str
    data: str
    source: str
    text: str
    rule: Rule
    of_networks: bool = True


def slope_within(
    evidence: Evidence, *, ranks: tuple[int, int], low: float, high: float
) -> Judgement:
    """Judge that a network left alone has an α in a range, by plain least squares on `ranks`.

    Reproduced: it is; not: it is not. A single network of ours decides nothing.
    """
    rows = evidence.spectrum
    window = rows[rows["rank"].between(*ranks) & (rows["variance"] > 0)]
    if len(window) < ranks[1] - ranks[0] + 1:
        return Judgement(OPEN, f"no spectrum over ranks {ranks[0]}–{ranks[1]} was kept")
    alone = "n" in window and bool((window["n"] < 2).any())
    alpha = -np.polyfit(np.log(window["rank"]), np.log(window["variance"]), 1)[0]
    told = f"α = {alpha:.2f} over ranks {ranks[0]}–{ranks[1]}"
    if alone:
        return Judgement(OPEN, f"{told}, of one network")
    return Judgement(REPRODUCED if low <= alpha <= high else NOT, told)


def mouse_within(evidence: Evidence, *, low: float, high: float) -> Judgement:
    """Judge that mouse V1 has an α in a range, fitted with weights 1/rank; no network decides it.

    Reproduced: the published spectrum has; not: it has not.
    """
    spectrum = mouse_v1_spectrum()
    rank = np.arange(1, len(spectrum) + 1)
    window = slice(MOUSE_RANKS[0] - 1, MOUSE_RANKS[1])
    # polyfit squares its weights
    weights = rank[window] ** -0.5
    alpha = -np.polyfit(np.log(rank[window]), np.log(spectrum[window]), 1, w=weights)[0]
    verdict = REPRODUCED if low <= alpha <= high else NOT
    return Judgement(verdict, f"α = {alpha:.3f} over ranks {MOUSE_RANKS[0]}–{MOUSE_RANKS[1]}")


def _dense(network: str) -> Iterator[Claim]:
    yield Claim(
        network,
        "mnist",
        "abstract",
        "α around 2–3 gives better clean accuracy than the brain-like α ≈ 1",
        everywhere(best_within, ("none",), BOTH, LARGER, BRAIN),
    )
    yield Claim(
        network,
        "mnist",
        "abstract",
        "α around 2–3 gives more robustness than the brain-like α ≈ 1",
        everywhere(best_within, ATTACKED, BOTH, LARGER, BRAIN),
    )


def _shallow() -> Iterator[Claim]:
    claim = partial(Claim, "shallow_mlp", "mnist")
    # Two digits of a percent are rounded to the nearest.
    yield claim(
        "text 1", "Clean accuracy is 93–95 % everywhere", accuracy_within("none", 0.925, 0.955)
    )
    yield claim(
        "text 1",
        "Only weak regularisation with α > 1.5 beats the baseline",
        only_beats_baseline("none", WEAK, (1.5, INFINITY)),
    )
    yield claim(
        "text 1", "The best α for accuracy is about 3", best_within("none", WEAK, (2.5, 3.5))
    )
    yield claim(
        "text 1",
        "Strong regularisation never beats the baseline",
        never_beats_baseline("none", STRONG),
    )
    yield claim(
        "text 2",
        "Where weak regularisation has the baseline's α, it has its robustness",
        every(*(equals_baseline(attack, WEAK) for attack in ATTACKED)),
    )
    yield claim("text 2", "The larger α, the more robust", everywhere(rising, ATTACKED, BOTH))
    yield claim(
        "text 2",
        "Strong is more robust than weak at the same α",
        every(*(above(attack, STRONG, WEAK) for attack in ATTACKED)),
    )
    yield claim("text 3", "Strong reaches the target earlier in training", sooner)
    yield claim(
        "text 7",
        "Mouse V1 has α near 1",
        partial(mouse_within, low=0.95, high=1.05),
        of_networks=False,
    )
    yield claim(
        "text 7",
        "A network left alone has α = 1.6 (ranks 6–100)",
        partial(slope_within, ranks=(6, 100), low=1.5, high=1.7),
    )


def _deep() -> Iterator[Claim]:
    claim = partial(Claim, "deep_mlp", "mnist")
    yield claim(
        "text 4", "The best α for accuracy is about 3", best_within("none", WEAK, (2.5, 3.5))
    )
    yield claim(
        "caption 4", "The best α for accuracy is 2.4", best_within("none", WEAK, (2.15, 2.65))
    )
    yield claim(
        "text 4",
        "The best α for robustness is about 2 (caption: 2.1)",
        everywhere(best_within, ATTACKED, (STRONG,), (1.5, 2.5)),
    )


def _cnn_mnist() -> Iterator[Claim]:
    claim = partial(Claim, "cnn", "mnist")
    yield claim(
        "abstract",
        "Lower α gives better clean accuracy",
        everywhere(best_within, ("none",), BOTH, LOW, HIGH),
    )
    yield claim(
        "abstract, introduction",
        "Lower α gives more robustness",
        everywhere(best_within, ATTACKED, BOTH, LOW, HIGH),
    )
    yield claim("text 5", "Clean accuracy has no clear peak", everywhere(no_peak, ("none",), BOTH))
    yield claim("text 5", "Clean accuracy falls with α", everywhere(rising, ("none",), BOTH, -1.0))
    yield claim(
        "text 5",
        "Strong regularisation helps under PGD, and only there",
        every(
            above("pgd", STRONG, 0.0),
            above("fgsm", STRONG, 0.0, -1.0),
            above("none", STRONG, 0.0, -1.0),
        ),
    )


def _cnn_cifar10() -> Iterator[Claim]:
    claim = partial(Claim, "cnn", "cifar10")
    yield claim(
        "abstract",
        "Lower α gives better clean accuracy",
        everywhere(best_within, ("none",), BOTH, LOW, HIGH),
    )
    yield claim(
        "abstract",
        "Higher α gives more robustness",
        everywhere(best_within, ATTACKED, BOTH, HIGH, LOW),
    )
    yield claim(
        "text 6",
        "Clean accuracy is best at α below 1",
        best_within("none", WEAK, (-INFINITY, 1.05)),
    )
    yield claim(
        "text 6", "Clean accuracy is best with weak regularisation", above("none", WEAK, STRONG)
    )
    yield claim("text 6", "Below α = 1 it is a plateau", level_within("none", WEAK, (0.0, 1.05)))
    yield claim(
        "text 6",
        "Robustness has a broad peak near α = 3",
        everywhere(best_within, ATTACKED, (STRONG,), (2.5, 3.5)),
    )
    yield claim(
        "text 6",
        "Strong is more robust than weak at the same α",
        every(*(above(attack, STRONG, WEAK) for attack in ATTACKED)),
    )


CLAIMS = (
    *(*_dense("shallow_mlp"), *_shallow()),
    *(*_dense("deep_mlp"), *_deep()),
    *(*_cnn_mnist(), *_cnn_cifar10()),
)
