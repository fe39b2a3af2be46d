"""Whether an accuracy under attack is real: signs, probes and a verdict, as scores."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from striate._checks import check_whole
from striate.layers import run
from striate.results import Result, Score, Setting, digest
from striate.robustness import Ball, Norm, Probe, Sign, ball, probes, signs, verdict
from striate.robustness.probing import FINE_LENGTH, FINE_STEPS
from striate.robustness.victim import frozen
from striate.study.robustness.attacks import Attacks
from striate.study.robustness.batches import Kept, Store
from striate.study.robustness.images import Part, Shown
from striate.study.robustness.written import accuracy_score, as_array

RESTARTS, QUERIES = 10, 500
VALUES = {"robust": 1.0, "undecided": 0.0, "masked": -1.0, "none": -2.0}


class Judge(NamedTuple):
    """What is judged, and by which means.

    Attributes
    ----------
    at
        The strength that is judged in each norm.
    images
        On so many images, from the first on.
    classes
        Among which the model chooses.
    restarts, queries
        As in `striate.robustness.probes`.
    baseline
        Accuracy of the network without a defence, by norm; those not known are missing.
    surrogate
        A network whose adversarial images are shown to this one.
    """

    at: Mapping[Norm, float]
    images: int
    classes: int
    restarts: int = RESTARTS
    queries: int = QUERIES
    baseline: Mapping[Norm, float] = {}
    surrogate: nn.Module | None = None

    def check(self, attacks: Attacks, available: int) -> None:
        """Refuse what cannot be judged.

        Raises
        ------
        ValueError
            If a strength is not among those attacked, or a number is out of range.
        """
        for norm, eps in self.at.items():
            strengths = attacks.epsilons.get(norm, ())
            if eps not in strengths:
                listed = ", ".join(f"{one:g}" for one in strengths) or "none"
                raise ValueError(
                    f"the strength to judge is {eps:g} in {norm}, where those attacked are "
                    f"{listed}; choose one of them"
                )
        if not 2 <= self.images <= available:
            raise ValueError(
                f"images={self.images} to judge by, of {available}; give at least 2 and no more "
                "than there are"
            )
        check_whole("restarts", self.restarts)
        check_whole("queries", self.queries)


def check_surrogate(surrogate: nn.Module, part: Part, classes: int) -> None:
    """Show a surrogate one image, so that it does not fail when all attacks are done.

    Parameters
    ----------
    surrogate
        As in `Judge`.
    part
        The image.
    classes
        Among which the model that is judged chooses.

    Raises
    ------
    ValueError
        If the image does not pass through it, or it has not as many outputs.
    """
    with frozen(surrogate), torch.no_grad():
        found = run(surrogate, part.on(surrogate)[0], name="surrogate: images")
    shape = list(found.shape) if isinstance(found, Tensor) else type(found).__name__
    if shape != [1, classes]:
        raise ValueError(
            f"surrogate answers one image with {shape}, and the model that is judged with "
            f"{[1, classes]}; give one of the same classes"
        )


def judged_norm(
    model: nn.Module,
    shown: Shown,
    norm: Norm,
    *,
    judge: Judge,
    attacks: Attacks,
    store: Store,
    seed: int,
    source: str,
    settings: Mapping[str, Setting],
) -> tuple[list[Result], dict[str, np.ndarray]]:
    """Judge one norm.

    Chance is seeded batch by batch, so that a measurement that was stopped ends as one that was
    not.
    """
    eps = judge.at[norm]
    radius = ball(norm, eps, geometry=attacks.geometry)
    how = (norm, eps, attacks.geometry, attacks.steps, judge.queries, seed)
    found = [
        store.once(
            f"probes-{norm}-{part.name}",
            lambda part=part: _probed(model, part, radius, judge, attacks, seed),
            of=(part, *how, judge.restarts, judge.surrogate),
        ).tensors
        for part in shown.first(judge.images)
    ]
    probed = [Probe(name, torch.cat([one[name] for one in found])) for name in _order(judge)]
    kept = store.once(
        f"signs-{norm}",
        lambda: _signs(model, shown, radius, judge, attacks, seed),
        of=(shown.first(judge.images), *how, shown.batch_size),
    )
    raised = _revived(kept)
    about = {**settings, "eps": eps, "images": judge.images}
    plain = attacks.plain().about(norm)
    results: list[Result] = [
        Score(
            "sign",
            float(sign.raised),
            source=source,
            settings={
                **about,
                **_of_sign(sign.name, plain),
                "sign": sign.name,
                "measured": sign.measured,
                "limit": sign.limit,
                "meaning": sign.meaning,
            },
        )
        for sign in raised
    ]
    results += [
        accuracy_score(
            "probe", one.outcomes, source,
            {**about, **_of_probe(one.name, plain, judge, eps), "probe": one.name}, seed=seed,
        )
        for one in probed
    ]  # fmt: skip
    baseline = judge.baseline.get(norm)
    said = verdict(probed, raised, classes=judge.classes, baseline=baseline)
    words = {
        "verdict": said.word,
        "reason": said.reason,
        "plain": said.plain,
        "worst": said.worst,
        "baseline": baseline,
    }
    results.append(
        Score("verdict", VALUES[said.word], source=source, settings={**about, **plain, **words})
    )
    arrays = {f"probe/{norm}/{one.name}": as_array(one.outcomes) for one in probed}
    return results, arrays


def _of_sign(name: str, plain: Mapping[str, Setting]) -> dict[str, Setting]:
    """Say how a sign was looked for; some are without an attack, one with an attack on all."""
    if name in ("flat over eps", "random search wins"):
        return dict(plain)
    if name == "loss does not rise":
        return {**plain, "attack_wrong": True}
    told = ("norm", "geometry", *(("precision",) if name == "zero gradients" else ()))
    return {key: value for key, value in plain.items() if key in told}


def _of_probe(
    name: str, plain: Mapping[str, Setting], judge: Judge, eps: float
) -> dict[str, Setting]:
    """Say how a probe attacked, as it may be in other steps than the plain attack, or in none."""
    if name == "random search":
        told = {key: value for key, value in plain.items() if key not in ("steps", "precision")}
        return {**told, "attack": name, "queries": judge.queries}
    if name == "fine steps":
        return {**plain, "steps": FINE_STEPS, "step_size": FINE_LENGTH * eps / FINE_STEPS}
    told = {**plain, "step_size": 2 * eps / int(plain["steps"] or 1)}
    return {**told, "restarts": judge.restarts} if name == "restarts" else told


def _probed(
    model: nn.Module,
    part: Part,
    radius: Ball,
    judge: Judge,
    attacks: Attacks,
    seed: int,
) -> Kept:
    images, labels = part.on(model)
    found = probes(
        model,
        images,
        labels,
        ball=radius,
        steps=attacks.steps,
        restarts=judge.restarts,
        queries=judge.queries,
        generator=_generator(images, seed, f"probes {radius.norm} {part.name}"),
        surrogate=judge.surrogate,
        batch_size=len(images),
    )
    return Kept({one.name: one.outcomes for one in found})


def _signs(
    model: nn.Module, shown: Shown, radius: Ball, judge: Judge, attacks: Attacks, seed: int
) -> Kept:
    # All at once: each sign is a number of the whole sample.
    parts = [part.on(model) for part in shown.first(judge.images)]
    images = torch.cat([images for images, _ in parts])
    found = signs(
        model,
        images,
        torch.cat([labels for _, labels in parts]),
        ball=radius,
        steps=attacks.steps,
        generator=_generator(images, seed, f"signs {radius.norm}"),
        queries=judge.queries,
        batch_size=shown.batch_size,
    )
    numbers = [[one.raised, one.measured, one.limit] for one in found]
    return Kept(
        {"numbers": torch.tensor(numbers, dtype=torch.float64)},
        {one.name: one.meaning for one in found},
    )


def _revived(kept: Kept) -> tuple[Sign, ...]:
    rows = kept.tensors["numbers"].tolist()
    return tuple(
        Sign(name, bool(raised), measured, limit, meaning)
        for (name, meaning), (raised, measured, limit) in zip(kept.words.items(), rows, strict=True)
    )


def _generator(images: Tensor, seed: int, what: str) -> torch.Generator:
    """Of this part of the work alone: whatever went before, it meets the same chance."""
    drawn = int(digest([seed, what])[:12], 16)
    return torch.Generator(images.device).manual_seed(drawn)


def _order(judge: Judge) -> tuple[str, ...]:
    names = ("plain", "restarts", "margin", "fine steps", "logit scale", "random search")
    return names if judge.surrogate is None else (*names, "transfer")
