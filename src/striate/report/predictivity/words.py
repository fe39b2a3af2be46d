"""How numbers and conditions are written in captions, tables and findings about predictivity."""

from collections.abc import Iterable, Mapping, Sequence

from striate.report.names import files_of
from striate.report.predictivity.found import Run, Together, displays
from striate.report.words import listed, minus, span
from striate.results import Score, Setting

PROTOCOLS = {
    "paper": "principal components are those of responses as they are",
    "consistent": (
        "units are z-scored by the images that the components come from, and the recording’s "
        "images are scaled by the same numbers"
    ),
    "authors": (
        "components come from z-scored units and are applied to units that are not, as the "
        "released code does"
    ),
}
METHODS = {"PLS": "partial least squares", "ridge": "ridge regression"}
LESS = "dropped_less_reliable"
# Why neurons were left out, as results count them; those of earlier versions do not.
CAUSES = {
    "dropped_lacking": "not recorded with every stimulus",
    "dropped_unreliable": "without a reliable signal",
    LESS: "with a reliable signal, but not of the most reliable 1\u00a0%",
    "dropped_still": "whose response does not vary in some split",
}
KONG_CODE = "as in the code of Kong et al. 2021"
MANY = 5000  # of more neurons the most reliable hundredth is used, as in `striate.study`


def correlation(score: Score | None, digits: int = 3) -> str:
    """Write a score with its error, e.g. ``"0.412 ± 0.020"``; nothing if there is none."""
    if score is None:
        return ""
    spread = "" if score.error is None else f"\u00a0±\u00a0{score.error:.{digits}f}"
    return minus(f"{score.value:.{digits}f}{spread}")


def signed(value: float) -> str:
    """Write a difference with its sign."""
    return minus(f"{value:+.3f}")


def degrees(display: float | None) -> str:
    """Write a display size."""
    return "size not stated" if display is None else f"{display:g}°"


def sizes(runs: Sequence[Run]) -> str:
    """Write all display sizes of some runs."""
    return listed(map(degrees, displays(runs)))


def splits_name(grouped: Setting) -> str:
    """Say what was drawn to be on one side of a split."""
    return "single images" if grouped in (None, "none") else f"whole {grouped}s"


def conditions_of(run: Run, together: Together) -> str:
    """Name the conditions of a run as far as they are not `usual`."""
    parts = []
    if len({one.display for one in together.runs}) > 1:
        parts.append(degrees(run.display))
    if not run.grouped and any(one.grouped for one in together.runs):
        parts.append(f"splits of {splits_name(run.settings.get('grouped'))}")
    if run.protocol != together.protocols[0]:
        parts.append(f"protocol “{run.protocol}”")
    return ", ".join(parts)


def named(run: Run, together: Together) -> str:
    """Name a network with its conditions, e.g. ``"net (4°, splits of single images)"``."""
    about = conditions_of(run, together)
    return f"{run.label} ({about})" if about else run.label


def usual(there: Sequence[Together]) -> str:
    """Say which conditions numbers in sentences are of, where nothing else is said."""
    groups: dict[str, list[str]] = {}
    for together in there:
        kinds = {run.settings.get("grouped") for run in together.runs if run.grouped} or {None}
        splits = listed(sorted(map(splits_name, kinds)))
        text = f"splits of {splits} and protocol “{together.protocols[0]}”"
        groups.setdefault(text, []).append(together.label)
    if len(groups) == 1:
        return next(iter(groups))
    return "; ".join(f"{text} ({listed(labels)})" for text, labels in groups.items())


def difference_of(score: Score) -> str:
    """Write a difference between two networks with its interval and p."""
    about = score.settings
    text = signed(score.value)
    low, high = (about.get(name) for name in ("low", "high"))
    if isinstance(low, int | float) and isinstance(high, int | float):
        text += f", 95 % interval {signed(low)} to {signed(high)}"
    sides = [
        f"{p:.2g} {side}"
        for name, side in (("p_one_sided", "one-sided"), ("p_two_sided", "two-sided"))
        if isinstance(p := about.get(name), int | float)
    ]
    return f"{text}, p = {listed(sides)}" if sides else text


def neurons_of(runs: Sequence[Run]) -> str:
    """Say how many neurons there are, and how many were left out, and why as far as is known."""
    first = [next(iter(run.best.scores.values())).settings for run in runs]
    first = [about for about in first if _numbers([about.get("neurons")])]
    if not first:
        return ""
    kept = _numbers(about["neurons"] for about in first)
    dropped = [_number(about.get("dropped")) for about in first]
    text = f"{span(kept)} {'neuron' if max(kept) == 1 else 'neurons'}"
    if not any(dropped):
        return text
    every = [sum(pair) for pair in zip(kept, dropped, strict=True)]
    parts = [f"{span(dropped)} of {span(every)} left out{_causes(first)}"]
    if any(about.get(LESS) for about in first):
        signal = [
            number + sum(_number(about.get(name)) for name in (LESS, "dropped_still"))
            for number, about in zip(kept, first, strict=True)
        ]
        parts.append(f"{span(signal)} have a reliable signal")
    if max(every) > MANY:
        parts.append(f"of more than {MANY:,} the most reliable 1\u00a0% are used, {KONG_CODE}")
    return f"{text} ({'; '.join(parts)})"


def _causes(abouts: Sequence[Mapping[str, Setting]]) -> str:
    """Say how many neurons each cause left out, where all results do."""
    if not all(any(about.get(name) for name in CAUSES) for about in abouts if about.get("dropped")):
        return ""
    counts = {name: [_number(about.get(name)) for about in abouts] for name in CAUSES}
    parts = [f"{span(counts[name])} {text}" for name, text in CAUSES.items() if any(counts[name])]
    return f": {listed(parts)}"


def methods_of(runs: Sequence[Run], together: Together) -> str:
    """Say what it takes to judge numbers: map, splits, neurons, components and protocol."""
    tasks = [run.settings for run in runs]
    splits = _numbers(task.get("splits") for task in tasks)
    components = _numbers(task.get("components") for task in tasks)
    kinds = dict.fromkeys(splits_name(task.get("grouped")) for task in tasks)
    how = METHODS.get(together.regression, together.regression)
    with_many = f" with {span(components)} components" if components else _penalties(tasks)
    drawn = f"{span(splits)} random splits" if splits else "Random splits"
    if splits and max(splits) == 1:
        drawn = "One random split"
    parts = [
        f"Responses are predicted by {how}{with_many} from principal components of a layer"
        f"{_basis(runs)}. {drawn} of the recording’s images, of {listed(kinds)}, into a part to "
        "fit and a part to test; everything shown is of the test parts.",
        f"{neurons_of(runs) or 'Neurons'}: {listed(files_of([together.recording]))}"
        f"{_counted(tasks)}{_notes(runs)}.",
        *(
            f"Protocol “{name}”: {PROTOCOLS[name]}."
            for name in dict.fromkeys(run.protocol for run in runs)
            if name in PROTOCOLS
        ),
    ]
    return " ".join(parts)


def _penalties(tasks: Sequence[Mapping[str, Setting]]) -> str:
    """Say from which penalties ridge chose."""
    sets = dict.fromkeys(str(task["lambdas"]) for task in tasks if task.get("lambdas"))
    texts = [" or ".join(", ".join(one.split()).rsplit(", ", 1)) for one in sets]
    return f", λ of {'; or of '.join(texts)}," if texts else ""


def _counted(tasks: Sequence[Mapping[str, Setting]]) -> str:
    """Say which neurons count, and what their reliability is, where it is not as usual."""
    least = dict.fromkeys(
        value for task in tasks if isinstance(value := task.get("minimum_reliability"), float)
    )
    text = f"; of reliability above {listed(f'{one:g}' for one in least)}" if least else ""
    if any(task.get("reliability") for task in tasks):
        text += (
            "; stimuli had unequally many trials, so reliability is the covariance of halves over "
            "the variance of the mean response"
        )
    return text


def _notes(runs: Sequence[Run]) -> str:
    """Quote what the recording's reader says of it."""
    notes = dict.fromkeys(str(run.settings.get("notes") or "") for run in runs)
    return "".join(f"; {note}" for note in notes if note)


def _basis(runs: Sequence[Run]) -> str:
    """Say how many components of which images."""
    abouts = [run.best.scores["predictivity"].settings for run in runs]
    counts = _numbers(about.get("pca") for about in abouts)
    pictures = dict.fromkeys(
        str(run.settings["pictures"]) for run in runs if run.settings.get("pictures")
    )
    many = f" ({span(counts)} of them)" if counts else ""
    return many + (f", computed on {listed(pictures)}" if pictures else "")


def _number(value: Setting) -> int:
    return int(value) if isinstance(value, int | float) else 0


def _numbers(values: Iterable[Setting]) -> list[int]:
    return [int(value) for value in values if isinstance(value, int | float)]


def ceiling_of(runs: Sequence[Run]) -> str:
    """Say what perfect predictions would score, corrected and raw."""
    text = "Were predictions perfect, about 1 would be expected"
    values = [run.scores["ceiling"].value for run in runs if "ceiling" in run.scores]
    if not values:
        return f"{text}."
    return f"{text}; without the correction, the median neuron could reach {span(values, 2)}."
