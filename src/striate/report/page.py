"""The report: one HTML file that needs no network, and the figures and the table beside it."""

import html
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

import pandas as pd
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from striate.report.captions import missing
from striate.report.claim_tables import SAID, claims_table, contrast_cells, contrast_table
from striate.report.export import files, inline_svg
from striate.report.figures import Plate
from striate.report.findings import gerum2022_findings, networks_of
from striate.report.forms import form_cells, forms_table
from striate.report.gerum2022 import plates
from striate.report.sweeps import STUDY, Sweep, main_sweeps, sweeps
from striate.report.tables import cells, gerum2022_table
from striate.report.tidy import frame
from striate.results import Result, load_all, paths, read_record, write_atomically

SOFTWARE = {
    "striate": "striate",
    "revision": "revision",
    "torch": "PyTorch",
    "python": "Python",
    "device": "device",
    "machine": "machine",
}


def write(results: Path, out: Path | None = None) -> Path:
    """Write ``report.html``, ``figures/`` (SVG, PDF and CSV of each) and the tables as CSV.

    ``table.csv`` has every number; ``claims.csv`` and ``contrast.csv`` judge the paper's claims,
    and ``forms.csv`` sets forms of the penalty side by side, where there are such networks.

    Parameters
    ----------
    results
        A folder of result files.
    out
        Where the report goes; ``results/report`` if not given. Files there are replaced.

    Returns
    -------
        The path of ``report.html``.

    Raises
    ------
    ValueError
        If `results` does not exist, holds a damaged file, or nothing of the study.
    """
    out = results / "report" if out is None else out
    found = load_all(results)
    groups = sweeps(found, folder=results)
    drawn = plates(groups)
    saved = {plate.name: files(plate) for plate in drawn}
    tables = {"table": gerum2022_table(found), **_tables(groups)}
    page = render(found, groups, drawn, saved, tables, provenance=_provenance(results))
    for name, contents in saved.items():
        for suffix, content in contents.items():
            write_atomically(out / "figures" / f"{name}.{suffix}", content)
    for name, table in tables.items():
        write_atomically(out / f"{name}.csv", table.to_csv(index=False).encode())
    write_atomically(out / "report.html", page.encode())
    return out / "report.html"


def render(
    found: Sequence[Result],
    groups: Sequence[Sweep],
    drawn: Sequence[Plate],
    saved: Mapping[str, Mapping[str, bytes]],
    tables: Mapping[str, pd.DataFrame],
    *,
    provenance: Mapping[str, str],
) -> str:
    """Fill the page's template; every text is escaped, only our own SVG goes in as it is."""
    template = (resources.files("striate.report") / "page.html.jinja").read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    # "β = 0.1" should not break across lines.
    environment.filters["tie"] = lambda text: text.replace(" = ", "\u00a0=\u00a0")
    environment.filters["code"] = _code
    pictures = {plate.name: _picture(plate, saved[plate.name]["svg"]) for plate in drawn}
    return environment.from_string(template).render(
        findings=gerum2022_findings(found),
        runs=[_run(sweep) for sweep in main_sweeps(groups)],
        others=_others(groups),
        total=networks_of(sum(len(sweep.networks) for sweep in groups)),
        times=_times(found),
        provenance=provenance,
        plates=drawn,
        pictures=pictures,
        rows=_by_sweep(tables["table"]),
        compared=bool(tables["table"].filter(like="_published").notna().any(axis=None)),
        claims=_claims(tables["claims"]) if "claims" in tables else {},
        contrast=contrast_cells(tables["contrast"]) if "contrast" in tables else [],
        forms=form_cells(tables["forms"]) if "forms" in tables else {},
        missing=missing(groups),
    )


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


def duration(seconds: float) -> str:
    """Write seconds as a reader would say them."""
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} seconds"


def _picture(plate: Plate, svg: bytes) -> Markup:
    return Markup(inline_svg(svg, prefix=plate.name, label=html.escape(plate.alt)))


def _code(text: str) -> Markup:
    """Escape `text`, and set what stands between backticks as code."""
    parts = enumerate(text.split("`"))
    marked = [Markup("<code>{}</code>").format(p) if i % 2 else escape(p) for i, p in parts]
    return Markup("").join(marked)


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
    scores = frame(result for result in found if result.settings.get("study") == STUDY)
    if scores.empty or "part" not in scores:
        return {}
    seconds = scores[scores["name"] == "seconds"].groupby("part", sort=False)["value"].sum()
    total = {"in all": duration(float(seconds.sum()))}
    return total | {str(part): duration(float(value)) for part, value in seconds.items()}


def _provenance(results: Path) -> dict[str, str]:
    """Collect what the result files say about software and machine; runs may differ."""
    records = [read_record(path) for path in paths(results)]
    ours = [record["provenance"] for record in records if record["task"].get("study") == STUDY]
    values = {
        name: sorted({str(one[key]) for one in ours if one.get(key) is not None})
        for key, name in SOFTWARE.items()
    }
    return {name: ", ".join(found) for name, found in values.items() if found}


def _by_sweep(table: pd.DataFrame) -> dict[str, list[dict[str, str]]]:
    rows: dict[str, list[dict[str, str]]] = {}
    for row in cells(table):
        rows.setdefault(row["label"], []).append(row)
    return rows
