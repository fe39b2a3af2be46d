"""Accuracy of a network under attack, batch by batch, as scores, curves and arrays."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from striate.models import fingerprint
from striate.results import Curve, Result, Score, Setting
from striate.robustness import robust_curve
from striate.study.robustness.attacks import PAPER, STEPS, Attacks
from striate.study.robustness.batches import Kept, Store
from striate.study.robustness.images import Part, Shown
from striate.study.robustness.judged import Judge, check_surrogate, judged_norm
from striate.study.robustness.passbands import SIDES, Passbands, passband_outcomes
from striate.study.robustness.written import accuracy_curve, accuracy_score, as_array
from striate.study.run import Measured

Progress = Callable[[int, int], None]


def network_robustness(
    model: nn.Module,
    shown: Shown,
    *,
    attacks: Attacks,
    passbands: Passbands | None = None,
    judge: Judge | None = None,
    seed: int,
    source: str,
    settings: Mapping[str, Setting] | None = None,
    progress: Progress | None = None,
    partial: Path | None = None,
) -> Measured:
    """Measure how often a network is right, attacked and unattacked.

    Parameters
    ----------
    model
        Takes pixels in [0, 1].
    shown
        Images with their classes.
    attacks
        Norms and strengths.
    passbands
        Frequencies at which images are cut as well; None to leave that out.
    judge
        What decides whether the accuracies are real; None to leave that out.
    seed
        Of the bootstrap, and of the chance in what judges.
    source
        What to call the model.
    settings
        Added to those of each result.
    progress
        Called with how many parts of the work are done, of how many.
    partial
        Beside this file the batches of an unfinished measurement are kept. What is kept there of
        another model, other images or settings is made anew.

    Returns
    -------
    measured
        The scores ``clean_accuracy``, ``adversarial_accuracy`` of each norm and strength,
        ``mean_adversarial_accuracy`` where the three attacks of Kong et al. 2021 are among them,
        ``precision_gap`` where gradients are not float32 (accuracy on the first batch, less that
        under the same attack in float32), and of each judged norm ``sign``, ``probe`` and
        ``verdict``; the curves ``accuracy_pgd`` of each norm, ``accuracy_low_pass`` and
        ``accuracy_high_pass``; and as arrays the outcome of each image: ``clean``, ``pgd/NORM``
        (strengths × images), ``probe/NORM/NAME``, ``low_pass`` and ``high_pass``.

    Raises
    ------
    ValueError
        If a setting is out of range, there are fewer than two images, or the surrogate does not
        take them or chooses among other classes.
    """
    _check(shown, attacks, passbands, judge)
    count = len(shown.labels)
    about: dict[str, Setting] = {**(settings or {}), "images": count}
    store = Store(partial, "" if partial is None else fingerprint(model))
    tick = _ticking(progress, len(shown.batches) + len(judge.at if judge else ()))
    kept = []
    for part in shown.first(count):
        kept.append(
            store.once(
                f"attacks-{part.name}",
                lambda part=part: _outcomes(model, part, attacks, passbands),
                of=(part, attacks, passbands),
            ).tensors
        )
        tick()
    found = {name: torch.cat([one[name] for one in kept], dim=-1) for name in kept[0]}
    results = _attacked(found, attacks, source, about, seed)
    if attacks.precision != "float32":
        results += _precision_gaps(model, shown, found, attacks, store, source, about)
    if passbands is not None:
        results += [
            accuracy_curve(
                f"accuracy_{side}_pass", passbands.cutoffs, found[f"{side}_pass"], source,
                {**about, "filter": passbands.filter}, seed=seed,
            )
            for side in SIDES
        ]  # fmt: skip
    # Sorted: what was read back comes in another order, and the same arrays are the same bytes.
    arrays = {name: as_array(found[name]) for name in sorted(found)}
    arrays |= {
        f"epsilons/{norm}": np.array(strengths) for norm, strengths in attacks.epsilons.items()
    }
    if judge is not None:
        for norm in judge.at:
            judged, outcomes = judged_norm(
                model, shown, norm, judge=judge, attacks=attacks, store=store, seed=seed,
                source=source, settings=about,
            )  # fmt: skip
            results += judged
            arrays |= outcomes
            tick()
    return Measured(results, arrays)


def _check(
    shown: Shown, attacks: Attacks, passbands: Passbands | None, judge: Judge | None
) -> None:
    shown.check()
    attacks.check()
    if passbands is not None:
        passbands.check()
    if judge is not None:
        judge.check(attacks, len(shown.labels))
        if judge.surrogate is not None:
            check_surrogate(judge.surrogate, next(shown.first(1)), judge.classes)


def _ticking(progress: Progress | None, parts: int) -> Callable[[], None]:
    done = iter(range(1, parts + 1))

    def tick() -> None:
        if progress is not None:
            progress(next(done), parts)

    return tick


def _outcomes(model: nn.Module, part: Part, attacks: Attacks, passbands: Passbands | None) -> Kept:
    """Attack one batch in every way; answers are those of the model in its own precision."""
    images, labels = part.on(model)
    found: dict[str, Tensor] = {}
    for norm, strengths in attacks.epsilons.items():
        rows = robust_curve(
            model,
            images,
            labels,
            lambda eps, norm=norm: attacks.at(norm, eps),
            (0.0, *strengths),
            batch_size=len(images),
            attack_wrong=attacks.attack_wrong,
        )
        found |= {"clean": rows[0], f"pgd/{norm}": rows[1:]}
    if passbands is not None:
        found |= passband_outcomes(model, images, labels, passbands)
    return Kept(found)


def _attacked(
    found: Mapping[str, Tensor],
    attacks: Attacks,
    source: str,
    settings: Mapping[str, Setting],
    seed: int,
) -> list[Result]:
    clean = found["clean"]
    results: list[Result] = [accuracy_score("clean_accuracy", clean, source, settings, seed=seed)]
    for norm, strengths in attacks.epsilons.items():
        about = {**settings, **attacks.about(norm)}
        rows = found[f"pgd/{norm}"]
        for eps, outcomes in zip(strengths, rows, strict=True):
            one = {**about, "eps": eps, "step_size": 2 * eps / attacks.steps}
            results.append(accuracy_score("adversarial_accuracy", outcomes, source, one, seed=seed))
        results.append(_curve(clean, strengths, rows, source, about, seed))
    three = _papers_three(found, attacks)
    if three is not None:
        about = {**settings, "attacks": _named(), "steps": attacks.steps}
        about |= {"attack_wrong": attacks.attack_wrong, "precision": attacks.precision}
        results.append(accuracy_score("mean_adversarial_accuracy", three, source, about, seed=seed))
    return results


def _precision_gaps(
    model: nn.Module,
    shown: Shown,
    found: Mapping[str, Tensor],
    attacks: Attacks,
    store: Store,
    source: str,
    settings: Mapping[str, Setting],
) -> list[Result]:
    """Attack the first batch in float32 too, and see how much more the coarser attack leaves."""
    exact = attacks._replace(precision="float32")
    first = next(shown.first(len(shown.labels)))
    again = store.once(
        f"float32-{first.name}", lambda: _outcomes(model, first, exact, None), of=(first, exact)
    )
    results: list[Result] = []
    for norm, strengths in attacks.epsilons.items():
        rows = again.tensors[f"pgd/{norm}"].double().cpu()
        gaps = (found[f"pgd/{norm}"][:, : rows.shape[1]].double().cpu() - rows).mean(1)
        about = {**settings, **attacks.about(norm), "images": rows.shape[1]}
        results += [
            Score("precision_gap", gap, source=source, settings={**about, "eps": eps})
            for eps, gap in zip(strengths, gaps.tolist(), strict=True)
        ]
    return results


def _curve(
    clean: Tensor,
    strengths: tuple[float, ...],
    rows: Tensor,
    source: str,
    settings: Mapping[str, Setting],
    seed: int,
) -> Curve:
    about = {**settings, "step": "2 eps / steps"}
    points = torch.cat([clean[None], rows])
    return accuracy_curve("accuracy_pgd", (0.0, *strengths), points, source, about, seed=seed)


def _papers_three(found: Mapping[str, Tensor], attacks: Attacks) -> Tensor | None:
    """Return the mean outcome of each image under the three attacks of the paper, if all are."""
    rows = [
        found[f"pgd/{norm}"][attacks.epsilons[norm].index(eps)]
        for norm, eps in PAPER.items()
        if eps in attacks.epsilons.get(norm, ())
    ]
    if len(rows) < len(PAPER) or attacks.geometry != "paper" or attacks.steps != STEPS:
        return None
    return torch.stack(rows).double().mean(0)


def _named() -> str:
    return ", ".join(f"{norm} {eps:.4g}" for norm, eps in PAPER.items())


def accuracy_at(results: list[Result], norm: str, eps: float, steps: int) -> float | None:
    """Find the accuracy under an attack among results, or None."""
    for one in results:
        if (
            isinstance(one, Score)
            and one.name == "adversarial_accuracy"
            and (one.settings["norm"], one.settings["steps"]) == (norm, steps)
            and abs(float(one.settings["eps"] or 0) - eps) <= 1e-9 * eps
        ):
            return one.value
    return None
