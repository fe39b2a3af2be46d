"""Gerum et al. 2022 on the page: what was run, the claims, the figures, every number."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from striate.report.gerum2022.captions import missing
from striate.report.gerum2022.claim_tables import SAID, claims_table, contrast_cells, contrast_table
from striate.report.gerum2022.findings import gerum2022_findings, networks_of
from striate.report.gerum2022.forms import form_cells, forms_table
from striate.report.gerum2022.plates import plates
from striate.report.gerum2022.sweeps import STUDY as NAME
from striate.report.gerum2022.sweeps import Sweep, main_sweeps, sweeps
from striate.report.gerum2022.tables import cells, gerum2022_table
from striate.report.section import STRINGER, Record, Section, Study, Work, duration
from striate.report.tidy import frame
from striate.results import Result

GERUM = Work(
    "The experiment",
    "R. C. Gerum, C. Pirlot, A. Fyshe, J. Zylberberg (2022).",
    "Different spectral representations in optimized artificial neural networks and brains.",
    "Preprint, 24 August 2022. The published curves on this page were digitised from its figures.",
)


def section(records: Sequence[Record], folder: Path) -> Section:
    """Make the section of the study.

    Parameters
    ----------
    records
        Its result files.
    folder
        Where they came from.

    Raises
    ------
    ValueError
        If none of their results belongs to the study.
    """
    found = [result for record in records for result in record.results]
    groups = sweeps(found, folder=folder)
    tables = {"table": gerum2022_table(found), **_tables(groups)}
    total = networks_of(sum(len(sweep.networks) for sweep in groups))
    words = {
        "findings": gerum2022_findings(found),
        "runs": [_run(sweep) for sweep in main_sweeps(groups)],
        "others": _others(groups),
        "times": _times(found),
        "rows": _by_sweep(tables["table"]),
        "judged": bool((tables["table"]["verdict"] != "").any()),
        "compared": bool(tables["table"].filter(like="_published").notna().any(axis=None)),
        "claims": _claims(tables["claims"]) if "claims" in tables else {},
        "contrast": contrast_cells(tables["contrast"]) if "contrast" in tables else [],
        "forms": form_cells(tables["forms"]) if "forms" in tables else {},
        "missing": missing(groups),
    }
    return Section(
        "Does a brain-like spectrum make a network robust?",
        "Spectrum and robustness: a reproduction of Gerum et al. 2022",
        total,
        "gerum2022.html.jinja",
        words,
        plates(groups),
        tables,
        (GERUM, STRINGER),
    )


STUDY = Study(NAME, f"striate run {NAME}", section)


def _tables(groups: Sequence[Sweep]) -> dict[str, pd.DataFrame]:
    """Make the tables that these networks allow."""
    present = {(sweep.settings["network"], sweep.settings["data"]) for sweep in groups}
    made = {"claims": claims_table(groups), "contrast": contrast_table(groups)}
    for name, table in made.items():  # of what was trained; the rest is under "missing"
        pairs = zip(table["network"], table["data"], strict=True)
        made[name] = table[[pair in present for pair in pairs]]
    made["forms"] = forms_table(groups)
    return {name: table for name, table in made.items() if len(table)}


def _claims(table: pd.DataFrame) -> dict[str, list[dict[str, str]]]:
    """Give the claims by network, with what the paper's own curves say of them."""
    rows: dict[str, list[dict[str, str]]] = {}
    for row in table.assign(said=table["paper"].map(SAID)).to_dict("records"):
        rows.setdefault(row["label"], []).append({str(key): str(row[key]) for key in row})
    return rows


def _others(groups: Sequence[Sweep]) -> str:
    """Say how many networks were left alone with other settings; nothing if there are none."""
    labels = {sweep.label for sweep in main_sweeps(groups)}
    others = [sweep for sweep in groups if sweep.label not in labels]
    count = sum(len(sweep.networks) for sweep in others)
    settings = "1 other setting" if len(others) == 1 else f"{len(others)} other settings"
    return f"{networks_of(count)} trained without the penalty in {settings}" if others else ""


def _run(sweep: Sweep) -> dict[str, str]:
    networks, settings = sweep.networks, sweep.settings
    targets = sorted(networks["target"].dropna().unique())
    window = str(settings["ranks"]).replace("-", "–")
    return {
        "label": sweep.label,
        "networks": str(len(networks)),
        "seeds": ", ".join(str(seed) for seed in sorted(networks["seed"].unique())),
        "beta": ", ".join(f"{beta:g}" for beta in sorted(networks["beta"].unique())),
        "targets": ", ".join(f"{target:g}" for target in targets) or "none",
        "protocol": f"{settings['protocol']}, preset {settings['preset']}",
        "penalty": f"{settings['form']}, ranks {window}",
        "training": f"{settings['epochs']} epochs, batches of {settings['batch_size']}, "
        f"learning rate {settings['learning_rate']}",
        "images": f"{settings['train_images']:,} to train, {settings['test_images']:,} to test, "
        f"{settings['attack_images']:,} attacked",
        "epochs": " / ".join(sorted(networks["attacked_epochs"].unique())) or "never",
        "time": duration(float(networks["seconds"].sum())),
    }


def _times(found: Sequence[Result]) -> dict[str, str]:
    scores = frame(result for result in found if result.settings.get("study") == NAME)
    if scores.empty or "part" not in scores:
        return {}
    seconds = scores[scores["name"] == "seconds"].groupby("part", sort=False)["value"].sum()
    total = {"in all": duration(float(seconds.sum()))}
    return total | {str(part): duration(float(value)) for part, value in seconds.items()}


def _by_sweep(table: pd.DataFrame) -> dict[str, list[dict[str, str]]]:
    rows: dict[str, list[dict[str, str]]] = {}
    for row in cells(table):
        rows.setdefault(row["label"], []).append(row)
    return rows
