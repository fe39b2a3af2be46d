"""Every exponent as a row: of layers, of recordings, and of layers measured like a recording."""

import math
import statistics
from collections.abc import Iterator, Mapping

import pandas as pd

from striate.report.known import Key, Known
from striate.report.spectra.found import (
    Comparison,
    Found,
    Measured,
    Population,
    Together,
    over_images,
)
from striate.report.spectra.words import alpha_of
from striate.report.words import minus
from striate.results import Score, Setting

# Of settings that only some kinds of results have, the others leave the cell empty.
SETTINGS = (
    *("ranks", "weights", "images", "stimuli", "units", "repeats", "sets", "draws", "shuffles"),
    *("algorithm", "pictures", "protocol", "seed", "low", "high"),
    *("corrected", "corrected_low", "corrected_high"),
    *("dimensions", "smoothness_bound", "stimulus_deg", "field_deg", "crop_px", "varying"),
)
QUANTITIES = {
    "alpha": "α",
    "alpha_all_images": "α of all images",
    "alpha_first_set": "α of the first set",
    "alpha_matched": "α, matched",
    "alpha_difference": "difference",
}


def spectra_table(found: Found) -> pd.DataFrame:
    """Return one row per exponent, or difference of two.

    Parameters
    ----------
    found
        All of the study's results.

    Returns
    -------
        `kind` (network, recording, comparison), `group` (what was measured together), `label` and
        `source` (short and full name), `part` (layer or method), `name`, `value`, `error`,
        `error_kind`, `r_squared` (of the fit; the mean over sets of images, or over draws of
        units), and the settings.
    """
    rows = [
        *(row for together in found.together for row in _networks(together)),
        *(row for one in found.populations for row in _population(one)),
        *(row for one in found.comparisons for row in _comparison(one)),
    ]
    return pd.DataFrame(rows)


def spectra_cells(table: pd.DataFrame, most: int | None = None) -> dict[str, list[dict[str, str]]]:
    """Write the rows as short texts, by what they belong to.

    Parameters
    ----------
    table
        As `spectra_table` makes it.
    most
        Of sets of more networks than this, the layers are left out.
    """
    cells: dict[str, list[dict[str, str]]] = {}
    if table.empty:  # no layer was wide enough
        return cells
    networks = table[table["kind"] == "network"].groupby("group")["label"].nunique()
    crowded = {group for group, count in networks.items() if most is not None and count > most}
    layers = (table["kind"] == "network") & table["group"].isin(crowded)
    for row in table[~layers].to_dict("records"):
        count = _whole(row["stimuli"] if _blank(row["images"]) else row["images"])
        of = f" of {count}" if row["name"] == "alpha_first_set" else ""
        cell = {
            "part": str(row["part"]),
            "quantity": f"{QUANTITIES[row['name']]}{of}",
            "value": minus(f"{row['value']:.3f}"),
            "error": "" if _blank(row["error"]) else f"± {row['error']:.3f}",
            "kind": "" if _blank(row["error_kind"]) else str(row["error_kind"]),
            "ranks": "" if _blank(row["ranks"]) else str(row["ranks"]).replace("-", "–"),
            "stimuli": count,
            "units": _whole(row["units"]),
            "r_squared": "" if _blank(row["r_squared"]) else f"{row['r_squared']:.3f}",
        }
        cells.setdefault(f"{row['label']}: {row['group']}", []).append(cell)
    return cells


def network_cells(
    found: Found, known: Mapping[Key, Known], more_than: int
) -> dict[str, list[dict[str, str]]]:
    """Write a row of short texts per network, of sets of more networks than `more_than`."""
    return {
        together.label: [_network(one, known.get(one.key, Known())) for one in together.networks]
        for together in found.together
        if len(together.networks) > more_than
    }


def _network(one: Measured, about: Known) -> dict[str, str]:
    alphas = {layer.name: layer.scores["alpha"] for layer in one.layers if "alpha" in layer.scores}
    values = [score.value for score in alphas.values()]
    trained = {True: "robust", False: "as usual", None: ""}[about.robust]
    like_v1 = alphas.get(about.layer)
    texts = {"label": one.label, "trained": trained, "layers": str(len(values))}
    texts |= {"layer": about.layer, "alpha": "" if like_v1 is None else alpha_of(like_v1)}
    ends = {"low": min, "median": statistics.median, "high": max}
    return texts | {name: minus(f"{of(values):.2f}") if values else "" for name, of in ends.items()}


def _networks(together: Together) -> Iterator[dict[str, Setting]]:
    for network in together.networks:
        for layer in network.layers:
            straight = layer.scores.get("r_squared")
            named = ("network", together.label, network.label, network.model, layer.name)
            if (sets := layer.scores.get("alpha")) is not None:
                yield _row(*named, sets, None if straight is None else straight.value)
            if (whole := over_images(layer)) is not None:
                yield _row(*named, whole)


def _population(one: Population) -> Iterator[dict[str, Setting]]:
    for method, score in one.alphas.items():
        named = ("recording", "recording", one.label, one.source, method)
        yield _row(*named, score, one.r_squared.get(method))


def _comparison(one: Comparison) -> Iterator[dict[str, Setting]]:
    group = f"compared with {one.label}"
    yield _row("comparison", group, "recording", one.source, one.label, one.alpha, one.r_squared)
    for match in one.matches:
        named = ("comparison", group, match.network, match.spectrum.source, match.layer)
        yield _row(*named, match.alpha, match.r_squared)
        yield _row(*named, match.difference)


def _row(
    kind: str,
    group: str,
    label: str,
    source: str,
    part: str,
    score: Score,
    r_squared: float | None = None,
) -> dict[str, Setting]:
    named: dict[str, Setting] = {
        "kind": kind, "group": group, "label": label, "source": source, "part": part,
        "name": score.name, "value": score.value, "error": score.error,
        "error_kind": score.settings.get("error"), "r_squared": r_squared,
    }  # fmt: skip
    return named | {name: score.settings.get(name) for name in SETTINGS}


def _blank(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _whole(value: int | float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{round(value):,}"
