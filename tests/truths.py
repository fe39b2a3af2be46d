"""Problems whose answers are known beforehand, shared by the tests."""

from functools import cache

import numpy as np
import torch
from torch import Tensor, nn


def power_law(count: int, alpha: float, scale: float = 1.0) -> np.ndarray:
    r"""Variances :math:`c\,n^{-\alpha}` at ranks 1 to `count`."""
    return scale * np.arange(1, count + 1.0) ** -alpha


def rotation(units: int, seed: int = 0) -> Tensor:
    """A random orthogonal matrix: the Q of a Gaussian matrix."""
    gaussian = np.random.default_rng(seed).standard_normal((units, units))
    return torch.from_numpy(np.linalg.qr(gaussian)[0])


def planted(variances: np.ndarray, stimuli: int, units: int, seed: int = 0) -> Tensor:
    r"""Responses whose sample covariance has exactly these eigenvalues, the others being zero.

    :math:`X = \sqrt{n-1}\,Q\,\mathrm{diag}(\sqrt\lambda)\,V^\top` with orthonormal columns in Q,
    each of mean zero, and in V: then :math:`X^\top X/(n-1) = V\,\mathrm{diag}(\lambda)\,V^\top`.
    """
    rng = np.random.default_rng(seed)
    ranks = len(variances)
    assert ranks <= min(stimuli - 1, units)
    # Made orthogonal to a column of ones, the other columns have mean zero.
    gaussian = np.column_stack([np.ones(stimuli), rng.standard_normal((stimuli, ranks))])
    left = np.linalg.qr(gaussian)[0][:, 1:]
    right = np.linalg.qr(rng.standard_normal((units, ranks)))[0]
    return torch.from_numpy(left * np.sqrt((stimuli - 1) * variances) @ right.T)


def gaussian(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def degenerate(stimuli: int, units: int) -> dict[str, Tensor]:
    """Batches, in float32, that a careless derivative of a spectrum turns into NaN."""
    x = gaussian(stimuli, units, dtype=torch.float32)
    dead = x.clone()
    dead[:, units // 3 :] = 0
    equal = planted(np.full(min(stimuli - 1, units), 2.0), stimuli, units).float()
    return {
        "repeated eigenvalues": equal,
        "dead units": dead,
        "one constant unit": torch.cat([x[:, 1:], torch.full((stimuli, 1), 0.1)], 1),
        "duplicated images": x[torch.arange(stimuli) % 3],
        "one dimension": x[:, :1] * x[:1],
        "all zero": torch.zeros(stimuli, units),
        # Less its mean, a constant leaves rounding errors rather than zeros.
        "all 0.1": torch.full((stimuli, units), 0.1),
        "one image throughout": x[:1].tanh().expand(stimuli, units).clone(),
        "next to nothing": 1e-20 * x,
    }


CLASSES = 3
IMAGE = (2, 4, 4)


def linear(seed: int = 0, classes: int = CLASSES) -> nn.Sequential:
    return _drawn(nn.Sequential(nn.Flatten(), nn.Linear(32, classes)), seed)


def mlp(seed: int = 0) -> nn.Sequential:
    return _drawn(
        nn.Sequential(nn.Flatten(), nn.Linear(32, 16), nn.Tanh(), nn.Linear(16, CLASSES)), seed
    )


def conv(seed: int = 0) -> nn.Sequential:
    return _drawn(
        nn.Sequential(nn.Conv2d(2, 5, 3), nn.Tanh(), nn.Flatten(), nn.Linear(20, CLASSES)), seed
    )


NETS = {"linear": linear, "mlp": mlp, "conv": conv}


def images(count: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    """Pixels in [0, 1], a tenth of them at either end."""
    rng = torch.Generator().manual_seed(seed)
    return (1.25 * torch.rand(count, *IMAGE, generator=rng, dtype=dtype) - 0.125).clamp(0, 1)


def labels(count: int, seed: int = 0, classes: int = CLASSES) -> Tensor:
    return torch.randint(classes, (count,), generator=torch.Generator().manual_seed(seed))


def _drawn(net: nn.Sequential, seed: int) -> nn.Sequential:
    """Standard normal weights: strongly curved, and gradients of every size."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in net.parameters():
        nn.init.normal_(parameter, generator=generator)
    return net


class Energy(nn.Module):
    """The root of the summed squares of every two channels."""

    def forward(self, x: Tensor) -> Tensor:
        return x.square().unflatten(1, (-1, 2)).sum(2).sqrt()


def gabor_network(
    units: list[tuple[float, float, float]], kind: str, *, pixels: int = 33, sigma: float = 5.0
) -> nn.Sequential:
    r"""One convolution, as large as the image, whose units prefer what they were made of.

    Each unit is cycles per pixel, orientation and phase in degrees, of a Gabor filter with
    :math:`x' = x\cos\theta + y\sin\theta` for row x and column y. Gray gives no response. The kinds
    are ``"linear"``, ``"rectified"`` and ``"energy"``: of the latter each unit is two filters a
    quarter of a cycle apart, whose phase does not matter.
    """
    x, y = np.mgrid[:pixels, :pixels] - pixels // 2
    envelope = np.exp(-(x**2 + y**2) / (2 * sigma**2))
    quarters = (0, 90) if kind == "energy" else (0,)
    filters = []
    for frequency, orientation, phase in units:
        across = x * np.cos(np.deg2rad(orientation)) + y * np.sin(np.deg2rad(orientation))
        for quarter in quarters:
            turn = 2 * np.pi * frequency * across + np.deg2rad(phase + quarter)
            wave = np.cos(turn) - (np.cos(turn) * envelope).sum() / envelope.sum()
            filters.append(wave * envelope / np.linalg.norm(wave * envelope))
    layer = nn.Conv2d(1, len(filters), pixels, bias=False)
    layer.weight.data = torch.from_numpy(np.stack(filters)[:, None]).float()
    after = {"linear": [], "rectified": [nn.ReLU()], "energy": [Energy()]}[kind]
    return nn.Sequential(layer, *after)


@cache
def _digits() -> tuple[Tensor, Tensor]:
    # Not by way of striate's data sets: where there is a GPU, there may be little else.
    from sklearn.datasets import load_digits

    pixels, classes = load_digits(return_X_y=True)
    return torch.from_numpy(pixels).float().reshape(-1, 1, 8, 8) / 16, torch.from_numpy(classes)


def digits_held_out() -> tuple[Tensor, Tensor]:
    """200 digits that `digit_reader` has not seen, with their classes."""
    images, labels = _digits()
    return images[-200:].clone(), labels[-200:]


@cache
def _digit_weights() -> dict[str, Tensor]:
    images, labels = (tensor[:-200] for tensor in _digits())
    net = _digit_net()
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    generator = torch.Generator().manual_seed(1)
    for _ in range(200):
        some = torch.randint(len(images), (64,), generator=generator)
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images[some]), labels[some]).backward()
        optimizer.step()
    return net.state_dict()


def _digit_net() -> nn.Sequential:
    net = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 16, 3), nn.ReLU(), nn.Flatten(),
        nn.Linear(16 * 4 * 4, 10),
    )  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    for parameter in net.parameters():
        std = (2 / parameter[0].numel()) ** 0.5 if parameter.ndim > 1 else 0
        nn.init.normal_(parameter, std=std, generator=generator)
    return net


def digit_reader() -> nn.Sequential:
    """A small network that reads scikit-learn's digits, trained in a second, the same each time."""
    net = _digit_net()
    net.load_state_dict(_digit_weights())
    return net.eval()
