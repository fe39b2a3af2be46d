"""Does a steeper spectrum move preferred spatial frequencies down? Train networks, then look.

The CNN of Gerum et al. 2022 is trained without penalty and with its spectrum asked to fall as
n^-1, n^-2 and n^-3: that of the dense hidden layer, or that of the second convolution's channels.
Then gratings are shown to it. Two rules say which frequency a channel prefers: the maximum of its
mean response (Kong et al. 2021), which a linear unit has not, since bright and dark phases cancel;
and the maximum of its standard deviation over phases and orientations, which is how much it
responds.

Run it: ``python examples/frequencies_of_penalised.py`` (about ten seconds: two small networks, and
checks of what is measured); with ``--full`` on CIFAR-10, 21 networks, about 20 minutes of one core.
"""

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from multiprocessing import get_context
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from striate.activations import centre, collect
from striate.datasets import LabelledImages, cifar10, digits
from striate.models import NETWORKS, keras_adam
from striate.results import Score
from striate.spectra import SpectralPenalty, Units, arrange, batch_alpha
from striate.study import accuracy
from striate.study.tuning import Shown, network_tuning, stimuli_for
from striate.training import spectral, standard, train
from striate.tuning import preferred_frequency, rounding_noise, tuning_curves

LAYERS = ("conv1", "tanh1", "conv2", "tanh2")
RULES = ("mean", "spread")
ALPHAS = (1.0, 2.0, 3.0)
BETA = 1.0

Found = dict[str, float]


class Place(NamedTuple):
    """A layer whose spectrum is measured, and may be shaped: its units, and which of its ranks."""

    layer: str
    units: Units
    ranks: tuple[int, int]


# Of n channels the first rank and the last quarter are left free.
HIDDEN = Place("hidden", "flat", (6, 50))
CHANNELS = Place("tanh2", "channels", (2, 24))
PLACES = (Place("tanh1", "channels", (2, 12)), CHANNELS, HIDDEN)


class Asked(NamedTuple):
    """The exponent asked of a layer; of none without penalty."""

    place: Place | None = None
    alpha: float = 0.0

    def __str__(self) -> str:
        return f"{self.place.layer}, α* = {self.alpha:g}" if self.place else "no penalty"


FLAT = Asked(CHANNELS, 1.0)


class Network(NamedTuple):
    """What tells a network from the others."""

    asked: Asked
    seed: int


class Plan(NamedTuple):
    """How each network is trained."""

    epochs: int
    batch_size: int
    learning_rate: float
    width: int  # of the hidden layer


FULL = Plan(epochs=10, batch_size=500, learning_rate=6e-4, width=1000)
SMALL = Plan(epochs=20, batch_size=479, learning_rate=1e-3, width=200)


def trained(data: LabelledImages, plan: Plan, asked: Asked, seed: int) -> nn.Sequential:
    channels, height, width = data.images.shape[1:]
    model = NETWORKS["cnn"]((channels, height, width), 10, seed=seed, width=plan.width)
    objective = standard
    if asked.place is not None:
        layer, units, ranks = asked.place
        penalty = SpectralPenalty(alpha=asked.alpha, beta=BETA, ranks=ranks, units=units)
        objective = partial(spectral, penalties={layer: penalty})
    adam = keras_adam(model.parameters(), learning_rate=plan.learning_rate)
    for _ in train(
        model,
        data.images,
        data.labels,
        objective=objective,
        optimizer=adam,
        epochs=plan.epochs,
        batch_size=plan.batch_size,
        seed=seed,
    ):
        pass
    return model.eval()


def spreads(responses: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Standard deviation over orientations and phases, of each channel at each frequency."""
    cube = responses.double().reshape(*shape, -1).transpose(0, 1).flatten(1, 2)
    return cube.std(1, correction=0).T


def median_log2(curves: Tensor, noise: Tensor, shown: Shown) -> float:
    """Median preferred frequency of the channels that have one, log2 cycles per image, or NaN."""
    frequency, selected = preferred_frequency(curves, shown.bank.frequencies_cpd, noise=noise)
    there = (frequency[selected] * shown.per_image).log2()
    return float(np.median(there)) if len(there) else np.nan


def frequencies(model: nn.Module, shown: Shown) -> Found:
    """Median preferred frequency of each layer by each rule."""
    seen = collect(model, shown.bank.images, LAYERS, reduce=centre, batch_size=128)
    found = {}
    for layer, responses in seen.items():
        of = responses.mean()
        means, noise = tuning_curves(of, shown.bank.shape).frequency, rounding_noise(of)
        found[f"mean {layer}"] = median_log2(means, noise, shown)
        found[f"spread {layer}"] = median_log2(spreads(of, shown.bank.shape), noise, shown)
    return found


def measured(model: nn.Module, shown: Shown, test: LabelledImages) -> Found:
    found = {"accuracy": accuracy(model, test.images, test.labels).value, **alphas(model, test)}
    return found | frequencies(model, shown)


def alphas(model: nn.Module, test: LabelledImages, count: int = 1000) -> Found:
    """α of each layer's spectrum over test images."""
    found, activity = {}, test.images[:count]
    places = {place.layer: place for place in PLACES}
    with torch.no_grad():
        for name, layer in model.named_children():
            activity = layer(activity)
            if name in places:
                _, units, ranks = places[name]
                found[f"α {name}"] = batch_alpha(arrange(activity, units), ranks=ranks).item()
    return found


def one(
    load: Callable[[], tuple[LabelledImages, LabelledImages, Shown]], plan: Plan, chosen: Network
) -> Found:
    """Train and measure one network."""
    torch.set_num_threads(1)
    started = time.process_time()
    data, test, shown = load()
    found = measured(trained(data, plan, chosen.asked, chosen.seed), shown, test)
    values = ", ".join(f"{name} {value:.3f}" for name, value in found.items())
    seconds = time.process_time() - started
    print(f"{chosen.asked}, seed {chosen.seed} ({seconds:.0f} s): {values}", flush=True)
    return found


def table(found: dict[Network, Found], names: list[str]) -> str:
    """Mean ± sem over seeds, a row for each condition."""
    rows = ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for condition in dict.fromkeys(network.asked for network in found):
        cells = []
        for name in names:
            values = np.array([row[name] for net, row in found.items() if net.asked == condition])
            error = values.std(ddof=1) / len(values) ** 0.5 if len(values) > 1 else np.nan
            cells.append(f"{values.mean():.3f} ± {error:.3f}")
        rows.append(f"| {condition} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def report(found: dict[Network, Found]) -> str:
    tables = [table(found, ["accuracy", *(f"α {place.layer}" for place in PLACES)])]
    for rule in RULES:
        names = [f"{rule} {layer}" for layer in LAYERS]
        tables += [
            f"Median log2 preferred frequency (cycles per image), by {rule}:",
            table(found, names),
            "Less that without penalty, of the same seed:",
            table(shifts(found), names),
        ]
    return "\n\n".join(tables)


def shifts(found: dict[Network, Found]) -> dict[Network, Found]:
    """What the penalty changed: less the network of the same seed without it."""
    return {
        net: {name: value - found[net._replace(asked=Asked())][name] for name, value in row.items()}
        for net, row in found.items()
        if net.asked != Asked()
    }


def fourier_spreads(weight: Tensor, shown: Shown) -> Tensor:
    """What `spreads` of a convolution should give, from the Fourier transform of its filters.

    A filter answers a grating of contrast ½ with a sinusoid over phases of amplitude |H| / 2.
    """
    bank, drawing = shown.bank, shown.bank.images.drawing
    row, column = (torch.arange(weight.shape[-1]).double() for _ in range(2))
    angle = bank.orientations_deg.deg2rad()[:, None, None]
    across = row[:, None] * angle.cos() + column * angle.sin()
    cycles = bank.frequencies_cpd / drawing.pixels_per_degree
    wave = torch.exp(2j * torch.pi * cycles[:, None, None, None] * across)
    transform = torch.einsum("cyx,foyx->cfo", weight.double().sum(1) + 0j, wave)
    return (transform.abs().square() / 8).mean(2).sqrt()


@cache
def upsampled() -> tuple[LabelledImages, LabelledImages, Shown]:
    """The digits, upsampled to 16 × 16 pixels, and gratings of that size."""
    train_set, test_set = (
        data._replace(images=interpolate(data.images, scale_factor=2.0, mode="bilinear"))
        for data in (digits("train"), digits("test"))
    )
    return train_set, test_set, stimuli_for(16, protocol="paper", channels=1)


@cache
def photographs(count: int) -> tuple[LabelledImages, LabelledImages, Shown]:
    """The first images of CIFAR-10, its test images, and gratings of that size."""
    data = cifar10("train")
    few = data._replace(images=data.images[:count].clone(), labels=data.labels[:count].clone())
    return few, cifar10("test"), stimuli_for(32, protocol="paper")


def small() -> None:
    """Two networks that tell digits apart."""
    plain, flat = (one(upsampled, SMALL, Network(asked, 0)) for asked in (Asked(), FLAT))
    assert abs(flat["α tanh2"] - FLAT.alpha) < 0.3 < abs(plain["α tanh2"] - FLAT.alpha)
    assert min(plain["accuracy"], flat["accuracy"]) > 0.7
    data, _, shown = upsampled()
    model = trained(data, SMALL._replace(epochs=1), Asked(), seed=0)
    seen = collect(model, shown.bank.images, "conv1", reduce=centre, batch_size=128)
    expected = fourier_spreads(model.get_parameter("conv1.weight").detach(), shown)
    assert torch.allclose(
        spreads(seen["conv1"].mean(), shown.bank.shape), expected, atol=1e-4 * expected.max().item()
    )
    study = network_tuning(
        model, shown, LAYERS, seed=0, z_scored=False, batch_size=128, source="CNN on digits"
    )
    medians = {
        score.settings["layer"]: score.value
        for score in study.results
        if isinstance(score, Score) and score.name == "median_log2_frequency"
    }
    here = frequencies(model, shown)
    assert np.isnan(here["mean conv1"])  # it is linear
    assert {layer: here[f"mean {layer}"] for layer in LAYERS[1:]} == medians


def full(images: int, epochs: int, seeds: int, jobs: int) -> None:
    """Every condition, on CIFAR-10."""
    conditions = [Asked(), *(Asked(at, alpha) for at in (HIDDEN, CHANNELS) for alpha in ALPHAS)]
    chosen = [Network(asked, seed) for seed in range(seeds) for asked in conditions]
    rate = FULL.learning_rate * FULL.epochs / epochs  # Adam goes as far, in fewer steps
    plan = FULL._replace(epochs=epochs, learning_rate=rate)
    train_one = partial(one, partial(photographs, images), plan)
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        found = dict(zip(chosen, pool.map(train_one, chosen), strict=True))
    print(f"\n{images} images, {epochs} epochs at {rate:g}; mean ± sem over {seeds} seeds\n")
    print(report(found))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", action="store_true", help="CIFAR-10, every condition")
    parser.add_argument("--images", type=int, default=10_000, help="to train on")
    parser.add_argument("--epochs", type=int, default=FULL.epochs, help="fewer: larger steps")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1, help="networks at a time")
    chosen = parser.parse_args()
    if chosen.full:
        full(chosen.images, chosen.epochs, chosen.seeds, chosen.jobs)
    else:
        small()


if __name__ == "__main__":
    main()
