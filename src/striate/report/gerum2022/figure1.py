"""Figure 1 of Gerum et al. 2022: what a power-law spectrum is, in cortex and in a network."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from striate.reference import gerum2022_spectra
from striate.report.figures import (
    BLUE,
    GREEN,
    MUTED,
    SPARE,
    WIDTH,
    Plate,
    add_powers_of_ten,
    beta_name,
    by_beta,
    draw,
    lines,
    stack,
)
from striate.report.gerum2022 import captions
from striate.report.gerum2022.sweeps import Sweep, fit_window, spectrum
from striate.report.mouse import (
    MOUSE_ALPHA,
    MOUSE_AMPLITUDE,
    MOUSE_RANKS,
    mouse_fit,
    mouse_spectrum,
)

PANEL_HEIGHT = 2.9  # inches


def figure1(found: Sequence[Sweep]) -> Plate:
    """Draw the spectrum of mouse V1, the sketch of a network, and the spectra we measured.

    Parameters
    ----------
    found
        The sweeps; each with eigenspectra gets a panel.
    """
    hidden = [(sweep, _hidden_layer(sweep)) for sweep in found]
    hidden = [(sweep, part) for sweep, part in hidden if len(part)]
    names = ["c", "e"] if len(hidden) == 1 else ["c", *(f"e{i + 1}" for i in range(len(hidden)))]
    parts = [_mouse(), *(part for _, part in hidden)]
    numbers = stack(part.assign(panel=name) for name, part in zip(names, parts, strict=False))
    count = 2 + len(hidden)
    columns = 2 if count == 4 else min(count, 3)
    rows = -(-count // columns)
    figure = Figure(figsize=(WIDTH, PANEL_HEIGHT * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    _spectrum_panel(axes[0], numbers[numbers["panel"] == "c"], "c\u2003mouse V1")
    _sketch(axes[1])
    for place, (sweep, _) in enumerate(hidden):
        name = names[1 + place]
        part = numbers[numbers["panel"] == name]
        _spectrum_panel(axes[2 + place], part, f"{name}\u2003{sweep.label}")
    for unused in axes[count:]:
        unused.set_axis_off()
    return Plate(
        "figure1",
        "Figure 1. Eigenspectra of cortex and of a hidden layer",
        captions.CLAIMS["figure1"],
        tuple(_measured_alphas(sweep, part) for sweep, part in hidden),
        _methods([sweep for sweep, _ in hidden]),
        "Log-log plots of variance against rank: mouse V1 falls as a power law with exponent "
        "0.97; hidden layers fall more steeply unless trained to do otherwise. Between them, a "
        "sketch of a network with five inputs, three hidden units and two outputs.",
        figure,
        numbers,
    )


def _measured_alphas(sweep: Sweep, part: pd.DataFrame) -> str:
    names = part.loc[part["source"] == "measured", "series"].unique()
    return f"{captions.capital(sweep.label)}, on test images: {'; '.join(names)}."


def _methods(shown: Sequence[Sweep]) -> str:
    text = (
        "c: variance of each principal component of mouse V1 (Stringer et al. 2019) as a share of "
        f"the total; the thin line is {MOUSE_AMPLITUDE:.4f}·n to the power −{MOUSE_ALPHA:.3f}, "
        f"fitted to ranks {MOUSE_RANKS[0]}–{MOUSE_RANKS[1]}. d: the spectrum of a network is that "
        "of its last hidden layer (green). "
    )
    if not shown:
        return text + "No eigenspectrum was measured, so the paper's panel e is missing."
    return (
        text + "e: hidden layers left alone (blue), and with the strongest penalty towards the "
        "target nearest 1; mean over seeds. Thin lines have the measured slope and span the fit "
        "window. " + captions.each(shown, captions.sample, captions.procedure)
    )


def _mouse() -> pd.DataFrame:
    return stack(
        [
            lines(mouse_spectrum(), source="recording", series="mouse V1"),
            lines(mouse_fit(), source="fit", series=f"power law, α = {MOUSE_ALPHA:.2f}"),
        ]
    )


def _hidden_layer(sweep: Sweep) -> pd.DataFrame:
    """Return the spectra of the baseline and of the networks pulled closest to 1, with fits."""
    parts = [_published(sweep)]
    pulled = sweep.networks[sweep.networks["beta"] > 0]
    chosen = [sweep.networks[sweep.networks["beta"] == 0]]
    if len(pulled):
        strongest = pulled[pulled["beta"] == pulled["beta"].max()]
        nearest = strongest.loc[(strongest["target"] - 1).abs().idxmin(), "target"]
        chosen.append(strongest[strongest["target"] == nearest])
    ours = [part for networks in chosen if len(networks) for part in _measured(sweep, networks)]
    return stack([*parts, *ours]) if ours else pd.DataFrame()


def _measured(sweep: Sweep, networks: pd.DataFrame) -> list[pd.DataFrame]:
    beta, target = float(networks["beta"].iloc[0]), float(networks["target"].iloc[0])
    table = spectrum(sweep, beta=beta, target=None if np.isnan(target) else target)
    if table.empty:
        return []
    name = "baseline" if beta == 0 else f"{beta_name(beta)}, target {target:g}"
    rows = table.rename(columns={"rank": "x", "variance": "y"})
    alpha = float(table["alpha"].iloc[0])
    parts = [
        lines(rows, source="measured", series=f"{name}: α = {alpha:.2f}", beta=beta, target=target)
    ]
    if np.isfinite(alpha):
        fit = _fit_line(rows, alpha, fit_window(sweep))
        parts.append(lines(fit, source="fit", series=f"{name}: fit", beta=beta, target=target))
    return parts


def _fit_line(rows: pd.DataFrame, alpha: float, window: tuple[int, int]) -> pd.DataFrame:
    """Return the line of the measured slope; least squares goes through the window's mean."""
    first, last = window
    inside = rows[rows["x"].between(first, last) & (rows["y"] > 0)]
    level = np.log(inside["y"]).mean() + alpha * np.log(inside["x"]).mean()
    ends = np.array(window, dtype=float)
    return pd.DataFrame({"x": ends, "y": np.exp(level) * ends**-alpha})


def _published(sweep: Sweep) -> pd.DataFrame:
    settings = (sweep.settings["network"], sweep.settings["data"])
    if settings != ("shallow_mlp", "mnist") or sweep.published.empty:
        return pd.DataFrame()
    paper = gerum2022_spectra().rename(columns={"rank": "x", "variance": "y"})
    names = [
        "published: baseline" if beta == 0 else "published: target 1" for beta in paper["beta"]
    ]
    return lines(paper, source="published", series=names)


def _spectrum_panel(axes: Axes, part: pd.DataFrame, title: str) -> None:
    draw(axes, part, by_beta(part["beta"].dropna()), dots=False)
    add_powers_of_ten(axes)
    axes.grid(False)  # the legend lies inside
    axes.set(title=title, xlabel="rank n", ylabel="share of the variance")
    handles = [line for line in axes.lines if not str(line.get_label()).endswith(": fit")]
    axes.legend(handles=handles, loc="lower left", fontsize=7.5, handlelength=1.6)


def _sketch(axes: Axes) -> None:
    """Draw the paper's 5-3-2 network: images in, the hidden layer in green, classes out."""
    columns = [
        (0.0, 5, BLUE, "image"),
        (1.0, 3, GREEN, "hidden layer"),
        (2.0, 2, SPARE[2], "class"),
    ]
    nodes = [[(x, i - (count - 1) / 2) for i in range(count)] for x, count, _, _ in columns]
    for left, right in pairwise(nodes):
        for start in left:
            for end in right:
                axes.plot(*zip(start, end, strict=True), color=MUTED, linewidth=0.5, alpha=0.6)
    for (x, _, shade, name), column in zip(columns, nodes, strict=True):
        axes.scatter(*zip(*column, strict=True), s=150, color=shade, zorder=3)
        axes.text(x, -2.75, name, ha="center", va="top")
    axes.set(title="d\u2003network", xlim=(-0.5, 2.5), ylim=(-3.3, 2.6), label="sketch")
    axes.set_axis_off()
