"""The report: one HTML file that needs no network, and the figures and tables beside it."""

import base64
import hashlib
import html
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from striate.report import (
    gerum2022,
    joined,
    kong2021,
    predictivity,
    robustness,
    spectra,
    training,
    tuning,
)
from striate.report.export import files, inline_svg
from striate.report.figures import Plate
from striate.report.section import Record, Section, Study, failed, provenance, read
from striate.results import write_atomically
from striate.results.given import as_path

SUMS = "SHA256SUMS"  # as `sha256sum --check` reads it
SORTABLE = 'class="sortable"'  # of a table; in a text, the quotes would be escaped

# In the order of the page.
STUDIES: tuple[Study, ...] = (
    gerum2022.STUDY,
    kong2021.STUDY,
    spectra.STUDY,
    tuning.STUDY,
    predictivity.STUDY,
    robustness.STUDY,
    training.STUDY,
    joined.STUDY,
)


def write(results: str | Path, out: str | Path | None = None) -> Path:
    """Write ``report.html``, ``figures/`` (SVG, PDF and CSV of each) and the tables as CSV.

    Every study that has results in the folder gets a section of the page. Of Gerum et al. 2022,
    ``table.csv`` has every number; ``claims.csv`` and ``contrast.csv`` judge the paper's claims,
    and ``forms.csv`` sets forms of the penalty side by side, where there are such networks. Of
    Kong et al. 2021, ``kong2021.csv`` has every number of every network, published and measured,
    and ``kong2021_correlations.csv`` every correlation over them. Of
    spectra of layers and recordings, ``spectra.csv`` has every exponent; of tuning, ``tuning.csv``
    every score; of predictivity, ``predictivity.csv`` every layer; of robustness,
    ``robustness.csv`` every accuracy, sign and verdict; of training, ``training.csv`` every
    network; and ``joined.csv`` has the exponent, tuning and robustness of networks of which
    several of these were measured.

    Parameters
    ----------
    results
        A folder of result files.
    out
        Where the report goes; ``results/report`` if not given. Files there are replaced; what an
        earlier report left and this one has not is removed, unless it was changed since:
        ``SHA256SUMS`` lists what a report wrote.

    Returns
    -------
        The path of ``report.html``.

    Raises
    ------
    ValueError
        If `results` does not exist, holds a damaged file, or nothing of any study.
    """
    results = as_path("results", results)
    out = results / "report" if out is None else as_path("out", out)
    groups = _by_study(read(results), results)
    made = {study.name: study.section(mine, results) for study, mine in groups.items()}
    sections = {name: section for name, section in made.items() if section is not None}
    software = {study.name: provenance(mine) for study, mine in groups.items()}
    saved = {plate.name: files(plate) for one in sections.values() for plate in one.plates}
    page = render(sections, saved, software, failed(results))
    contents = {
        f"figures/{name}.{suffix}": content
        for name, kinds in saved.items()
        for suffix, content in kinds.items()
    }
    for section in sections.values():
        for name, table in section.tables.items():
            contents[f"{name}.csv"] = table.to_csv(index=False).encode()
    _put(contents | {"report.html": page.encode()}, out)
    return out / "report.html"


def _put(contents: Mapping[str, bytes], out: Path) -> None:
    """Write files by their names below `out`, and remove those of the last time that are no more.

    What somebody has changed since is theirs.
    """
    for name, content in contents.items():
        write_atomically(out / name, content)
    listed = out / SUMS
    before = listed.read_text(encoding="utf-8") if listed.exists() else ""
    for digest, name in re.findall(r"^([0-9a-f]{64})  ((?:figures/)?[^/\n]+)$", before, re.M):
        file = out / name
        if name not in contents and file.is_file() and _sha256(file.read_bytes()) == digest:
            file.unlink()
    sums = (f"{_sha256(content)}  {name}\n" for name, content in contents.items())
    write_atomically(listed, "".join(sums).encode())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def render(
    sections: Mapping[str, Section],
    saved: Mapping[str, Mapping[str, bytes]],
    software: Mapping[str, Mapping[str, str]],
    failures: Sequence[tuple[str, str]] = (),
) -> str:
    """Fill the templates; every text is escaped, only our own SVG goes in as it is."""
    environment = Environment(
        loader=PackageLoader("striate.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # "β = 0.1" should not break across lines.
    environment.filters["tie"] = lambda text: text.replace(" = ", "\u00a0=\u00a0")
    environment.filters["code"] = _code
    bodies = {
        name: Markup(
            environment.get_template(section.template).render(
                **section.words,
                h=2 if len(sections) == 1 else 3,
                study=name,
                plates=section.plates,
                pictures={p.name: _picture(p, saved[p.name]["svg"]) for p in section.plates},
                provenance=software[name],
            )
        )
        for name, section in sections.items()
    }
    versions = sorted({one["striate"] for one in software.values() if "striate" in one})
    script = _sorting(environment) if any(SORTABLE in body for body in bodies.values()) else ""
    works = dict.fromkeys(work for section in sections.values() for work in section.cited)
    return environment.get_template("page.html.jinja").render(
        sections=sections,
        bodies=bodies,
        works=works,
        failures=failures,
        version=", ".join(versions),
        script=Markup(script),
        hashed=_hash(script),
    )


def _by_study(records: Sequence[Record], folder: Path) -> dict[Study, list[Record]]:
    """Give each study the records it reads; studies without any are left out, but not all."""
    groups = {
        study: [r for r in records if r.task.get("study") in (study.reads or (study.name,))]
        for study in STUDIES
    }
    if any(groups.values()):
        return {study: mine for study, mine in groups.items() if mine}
    others = sorted({str(r.task["study"]) for r in records if r.task.get("study")})
    found = f" (only of {', '.join(others)})" if others else ""
    names = ", ".join(study.name for study in STUDIES if study.command)
    raise ValueError(
        f"no results of any study ({names}) in {folder}{found}; run "
        f"`{STUDIES[0].command} --results {folder}` or a `striate measure` first"
    )


def _sorting(environment: Environment) -> str:
    """Return the script that sorts tables; pages without such a table have none."""
    return environment.get_template("sort.js").render().strip()


def _hash(script: str) -> str:
    """Return what the page's policy knows its one script by, so that no other can run."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _picture(plate: Plate, svg: bytes) -> Markup:
    return Markup(inline_svg(svg, prefix=plate.name, label=html.escape(plate.alt)))


def _code(text: str) -> Markup:
    """Escape `text`, and set what stands between backticks as code."""
    parts = enumerate(text.split("`"))
    marked = [Markup("<code>{}</code>").format(p) if i % 2 else escape(p) for i, p in parts]
    return Markup("").join(marked)
