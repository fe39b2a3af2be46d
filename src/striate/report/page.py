"""The report: one HTML file that needs no network, and the figures and the table beside it."""

import html
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

import pandas as pd
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from striate.report.captions import missing
from striate.report.export import files, inline_svg
from striate.report.figures import Plate
from striate.report.findings import gerum2022_findings, networks_of
from striate.report.gerum2022 import plates
from striate.report.sweeps import STUDY, Sweep, sweeps
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
    """Write ``report.html``, ``figures/`` (SVG, PDF and CSV of each) and ``table.csv``.

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
    table = gerum2022_table(found)
    page = render(found, groups, drawn, saved, table, provenance=_provenance(results))
    for name, contents in saved.items():
        for suffix, content in contents.items():
            write_atomically(out / "figures" / f"{name}.{suffix}", content)
    write_atomically(out / "table.csv", table.to_csv(index=False).encode())
    write_atomically(out / "report.html", page.encode())
    return out / "report.html"


def render(
    found: Sequence[Result],
    groups: Sequence[Sweep],
    drawn: Sequence[Plate],
    saved: Mapping[str, Mapping[str, bytes]],
    table: pd.DataFrame,
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
        runs=[_run(sweep) for sweep in groups],
        total=networks_of(sum(len(sweep.networks) for sweep in groups)),
        times=_times(found),
        provenance=provenance,
        plates=drawn,
        pictures=pictures,
        rows=_by_sweep(table),
        compared=bool(table.filter(like="_published").notna().any(axis=None)),
        missing=missing(groups),
    )


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
