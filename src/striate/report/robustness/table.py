"""Every accuracy, sign, probe and verdict as a row, and what the page shows of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from striate.report.robustness.attacks import columns_of
from striate.report.robustness.found import ATTACK, Network, Together, Trial
from striate.report.robustness.words import (
    bounds,
    interval_of,
    trial_text,
    verdict_text,
    verdicts_of,
    word_of,
)
from striate.report.words import percent
from striate.results import Score, Setting

SETTINGS = (*ATTACK, "probe", "sign", "measured", "limit", "meaning", "verdict", "reason")
MORE = ("plain", "worst", "baseline", "images", "pictures", "protocol", "attack_wrong")


def robustness_table(there: Sequence[Together]) -> pd.DataFrame:
    """Return one row per score.

    Returns
    -------
        `group` (what was measured together), `label`, `kind` and `model`, `name`, `value`, `error`,
        `error_kind`, `low`, `high`, `published` (S1 Table of Kong et al. 2021, where it has the
        network and the attack), and the settings.
    """
    return pd.DataFrame([row for one in there for row in _rows(one)])


class Cells(NamedTuple):
    """The table of accuracies as texts: heads of its columns, and a row per network.

    `published` says whether any of the networks was published.
    """

    heads: Sequence[str]
    rows: Sequence[Mapping[str, str]]
    published: bool


def accuracy_cells(together: Together) -> Cells:
    """Write the table of accuracies: under each head an accuracy, its interval, the published."""
    columns = columns_of(together)
    rows = []
    for one in together.networks:
        kind = "" if one.label.startswith(one.kind) else one.kind
        row = {"label": one.label, "kind": kind, "verdict": verdicts_of(one)}
        for title, cell in columns:
            score, published = cell(one)
            row[title] = "" if score is None else percent(score.value)
            row[f"{title}, interval"] = "" if score is None else interval_of(score)
            row[f"{title}, published"] = "" if published is None else percent(published)
        rows.append(row)
    published = any(one.published for one in together.networks)
    return Cells([title for title, _ in columns], rows, published)


def trial_cells(together: Together) -> list[dict[str, object]]:
    """Write each verdict with its reason, the probes and the signs that are raised."""
    return [_trial(one, trial) for one in together.networks for trial in one.trials]


def _trial(one: Network, trial: Trial) -> dict[str, object]:
    return {
        "label": one.label,
        "ball": trial_text(trial),
        "word": word_of(trial) or "no verdict",
        "reason": verdict_text(trial).partition(": ")[2],
        "probes": [f"{name} {percent(probe.value)}" for name, probe in trial.probes.items()],
        "raised": [_sign(sign) for sign in trial.raised],
        "signs": len(trial.signs),
    }


def _sign(sign: Score) -> str:
    about = sign.settings
    numbers = [about.get("measured"), about.get("limit")]
    text = f"{about.get('sign')}: {about.get('meaning') or 'no meaning recorded'}"
    if all(isinstance(number, int | float) for number in numbers):
        text += f" (measured {numbers[0]:.4g}, limit {numbers[1]:.4g})"
    return text


def _rows(together: Together) -> Iterator[dict[str, Setting]]:
    for one in together.networks:
        shown = {id(cell(one)[0]): cell(one)[1] for _, cell in columns_of(together)}
        scores = [s for s in (one.clean, *one.attacked, one.mean) if s is not None]
        for trial in one.trials:
            scores += [*trial.probes.values(), *trial.signs.values()]
            scores += [] if trial.verdict is None else [trial.verdict]
        for score in scores:
            yield _row(together, one, score, shown.get(id(score)))


def _row(
    together: Together, one: Network, score: Score, published: float | None
) -> dict[str, Setting]:
    low, high = bounds(score) or (None, None)
    named: dict[str, Setting] = {
        "group": together.label, "label": one.label, "kind": one.kind, "model": one.model,
        "model_sha256": one.settings.get("model_sha256"), "name": score.name, "value": score.value,
        "error": score.error, "error_kind": score.settings.get("error"), "low": low, "high": high,
        "published": published,
    }  # fmt: skip
    return named | {name: score.settings.get(name) for name in (*SETTINGS, *MORE)}
