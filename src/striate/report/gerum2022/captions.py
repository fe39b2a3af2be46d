"""The words under the figures, from the numbers in them, and a list of what is not there."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from striate.report.gerum2022.aggregate import PAPER_EPSILON, at, binned
from striate.report.gerum2022.findings import networks_of
from striate.report.gerum2022.sweeps import Sweep, fit_window, main_sweeps
from striate.report.gerum2022.tables import counts_of
from striate.report.labels import DATA, NETWORKS
from striate.report.words import percent, span

# What the text of Gerum et al. 2022 says; our protocol sheet, section 8, lists it by panel.
CLAIMS = {
    "figure1": "Mouse V1 has α near 1. A network left alone has a steeper spectrum (α = 1.6 over "
    "ranks 6–100; the same one has 1.57 over ranks 6–50); the penalty brings it to 1, like "
    "cortex.",
    "figure2": "On MNIST, pulled weakly towards a steeper spectrum, best of all to α about 3, a "
    "network classifies clean images better than one left alone; pulled strongly, it never "
    "does. The larger α, the more robust the network, and more so when pulled strongly.",
    "figure3": "The best α depends on network and task. Deep MLPs do best at α of 2 to 3. CNNs "
    "classify clean images best at low α, but on CIFAR-10 they are most robust near 3.",
}
ATTACK_NAMES = {"none": "no attack", "fgsm": "FGSM", "pgd": "PGD"}


def sample(sweep: Sweep) -> str:
    """Say how many networks, and which seeds and targets."""
    networks = sweep.networks
    seeds = sorted(networks["seed"].unique())
    targets = networks["target"].dropna().unique()
    aims = (
        f", {_count(len(targets), 'target')} in {min(targets):g}–{max(targets):g}"
        if len(targets)
        else ""
    )
    return (
        f"n = {networks_of(len(networks))} ({_count(len(seeds), 'seed')}: "
        f"{', '.join(str(seed) for seed in seeds)}{aims}; protocol “{sweep.settings['protocol']}”)."
    )


def procedure(sweep: Sweep) -> str:
    """Say how α and accuracy were measured: fit window, epoch, images."""
    first, last = fit_window(sweep)
    epochs = " or ".join(str(epoch) for epoch in sorted(sweep.networks["epoch"].unique()))
    tested, attacked = sweep.settings["test_images"], sweep.settings["attack_images"]
    return (
        f"α is fitted to ranks {first}–{last} of the last hidden layer's eigenspectrum and "
        f"averaged over the training batches of epoch {epochs}; accuracy is on {tested:,} test "
        f"images, under attack on {attacked:,}."
    )


def each(found: Sequence[Sweep], *sayings: Callable[[Sweep], str]) -> str:
    """Say something of every sweep; what is the same for all is said once."""
    sentences = []
    for saying in sayings:
        texts = {sweep.label: saying(sweep) for sweep in found}
        if len(set(texts.values())) == 1:
            sentences += [*set(texts.values())]
        else:
            sentences += [f"{capital(label)}: {text}" for label, text in texts.items() if text]
    return " ".join(sentence for sentence in sentences if sentence)


def capital(text: str) -> str:
    """Begin a sentence with `text`, whose other capitals stay."""
    return text[:1].upper() + text[1:]


def strength(sweep: Sweep) -> str:
    """Say which ε the panels with one strength show, and why."""
    if sweep.epsilon is None:
        return "Nothing was attacked, so the panels under attack are missing."
    return (
        f"Attacks have ε = {sweep.epsilon.value:g} (pixels run from 0 to 1): {sweep.epsilon.rule}."
    )


def best(sweep: Sweep, attack: str) -> str:
    """Say where each β is most accurate, with the published best next to it."""
    epsilon = sweep.epsilon.value if sweep.epsilon else 0.0
    ours, paper = (
        at(rows, attack, epsilon) for rows in (binned(sweep.accuracies), sweep.published)
    )
    if ours.empty:
        return f"{ATTACK_NAMES[attack]}: not measured."
    parts = [
        _peak(ours[ours["beta"] == beta], paper[paper["beta"] == beta], beta)
        for beta in sorted(ours["beta"].unique())
    ]
    name = "Without an attack" if attack == "none" else f"Under {ATTACK_NAMES[attack]}"
    return f"{name}: {'; '.join(parts)}."


def halving(sweep: Sweep) -> tuple[str, ...]:
    """Say which ε halves the baseline's accuracy, ours and the paper's, where it is reached."""
    baseline = sweep.networks[sweep.networks["beta"] == 0]
    halves = {name: baseline[f"epsilon_half_{name}"].mean() for name in ("fgsm", "pgd")}
    return tuple(
        f"{ATTACK_NAMES[name]} halves the baseline's accuracy at ε = {half:.3f}"
        f"{_published_halving(sweep, name)}."
        for name, half in halves.items()
        if half > 0  # not where it is NaN
    )


def _published_halving(sweep: Sweep, attack: str) -> str:
    """Read off the published baseline, linearly between its strengths, where it has halved."""
    baseline = sweep.published[sweep.published["beta"] == 0]
    dots = baseline[baseline["attack"].isin(["none", attack])].sort_values("epsilon")
    accuracy, epsilon = dots["accuracy"].to_numpy(float), dots["epsilon"].to_numpy(float)
    if len(dots) < 2 or accuracy[-1] > accuracy[0] / 2:
        return ""
    at_half = np.interp(accuracy[0] / 2, accuracy[::-1], epsilon[::-1])  # accuracy only falls
    return f" (published: {at_half:.3f})"


def verdicts(sweep: Sweep) -> str:
    """Say how many networks withstand stronger attacks, by β; nothing if none was judged."""
    judged = sweep.networks[sweep.networks["verdict"] != ""]
    if judged.empty:
        return ""
    parts = []
    for beta in sorted(judged["beta"].unique()):
        mine = judged[judged["beta"] == beta]
        alphas = mine["alpha"].dropna()
        where = f" at α = {span([*alphas], 2)}" if len(alphas) else ""
        parts.append(f"β = {beta:g}{where}: {counts_of(mine['verdict'])}")
    return (
        f"Is the accuracy under attack real? {len(judged)} of {networks_of(len(sweep.networks))} "
        f"were judged: {'; '.join(parts)}."
    )


def absent(sweep: Sweep) -> str:
    """Say which panels a sweep cannot fill; nothing if it fills them all."""
    rows = sweep.accuracies.dropna(subset=["alpha", "accuracy"])
    found = set(rows["attack"])
    names = [name for attack, name in ATTACK_NAMES.items() if attack not in found]
    return f"Not measured, so not drawn: {', '.join(names)}." if names else ""


def missing(found: Sequence[Sweep]) -> list[str]:
    """List what the paper has and these results do not."""
    present = {(sweep.settings["network"], sweep.settings["data"]) for sweep in found}
    notes = [
        f"{capital(NETWORKS[network])} on {DATA[data]}: no network was trained; `striate run "
        f"gerum2022 --network {network} --data {data} --preset paper` trains them."
        for network, data in PAPER_EPSILON
        if (network, data) not in present
    ]
    for sweep in main_sweeps(found):
        notes += [f"{capital(sweep.label)}: {note}" for note in _gaps(sweep)]
    return notes


def _gaps(sweep: Sweep) -> list[str]:
    networks, notes = sweep.networks, []
    if not (networks["beta"] == 0).any():
        notes.append("there is no baseline (β = 0).")
    if not (networks["beta"] > 0).any():
        notes.append("only the baseline was trained, so nothing can be plotted against α.")
    if networks["seed"].nunique() == 1:
        notes.append("one seed only, so the spread between networks is unknown.")
    if absent(sweep):
        notes.append(absent(sweep))
    if sweep.published.empty:
        notes.append("the paper shows no such networks, so there is nothing to compare with.")
        return notes
    betas = set(sweep.published["beta"]) - set(networks["beta"]) - {0.0}
    notes += [f"no network has β = {beta:g}, which the paper shows." for beta in sorted(betas)]
    return notes


def _peak(curve: pd.DataFrame, paper: pd.DataFrame, beta: float) -> str:
    top = curve.nlargest(1, "accuracy").iloc[0]
    name = "the baseline has" if beta == 0 else f"β = {beta:g} is best with"
    digits = 2 if beta == 0 else 1  # a curve has dots at tenths, the baseline where it lies
    text = f"{name} {percent(top['accuracy'])} at α = {top['alpha']:.{digits}f}"
    if paper.empty:
        return text
    theirs = paper.nlargest(1, "accuracy").iloc[0]
    return f"{text} (published: {percent(theirs['accuracy'])} at {theirs['alpha']:.{digits}f})"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
