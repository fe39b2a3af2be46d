"""From result files to what was measured together: sets of networks, populations, comparisons."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from striate.report.names import distinct, in_order, models, recordings
from striate.report.section import Record
from striate.report.spectra.words import shown_as
from striate.report.words import counted
from striate.results import Curve, Result, Score, Setting

# Networks whose exponents may be compared saw the same images, in the same way.
SHARED = ("pictures", "available", "protocol", "z_scored", "sets", "set_size", "seed", "version")
# What else moves the exponent of a recording, or of a network made like one.
CHOICES = (
    *("ranks", "weights", "algorithm", "shuffles", "seed", "missing", "draws", "version"),
    *("dimensions", "shown", "gains"),
)

Settings = Mapping[str, Setting]
Key = tuple[Setting, ...]


class Layer(NamedTuple):
    """A layer's spectrum, its scores by name, and its exponents by window."""

    name: str
    spectrum: Curve
    scores: Mapping[str, Score]
    windows: Sequence[Curve]


class Measured(NamedTuple):
    """A network: what it is called on the page and in full, and its layers from the first on.

    `key` is its full name with its fingerprint.
    """

    label: str
    model: str
    layers: Sequence[Layer]
    key: Key = ()


class Together(NamedTuple):
    """Networks that saw the same images in the same way."""

    label: str
    settings: Settings
    networks: Sequence[Measured]


class Population(NamedTuple):
    """A recorded population: cross-validated, and PCA of the mean over trials.

    `alphas`, `spectra` and `r_squared` have the keys ``"cvPCA"`` and ``"PCA of the trial mean"``.
    """

    label: str
    source: str
    settings: Settings
    spectra: Mapping[str, Curve]
    alphas: Mapping[str, Score]
    windows: Sequence[Curve]
    r_squared: Mapping[str, float]


class Match(NamedTuple):
    """A layer under a recording's conditions."""

    network: str
    layer: str
    spectrum: Curve
    alpha: Score
    difference: Score
    r_squared: float | None


class Comparison(NamedTuple):
    """A recording, and the layers of one or several networks made to respond like it."""

    label: str
    source: str
    settings: Settings
    spectrum: Curve
    alpha: Score
    r_squared: float | None
    matches: Sequence[Match]


class Found(NamedTuple):
    """All of the study's results in a folder."""

    together: Sequence[Together]
    populations: Sequence[Population]
    comparisons: Sequence[Comparison]


def found(records: Sequence[Record]) -> Found:
    """Sort the study's result files; what a file should have and has not is left out."""
    kinds = {
        kind: [record for record in records if record.task.get("kind") == kind]
        for kind in ("network", "recording", "comparison")
    }
    names = models(record.task for record in [*kinds["network"], *kinds["comparison"]])
    sources = [
        str(record.task.get("recording")) for record in [*kinds["recording"], *kinds["comparison"]]
    ]
    return Found(
        _together(kinds["network"], names),
        _populations(kinds["recording"], recordings(sources)),
        _comparisons(kinds["comparison"], names, recordings(sources)),
    )


def window(settings: Settings) -> tuple[int, int] | None:
    """Return first and last rank of the fit; None where nothing was fitted."""
    first, _, last = str(settings.get("ranks", "")).partition("-")
    return (int(first), int(last)) if first.isdigit() and last.isdigit() else None


def sets_of(together: Together) -> str:
    """Say how many sets of how many images there were; fewer than wanted if images were scarce."""
    sizes = [
        layer.spectrum.settings.get("images") for one in together.networks for layer in one.layers
    ]
    return f"{counted(together.settings['sets'])} sets of {counted(sizes[0])} images"


def over_images(layer: Layer) -> Score | None:
    """Return the exponent whose interval is over images, named for those it is of.

    Results of before there were two names call the one of a first set ``alpha_all_images`` too.
    """
    score = layer.scores.get("alpha_first_set") or layer.scores.get("alpha_all_images")
    if score is None:
        return None
    images, available = (score.settings.get(name) for name in ("images", "available"))
    of_some = (
        isinstance(images, int | float)
        and isinstance(available, int | float)
        and images < available
    )
    return replace(score, name="alpha_first_set" if of_some else "alpha_all_images")


def _together(records: Sequence[Record], names: Mapping[Key, str]) -> list[Together]:
    groups: dict[Key, dict[Key, list[Record]]] = {}
    for record in records:
        model = (record.task.get("model"), record.task.get("model_sha256"))
        shared = tuple(record.task.get(key) for key in SHARED)
        groups.setdefault(shared, {}).setdefault(model, []).append(record)
    labels = distinct(
        {key: f"{counted(key[1])} images of {_folder(key[0], key[1])}" for key in groups}, SHARED
    )
    made = []
    for shared, by_model in groups.items():
        networks = [
            Measured(names[model], str(model[0]), _layers(mine), model)
            for model, mine in by_model.items()
        ]
        networks = [network for network in networks if network.layers]
        networks.sort(key=lambda network: in_order(network.label))
        if networks:
            settings: dict[str, Setting] = dict(zip(SHARED, shared, strict=True))
            made.append(Together(labels[shared], settings, networks))
    return sorted(made, key=lambda one: in_order(one.label))


def _folder(pictures: Setting, count: Setting) -> str:
    """Name the images without the fingerprint in their name, and without their number before it.

    Some of a set are ``300 of digits test 28d636f2f47e, seed 0``.
    """
    marked, seed, number = str(pictures).partition(", seed ")
    name = marked.rpartition(" ")[0] or marked
    return name.removeprefix(f"{count} of ") + seed + number


def _layers(records: Sequence[Record]) -> list[Layer]:
    """Collect a network's layers; one that was measured twice counts once."""
    layers: dict[str, Layer] = {}
    for record in records:
        for name, results in _grouped(record.results, "layer").items():
            spectrum = _curve(results, "eigenspectrum")
            if spectrum is not None:
                scores = {one.name: one for one in results if isinstance(one, Score)}
                layers.setdefault(str(name), Layer(str(name), spectrum, scores, _windows(results)))
    # One file has them in the network's order; of several, the names are all there is to go by.
    names = list(layers) if len(records) == 1 else sorted(layers, key=in_order)
    return [layers[name] for name in names]


def _populations(records: Sequence[Record], names: Mapping[str, str]) -> list[Population]:
    there = {}
    for record in records:
        by_method = _grouped(record.results, "method")
        spectra = {
            str(method): one
            for method, results in by_method.items()
            for one in results
            if isinstance(one, Curve) and one.name != "alpha_by_window"
        }
        scores = [
            (str(method), one)
            for method, results in by_method.items()
            for one in results
            if isinstance(one, Score)
        ]
        alphas = {method: one for method, one in scores if one.name == "alpha"}
        fits = {method: one.value for method, one in scores if one.name == "r_squared"}
        if spectra:
            settings = {**record.task, **next(iter(spectra.values())).settings}
            source = str(record.task.get("recording"))
            windows = _windows(record.results)
            one = Population(names[source], source, settings, spectra, alphas, windows, fits)
            # A population that was measured twice counts once, as in `_layers`.
            there.setdefault((source, *_choices(settings)), one)
    labels = distinct({key: one.label for key, one in there.items()}, ("recording", *CHOICES))
    made = [one._replace(label=labels[key]) for key, one in there.items()]
    return sorted(made, key=lambda one: in_order(one.label))


def _comparisons(
    records: Sequence[Record], models: Mapping[Key, str], names: Mapping[str, str]
) -> list[Comparison]:
    there: dict[Key, Comparison] = {}
    for record in records:
        model = models[record.task.get("model"), record.task.get("model_sha256")]
        source = str(record.task.get("recording"))
        for layer, results in _grouped(record.results, "layer").items():
            cortex = _matched(results, lambda one, source=source: one.source == source)
            match = _matched(results, lambda one, source=source: one.source != source)
            difference = _score(results, "alpha_difference")
            if cortex is None or match is None or difference is None:
                continue
            settings = {**record.task, **cortex[0].settings}
            key = (source, *_choices(settings))
            one = there.get(key) or Comparison(names[source], source, settings, *cortex, ())
            new = Match(model, str(layer), *match[:2], difference, match[2])
            # A layer that was measured twice counts once, as in `_layers`.
            known = {(other.network, other.layer) for other in one.matches}
            matches = one.matches if (model, str(layer)) in known else (*one.matches, new)
            there[key] = one._replace(matches=matches)
    labels = distinct({key: one.label for key, one in there.items()}, ("recording", *CHOICES))
    made = []
    for key, one in there.items():
        matches = sorted(one.matches, key=lambda match: in_order(match.network))
        made.append(one._replace(label=labels[key], matches=matches))
    return sorted(made, key=lambda one: in_order(one.label))


def _matched(
    results: Iterable[Result], wanted: Callable[[Result], bool]
) -> tuple[Curve, Score, float | None] | None:
    chosen = [one for one in results if wanted(one)]
    curve, alpha = _curve(chosen, "matched_eigenspectrum"), _score(chosen, "alpha_matched")
    fit = _score(chosen, "r_squared")  # which older results do not have
    if curve is None or alpha is None:
        return None
    return curve, alpha, None if fit is None else fit.value


def _choices(settings: Settings) -> Key:
    """Say what was chosen, in words where nothing was."""
    said = {
        **settings,
        "dimensions": settings.get("dimensions") or "many",
        "shown": shown_as(settings),
        "gains": settings.get("gains") or "own",
    }
    return tuple(said.get(choice) for choice in CHOICES)


def _grouped(results: Iterable[Result], setting: str) -> dict[Setting, list[Result]]:
    groups: dict[Setting, list[Result]] = {}
    for result in results:
        if result.settings.get(setting) is not None:
            groups.setdefault(result.settings[setting], []).append(result)
    return groups


def _curve(results: Iterable[Result], name: str) -> Curve | None:
    return next((one for one in results if isinstance(one, Curve) and one.name == name), None)


def _score(results: Iterable[Result], name: str) -> Score | None:
    return next((one for one in results if isinstance(one, Score) and one.name == name), None)


def _windows(results: Iterable[Result]) -> list[Curve]:
    return [one for one in results if isinstance(one, Curve) and one.name == "alpha_by_window"]
