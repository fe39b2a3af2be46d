"""Every score about tuning as a row, and a short table of them by layer."""

from collections.abc import Iterator, Sequence

import pandas as pd

from striate.report.tuning.found import Layer, Network, Together
from striate.report.tuning.words import number, part_of_channels, score_of
from striate.results import Score, Setting

# Of settings that only some scores have, the others leave the cell empty.
SETTINGS = (
    *("channels", "selected", "measured", "rectified", "protocol", "stimulus", "unit", "pixels"),
    *("pixels_per_degree", "field_deg", "experiments", "draws", "pictures", "images", "units"),
    *("ranks", "z_scored", "seed", "low", "high"),
)
# Columns of the short table: name of the score, digits.
CELLS = {
    "frequency_score": 3,
    "median_circular_variance": 2,
    "median_phase_modulation": 2,
    "median_bandwidth_octaves": 2,
}
FREQUENCY = "median_log2_frequency"


def tuning_table(there: Sequence[Together]) -> pd.DataFrame:
    """Return one row per score.

    Parameters
    ----------
    there
        All of the study's results.

    Returns
    -------
        `group` (which networks were shown the same), `label` and `source` (short and full name of
        the network), `layer`, `name`, `value`, `error`, `error_kind`, and the settings.
    """
    rows = [
        _row(together, network, layer, score)
        for together in there
        for network in together.networks
        for layer in network.layers
        for score in _scores(layer)
    ]
    return pd.DataFrame(rows)


def tuning_cells(there: Sequence[Together]) -> dict[str, list[dict[str, str]]]:
    """Write a layer's scores in a row of short texts, by the network that it belongs to."""
    return {
        f"{network.label}: {together.label}": [_cells(layer) for layer in network.layers]
        for together in there
        for network in together.networks
    }


def _scores(layer: Layer) -> Iterator[Score]:
    yield from layer.scores.values()
    yield from (one.rho for one in layer.ranks.values() if one.rho is not None)


def _row(together: Together, network: Network, layer: Layer, score: Score) -> dict[str, Setting]:
    named: dict[str, Setting] = {
        "group": together.label, "label": network.label, "source": network.model,
        "layer": layer.name, "name": score.name, "value": score.value, "error": score.error,
        "error_kind": score.settings.get("error"),
    }  # fmt: skip
    return named | {name: score.settings.get(name) for name in SETTINGS}


def _cells(layer: Layer) -> dict[str, str]:
    texts = {"layer": layer.name, "channels": "", "rho": "", FREQUENCY: ""}
    for score in layer.scores.values():
        if "channels" in score.settings:
            about = score.settings
            texts["channels"] = f"{about.get('selected')} of {about['channels']}"
    for name, digits in CELLS.items():
        score = layer.scores.get(name)
        texts[name] = "" if score is None else score_of(score, digits)
        if score is not None and (part := part_of_channels(score)):
            texts[name] += f", of {part[0]} of {part[1]}"
    if FREQUENCY in layer.scores:
        texts[FREQUENCY] = number(2 ** layer.scores[FREQUENCY].value)
    rhos = [one.rho for one in layer.ranks.values() if one.rho is not None]
    texts["rho"] = "; ".join(score_of(rho, 2) for rho in rhos)
    return texts
