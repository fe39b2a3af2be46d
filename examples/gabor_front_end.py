"""Give any network a fixed front end of Gabor filters, and measure it like every other layer.

The first convolution of a network makes way for a bank of Gabor filters that training leaves alone,
their rectification, and a convolution of 1 × 1 that brings their number to what the next layer
takes. Two banks are drawn: frequencies as often as macaque V1 prefers them (De Valois et al. 1982),
and evenly often. The measured tuning is the planted one, and so is the likeness to V1.

Run it: ``python examples/gabor_front_end.py`` (about fifteen seconds).
"""

import math
from collections import OrderedDict
from copy import deepcopy
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, cross_entropy, interpolate, pad

from striate.datasets import digits
from striate.reference import devalois1982
from striate.results import Score
from striate.study.tuning import Shown, network_tuning, stimuli_for
from striate.tuning import (
    FREQUENCIES_CPD,
    ORIENTATIONS_DEG,
    frequency_experiments,
    frequency_histogram,
    frequency_score,
    gabor,
)

SIZE, FIELD_DEG = 96, 4.0
PIXELS_PER_DEGREE = SIZE / FIELD_DEG
FILTERS, EXPERIMENTS, DRAWS, SEED = 128, 1000, 150, 0
# V1 cells are tuned more broadly, 1.4 octaves. But tuning curves are means over orientations, and
# to oblique patches a broad filter responds best at lower frequencies: some would move down a bin.
OCTAVES = 1.0
# Wavelengths in one standard deviation of an envelope of that bandwidth at half height.
CYCLES = math.sqrt(math.log(2) / 2) / math.pi * (2**OCTAVES + 1) / (2**OCTAVES - 1)


class Planted(NamedTuple):
    """What each filter is tuned to."""

    frequency_cpd: Tensor
    orientation_deg: Tensor
    phase_deg: Tensor


def v1() -> tuple[Tensor, Tensor]:
    """Edges of bins in cycles per degree, and how many cells prefer a frequency in each."""
    table = devalois1982()
    edges = [*table["bin_left_cpd"], table["bin_right_cpd"].iloc[-1]]
    cells = torch.tensor(table["count"].to_numpy(), dtype=torch.float64)
    return torch.tensor(edges, dtype=torch.float64), cells


def plant(weights: Tensor, generator: torch.Generator) -> Planted:
    """Draw frequencies as often as `weights` say, orientations and phases evenly."""
    frequency = torch.multinomial(weights, FILTERS, replacement=True, generator=generator)
    orientation = torch.randint(len(ORIENTATIONS_DEG), (FILTERS,), generator=generator)
    phase = torch.randint(4, (FILTERS,), generator=generator)
    order = frequency.argsort(stable=True)  # filters of one size are one convolution
    return Planted(
        torch.tensor(FREQUENCIES_CPD, dtype=torch.float64)[frequency[order]],
        torch.tensor(ORIENTATIONS_DEG, dtype=torch.float64)[orientation[order]],
        90.0 * phase[order],
    )


class GaborFrontEnd(nn.Module):
    """Filter brightness with fixed Gabor patches, each as large as its wavelength needs.

    There is a map for each filter, as large as the maps of `replaced`, whose kernel is square.
    """

    def __init__(self, planted: Planted, replaced: nn.Conv2d) -> None:
        super().__init__()
        if isinstance(replaced.padding, str):
            raise ValueError(f"padding={replaced.padding!r}: give the convolution one in pixels")
        self.stride = replaced.stride
        self.smaller = replaced.kernel_size[0] - 2 * replaced.padding[0]
        self.bands = int(planted.frequency_cpd.unique().numel())
        for band, frequency in enumerate(planted.frequency_cpd.unique()):
            same = planted.frequency_cpd == frequency
            angles = zip(planted.orientation_deg[same], planted.phase_deg[same], strict=True)
            weights = [weight(float(frequency), float(at), float(phase)) for at, phase in angles]
            # A buffer is saved with the network and moves with it, but no optimiser sees it.
            self.register_buffer(f"filters{band}", torch.stack(weights)[:, None])

    def forward(self, pixels: Tensor) -> Tensor:
        # Filters do not see uniform brightness; what is beyond the edge is as gray as 0.5.
        gray, maps = pixels.mean(1, keepdim=True) - 0.5, []
        for band in range(self.bands):
            filters = self.get_buffer(f"filters{band}")
            beyond = filters.shape[-1] - self.smaller
            before, after = beyond // 2, beyond - beyond // 2
            maps.append(conv2d(pad(gray, [before, after] * 2), filters, stride=self.stride))
        return torch.cat(maps, 1)


def weight(frequency_cpd: float, orientation_deg: float, phase_deg: float) -> Tensor:
    """One filter, of mean 0 and norm 1, out to two standard deviations of its envelope."""
    sigma_deg = CYCLES / frequency_cpd
    patch = gabor(
        2 * math.ceil(2 * sigma_deg * PIXELS_PER_DEGREE) + 1,
        frequency_cpd=frequency_cpd,
        orientation_deg=orientation_deg,
        phase_deg=phase_deg,
        wavelengths="exact",
        pixels="float",
        pixels_per_degree=PIXELS_PER_DEGREE,
        sigma_deg=sigma_deg,
    )
    centred = patch - patch.mean()
    return centred / centred.norm()


def with_front_end(model: nn.Module, planted: Planted) -> tuple[nn.Module, str]:
    """Return a copy whose first convolution made way, and the name of the rectified filters."""
    name, first = next((n, m) for n, m in model.named_modules() if isinstance(m, nn.Conv2d))
    front: OrderedDict[str, nn.Module] = OrderedDict(
        gabors=GaborFrontEnd(planted, first),
        rectified=nn.ReLU(),
        mixed=nn.Conv2d(len(planted.frequency_cpd), first.out_channels, 1),
    )
    changed = deepcopy(model)
    changed.set_submodule(name, nn.Sequential(front))
    return changed, f"{name}.rectified"


def network() -> nn.Sequential:
    """Any network would do."""
    torch.manual_seed(SEED)
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 32, 8, stride=8),
            relu1=nn.ReLU(),
            conv2=nn.Conv2d(32, 32, 3, padding=1),
            relu2=nn.ReLU(),
            flatten=nn.Flatten(),
            output=nn.Linear(32 * 12 * 12, 10),
        )
    )


def check_tuning(model: nn.Module, layer: str, planted: Planted, shown: Shown) -> float:
    """Measure the front end; return its score, which is what was planted."""
    study = network_tuning(
        model,
        shown,
        layer,
        experiments=EXPERIMENTS,
        draws=DRAWS,
        seed=SEED,
        z_scored=False,
        source="Gabor front end",
    )
    found = {name.removeprefix(f"{layer}/"): values for name, values in study.arrays.items()}
    score = {one.name: one.value for one in study.results if isinstance(one, Score)}
    assert found["selected"].all()
    assert (found["preferred_cpd"] == planted.frequency_cpd.float().numpy()).all()
    best = shown.bank.orientations_deg[found["orientation_tuning"].argmax(1)]
    assert (best == planted.orientation_deg).all()
    assert 1 < score["median_phase_modulation"] < 2  # π/2: rectified, and linear before
    edges, cells = v1()
    implied = frequency_experiments(
        planted.frequency_cpd,
        edges=edges,
        reference=cells,
        draws=DRAWS,
        experiments=EXPERIMENTS,
        generator=torch.Generator().manual_seed(SEED),
    )
    assert math.isclose(score["frequency_score"], implied.mean().item(), abs_tol=1e-12)
    whole = frequency_score(frequency_histogram(planted.frequency_cpd, edges), cells).item()
    print(
        f"score {score['frequency_score']:.3f}, of all filters {whole:.3f}; "
        f"bandwidth {score['median_bandwidth_octaves']:.2f} octaves, "
        f"circular variance {score['median_circular_variance']:.2f}, "
        f"F1/F0 {score['median_phase_modulation']:.2f}"
    )
    return score["frequency_score"]


def check_training(model: nn.Module) -> None:
    """Teach it some digits: the rest learns, and the filters stay."""
    train, test = (
        data._replace(images=interpolate(data.images, SIZE, mode="bilinear").expand(-1, 3, -1, -1))
        for data in (digits("train"), digits("test"))
    )
    filters = {name: values.clone() for name, values in model.named_buffers()}
    adam = torch.optim.Adam(model.parameters(), lr=3e-3)
    for batch in torch.randperm(len(train.images))[:1280].split(64):
        adam.zero_grad()
        cross_entropy(model(train.images[batch]), train.labels[batch]).backward()
        adam.step()
    with torch.no_grad():
        correct = (model(test.images).argmax(1) == test.labels).float().mean()
    print(f"digits after 20 steps: accuracy {correct:.3f}")
    assert correct > 0.7
    assert filters
    assert all(torch.equal(model.get_buffer(name), filters[name]) for name in filters)


def main() -> None:
    shown = stimuli_for(SIZE, protocol="paper", field_deg=FIELD_DEG)
    generator = torch.Generator().manual_seed(SEED)
    _, cells = v1()
    scores = {}
    for name, weights in (("as V1", cells), ("evenly", (cells > 0).double())):
        planted = plant(weights, generator)
        model, layer = with_front_end(network(), planted)
        print(f"{FILTERS} filters, frequencies {name}: ", end="")
        scores[name] = check_tuning(model, layer, planted, shown)
        if name == "as V1":
            check_training(model)
    assert scores["as V1"] > 0.85 > scores["evenly"]


if __name__ == "__main__":
    main()
