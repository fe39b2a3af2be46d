"""Means taken off, and what is then nothing but rounding."""

import torch
from torch import Tensor

# Of the largest number of a column, in units of float64's precision: what a mean may be off by.
ROUNDING = 8


def centred(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return columns less their mean, in float64, and the means.

    Less its mean, a constant column leaves rounding errors rather than zeros, and a regression
    that finds nothing better makes something of them: they are set to zero.
    """
    double = values.detach().double()
    means = double.mean(0)
    left = double - means
    constant = _largest(left) <= ROUNDING * torch.finfo(left.dtype).eps * _largest(double)
    return (left.masked_fill(constant, 0.0) if constant.any() else left), means


def constant_columns(values: Tensor, centre: Tensor) -> Tensor:
    """Tell columns that vary by no more than rounding around `centre`, the mean of each."""
    noise = ROUNDING * torch.finfo(values.dtype).eps * _largest(values)
    return _largest(values - centre) <= noise


def _largest(values: Tensor) -> Tensor:
    return torch.maximum(values.amax(0), -values.amin(0))  # a norm takes five times as long
