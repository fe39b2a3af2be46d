"""The numbers in the panels: published lines first, so that ours lie on top."""

import pandas as pd

from striate.reference import gerum2022_alpha_by_epoch
from striate.report.figures import beta_name, lines, stack
from striate.report.gerum2022.aggregate import at, binned
from striate.report.gerum2022.sweeps import Sweep, alpha_by_epoch


def against_alpha(
    sweep: Sweep, attack: str, panel: str, epsilon: float | None = None
) -> pd.DataFrame:
    """Return the lines of one panel of accuracy against α: published first, so ours lie on top."""
    chosen = sweep.epsilon.value if epsilon is None and sweep.epsilon else epsilon or 0.0
    measured = at(binned(sweep.accuracies), attack, chosen)
    if measured.empty:
        return pd.DataFrame()
    # Without a perturbation every attack is none, and the paper has one curve for it.
    published = at(sweep.published, attack if chosen else "none", chosen)
    parts = [
        lines(
            rows.rename(columns={"alpha": "x", "accuracy": "y", "sem": "error"}),
            panel=panel,
            source=source,
            series=[beta_name(beta) for beta in rows["beta"]],
        )
        for source, rows in (("published", published), ("measured", measured))
    ]
    return stack(parts)


def over_epochs(sweep: Sweep, letters: str) -> list[pd.DataFrame]:
    """Return the lines of α against epoch, a panel per β, the weakest and the strongest."""
    ours = alpha_by_epoch(sweep)
    betas = sorted(ours["beta"].unique())
    chosen = list(dict.fromkeys([*betas[:1], *betas[-1:]]))
    paper = gerum2022_alpha_by_epoch() if _is_paper_shallow(sweep) else ours.iloc[:0]
    paper = paper[paper["target"].isin(ours["target"])]
    parts = []
    for letter, beta in zip(letters, chosen, strict=False):
        sources = (("published", paper), ("measured", ours))
        tables = [_epoch_lines(rows[rows["beta"] == beta], letter, name) for name, rows in sources]
        parts.append(stack(tables))
    return parts


def _epoch_lines(rows: pd.DataFrame, panel: str, source: str) -> pd.DataFrame:
    return lines(
        rows.rename(columns={"epoch": "x", "alpha": "y", "sem": "error"}),
        panel=panel,
        source=source,
        series=[f"target {target:g}" for target in rows["target"]],
    )


def _is_paper_shallow(sweep: Sweep) -> bool:
    setting = (sweep.settings["network"], sweep.settings["data"])
    return setting == ("shallow_mlp", "mnist") and not sweep.published.empty
