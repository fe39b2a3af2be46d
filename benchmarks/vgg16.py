"""Kernels of the seven layers of VGG-16 of Kong et al. 2021, and the memory they take.

2816 images of 224 × 224; the responses would fill 17 GB, the goal is a peak below 4 GB. The network
has untrained weights and the images are noise, made as they are asked for: neither changes the
arithmetic. Three parts are in memory at once, and each is measured:

- Python, torch and the weights, 0.8 GB: the same whatever is shown.
- The forward pass of a batch. Its height is reached within ``features.2``, at the resolution of the
  image: the input and the output of this convolution, 13 MB each per image, and at times a third
  tensor of that size within it. Hence batches of 8 here: 32 would take 0.9 GB more.
- What `kernels` plans with `MEMORY`: activations, Gram matrices and work on these. Every pass but
  the last fills that budget up to less than one block of units, and all run through ``features.2``.
  So the first pass is as high as any, but for what its plan falls short of the largest plan: that
  is printed, to be added.

So what is run is the first pass over all images given, products included, in a process of its own.
800 images, the default, fill the budget as 2816 do and take a minute or two;
``python -m benchmarks.vgg16 2816`` runs the first pass of the full size, five minutes of CPU time,
and ``python -m benchmarks.vgg16 2816 all`` every pass, one and a half hours. Without ``all`` the
time of all passes is extrapolated: images × forward pass up to the deepest layer of each pass, plus
blocks of 8192 units × their products, both timed by themselves; the same sum for the pass that was
run is printed beside what that took. Named baseline: a machine with memory for one pass that holds
all responses.
"""

import json
import os
import platform
import subprocess
import sys
import time
from contextlib import suppress
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from benchmarks.memory import peak_memory
from striate.activations import Pass, kernels, plan
from striate.activations._planning import BLOCK
from striate.activations._sums import working_memory

IMAGES, FEWER, PIXELS = 2816, 800, 224
BATCH, MEMORY, LIMIT = 8, "2.5GB", 4.0  # GB
UNITS = {
    "features.4": 64 * 112**2,
    "features.9": 128 * 56**2,
    "features.16": 256 * 28**2,
    "features.23": 512 * 14**2,
    "features.30": 512 * 7**2,
    "classifier.1": 4096,
    "classifier.4": 4096,
}
WIDTHS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


class VGG16(nn.Module):
    """As in torchvision, names, initial weights and rectification in place included."""

    def __init__(self) -> None:
        super().__init__()
        layers, channels = list[nn.Module](), 3
        for widths in WIDTHS:
            for width in widths:
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
                channels = width
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096), nn.ReLU(inplace=True), nn.Dropout(),
            nn.Linear(4096, 4096), nn.ReLU(inplace=True), nn.Dropout(),
            nn.Linear(4096, 1000),
        )  # fmt: skip
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, 0, 0.01)
            if isinstance(module, (nn.Conv2d, nn.Linear)) and module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits; maps of 7 × 7 need no pooling to that size."""
        return self.classifier(self.features(images).flatten(1))


class Noise:
    """Images that are made when they are asked for, each from a seed of its own."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: slice) -> Tensor:
        seeds = range(self.count)[index]
        return torch.stack([_noise(seed) for seed in seeds])


class Ran(NamedTuple):
    """Some passes of the plan."""

    passes: int  # that are planned
    images: int  # shown in the passes that were run
    cpu: float  # seconds
    wall: float
    peak: float  # GB


class Costs(NamedTuple):
    """What the parts take, each by itself."""

    start: float  # GB: Python, torch, weights
    one_batch: float  # GB: and the forward pass of a batch
    forward: dict[str, float]  # CPU seconds per image, up to a layer
    block: float  # CPU seconds per block of units, standardised and multiplied


class _EnoughError(Exception):
    """The first pass is done, and its products are summed."""


def main(images: int = FEWER, extent: str = "first") -> None:
    """Print what was measured, and what all passes over all images would take."""
    costs, ran = Costs(*_alone("costs", IMAGES)), Ran(*_alone(extent, images))
    whole, shown = _planned(IMAGES), _planned(images)
    if len(shown) != ran.passes:
        raise RuntimeError(f"{ran.passes} passes were planned, {len(shown)} expected")
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"
    print(f"\nVGG-16, {len(UNITS)} layers, {PIXELS} px, float32, batches of {BATCH}; {machine}")
    print(f"  Python, torch and the weights               {costs.start:>6.2f} GB")
    print(f"  and the forward pass of one batch           {costs.one_batch:>6.2f} GB")
    what = "all passes" if extent == "all" else f"the first of {ran.passes} pass(es)"
    print(
        f"  and memory={MEMORY!r}: {what} over {images} images, peak {ran.peak:.2f} GB "
        f"({'below' if ran.peak < LIMIT else 'ABOVE'} {LIMIT:g} GB); "
        f"{ran.wall:.0f} s, {ran.cpu:.0f} s of CPU"
    )
    largest = max(each.memory for each in whole) / 1e9
    print(
        f"  planned for it {shown[0].memory / 1e9:.2f} GB; for {IMAGES} images at most "
        f"{largest:.2f} GB in a pass"
    )
    total = _seconds(whole, costs)
    everything = _seconds([Pass(tuple(s for p in whole for s in p.slices), 0)], costs)
    responses = 4 * IMAGES * sum(UNITS.values()) / 1e9
    print(
        f"  {IMAGES} images: {len(whole)} passes, to {', '.join(_deepest(whole))}\n"
        f"  extrapolated from {BATCH} images per depth and the products of one block: "
        f"{total / 3600:.2f} h of CPU, {total / everything:.2f} × one pass that would hold "
        f"{responses:.1f} GB of responses"
    )
    if extent != "all":
        alike = _seconds(shown[:1], costs, images)
        print(f"  the same extrapolation of what was run: {alike:.0f} s of CPU")


def _planned(images: int) -> list[Pass]:
    overhead = working_memory(images, BATCH, BLOCK, itemsize=4)
    return plan(UNITS, stimuli=images, memory=MEMORY, overhead=overhead)


def _deepest(passes: list[Pass]) -> list[str]:
    return [each.slices[-1].layer for each in passes]


def _seconds(passes: list[Pass], costs: Costs, images: int = IMAGES) -> float:
    """Extrapolate; products, which `costs` has for all images, go with the square of these."""
    forward = sum(images * costs.forward[layer] for layer in _deepest(passes))
    units = sum(part.stop - part.start for each in passes for part in each.slices)
    return forward + units / BLOCK * costs.block * (images / IMAGES) ** 2


def _alone(way: str, images: int) -> list:
    """Run one way in a fresh process, whose peak memory is its own."""
    command = [sys.executable, "-m", "benchmarks.vgg16", "alone", way, str(images)]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def _run(way: str, images: int) -> Ran:
    shown, of = 0, 0

    def progress(so_far: int, all_of_them: int) -> None:
        nonlocal shown, of
        # Products follow the last batch of a pass, so that they are done once the next begins.
        if way == "first" and so_far > images:
            raise _EnoughError
        shown, of = so_far, all_of_them

    model = _model()
    wall, cpu = time.perf_counter(), time.process_time()
    with suppress(_EnoughError):
        kernels(
            model,
            Noise(images),
            list(UNITS),
            z_scored=True,
            memory=MEMORY,
            batch_size=BATCH,
            progress=progress,
        )
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Ran(of // images, shown, cpu, wall, _gigabytes())


def _costs(images: int) -> Costs:
    model = _model()
    start, batch = _gigabytes(), Noise(images)[:BATCH]
    with torch.no_grad():
        model(batch)
        one_batch, forward = _gigabytes(), dict[str, float]()
        ends = [int(name.partition(".")[2]) + 1 for name in UNITS if name.startswith("features")]
        spent = 0.0
        for name, (begin, end) in zip(UNITS, pairwise([0, *ends]), strict=False):
            started = time.process_time()
            batch = model.features[begin:end](batch)
            spent += time.process_time() - started
            forward[name] = spent / BATCH
        started = time.process_time()
        model.classifier(batch.flatten(1))
        spent += time.process_time() - started
        forward |= {name: spent / BATCH for name in UNITS if name.startswith("classifier")}
    blocks = 4
    responses = torch.rand(images, blocks * BLOCK, generator=torch.Generator().manual_seed(0))
    started = time.process_time()
    kernels(nn.Sequential(nn.Flatten()), responses, "0", z_scored=True, batch_size=BATCH)
    return Costs(start, one_batch, forward, (time.process_time() - started) / blocks)


def _model() -> VGG16:
    torch.manual_seed(0)
    return VGG16().eval()


def _noise(seed: int) -> Tensor:
    return torch.rand(3, PIXELS, PIXELS, generator=torch.Generator().manual_seed(seed))


def _gigabytes() -> float:
    return peak_memory() * 2**20 / 1e9


if __name__ == "__main__":
    if sys.argv[1:2] == ["alone"]:
        _, _, way, count = sys.argv
        print(json.dumps(_costs(int(count)) if way == "costs" else _run(way, int(count))))
    else:
        main(int((sys.argv[1:] or [FEWER])[0]), (sys.argv[2:] or ["first"])[0])
