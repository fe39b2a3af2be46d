"""From result files to networks that were attacked with the same images in the same way."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from striate.reference import kong2021_table_s1
from striate.report.known import entry_of
from striate.report.names import distinct, in_order, models
from striate.report.robustness.intervals import widened
from striate.report.section import Record
from striate.report.training.found import Lesson, data_of, lessons
from striate.report.words import counted
from striate.results import Curve, Result, Score, Setting

NAME = "robustness"
# Networks are set side by side if they were shown the same images, and attacked alike.
SHARED = (
    *("pictures", "images", "protocol", "steps", "attack_wrong", "precision", "seed", "version"),
)
NORMS = ("Linf", "L2", "L1")
CLEAN, ATTACKED, MEAN = "clean_accuracy", "adversarial_accuracy", "mean_adversarial_accuracy"
CURVE, SIGN, PROBE, VERDICT = "accuracy_pgd", "sign", "probe", "verdict"
PASSBANDS = ("accuracy_low_pass", "accuracy_high_pass")
# What tells two attacks of one kind apart.
ATTACK = ("norm", "eps", "steps", "step_size", "geometry")
# The attacks of Kong et al. 2021, of so many steps, and the column of their S1 Table.
STEPS = 20
PAPER = {
    ("Linf", 1 / 1020): "top1_linf_1_1020",
    ("L2", 0.15): "top1_l2_0_15",
    ("L1", 40.0): "top1_l1_40",
}

Settings = Mapping[str, Setting]
Key = tuple[Setting, ...]
Ball = tuple[str, float, str]  # norm, radius, geometry


class Trial(NamedTuple):
    """What was found out in one ball: probes and signs by name, and the verdict on both.

    `geometry` is as `geometry_of` has it.
    """

    norm: str
    eps: float
    geometry: str
    probes: Mapping[str, Score]
    signs: Mapping[str, Score]
    verdict: Score | None

    @property
    def raised(self) -> list[Score]:
        """The signs that say that something is wrong."""
        return [sign for sign in self.signs.values() if sign.value > 0]


class Network(NamedTuple):
    """A network: what it is called on the page and in full, and what was measured of it.

    `attacked` are accuracies under the attacks of a table, weakest norm first; `curves` are by
    norm and geometry; `passed` are by the names of `PASSBANDS` and the filter; `published` are the
    accuracies of S1 Table by its columns, for a network that is in it. Networks of one `kind` were
    trained alike.
    """

    label: str
    kind: str
    model: str
    settings: Settings
    clean: Score | None
    attacked: Sequence[Score]
    mean: Score | None
    curves: Mapping[tuple[str, str], Curve]
    trials: Sequence[Trial]
    passed: Mapping[tuple[str, str], Curve]
    published: Mapping[str, float]


class Together(NamedTuple):
    """Networks that were shown the same images, and attacked alike."""

    label: str
    settings: Settings
    networks: Sequence[Network]


def found(records: Sequence[Record]) -> list[Together]:
    """Sort the study's result files; a network without any accuracy is left out.

    Those of the study "training" among `records` say how networks were trained.
    """
    trained = {one.sha: one for one in lessons(records) if one.sha}
    records = [record for record in records if record.task.get("study") == NAME]
    names = _named(records, trained)
    groups: dict[Key, dict[Key, list[Record]]] = {}
    for record in records:
        model = (record.task.get("model"), record.task.get("model_sha256"))
        shared = tuple(record.task.get(key) for key in SHARED)
        groups.setdefault(shared, {}).setdefault(model, []).append(record)
    labels = distinct({key: _pictures(key[0], key[1]) for key in groups}, SHARED)
    made = []
    for key, by_model in groups.items():
        networks = [_network(names[model], mine, trained) for model, mine in by_model.items()]
        networks = [one for one in networks if one.clean or one.attacked or one.curves]
        networks.sort(key=lambda one: in_order(one.label))
        if networks:
            settings = dict(zip(SHARED, key, strict=True))
            made.append(Together(labels[key], settings, networks))
    return sorted(made, key=lambda one: in_order(one.label))


def _named(records: Sequence[Record], trained: Mapping[str, Lesson]) -> dict[Key, str]:
    """Name networks by how they were trained, where that tells them apart; else as usual."""
    names = models(record.task for record in records)
    ours = {key: trained[str(key[1])] for key in names if str(key[1]) in trained}
    architectures = {one.model for one in ours.values()}
    data = {one.data for one in ours.values()}
    short = {
        key: ", ".join(
            [
                *([data_of(one)] if len(data) > 1 else []),
                *([one.model.rpartition("/")[2]] if len(architectures) > 1 else []),
                one.label.replace(f", model {one.model}", ""),  # said already
            ]
        )
        for key, one in ours.items()
    }
    taken = Counter({**names, **short}.values())
    return {
        k: short[k] if k in short and taken[short[k]] == 1 else name for k, name in names.items()
    }


def eps_of(result: Result) -> float:
    """Return the radius of the ball that a result is about; none is 0."""
    value = result.settings.get("eps")
    return float(value) if isinstance(value, int | float) else 0.0


def norm_of(result: Result) -> str:
    """Return the norm of the ball that a result is about."""
    return str(result.settings.get("norm"))


def geometry_of(result: Result) -> str:
    """Return how a ball was searched where that is not the paper's way; else nothing."""
    geometry = result.settings.get("geometry")
    return "" if geometry in (None, "paper") else str(geometry)


def column_of(score: Score) -> str | None:
    """Return the column of S1 Table that is about the attack of a score; None where none is."""
    norm, eps = norm_of(score), eps_of(score)
    if geometry_of(score) or score.settings.get("steps") != STEPS:
        return None
    for (theirs, radius), column in PAPER.items():
        if theirs == norm and abs(radius - eps) < 1e-6 * radius:
            return column
    return None


def published_in(network: Network, score: Score) -> float | None:
    """Return the published accuracy under the attack of a score; None where there is none."""
    column = column_of(score)
    return None if column is None else network.published.get(column)


def passbands_of(together: Together) -> list[tuple[str, str]]:
    """Return the keys of the `passed` of networks: by filter, low frequencies before high ones."""
    keys = {key for one in together.networks for key in one.passed}
    return sorted(keys, key=lambda key: (key[1], PASSBANDS.index(key[0])))


def _pictures(pictures: Setting, images: Setting) -> str:
    """Name the images without the fingerprint behind their name."""
    name = str(pictures).rpartition(" ")[0] or str(pictures)
    return f"{counted(images)} images of {name}"


def _network(label: str, records: Sequence[Record], trained: Mapping[str, Lesson]) -> Network:
    """Put the files of a network together; what was measured twice counts once."""
    records = [one._replace(results=[widened(result) for result in one.results]) for one in records]
    scores: dict[str, Score] = {}
    attacked: dict[Key, Score] = {}
    curves: dict[tuple[str, str], list[Curve]] = {}
    passed: dict[tuple[str, str], list[Curve]] = {}
    for one in (result for record in records for result in record.results):
        if isinstance(one, Score) and one.name in (CLEAN, MEAN):
            scores.setdefault(one.name, one)
        elif isinstance(one, Score) and one.name == ATTACKED and eps_of(one) > 0:
            attacked.setdefault(tuple(one.settings.get(name) for name in ATTACK), one)
        elif isinstance(one, Curve) and one.name == CURVE:
            curves.setdefault((norm_of(one), geometry_of(one)), []).append(one)
        elif isinstance(one, Curve) and one.name in PASSBANDS:
            key = (one.name, str(one.settings.get("filter") or ""))
            passed.setdefault(key, []).append(one)
    model = str(records[0].task.get("model"))
    lesson = trained.get(str(records[0].task.get("model_sha256")))
    return Network(
        label,
        label if lesson is None else lesson.kind,
        model,
        records[0].task,
        scores.get(CLEAN),
        sorted(attacked.values(), key=_in_order),
        scores.get(MEAN),
        {key: _merged(curves[key]) for key in sorted(curves, key=lambda k: (_place(k[0]), *k))},
        trials(records),
        {key: _merged(passed[key]) for key in sorted(passed)},
        _published(model),
    )


def trials(records: Sequence[Record]) -> list[Trial]:
    """Collect probes, signs and verdicts by the ball that they are about.

    Of several files about one ball, searched alike, one counts: that of most images, then one with
    a baseline, then the newest. What two runs found is never put together.
    """
    best: dict[Ball, tuple[tuple[bool, float, bool, str], Trial]] = {}
    for record in records:
        for ball, scores in _by_ball(record).items():
            trial = Trial(*ball, *_parts(scores))
            rank = _rank(trial, scores, record)
            if ball not in best or rank > best[ball][0]:
                best[ball] = rank, trial
    return [best[ball][1] for ball in sorted(best, key=lambda ball: (_place(ball[0]), *ball))]


def _by_ball(record: Record) -> dict[Ball, list[Score]]:
    found: dict[Ball, list[Score]] = {}
    for one in record.results:
        if isinstance(one, Score) and one.name in (SIGN, PROBE, VERDICT):
            found.setdefault((norm_of(one), eps_of(one), geometry_of(one)), []).append(one)
    return found


def _rank(trial: Trial, scores: Sequence[Score], record: Record) -> tuple[bool, float, bool, str]:
    counts = [one.settings.get("images") for one in scores]
    images = max((float(one) for one in counts if isinstance(one, int | float)), default=0.0)
    known = trial.verdict is not None and trial.verdict.settings.get("baseline") is not None
    started = str(record.provenance.get("started") or "")
    return trial.verdict is not None, images, known, started


def _merged(curves: Sequence[Curve]) -> Curve:
    """Put the points of curves that are alike in one; what was measured twice counts once."""
    points: dict[float, tuple[float, float | None]] = {}
    for curve in curves:
        for x, y, error in zip(curve.x, curve.y, curve.error or [None] * len(curve.x), strict=True):
            points.setdefault(x, (y, error))
    x = sorted(points)
    errors = [points[one][1] for one in x]
    known = [one for one in errors if one is not None]
    kinds = dict.fromkeys(str(one.settings["error"]) for one in curves if one.error is not None)
    return replace(
        curves[0],
        x=tuple(x),
        y=tuple(points[one][0] for one in x),
        error=tuple(known) if len(known) == len(x) else None,
        settings={**curves[0].settings, **({"error": "; ".join(kinds)} if kinds else {})},
    )


def _parts(scores: Sequence[Score]) -> tuple[dict[str, Score], dict[str, Score], Score | None]:
    probes: dict[str, Score] = {}
    signs: dict[str, Score] = {}
    for one in scores:
        if one.name == PROBE:
            probes.setdefault(str(one.settings.get("probe")), one)
        elif one.name == SIGN:
            signs.setdefault(str(one.settings.get("sign")), one)
    return probes, signs, next((one for one in scores if one.name == VERDICT), None)


def _in_order(score: Score) -> tuple[int, str, float]:
    return _place(norm_of(score)), norm_of(score), eps_of(score)


def _place(norm: str) -> int:
    return NORMS.index(norm) if norm in NORMS else len(NORMS)


def _published(model: str) -> dict[str, float]:
    """Look a network up in S1 Table."""
    table = {str(row["model"]): row for row in kong2021_table_s1().to_dict("records")}
    entry = entry_of(model)
    if not entry:
        return {}
    return {column: float(table[entry][column]) for column in ("top1_clean", *PAPER.values())}
