"""A search that asks for no gradient: what masks a gradient cannot hide from it."""

import torch
from torch import Tensor, nn

from striate._checks import check_whole
from striate.robustness.attacks import Labels, Loss, summed_margin
from striate.robustness.balls import Ball, Images
from striate.robustness.limits import ORDERS, within
from striate.robustness.victim import answers, check, check_shape, frozen

# Part of the image that the first windows cover, and the parts of all queries after which that
# halves: both as in the paper on the Square Attack. Its code halves once more, at 0.05.
FIRST_PART = 0.8
HALVINGS = (0.001, 0.005, 0.02, 0.1, 0.2, 0.4, 0.6, 0.8)


@torch.no_grad()
def random_search(
    model: nn.Module,
    images: Images,
    labels: Labels,
    *,
    ball: Ball,
    queries: int,
    generator: torch.Generator,
    loss: Loss = summed_margin,
) -> Images:
    r"""Change one random square after another, and keep each change that does not lower the loss.

    After the Square Attack (Andriushchenko et al. 2020), in a smaller form. The first query is of
    random vertical stripes; each later one of the best image so far with a change in a random
    square, whose side shrinks along the search. Within the L∞ ball, each channel of the square
    goes to plus or minus ε. Within the L2 and L1 balls, the square takes a push of random sign a
    channel, and the norm that it has there, that of a second square, which is emptied, and what
    the ball has left.

    Parameters
    ----------
    model, images, labels
        As in `fgsm`; an image that the model already gets wrong is returned as it is.
    ball
        Where the perturbation may go: L∞, L2 or L1; only its norm and radius are used.
    queries
        Images shown to the model for each image, after the first look; an image that the model
        gets wrong asks for no more.
    generator
        Source of the squares and signs, on the device of `images`. What an image draws depends on
        its place in the batch, not on how the others fare.
    loss
        What to raise. Of one image at a time, through `torch.func.vmap`.

    Returns
    -------
    adversarial
        Images in [0, 1] within `ball` of `images`, detached: what the model gets wrong, else the
        image of the highest loss. Never of a lower loss than `images`, if images the model gets
        wrong have a higher one, as by the margin they do.

    Raises
    ------
    ValueError
        If a setting is out of range, or as in `fgsm`.
    """
    check(images, labels)
    check_shape(images)
    check_settings(ball, queries=queries)
    with frozen(model):
        best, logits = images.detach().clone(), answers(model, images, labels)
        highest = _each(loss, logits, labels)
        searching = (logits.argmax(1) == labels).nonzero()[:, 0]
        for query in range(queries):
            if not len(searching):
                break
            # All images draw, so that what one draws does not depend on how the others fare.
            drawn = _drawn(images, first=query == 0, generator=generator)[searching]
            clean, true = images[searching], labels[searching]
            side = _side(query / queries, images)
            tried = _tried(best[searching], clean, drawn, first=query == 0, side=side, ball=ball)
            tried = within(ball, tried, clean)
            logits = answers(model, tried)
            reached, wrong = _each(loss, logits, true), logits.argmax(1) != true
            kept = wrong | (reached >= highest[searching])
            best[searching[kept]], highest[searching[kept]] = tried[kept], reached[kept]
            searching = searching[~wrong]
    return best


def check_settings(ball: Ball, **counts: int) -> None:
    """Refuse a ball with nothing in it, a norm nobody knows, and counts below one."""
    if not ball.eps > 0:
        raise ValueError(f"eps={ball.eps}: there is nothing to search; give a positive radius")
    if ball.norm not in ORDERS:
        raise ValueError(f"norm={ball.norm!r} of the ball; there are {', '.join(ORDERS)}")
    for name, count in counts.items():
        check_whole(name, count)


def _drawn(images: Tensor, *, first: bool, generator: torch.Generator) -> Tensor:
    """Draw what every image needs for one query, uniform in [0, 1): see `_striped`, `_squared`."""
    shape = (*images.shape[:2], images.shape[3] if first else 5)
    return torch.rand(shape, generator=generator, dtype=images.dtype, device=images.device)


def _tried(
    best: Tensor, images: Tensor, drawn: Tensor, *, first: bool, side: int, ball: Ball
) -> Tensor:
    """The images to show to the model next."""
    # A little less than the radius, so that rounding of the sum carries no pixel out of the ball.
    # In half precision it would be all of a small one: there `within` puts pixels back.
    rounding = torch.finfo(images.dtype).eps / 2
    radius = ball.eps * (1 - 1e-6) - (rounding if rounding < ball.eps / 8 else 0.0)
    order = ORDERS[ball.norm]
    if first:
        return _striped(images, drawn, radius, order)
    return _squared(best, images, drawn, side, radius, order)


def _side(done: float, images: Tensor) -> int:
    """Side of the square once the part `done` of all queries is spent, in pixels."""
    height, width = images.shape[2:]
    part = FIRST_PART / 2 ** sum(done >= at for at in HALVINGS)
    return min(max(round((part * height * width) ** 0.5), 1), height, width)


def _striped(images: Tensor, drawn: Tensor, radius: float, order: float) -> Tensor:
    """A sign for each channel and column, by ``drawn`` (images, channels, width), at full norm."""
    pixels = images[0].numel() if len(images) else 1
    size = radius if order == torch.inf else radius / pixels ** (1 / order)
    return (images + size * _signs(drawn)[:, :, None, :]).clamp(0, 1)


def _squared(
    best: Tensor, images: Tensor, drawn: Tensor, side: int, radius: float, order: float
) -> Tensor:
    """The best image so far with a change in one square, by ``drawn`` (images, channels, 5).

    The first number of a channel is for its sign; the other four of the first channel are for the
    places of the square and of the one that is emptied.
    """
    signs, delta = _signs(drawn[:, :, 0])[:, :, None, None], best - images
    here = _window(images, side, drawn[:, 0, 1], drawn[:, 0, 2])
    if order == torch.inf:
        return (images + torch.where(here, radius * signs, delta)).clamp(0, 1)
    there = _window(images, side, drawn[:, 0, 3], drawn[:, 0, 4])
    elsewhere = delta.masked_fill(here | there, 0)
    left = (radius**order - _size(elsewhere, order) ** order).clamp_min(0) ** (1 / order)
    push = _unit(delta.masked_fill(~here, 0), order) + _unit(signs * here, order)
    return (images + elsewhere + left * _unit(push, order)).clamp(0, 1)


def _window(images: Tensor, side: int, row: Tensor, column: Tensor) -> Tensor:
    """Tell the pixels of a square (images, 1, height, width), placed by numbers in [0, 1)."""
    inside = []
    for length, place in zip(images.shape[2:], (row, column), strict=True):
        first = (place * (length - side + 1)).floor()[:, None]
        pixel = torch.arange(length, device=images.device)
        inside.append((pixel >= first) & (pixel < first + side))
    return (inside[0][:, :, None] & inside[1][:, None, :])[:, None]


def _signs(uniform: Tensor) -> Tensor:
    return torch.where(uniform < 0.5, -1.0, 1.0).to(uniform.dtype)


def _size(delta: Tensor, order: float) -> Tensor:
    """Norm of each image's perturbation, of shape (images, 1, 1, 1)."""
    return torch.linalg.vector_norm(delta, order, dim=(1, 2, 3), keepdim=True)


def _unit(delta: Tensor, order: float) -> Tensor:
    return delta / _size(delta, order).clamp_min(torch.finfo(delta.dtype).tiny)


def _each(loss: Loss, logits: Tensor, labels: Tensor) -> Tensor:
    """Return the loss of each image by itself."""
    return torch.func.vmap(loss)(logits[:, None], labels[:, None])
