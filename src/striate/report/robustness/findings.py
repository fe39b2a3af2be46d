"""What attacks found, in sentences computed from the numbers."""

from collections.abc import Mapping, Sequence

from striate.report.robustness.found import (
    PASSBANDS,
    Network,
    Together,
    passbands_of,
    published_in,
)
from striate.report.robustness.words import (
    VERDICTS,
    accuracy_of,
    apart,
    attack_text,
    eps_text,
    norm_text,
    sample_text,
    trial_text,
    verdict_text,
    word_of,
    worst_of,
)
from striate.report.words import MOST, first_few, listed, percent, plural
from striate.results import Curve, Score

FEW = 3  # networks that a sentence names
SIDES = {PASSBANDS[0]: "low frequencies", PASSBANDS[1]: "high frequencies"}

Known = tuple[str, Score]


def findings(there: Sequence[Together]) -> list[str]:
    """Say of each set of networks what was found."""
    sentences = []
    for together in there:
        sentences += [*of_accuracies(together), *of_published(together)[:2]]
        sentences += [*of_verdicts(together), *of_passbands(together)[:2]]
        sentences.append(f"{together.label}: {sample_text(together)}")
    return list(dict.fromkeys(sentences))


def of_accuracies(together: Together) -> list[str]:
    """Say where clean accuracy lies, and accuracy under each attack or their mean."""
    nets = together.networks
    clean = [(one.label, one.clean) for one in nets if one.clean is not None]
    mean = [(one.label, one.mean) for one in nets if one.mean is not None]
    sentences = _between(f"{together.label}: without an attack", clean)
    if mean:
        sentences += _between("In the mean of the paper's three attacks", mean)
    return [*sentences, *([] if mean else of_attacks(together)[:MOST])]


def of_attacks(together: Together) -> list[str]:
    """Say of each attack where the accuracies under it lie."""
    groups: dict[str, list[Known]] = {}
    for one in together.networks:
        for score in one.attacked:
            groups.setdefault(attack_text(score), []).append((one.label, score))
    return [line for text, known in groups.items() for line in _between(f"Under {text}", known)]


def of_published(together: Together) -> list[str]:
    """Set networks of the paper's table beside what it says of them."""
    sentences = []
    for one in together.networks:
        parts = []
        if one.clean is not None and "top1_clean" in one.published:
            theirs = percent(one.published["top1_clean"])
            parts.append(f"clean {accuracy_of(one.clean)}, published {theirs}")
        for score in one.attacked:
            value = published_in(one, score)
            if value is not None:
                parts.append(
                    f"under {attack_text(score)} {accuracy_of(score)}, published {percent(value)}"
                )
        if parts:
            sentences.append(f"{one.label}: {'; '.join(parts)}.")
    return sentences


def of_verdicts(together: Together) -> list[str]:
    """Count the verdicts, and say which accuracies are not what they seem."""
    known = [(one, trial) for one in together.networks for trial in one.trials if trial.verdict]
    if not known:
        return []
    counts = [
        f"{sum(word_of(trial) == word for _, trial in known)} {word}"
        for word in VERDICTS
        if any(word_of(trial) == word for _, trial in known)
    ]
    strange = [f"{word_of(t)}" for _, t in known if word_of(t) not in VERDICTS]
    counts += sorted(set(strange))
    sentences = [f"{together.label}: {plural(len(known), 'verdict')}, of which {listed(counts)}."]
    masked = [one for one in together.networks if any(word_of(t) == "masked" for t in one.trials)]
    sentences += [_unmasked(one) for one in masked[:MOST]]
    if len(masked) > MOST:
        sentences.append(f"{plural(len(masked) - MOST, 'network')} more: see the table.")
    return sentences


def of_trials(together: Together) -> list[str]:
    """Say of each network what the probes left, and what the verdict is; masked ones first."""
    every = [(one, trial) for one in together.networks for trial in one.trials]
    sentences = []
    for one, trial in sorted(every, key=lambda pair: word_of(pair[1]) != "masked"):
        worst = worst_of(trial)
        plain = trial.probes.get("plain")
        parts = [f"plain attack {accuracy_of(plain)}"] if plain is not None else []
        parts += [f"all probes together {percent(worst)}"] if worst is not None else []
        where = f"{one.label} ({trial_text(trial)})"
        sentences.append(f"{where}: {'; '.join([*parts, verdict_text(trial)])}.")
    return first_few(sentences, "are in the table")


def of_curves(together: Together) -> list[str]:
    """Say of each norm at which of the radii networks have lost half of their accuracy."""
    sentences = []
    pairs = dict.fromkeys(pair for one in together.networks for pair in one.curves)
    for norm, geometry in pairs:
        groups: dict[str, list[str]] = {}
        for one in together.networks:
            if (norm, geometry) in one.curves:
                said = _halved(one.curves[norm, geometry], norm)
                groups.setdefault(said, []).append(one.label)
        sentences.append(f"{norm_text(norm, geometry)}: {_grouped(groups)}.")
    return sentences


def of_passbands(together: Together) -> list[str]:
    """Say how much of the frequencies networks need for half their clean accuracy."""
    sentences = []
    keys = passbands_of(together)
    several = len({filter for _, filter in keys}) > 1
    for name, filter in keys:
        groups: dict[str, list[str]] = {}
        for one in together.networks:
            if (name, filter) in one.passed and one.clean is not None:
                said = _needed(one.passed[name, filter], one.clean.value, SIDES[name])
                groups.setdefault(said, []).append(one.label)
        if groups:
            how = f" ({filter} filter)" if several else ""
            only = f"With {SIDES[name]} only{how}"
            sentences.append(f"{only}, half of clean accuracy is {_grouped(groups)}.")
    return sentences


def _grouped(groups: Mapping[str, Sequence[str]]) -> str:
    """List what was said of networks, with their names or, where they are many, their number."""
    parts = []
    for said, labels in groups.items():
        who = listed(labels) if len(labels) <= FEW else plural(len(labels), "network")
        parts.append(f"{said} in {who}")
    return "; ".join(parts)


def _between(what: str, known: Sequence[Known]) -> list[str]:
    """Say which is lowest and highest, and whether their intervals tell them apart."""
    if not known:
        return []
    if len(known) == 1:
        return [f"{what}, {known[0][0]} names {accuracy_of(known[0][1])} of the images rightly."]
    ordered = sorted(known, key=lambda one: one[1].value)
    low, high = ordered[0], ordered[-1]
    text = (
        f"{what}, {plural(len(known), 'network')} name between {accuracy_of(low[1])} ({low[0]}) "
        f"and {accuracy_of(high[1])} ({high[0]}) of the images rightly"
    )
    if apart(low[1], high[1]):
        return [f"{text}."]
    return [f"{text}; their intervals overlap or are not known, so this sets none above another."]


def _unmasked(one: Network) -> str:
    """Say where a network's accuracy is masked, and what is left of it."""
    parts = []
    for trial in one.trials:
        if word_of(trial) == "masked":
            worst, plain = worst_of(trial), trial.probes.get("plain")
            before = f" of {percent(plain.value)}" if plain is not None else ""
            left = f", all searches leave {percent(worst)}{before}" if worst is not None else ""
            parts.append(f"{trial_text(trial)}{left}")
    return f"The accuracy of {one.label} under attack is masked: {'; '.join(parts)}."


def _halved(curve: Curve, norm: str) -> str:
    """Say at which of the radii shown accuracy is at most half of that without an attack."""
    if curve.x[0] != 0 or curve.y[0] == 0:
        return "there is no accuracy without an attack to lose"
    below = [x for x, y in zip(curve.x, curve.y, strict=True) if y <= curve.y[0] / 2]
    if not below:
        return f"more than half of clean accuracy is left at {eps_text(norm, curve.x[-1])}"
    return f"half of clean accuracy is lost at {eps_text(norm, below[0])}"


def _needed(curve: Curve, clean: float, side: str) -> str:
    """Say from which cut-off, or up to which, half of clean accuracy is reached."""
    enough = [x for x, y in zip(curve.x, curve.y, strict=True) if clean and y >= clean / 2]
    if not enough:
        return "never reached"
    low = side.startswith("low")
    edge = min(enough) if low else max(enough)
    return f"reached {'from' if low else 'up to'} a cut-off of {edge:.3g} cycles per image"
