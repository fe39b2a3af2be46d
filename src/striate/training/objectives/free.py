"""Free adversarial training: one backward for the weights and for the perturbation."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from striate.robustness import Ball
from striate.robustness.balls import check_step_size
from striate.robustness.victim import check, check_graph, check_shape
from striate.training.objectives.steps import Images, Labels, Step, logits_of


class Free(nn.Module):
    r"""Mean cross-entropy on images plus a perturbation that climbs while the weights descend.

    Shafahi et al. 2019, the *Free* of Kong et al. 2021. Call it as an objective. The perturbation
    δ starts at zero and is carried from step to step, batch to batch and epoch to epoch, whatever
    the images are; a batch of n uses its first n. The images shown are :math:`x+\delta`, clipped to
    [0, 1]. During the backward of the loss, and so before the optimiser's step,
    :math:`\delta \leftarrow \mathrm{project}(\delta + s\cdot\mathrm{steepest}(\nabla_\delta))`.
    An image whose gradient is not finite keeps its δ.
    Each batch is meant to be shown several times (``train(…, replays=4)``).

    Parameters
    ----------
    ball
        Where δ may be.
    step_size
        Its step s, in the norm of `ball`, in pixel units; the paper steps by ``ball.eps``.

    Attributes
    ----------
    perturbation
        δ, a buffer: empty until the first batch, with a row for each image of the largest batch so
        far. Keep it in checkpoints (``train(…, alongside=free)``). Of several processes each has
        its own.

    Raises
    ------
    ValueError
        If `step_size` is not positive; when called, if images are not of four axes or a pixel lies
        outside [0, 1], labels are not one class for each, the images are of another shape or type
        than before, or the model answers with something else than logits.
    """

    perturbation: Tensor

    def __init__(self, ball: Ball, *, step_size: float) -> None:
        super().__init__()
        check_step_size(step_size)
        self.ball, self.step_size = ball, step_size
        self.register_buffer("perturbation", torch.empty(0))

    def forward(self, model: nn.Module, images: Images, labels: Labels) -> Step:
        """Take one step; its logits are those of the perturbed images."""
        check(images, labels)
        check_shape(images)
        self._make_room(images)
        delta = self.perturbation[: len(images)].clone().requires_grad_()
        logits = logits_of(model, (images + delta).clamp(0, 1), labels)
        if torch.is_grad_enabled():
            check_graph(logits.requires_grad)
            delta.register_hook(lambda gradient: self._climb(delta, gradient))
        return Step(cross_entropy(logits, labels), logits, {})

    def extra_repr(self) -> str:
        """Show the settings when printed."""
        return f"{self.ball}, step_size={self.step_size}"

    @torch.no_grad()
    def _climb(self, delta: Tensor, gradient: Tensor) -> None:
        moved = self.ball.project(delta + self.step_size * self.ball.steepest(gradient))
        # In half precision a scaled loss may overflow. The optimiser then takes no step, and what
        # is not a number would stay in the perturbation for ever.
        sound = gradient.flatten(1).isfinite().all(1).view(-1, 1, 1, 1)
        self.perturbation[: len(delta)] = torch.where(sound, moved, delta)

    def _make_room(self, images: Tensor) -> None:
        known = self.perturbation
        if not known.numel():
            self.perturbation = torch.zeros_like(images)
            return
        if (known.shape[1:], known.dtype) != (images.shape[1:], images.dtype):
            raise ValueError(
                f"images of shape {tuple(images.shape[1:])} and {images.dtype}, but the "
                f"perturbation carried along is of shape {tuple(known.shape[1:])} and "
                f"{known.dtype}; make another Free for other images"
            )
        known = known.to(images.device)  # a checkpoint is read on the CPU
        self.perturbation = torch.cat([known, torch.zeros_like(images[len(known) :])])

    def _load_from_state_dict(
        self, state_dict: Mapping[str, Tensor], prefix: str, *args: object, **kwargs: object
    ) -> None:
        # A buffer whose shape is known only to the first batch, and so to the checkpoint.
        saved = state_dict.get(f"{prefix}perturbation")
        if saved is not None:
            self.perturbation = torch.empty_like(saved, device=self.perturbation.device)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)
