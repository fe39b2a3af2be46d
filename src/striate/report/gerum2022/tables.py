"""The table of Gerum et al. 2022: measured, published, and the difference."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence

import pandas as pd
from rich.table import Table

from striate.report.gerum2022.aggregate import at, published_at
from striate.report.gerum2022.sweeps import Sweep, sweeps
from striate.report.tidy import frame
from striate.results import Result, Setting

__all__ = ["cells", "frame", "gerum2022_table", "rich_table"]

QUANTITIES = {"clean": "none", "fgsm": "fgsm", "pgd": "pgd"}
SHARED = ("data", "network", "protocol", "form", "preset", "ranks", "epochs", "train_images")


def gerum2022_table(results: Sequence[Result]) -> pd.DataFrame:
    """Average the networks of each (data, network, protocol, form, β, target) over seeds.

    Parameters
    ----------
    results
        As `striate.results.load_all` gives them.

    Returns
    -------
        One row per sweep, β and target. Accuracies are fractions, at `epoch`, the first epoch
        attacked; `epsilon` is the strength of FGSM and PGD. ``*_sem`` is over seeds.
        ``*_published`` is the paper's curve for this β, read at our `alpha`, and blank where the
        paper has none; ``*_difference`` is ours minus the paper's. `verdict` counts the verdicts on
        whether the accuracy under attack is real, where there are some. `seconds` is per network.

    Raises
    ------
    ValueError
        If there are no results of the study.
    """
    return pd.DataFrame([row for sweep in sweeps(results) for row in _rows(sweep)])


def cells(table: pd.DataFrame) -> list[dict[str, str]]:
    """Write each row of `gerum2022_table` as short texts for a reader: percent and points."""
    return [_cell(row) for row in table.to_dict("records")]


def rich_table(table: pd.DataFrame) -> Table:
    """Lay out `gerum2022_table` for a terminal; accuracies in percent, ours / published.

    Parameters
    ----------
    table
        As `gerum2022_table` returns it.
    """
    drawn = Table(title="Gerum et al. 2022: accuracy in %, ours / published", title_justify="left")
    drawn.add_column("network")
    for heading in ("β", "α*", "n", "measured α", "clean", "ε", "FGSM", "PGD", "s"):
        drawn.add_column(heading, justify="right", no_wrap=True)
    previous = None
    for row in cells(table):
        if previous not in (None, row["label"]):
            drawn.add_section()
        drawn.add_row(
            "" if row["label"] == previous else row["label"].replace("[", r"\["),
            *(row[key] for key in ("beta", "target", "seeds", "alpha")),
            _pair(row, "clean"),
            row["epsilon"],
            _pair(row, "fgsm"),
            _pair(row, "pgd"),
            row["seconds"],
        )
        previous = row["label"]
    return drawn


def _rows(sweep: Sweep) -> list[dict[str, Setting]]:
    groups = sweep.networks.groupby(["beta", "target"], dropna=False, sort=True)
    return [_row(sweep, networks) for _, networks in groups]


def _row(sweep: Sweep, networks: pd.DataFrame) -> dict[str, Setting]:
    first, (beta, target) = networks.iloc[0], networks[["beta", "target"]].to_numpy(float)[0]
    alpha = float(networks["alpha"].mean())
    row: dict[str, Setting] = {
        "label": sweep.label,
        **{key: sweep.settings[key] for key in SHARED},
        "epoch": int(first["epoch"]),
        "attacked_epochs": str(first["attacked_epochs"]),
        "beta": float(beta),
        "target": float(target),
        "seeds": len(networks),
        "alpha": alpha,
        "alpha_sem": _sem(networks["alpha"]),
        "alpha_published": _baseline_alpha(sweep) if beta == 0 else math.nan,
        "epsilon": sweep.epsilon.value if sweep.epsilon else math.nan,
    }
    for name, attack in QUANTITIES.items():
        row |= _compared(sweep, networks, name, attack, alpha)
    verdicts = counts_of(networks["verdict"])
    return row | {"verdict": verdicts, "seconds": float(networks["seconds"].mean())}


def counts_of(verdicts: Iterable[str]) -> str:
    """Count verdicts, e.g. ``"2 robust, 1 masked"``; nothing where nothing was judged."""
    counts = Counter(verdict for verdict in verdicts if verdict)
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return ", ".join(f"{count} {verdict}" for verdict, count in ordered)


def _compared(
    sweep: Sweep, networks: pd.DataFrame, name: str, attack: str, alpha: float
) -> dict[str, Setting]:
    """Give the accuracy under one attack, its SEM, the published value and the difference."""
    beta, target = networks[["beta", "target"]].to_numpy(float)[0]
    epsilon = sweep.epsilon.value if sweep.epsilon else math.nan
    rows = at(sweep.accuracies, attack, epsilon)
    same_target = rows["target"].isna() if math.isnan(target) else rows["target"] == target
    ours = rows.loc[(rows["beta"] == beta) & same_target, "accuracy"].dropna()
    mean = float(ours.mean()) if len(ours) else math.nan
    paper = published_at(at(sweep.published, attack, epsilon), beta=beta, alpha=alpha)
    return {
        name: mean,
        f"{name}_sem": _sem(ours),
        f"{name}_published": paper,
        f"{name}_difference": mean - paper,
    }


def _sem(values: pd.Series) -> float:
    numbers = values.to_numpy(float)
    return float(numbers.std(ddof=1) / math.sqrt(len(numbers))) if len(numbers) > 1 else math.nan


def _baseline_alpha(sweep: Sweep) -> float:
    dot = sweep.published[(sweep.published["attack"] == "none") & (sweep.published["beta"] == 0)]
    return float(dot["alpha"].to_numpy(float)[0]) if len(dot) else math.nan


def _cell(row: dict) -> dict[str, str]:
    spread = "" if math.isnan(row["alpha_sem"]) else f" ± {row['alpha_sem']:.2f}"
    cell = {
        "label": str(row["label"]),
        "beta": "0" if row["beta"] == 0 else f"{row['beta']:g}",
        "target": number(row["target"], ".1f"),
        "seeds": str(row["seeds"]),
        "alpha": f"{number(row['alpha'], '.2f')}{spread}",
        "alpha_published": number(row["alpha_published"], ".2f"),
        "epsilon": number(row["epsilon"], "g"),
        "attacked_epochs": row["attacked_epochs"],
        "verdict": row["verdict"],
        "seconds": number(row["seconds"], ",.0f"),
    }
    for name in QUANTITIES:
        cell[name] = number(100 * row[name], ".1f")
        cell[f"{name}_published"] = number(100 * row[f"{name}_published"], ".1f")
        cell[f"{name}_difference"] = number(100 * row[f"{name}_difference"], "+.1f")
    return cell


def number(value: float, form: str) -> str:
    """Write a number with a true minus sign, zero without a sign, and nothing for NaN."""
    text = "" if math.isnan(value) else format(value, form)
    is_zero = not text.strip("+-0.")
    return text.lstrip("+-") if is_zero else text.replace("-", "−")


def _pair(row: dict[str, str], name: str) -> str:
    ours, paper = row[name], row[f"{name}_published"]
    return f"{ours} / {paper}" if paper else ours
