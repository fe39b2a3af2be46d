"""The robustness of a network, as a task and its measurement."""

from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import numpy as np
import torch

from striate.layers import run
from striate.models import Network, fingerprint
from striate.results import Setting
from striate.robustness import Geometry, Norm
from striate.robustness.victim import frozen
from striate.studies.robustness.baselines import Baseline
from striate.studies.robustness.pictures import Labelled
from striate.studies.spectra.about import about_network, file_stem, with_settings
from striate.study import Measured, Task
from striate.study.robustness import NORMS, PROTOCOLS, Attacks, Judge, Passbands, network_robustness
from striate.study.robustness.judged import check_surrogate
from striate.study.robustness.networks import Progress

NAME = "robustness"
VERSION = 1  # rises when numbers change, not when code does
JUDGED = 1000  # images


def attacks_of(
    protocol: str,
    *,
    epsilons: Mapping[str, tuple[float, ...]] | None = None,
    geometry: str = "paper",
    precision: str = "float32",
) -> Attacks:
    """Return the attacks of a protocol, or those of one's own norms and strengths.

    Parameters
    ----------
    protocol
        ``paper`` or ``authors``, as said above.
    epsilons
        Strengths by norm, in pixel units; an empty tuple is those of the protocol. A 0 is the
        accuracy without attack, which is always measured, and is no strength.
    geometry
        As in `striate.robustness.L1Ball`.
    precision
        ``float32``, ``bfloat16`` or ``float16``, of the gradients.

    Raises
    ------
    ValueError
        If a name is unknown, or a strength is no radius or given twice, or zeros are all there is.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"protocol={protocol!r}; choose one of {', '.join(PROTOCOLS)}")
    if geometry not in get_args(Geometry):
        raise ValueError(f"geometry={geometry!r}; choose {' or '.join(get_args(Geometry))}")
    usual = PROTOCOLS[protocol]
    wanted: dict[Norm, tuple[float, ...]] = dict(usual.epsilons)
    if epsilons:
        unknown = [norm for norm in epsilons if norm not in NORMS]
        if unknown:
            raise ValueError(f"norm={unknown[0]!r}; choose one of {', '.join(NORMS)}")
        wanted = {
            norm: _above_zero(norm, epsilons[norm]) if epsilons[norm] else usual.epsilons[norm]
            for norm in NORMS
            if norm in epsilons
        }
    # The two are names of the closed sets; what else was asked for is refused here.
    attacks = Attacks(wanted, usual.attack_wrong, geometry, precision=precision)  # pyright: ignore[reportArgumentType]
    attacks.check()
    return attacks


def _above_zero(norm: Norm, epsilons: tuple[float, ...]) -> tuple[float, ...]:
    found = tuple(sorted(eps for eps in epsilons if eps != 0))
    if not found:
        raise ValueError(f"epsilons of {norm} are 0 alone; give at least one strength above 0")
    return found


def network_task(
    network: Network,
    pictures: Labelled,
    attacks: Attacks,
    *,
    protocol: str = "paper",
    passbands: Passbands | None = None,
    judge: Judge | None = None,
    baseline: Baseline | None = None,
    surrogate: Network | None = None,
    seed: int = 0,
) -> Task:
    """Return the settings that determine the robustness of a network.

    Parameters
    ----------
    network
        As `striate.models.load` gives it.
    pictures
        As `labelled` draws them for this network, with the same seed.
    attacks
        Of `attacks_of`.
    protocol
        Which they are of.
    passbands, judge
        As in `striate.study.robustness.network_robustness`.
    baseline
        As `read_baseline` reads it, where `judge` has its accuracies.
    surrogate
        Where `judge` has its model.
    seed
        Of the draw of images, of the bootstrap and of the chance in what judges.

    Raises
    ------
    ValueError
        If what is judged is not measured, a number is out of range, the baseline was measured in
        another way, or the surrogate takes images of another size or chooses among other classes.
    """
    attacks.check()
    if passbands is not None:
        passbands.check()
    if judge is not None:
        judge.check(attacks, len(pictures.order))
        if baseline is not None:
            baseline.check(judge, attacks, seed=seed)
    if surrogate is not None:
        _check_surrogate(surrogate, network, pictures)
    return {
        **about_network(network),
        "study": NAME,
        "version": VERSION,
        "kind": "network",
        "label": f"{NAME}-{file_stem(network.name)}",
        "pictures": pictures.name,
        "available": pictures.available,
        **({"left_out": pictures.left_out} if pictures.left_out else {}),
        "images": len(pictures.order),
        "classes": pictures.classes,
        "classes_sha256": pictures.classes_sha256,
        "protocol": protocol,
        **{f"epsilons_{norm}": _spelled(attacks.epsilons.get(norm)) for norm in NORMS},
        "steps": attacks.steps,
        "attack_wrong": attacks.attack_wrong,
        "geometry": attacks.geometry,
        "precision": attacks.precision,
        # Of half precision: that of before was taken there, and its gradients were coarse.
        **({"loss": "float32"} if _answers_in_half(network, pictures) else {}),
        "cutoffs": None if passbands is None else _spelled(passbands.cutoffs),
        "filter": None if passbands is None else passbands.filter,
        # `precision_gap` is of the first batch
        **({} if attacks.precision == "float32" else {"batch_size": pictures.shown.batch_size}),
        **_judged(judge, baseline, surrogate, pictures),
        "seed": seed,
    }


def measure_network(
    task: Task,
    partial_file: Path,
    *,
    network: Network,
    pictures: Labelled,
    attacks: Attacks,
    passbands: Passbands | None = None,
    judge: Judge | None = None,
    progress: Progress | None = None,
) -> Measured:
    """Measure what `network_task` described.

    Parameters
    ----------
    task
        From `network_task`.
    partial_file
        Beside which finished batches lie until all are.
    network, pictures, attacks, passbands, judge
        The same as the task was made of.
    progress
        As in `striate.study.robustness.network_robustness`.
    """
    found = network_robustness(
        network.model,
        pictures.shown,
        attacks=attacks,
        passbands=passbands,
        judge=judge,
        seed=int(task["seed"] or 0),
        source=network.name,
        progress=progress,
        partial=partial_file,
    )
    kept = ("model", "model_sha256", "pictures", "protocol")
    arrays = {**found.arrays, "order": pictures.order.numpy().astype(np.int64)}
    return Measured([with_settings(one, task, kept) for one in found.results], arrays)


def _answers_in_half(network: Network, pictures: Labelled) -> bool:
    """Show one image to a network, to see what its loss would be taken in."""
    image, _ = next(pictures.shown.first(1)).on(network.model)
    try:
        with frozen(network.model), torch.no_grad():
            answer = run(network.model, image)
    except ValueError:  # which is said when it is measured
        return False
    return getattr(answer, "dtype", None) in (torch.float16, torch.bfloat16)


def _check_surrogate(surrogate: Network, network: Network, pictures: Labelled) -> None:
    if surrogate.size != network.size:
        raise ValueError(
            f"surrogate={surrogate.name!r} takes {surrogate.size}×{surrogate.size} pixels and "
            f"{network.name} {network.size}×{network.size}; give one of the same images"
        )
    check_surrogate(surrogate.model, next(pictures.shown.first(1)), pictures.classes)


def _judged(
    judge: Judge | None, baseline: Baseline | None, surrogate: Network | None, pictures: Labelled
) -> dict[str, Setting]:
    if judge is None:
        return {"judged": None}
    return {
        "judged": " ".join(f"{norm}={eps!r}" for norm, eps in judge.at.items()),
        "judged_images": judge.images,
        "restarts": judge.restarts,
        "queries": judge.queries,
        "batch_size": pictures.shown.batch_size,  # chance is drawn batch by batch
        "baseline": None if baseline is None else baseline.name,
        "surrogate": None if surrogate is None else surrogate.name,
        "surrogate_sha256": None if surrogate is None else fingerprint(surrogate.model)[:12],
    }


def _spelled(numbers: tuple[float, ...] | None) -> str | None:
    return None if numbers is None else " ".join(map(repr, numbers))
