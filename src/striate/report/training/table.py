"""Every trained network as a row: how it was trained, and how well it does."""

from collections.abc import Sequence

import pandas as pd

from striate.report.training.found import ASIDE, Lesson, data_of
from striate.report.words import percent
from striate.results import Setting

IN_PIXELS = ("eps", "step_size", "start_noise", "h", "noise")
SCORES = (("accuracy", "train"), ("accuracy", "test"), ("loss", "train"), ("loss", "test"))
# What every table row says; the other settings of an objective are listed as text.
USUAL = (
    *("model", "objective", "epochs", "batch_size", "learning_rate", "momentum", "weight_decay"),
    *("optimizer", "schedule", "drops", "replays", "precision", "augment", "blur", "blur_sigma"),
    *("noise", "spectral_alpha", "spectral_beta", "spectral_layers", "spectral_ranks"),
    *("spectral_units", "spectral_every", "images"),
)


def training_table(there: Sequence[Lesson]) -> pd.DataFrame:
    """Return one row per trained network: `label`, `data`, all settings, scores and weights."""
    return pd.DataFrame([_row(one) for one in there])


def training_cells(there: Sequence[Lesson]) -> dict[str, list[dict[str, str]]]:
    """Write each network's training as short texts, by data set."""
    cells: dict[str, list[dict[str, str]]] = {}
    for one in there:
        cells.setdefault(data_of(one), []).append(_cell(one))
    return cells


def own_settings(one: Lesson) -> str:
    """Write the settings of the objective itself."""
    own = {k: v for k, v in one.settings.items() if k not in (*USUAL, *ASIDE) and v is not None}
    return ", ".join(
        f"{name.replace('_', ' ')} {_setting(name, value)}" for name, value in own.items()
    )


def penalty_text(one: Lesson) -> str:
    """Write what was asked of spectra; nothing if nothing was."""
    about = one.settings
    if about.get("spectral_alpha") is None:
        return ""
    ranks = str(about.get("spectral_ranks")).replace("-", "–")
    every = about.get("spectral_every", 1)
    return (
        f"α → {_brief(about['spectral_alpha'])}, β = {_brief(about.get('spectral_beta'))}, "
        f"ranks {ranks} of {about.get('spectral_layers')}"
        + (f", every {every} steps" if every != 1 else "")
    )


def weights_of(one: Lesson) -> str:
    """Name the file of the trained weights."""
    names = [str(r.settings["weights"]) for r in one.results if r.settings.get("weights")]
    return names[0] if names else ""


def _cell(one: Lesson) -> dict[str, str]:
    about = one.settings
    test, train = one.score("accuracy", "test"), one.score("accuracy", "train")
    return {
        "label": one.label,
        "model": one.model,
        "settings": own_settings(one),
        "penalty": penalty_text(one),
        "training": _training(one),
        "images": f"{about['images']:,}" if isinstance(about.get("images"), int) else "",
        "train": "" if train is None else percent(train.value),
        "test": "" if test is None else percent(test.value),
        "weights": weights_of(one),
        "sha": one.sha,
    }


def _training(one: Lesson) -> str:
    about = one.settings
    replays = about.get("replays") or 1
    times = f" × {replays} replays" if replays != 1 else ""
    parts = [f"{about.get('epochs')} epochs{times}", f"batches of {about.get('batch_size')}"]
    parts.append(f"{about.get('optimizer') or 'optimizer unknown'}")
    parts.append(f"learning rate {_brief(about.get('learning_rate'))}")
    for name in ("momentum", "weight_decay"):
        if about.get(name):
            parts.append(f"{name.replace('_', ' ')} {_brief(about[name])}")
    if about.get("schedule") not in (None, "constant"):
        drops = f" after {about['drops']}" if about.get("drops") else ""
        parts.append(f"{about['schedule']}{drops}")
    if about.get("precision") not in (None, "float32"):
        parts.append(str(about["precision"]))
    if about.get("augment"):
        parts.append("augmented")
    if about.get("blur"):
        parts.append(f"blur {about['blur']}, σ {_brief(about.get('blur_sigma'))} pixels")
    if about.get("noise"):
        parts.append(f"noise of SD {_setting('noise', about['noise'])}")
    return ", ".join(parts)


def _row(one: Lesson) -> dict[str, Setting]:
    # The task's own label and kind are names for files.
    row = {"label": one.label, **one.settings} | {"label": one.label, "kind": one.kind}
    for name, on in SCORES:
        score = one.score(name, on)
        row[f"{name}_{on}"] = None if score is None else score.value
    for curve in one.curves("alpha_"):
        row[curve.name] = curve.y[-1]
    return row | {"weights": weights_of(one), "model_sha256": one.sha}


def _setting(name: str, value: Setting) -> str:
    """Write a setting; one in pixel units as it is typed, in steps of 1/255, if it has no end."""
    brief = _brief(value)
    if name not in IN_PIXELS or not isinstance(value, float) or float(brief) == value:
        return brief
    whole = round(255 * value)
    return f"{whole}/255" if whole and abs(255 * value - whole) < 1e-6 else brief


def _brief(value: Setting) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
