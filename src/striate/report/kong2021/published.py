"""What the paper prints: the 40 networks of its Table S1, its correlations and scores."""

from collections.abc import Hashable, Mapping
from functools import cache
from typing import NamedTuple

from striate.reference import (
    kong2021_correlations,
    kong2021_frequency_scores,
    kong2021_table_s1,
)
from striate.report.kong2021.words import ALPHA, ATTACKED, FREQUENCY, PREDICTED, printed_p

COLUMNS = {
    "clean_accuracy": "top1_clean",
    "accuracy_Linf": "top1_linf_1_1020",
    "accuracy_L2": "top1_l2_0_15",
    "accuracy_L1": "top1_l1_40",
}
EPS = {"accuracy_Linf": ("Linf", 1 / 1020), "accuracy_L2": ("L2", 0.15), "accuracy_L1": ("L1", 40)}
UNPRINTED = {
    ALPHA: "The paper shows the exponent of this network as a dot in a figure, and prints no "
    "number.",
    FREQUENCY: "The paper shows the frequency score of this network as a dot in a figure, and "
    "prints no number.",
    PREDICTED: "The paper shows predictivity by ridge regression as dots in a figure, and prints "
    "no numbers.",
}


class Row(NamedTuple):
    """A network of Table S1.

    `base` is the network with the same architecture that was trained as usual, of a robust one.
    """

    name: str
    robust: bool
    architecture: str
    base: str | None
    values: Mapping[str, float]
    predictivity: float
    frequency: tuple[float, float] | None
    unprinted: Mapping[str, str]


class Printed(NamedTuple):
    """A correlation that the paper prints."""

    figure: str
    r: float
    p: float
    is_bound: bool

    def text(self) -> str:
        """Write it as the paper does."""
        return f"R = {self.r:.3f} ({printed_p(self.p, is_bound=self.is_bound)}), n = 40"


@cache
def rows() -> Mapping[str, Row]:
    """Return the 40 networks by name, in the order of the table."""
    return {str(one["model"]): _row(one) for one in kong2021_table_s1().to_dict("records")}


@cache
def printed() -> Mapping[tuple[str, str, str], Printed]:
    """Return the correlations by x, y and regression."""
    return {
        (str(one["x"]), str(one["y"]), str(one["regression"])): Printed(
            str(one["figure"]), float(one["r"]), float(one["p"]), bool(one["p_is_bound"])
        )
        for one in kong2021_correlations().to_dict("records")
    }


def _row(one: Mapping[Hashable, object]) -> Row:
    values = {name: float(str(one[column])) for name, column in COLUMNS.items()}
    values[ATTACKED] = sum(values[name] for name in EPS) / len(EPS)
    name, robust = str(one["model"]), bool(one["robust"])
    architecture = str(one["architecture"])
    scores = kong2021_frequency_scores()
    scores = scores[(scores["architecture"] == architecture) & (scores["robust"] == robust)]
    pair = tuple(scores[["mean", "sd"]].iloc[0]) if len(scores) else None
    unprinted = dict(UNPRINTED)
    known = pair if pair is not None and name == architecture else None
    if pair is not None and robust:
        kind = architecture.replace("resnet", "ResNet-")
        unprinted[FREQUENCY] = (
            f"The paper prints {pair[0]:.3f} ± {pair[1]:.3f} for a robust {kind}, and does not "
            "say which."
        )
    return Row(
        name, robust, architecture, architecture if robust else None, values,
        float(str(one["v1_predictivity_pls"])), known, unprinted,
    )  # fmt: skip
