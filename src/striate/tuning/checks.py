"""What several functions ask of their arguments, asked in one way."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

# Relative: a wavelength of 4 pixels that came out as 3.9999999 is one of 4.
ROUNDING = 1e-6


def check_word(name: str, value: object, words: dict[str, str]) -> None:
    """Refuse a word that is not among `words`, each of which is explained.

    Raises
    ------
    ValueError
        If `value` is none of them.
    """
    if not isinstance(value, str) or value not in words:
        choices = " or ".join(f"'{word}' ({meaning})" for word, meaning in words.items())
        raise ValueError(f"{name}={value!r}; choose {choices}")


def check_responses(name: str, value: object, axes: str) -> None:
    """Refuse what is not a finite matrix of floating point with two `axes`, of some length each.

    Raises
    ------
    ValueError
        If `value` is none.
    """
    if not isinstance(value, Tensor):
        raise ValueError(f"{name} is a {type(value).__name__}; give a torch.Tensor: {axes}")
    if value.ndim != 2 or not value.numel():
        raise ValueError(f"{name} has shape {tuple(value.shape)}; need {axes}, at least one each")
    if not value.is_floating_point():
        raise ValueError(f"{name} holds {value.dtype}; give floating point, e.g. {name}.double()")
    if not value.isfinite().all():
        raise ValueError(f"{name} holds values that are not finite; leave out units like that")


def axis(name: str, values: Tensor | Sequence[float]) -> Tensor:
    """Return one axis of finite numbers in float64, where they are.

    Raises
    ------
    ValueError
        If `values` are no such axis, or there are none.
    """
    try:  # a list does not go by way of float32
        like = values.dtype if isinstance(values, Tensor) else torch.float64
        found = torch.as_tensor(values, dtype=like)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name}={values!r}: give one axis of numbers") from error
    if found.ndim != 1 or not len(found) or found.is_complex() or found.dtype == torch.bool:
        raise ValueError(
            f"{name} has shape {tuple(found.shape)} in {found.dtype}; give one axis of numbers, "
            "at least one"
        )
    if found.isnan().any():
        raise ValueError(f"{name} holds numbers that are NaN")
    return found.detach().double()


def axis_of(name: str, values: Tensor | Sequence[float], like: Tensor, what: str) -> Tensor:
    """Return the numbers that belong to the columns of `like`, beside it.

    Raises
    ------
    ValueError
        If there are not as many as columns.
    """
    found = axis(name, values).to(like.device)
    if len(found) != like.shape[1]:
        raise ValueError(f"{len(found)} {name} for {what} of {like.shape[1]} points; give one each")
    return found


def angles(name: str, values: Tensor | Sequence[float]) -> Float[Tensor, " angles"]:
    """Return angles in float64.

    Raises
    ------
    ValueError
        If they are not one axis of finite numbers.
    """
    found = axis(name, values).cpu()
    if not found.isfinite().all():
        raise ValueError(f"{name} holds {found[~found.isfinite()][0].item()}; give finite degrees")
    return found


def frequencies(
    name: str, values: Tensor | Sequence[float], pixels_per_degree: float
) -> Float[Tensor, " frequencies"]:
    """Return frequencies in float64 that so many pixels can show.

    Raises
    ------
    ValueError
        If one is not positive, or above that of Nyquist.
    """
    found, nyquist = axis(name, values).cpu(), pixels_per_degree / 2
    if not (found > 0).all():
        raise ValueError(
            f"{name} holds {found[~(found > 0)][0].item():g}; give positive cycles per degree"
        )
    if (found > nyquist * (1 + ROUNDING)).any():
        raise ValueError(
            f"{name} holds {found.max().item():g} cycles per degree, but {pixels_per_degree:g} "
            f"pixels per degree show at most {nyquist:g} (Nyquist); lower it, or draw at "
            f"{2 * found.max().item():g} pixels per degree"
        )
    return found


def precision(values: Tensor) -> torch.dtype:
    """Return the type of `values`, but at least float32."""
    return torch.promote_types(values.dtype, torch.float32)
