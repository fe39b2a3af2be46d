"""From the results of several studies to one row per network, known by its fingerprint."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from striate.report import robustness, spectra, training, tuning
from striate.report.robustness.found import Network as Attacked
from striate.report.robustness.found import Together as AttackedTogether
from striate.report.robustness.found import Trial
from striate.report.robustness.found import found as found_attacked
from striate.report.robustness.words import attack_text, trial_text, word_of
from striate.report.section import Record
from striate.report.spectra.found import Together as SpectraTogether
from striate.report.spectra.found import found as found_spectra
from striate.report.training.found import OBJECTIVES, Lesson, lessons
from striate.report.tuning.found import Together as TuningTogether
from striate.report.tuning.found import best_layer
from striate.report.tuning.found import found as found_tuning
from striate.results import Score

READS = tuple(one.STUDY.name for one in (robustness, spectra, tuning, training))
SCORE, FREQUENCY = "frequency_score", "median_log2_frequency"
UNKNOWN = "not trained here"


class Value(NamedTuple):
    """A number about a network, half its interval if that is known, and the layer it is of."""

    value: float
    error: float | None
    layer: str


class Point(NamedTuple):
    """A network in the scatter.

    `number` stands beside its dot; `kind` is the same for networks that differ in the seed only;
    `masked` says whether a verdict calls the accuracy masked, in the ball that is shown or, of a
    mean over attacks, in any. `alphas` and `tunings` are by the names of `RULES`.
    """

    number: int
    label: str
    kind: str
    objective: str
    penalised: bool
    sha: str
    robustness: Value
    masked: bool
    alphas: Mapping[str, Value]
    tunings: Mapping[str, Value]


class Joined(NamedTuple):
    """Networks that were attacked alike, and what other studies say of them.

    `attack` says what the accuracy is under; `tuning` is the name of the quantity of tuning that
    there is, or nothing; `spectra` and `stimuli` name what was shown for exponents and tuning.
    """

    label: str
    attack: str
    tuning: str
    spectra: str
    stimuli: str
    points: Sequence[Point]


# How one layer stands for a network. The paper takes the one that predicts V1 best.
RULES = {
    "most like V1": "of the layers that were measured, the one with the highest V1 frequency score",
    "last layer": "the last layer that has an exponent",
    "median": "the median over all layers that were measured",
}


def found(records: Sequence[Record]) -> list[Joined]:
    """Join the studies by the networks' fingerprints; sets without any such network are left out.

    Where networks were shown several sets of images for their spectra or their tuning, the set that
    most of the attacked networks saw is taken.
    """
    by_study = {
        name: [record for record in records if record.task.get("study") == name] for name in READS
    }
    attacked = found_attacked([*by_study["robustness"], *by_study["training"]])
    seen = found_spectra(by_study["spectra"]).together
    tuned = found_tuning(by_study["tuning"])
    trained = {one.sha: one for one in lessons(records)}
    made = [_joined(one, seen, tuned, trained) for one in attacked]
    return [one for one in made if one is not None]


def _joined(
    attacked: AttackedTogether,
    seen: Sequence[SpectraTogether],
    tuned: Sequence[TuningTogether],
    trained: Mapping[str, Lesson],
) -> Joined | None:
    shas = {_sha(one) for one in attacked.networks} - {""}
    spectrum = max(seen, key=lambda one: len(shas & {*_alphas(one)}), default=None)
    stimuli = max(tuned, key=lambda one: len(shas & {*_scores(one)}), default=None)
    alphas = {} if spectrum is None else _alphas(spectrum)
    scores = {} if stimuli is None else _scores(stimuli)
    attack = _attack(attacked)
    points = []
    for one in attacked.networks:
        sha = _sha(one)
        score = _under(one, attack)
        mine, theirs = alphas.get(sha, {}), scores.get(sha, {})
        if score is not None and (mine or theirs):
            points.append(_point(len(points) + 1, one, score, mine, theirs, trained.get(sha)))
    if not points:
        return None
    kind = "" if not scores else SCORE if stimuli is not None and stimuli.in_degrees else FREQUENCY
    return Joined(
        attacked.label,
        "the mean of the paper’s three attacks" if attack == "" else attack,
        kind,
        "" if spectrum is None or not alphas else spectrum.label,
        "" if stimuli is None or not scores else stimuli.label,
        points,
    )


def _point(
    number: int,
    one: Attacked,
    score: Score,
    alphas: Mapping[str, Value],
    scores: Mapping[str, Value],
    lesson: Lesson | None,
) -> Point:
    best, last = scores.get("best"), next(reversed(list(alphas.values())), None)
    chosen_alphas, chosen_scores = {}, {}
    if best is not None:
        chosen_scores["most like V1"] = best
        if best.layer in alphas:
            chosen_alphas["most like V1"] = alphas[best.layer]
    layers = {name: value for name, value in scores.items() if name != "best"}
    if last is not None:
        chosen_alphas["last layer"] = last
        if last.layer in layers:
            chosen_scores["last layer"] = layers[last.layer]
    if alphas:
        chosen_alphas["median"] = _median(alphas)
    if layers:
        chosen_scores["median"] = _median(layers)
    objective = UNKNOWN if lesson is None else OBJECTIVES.get(lesson.objective, lesson.objective)
    penalised = lesson is not None and lesson.settings.get("spectral_alpha") is not None
    ours = [trial for trial in one.trials if _is_about(trial, score)]
    masked = any(word_of(trial) == "masked" for trial in ours)
    value = Value(score.value, score.error, "")
    return Point(
        number, one.label, one.kind, objective, penalised, _sha(one), value, masked,
        chosen_alphas, chosen_scores,
    )  # fmt: skip


def _attack(attacked: AttackedTogether) -> str:
    """Choose what accuracy is drawn; nothing is the mean of the paper's attacks.

    The mean if all networks have it; else the attack in the ball of most verdicts; else the weakest
    attack in the first norm that most networks have.
    """
    networks = attacked.networks
    if all(one.mean is not None for one in networks):
        return ""
    counts: dict[str, int] = {}
    for text in (attack_text(score) for one in networks for score in one.attacked):
        counts[text] = counts.get(text, 0) + 1
    judged = [
        attack_text(score)
        for one in networks
        for score in one.attacked
        for trial in one.trials
        if trial.verdict is not None and _is_about(trial, score)
    ]
    if judged:
        return max(dict.fromkeys(judged), key=judged.count)
    return max(counts, key=lambda text: counts[text], default=" ")


def _under(one: Attacked, attack: str) -> Score | None:
    if attack == "":
        return one.mean
    return next((score for score in one.attacked if attack_text(score) == attack), None)


def _is_about(trial: Trial, score: Score) -> bool:
    """Say whether a verdict is about the accuracy; of a mean over balls, each is."""
    return "norm" not in score.settings or attack_text(score) == trial_text(trial)


def _alphas(together: SpectraTogether) -> dict[str, dict[str, Value]]:
    """Return the exponent of each layer that has one, in the network's order, by fingerprint."""
    made = {}
    for one in together.networks:
        known = {
            layer.name: Value(score.value, score.error, layer.name)
            for layer in one.layers
            if (score := layer.scores.get("alpha")) is not None
        }
        sha = str(one.layers[0].spectrum.settings.get("model_sha256") or "")
        if known and sha:
            made[sha] = known
    return made


def _scores(together: TuningTogether) -> dict[str, dict[str, Value]]:
    """Return the quantity of tuning of each layer, and under "best" that of the layer most like V1.

    Without degrees there is no score against V1, and no layer that is most like it: then it is the
    frequency that the median channel prefers, in cycles per image.
    """
    name = SCORE if together.in_degrees else FREQUENCY
    made = {}
    for one in together.networks:
        known = {}
        for layer in one.layers:
            score = layer.scores.get(name)
            if score is not None:
                known[layer.name] = _tuned(score, layer.name)
        best = best_layer(one)
        sha = str(one.settings.get("model_sha256") or "")
        if known and sha:
            top = {"best": known[best.name]} if best is not None and best.name in known else {}
            made[sha] = known | top
    return made


def _tuned(score: Score, layer: str) -> Value:
    if score.name == SCORE:
        return Value(score.value, score.error, layer)
    return Value(float(2**score.value), None, layer)  # an error in octaves has two sides


def _median(values: Mapping[str, Value]) -> Value:
    return Value(float(np.median([one.value for one in values.values()])), None, "")


def _sha(one: Attacked) -> str:
    return str(one.settings.get("model_sha256") or "")
