"""Objectives that also ask something of the eigenspectra of layers."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from striate import layers
from striate.robustness.victim import check_labels
from striate.spectra import SpectralPenalty
from striate.training.objectives.steps import Images, Labels, Objective, Step, bare, logits_of


def spectral(
    model: nn.Module, images: Images, labels: Labels, *, penalties: Mapping[str, SpectralPenalty]
) -> Step:
    """Mean cross-entropy plus the spectral penalties of some layers (Gerum et al. 2022: of one).

    Measures the α of each layer on the batch: ``alpha`` of the last one named, ``alpha_LAYER`` of
    the others. With a penalty it is a by-product; at β = 0 an extra whose time is told apart as
    ``seconds_alpha``.

    Parameters
    ----------
    model, images, labels
        Images to logits, pixels in [0, 1], true classes.
    penalties
        By name of the layer of `model` (of a `DistributedDataParallel`, of the network inside):
        what is asked of its spectrum.

    Raises
    ------
    ValueError
        If no layer is named, there is none of that name, or one penalty is given twice, or as in
        `standard`.
    """
    check_penalties(penalties)
    check_labels(labels, images=len(images))
    with ExitStack() as hooks:
        outputs = _capture(hooks, model, penalties)
        logits = logits_of(model, images, labels)
        hidden = {name: output() for name, output in outputs.items()}
    return _penalise(Step(cross_entropy(logits, labels), logits, {}), hidden, penalties)


def penalised(
    model: nn.Module,
    images: Images,
    labels: Labels,
    *,
    objective: Objective,
    penalties: Mapping[str, SpectralPenalty],
) -> Step:
    """Any objective plus the spectral penalties of some layers.

    The layers are looked at in the *first pass in training mode that records a gradient*, and each
    penalty is called once a step. Attacks, which run the model in evaluation mode, neither count
    nor move the penalties' schedules. What the pass shows depends on the objective: `standard`,
    `trades` and `gradient_penalty` the images, `adversarial` the adversarial ones, `Free` the
    perturbed ones.

    Parameters
    ----------
    model, images, labels
        As in `spectral`; `model` in training mode.
    objective
        ``(model, images, labels) -> Step``.
    penalties
        As in `spectral`.

    Returns
    -------
    step
        The objective's, with the penalties in the loss and with what `spectral` measures.

    Raises
    ------
    ValueError
        As from `spectral`; if a layer does not run once in the pass, or the objective makes no
        such pass.
    """
    check_penalties(penalties)
    with _first_pass(model, penalties) as hidden:
        step = objective(model, images, labels)
        return _penalise(step, hidden(), penalties)


def check_penalties(penalties: Mapping[str, SpectralPenalty]) -> None:
    """Refuse to penalise nothing, or two layers with one memory."""
    if not penalties:
        raise ValueError("penalties={}: name at least one layer and give it a SpectralPenalty")
    if len({id(penalty) for penalty in penalties.values()}) < len(penalties):
        raise ValueError("penalties holds one SpectralPenalty twice; give each layer its own")


def _penalise(
    step: Step, hidden: Mapping[str, Tensor], penalties: Mapping[str, SpectralPenalty]
) -> Step:
    loss, shared = step.loss, step.shared
    measured: dict[str, Tensor | float] = {}
    seconds = 0.0
    for name, penalty in penalties.items():
        started = time.perf_counter()
        try:
            found = penalty.measure(hidden[name])
        except ValueError as error:
            raise ValueError(
                f"no penalty on layer {name!r}: {error}; in a training that went well until now, "
                "lower the learning rate or beta"
            ) from error
        if found.penalty.requires_grad:
            loss = loss + found.penalty
            if penalty.group is not None:
                shared = shared + found.penalty
        else:
            seconds += time.perf_counter() - started
        measured[f"alpha_{name}"] = found.alpha
    measured["alpha"] = measured.pop(f"alpha_{list(penalties)[-1]}")
    measured["seconds_alpha"] = seconds
    return Step(loss, step.logits, {**step.measured, **measured}, shared)


def _capture(
    hooks: ExitStack, model: nn.Module, names: Mapping[str, SpectralPenalty]
) -> dict[str, Callable[[], Tensor]]:
    return {name: hooks.enter_context(layers.capture(bare(model), name)) for name in names}


@contextmanager
def _first_pass(
    model: nn.Module, names: Mapping[str, SpectralPenalty]
) -> Iterator[Callable[[], Mapping[str, Tensor]]]:
    """Keep what layers put out in the first pass in training mode, while the block runs."""
    for name in names:
        layers.find(bare(model), name)  # or it is an error before the work, not after
    kept: dict[str, Tensor] = {}
    taking: dict[str, Callable[[], Tensor]] = {}
    with ExitStack() as hooks:

        def before(_model: nn.Module, _inputs: tuple[object, ...]) -> None:
            if bare(model).training and torch.is_grad_enabled() and not kept:
                taking.update(_capture(hooks, model, names))

        def after(_model: nn.Module, _inputs: tuple[object, ...], _output: object) -> None:
            kept.update({name: take() for name, take in taking.items()})
            taking.clear()
            hooks.close()

        def hidden() -> Mapping[str, Tensor]:
            if not kept:
                raise ValueError(
                    "the objective made no pass through the model in training mode with gradient, "
                    "so there is nothing to penalise; call model.train() first"
                )
            return kept

        handles = [model.register_forward_pre_hook(before), model.register_forward_hook(after)]
        try:
            yield hidden
        finally:
            for handle in handles:
                handle.remove()
