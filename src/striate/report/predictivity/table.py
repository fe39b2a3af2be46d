"""Every number about predictivity as a row, and a short table of the best layers."""

from collections.abc import Iterator, Sequence

import pandas as pd

from striate.report.predictivity.found import BEST, NESTED, Layer, Run, Together
from striate.report.predictivity.words import CAUSES, correlation, degrees, splits_name
from striate.report.words import minus
from striate.results import Score, Setting

ROWS = {BEST: "V1-like layer", NESTED: "V1-like layer, nested choice"}
SCORES = {"predictivity_raw": "correlation", "feve": "feve", "predictivity_train": "train"}
SETTINGS = (
    *(
        "neurons",
        "dropped",
        *CAUSES,
        "stimuli",
        "images",
        "splits",
        "pca",
        "components",
        "lambdas",
        "pictures",
    ),
    *("field_deg", "crop_px", "seed", "minimum_reliability"),
)
DIFFERENCES = (
    *("layer", "against", "against_layer", "against_stimulus_deg", "neurons", "low", "high"),
    *("p_one_sided", "p_two_sided", "resamples", "seed"),
)


def predictivity_table(there: Sequence[Together]) -> pd.DataFrame:
    """Return a row for each best layer, each nested choice, and each layer.

    Parameters
    ----------
    there
        All of the study's results.

    Returns
    -------
        `row` (which of the three), `label` and `source` (short and full name of the network),
        `sha256` of it, `recording`, `regression`, `protocol`, `grouped`, `stimulus_deg`, `layer`,
        `predictivity` with its `error` and `error_kind`, the same layer's other scores, `ceiling`
        and `reliability` of the neurons, and the settings.
    """
    return pd.DataFrame(
        [
            _row(together, run, kind, score, layer)
            for together in there
            for run in together.runs
            for kind, score, layer in _parts(run)
        ]
    )


def difference_table(there: Sequence[Together]) -> pd.DataFrame:
    """Return a row for each two networks that were compared, of which there may be none."""
    return pd.DataFrame(
        [
            _named(together, run)
            | {name: score.settings.get(name) for name in DIFFERENCES}
            | {"difference": score.value, "error": score.error}
            | {"error_kind": score.settings.get("error")}
            for together in there
            for run in together.runs
            for score in run.differences
        ]
    )


def predictivity_cells(there: Sequence[Together]) -> dict[str, list[dict[str, str]]]:
    """Write a row of short texts for each run, by network, recording and regression."""
    return {
        f"{label}: {together.label}": [_cells(run) for run in together.runs if run.label == label]
        for together in there
        for label in together.networks
    }


def _parts(run: Run) -> Iterator[tuple[str, Score, Layer | None]]:
    yield ROWS[BEST], run.score, run.best
    if NESTED in run.scores:
        # Splits may choose different layers, so no layer's other scores belong to it.
        yield ROWS[NESTED], run.scores[NESTED], None
    for layer in run.layers:
        yield "layer", layer.scores["predictivity"], layer


def _named(together: Together, run: Run) -> dict[str, Setting]:
    return {
        "label": run.label, "source": run.model, "sha256": run.settings.get("model_sha256"),
        "recording": together.recording, "regression": run.settings.get("regression"),
        "protocol": run.protocol, "grouped": run.settings.get("grouped"),
        "stimulus_deg": run.display,
    }  # fmt: skip


def _row(
    together: Together, run: Run, kind: str, score: Score, layer: Layer | None
) -> dict[str, Setting]:
    others = {} if layer is None else layer.scores
    about = {**run.settings, **run.best.scores["predictivity"].settings, **score.settings}
    row = {"row": kind, **_named(together, run)}
    row["layer"] = score.settings.get("layer") if layer is None else layer.name
    row |= {"predictivity": score.value, "error": score.error}
    row |= {"error_kind": score.settings.get("error")}
    row |= {name: _value(others.get(key)) for key, name in SCORES.items()}
    row |= {name: _value(run.scores.get(name)) for name in ("reliability", "ceiling")}
    return row | {name: about.get(name) for name in SETTINGS}


def _value(score: Score | None) -> float | None:
    return None if score is None else score.value


def _cells(run: Run) -> dict[str, str]:
    about = {**run.settings, **run.best.scores["predictivity"].settings}
    kept, dropped = about.get("neurons", ""), about.get("dropped")
    others = {key: run.best.scores.get(name) for key, name in _SHORT.items()}
    texts = {key: "" if one is None else minus(f"{one.value:.3f}") for key, one in others.items()}
    return texts | {
        "display": "" if run.display is None else degrees(run.display),
        "splits": splits_name(run.settings.get("grouped")),
        "protocol": run.protocol,
        "layer": run.best.name,
        "predictivity": correlation(run.score),
        "nested": "" if run.flat else correlation(run.scores.get(NESTED)),
        "neurons": f"{kept} + {dropped}" if dropped else str(kept),
        "pca": str(about.get("pca", "")),
    }


_SHORT = {"raw": "predictivity_raw", "feve": "feve", "train": "predictivity_train"}
