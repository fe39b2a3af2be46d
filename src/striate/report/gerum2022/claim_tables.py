"""Verdicts on the paper's claims as tables, and β against β at the baseline's own α beside them."""

from collections.abc import Sequence

import pandas as pd

from striate.reference import gerum2022_alpha_by_epoch, gerum2022_published, gerum2022_spectra
from striate.report.gerum2022.aggregate import PAPER_EPSILON
from striate.report.gerum2022.claims import CLAIMS, Claim
from striate.report.gerum2022.evidence import (
    Evidence,
    curve,
    difference,
    of_paper,
    of_sweep,
    read_at,
)
from striate.report.gerum2022.sweeps import Sweep, is_papers, is_pulled, sweeps
from striate.report.gerum2022.tables import number
from striate.report.gerum2022.verdicts import NAMES, NOT, OPEN, REPRODUCED, STRONG, WEAK, Judgement
from striate.report.labels import DATA, NETWORKS
from striate.results import Result

BETAS = {"weak": WEAK, "strong": STRONG}
# The paper's own curves do not reproduce a claim: they bear it out.
SAID = {REPRODUCED: "yes", NOT: "no", OPEN: OPEN}
MISSING = Judgement(OPEN, "no such networks were trained")


def claims_table(found: Sequence[Sweep]) -> pd.DataFrame:
    """Judge every claim by the paper's digitised curves and by our networks.

    Returns
    -------
        One row per claim: `network`, `data`, `label`, `source` (where the paper says it), `claim`,
        `paper` and `ours` (reproduced, not reproduced, could not tell), `paper_numbers` and
        `our_numbers`, which decide. A claim that no network decides is judged whatever was trained,
        and `ours` then says that it is the published spectrum's answer.
    """
    rows = []
    for (network, data), theirs, ours in _pairs(found):
        for claim in CLAIMS:
            if (claim.network, claim.data) != (network, data):
                continue
            paper = claim.rule(theirs)
            mine = _ours(claim, paper, ours)
            row = {"network": network, "data": data, "label": _label(network, data)}
            row |= {"source": claim.source, "claim": claim.text}
            row |= {"paper": paper.verdict, "ours": mine.verdict}
            rows.append(row | {"paper_numbers": paper.numbers, "our_numbers": mine.numbers})
    return pd.DataFrame(rows)


def contrast_table(found: Sequence[Sweep]) -> pd.DataFrame:
    """Set weak and strong regularisation beside the baseline at the baseline's own α.

    If α alone decided, the three would be equal. The penalised curves are read at that α by
    straight lines between targets.

    Returns
    -------
        One row per network, data set, attack and source (paper, ours): `alpha`, `baseline`, and of
        `weak` and `strong` the accuracy, `…_difference` from the baseline, and `…_margin` beyond
        which a difference counts.
    """
    rows = []
    for (network, data), theirs, ours in _pairs(found):
        for attack in NAMES:
            for source, evidence in (("paper", theirs), ("ours", ours)):
                dot = pd.DataFrame() if evidence is None else curve(evidence, attack, 0.0)
                if evidence is None or dot.empty:
                    continue
                row = {"network": network, "data": data, "label": _label(network, data)}
                row |= {"attack": attack, "source": source}
                rows.append(row | _contrast(evidence, attack, dot.iloc[0]))
    return pd.DataFrame(rows)


def gerum2022_claims(results: Sequence[Result]) -> str:
    """Judge the paper's claims, and write the verdicts in Markdown, for a document.

    Parameters
    ----------
    results
        As `striate.results.load_all` gives them.
    """
    found = sweeps(results)
    claims, contrast = claims_table(found), contrast_cells(contrast_table(found))
    heads = ["network", "claim", "where", "the paper's curves", "ours", "what decides, ours"]
    shown = claims.assign(paper=claims["paper"].map(SAID))
    columns = ["label", "claim", "source", "paper", "ours", "our_numbers"]
    lines = [f"| {' | '.join(heads)} |", _rule(len(heads))]
    lines += [f"| {' | '.join(row)} |" for row in shown[columns].to_numpy(str)]
    heads = ["network", "attack", "", "α", "baseline", "weak", "difference", "strong", "difference"]
    lines += ["", f"| {' | '.join(heads)} |", _rule(len(heads))]
    lines += [f"| {' | '.join(cell.values())} |" for cell in contrast]
    return "\n".join(lines) + "\n"


def contrast_cells(table: pd.DataFrame) -> list[dict[str, str]]:
    """Write the rows of `contrast_table` as short texts: percent and points."""
    cells = []
    for row in table.to_dict("records"):
        cell = {"label": row["label"], "attack": NAMES[row["attack"]], "source": row["source"]}
        cell |= {
            "alpha": number(row["alpha"], ".2f"),
            "baseline": number(100 * row["baseline"], ".1f"),
        }
        for name in BETAS:
            margin = number(100 * row[f"{name}_margin"], ".1f")
            gap = number(100 * row[f"{name}_difference"], "+.1f")
            cell[name] = number(100 * row[name], ".1f")
            cell[f"{name}_difference"] = f"{gap} ± {margin}" if gap and margin else gap
        cells.append(cell)
    return cells


def _ours(claim: Claim, paper: Judgement, evidence: Evidence | None) -> Judgement:
    """Judge a claim by our networks; one that none decides is not ours, whatever was trained."""
    if not claim.of_networks:
        told = f"{paper.numbers} of the published spectrum; no network of ours decides"
        return Judgement(f"published spectrum: {SAID[paper.verdict]}", told)
    return MISSING if evidence is None else claim.rule(evidence)


def _pairs(
    found: Sequence[Sweep],
) -> list[tuple[tuple[str, str], Evidence, Evidence | None]]:
    """Give the evidence of the paper and ours for each network and data set the paper has."""
    pairs = []
    for (network, data), epsilon in PAPER_EPSILON.items():
        is_shallow = (network, data) == ("shallow_mlp", "mnist")
        epochs, spectra = gerum2022_alpha_by_epoch(), gerum2022_spectra()
        alone = spectra[spectra["beta"] == 0] if is_shallow else spectra.iloc[:0]
        epochs = epochs if is_shallow else epochs.iloc[:0]
        theirs = of_paper(gerum2022_published(network, data), epsilon, epochs, alone)
        sweep = _paper_sweep(found, network, data)
        pairs.append(((network, data), theirs, None if sweep is None else of_sweep(sweep)))
    return pairs


def _paper_sweep(found: Sequence[Sweep], network: str, data: str) -> Sweep | None:
    """Return the sweep with the paper's settings; of several, the one with the most networks."""
    wanted = {"network": network, "data": data}
    ours = [
        sweep
        for sweep in found
        if wanted.items() <= sweep.settings.items() and is_papers(sweep.settings)
    ]
    ours.sort(key=lambda sweep: (is_pulled(sweep), len(sweep.networks)))
    return ours[-1] if ours else None


def _contrast(evidence: Evidence, attack: str, dot: pd.Series) -> dict[str, float]:
    row = {"alpha": float(dot["alpha"]), "baseline": float(dot["accuracy"])}
    for name, beta in BETAS.items():
        cell = read_at(evidence, attack, beta, dot["alpha"])
        gap, margin = difference(evidence, cell, dot)
        row |= {name: float(cell["accuracy"]), f"{name}_difference": gap, f"{name}_margin": margin}
    return row


def _label(network: str, data: str) -> str:
    return f"{NETWORKS[network]} on {DATA[data]}"


def _rule(columns: int) -> str:
    return f"|{' --- |' * columns}"
