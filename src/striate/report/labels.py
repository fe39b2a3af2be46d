"""What a reader calls the networks of one setting."""

from collections import Counter
from collections.abc import Mapping, Sequence

from striate.results import Setting

NETWORKS = {
    "shallow_mlp": "shallow MLP",
    "deep_mlp": "deep MLP",
    "cnn": "CNN",
    "cnn_no_head": "CNN without head",
    "deep_cnn": "deep CNN",
}
DATA = {"mnist": "MNIST", "cifar10": "CIFAR-10", "digits": "digits"}
LONGEST = 20  # characters of a setting in a label

Key = tuple[Setting, ...]


def labels(pulled: Mapping[Key, bool], names: Sequence[str]) -> dict[Key, str]:
    """Name each setup by network and data, and by what else it takes to tell it from the others.

    Setups with penalised networks are told apart among themselves. A setup whose networks were all
    left alone is named by what is different from the most similar one of them, so that many such
    setups do not lengthen the names of the few that figures are about.

    Parameters
    ----------
    pulled
        The setups, and whether any network of each was trained with the penalty.
    names
        What the values of a setup are called; network and data come first.
    """
    found = {}
    for setup, is_pulled in pulled.items():
        rivals = [other for other in pulled if other[:2] == setup[:2]]
        main = [other for other in rivals if pulled[other]] or rivals
        shown = {i for i in range(len(names)) if len({other[i] for other in main}) > 1}
        if not is_pulled:
            shown |= min((_differences(setup, other) for other in main), key=len)
        network, data = (str(name) for name in setup[:2])
        extra = [f"{names[i].replace('_', ' ')} {brief(setup[i])}" for i in sorted(shown)]
        name = f"{NETWORKS.get(network, network)} on {DATA.get(data, data)}"
        found[setup] = ", ".join([name, *extra])
    return _unique(found)


def brief(value: Setting) -> str:
    """Write a setting in a few characters."""
    if value is None:
        return "as in the paper"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _differences(one: Key, other: Key) -> set[int]:
    return {i for i, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1]}


def _unique(found: Mapping[Key, str]) -> dict[Key, str]:
    """Number labels that are the same because a long setting was cut."""
    seen: Counter[str] = Counter()
    numbered = {}
    for setup, label in found.items():
        seen[label] += 1
        numbered[setup] = f"{label} ({seen[label]})" if seen[label] > 1 else label
    return numbered
