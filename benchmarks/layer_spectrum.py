"""The eigenspectrum of a layer: `kernels` and its eigenvalues against scikit-learn.

Named baseline: ``StandardScaler`` and ``PCA(svd_solver="full")`` on all responses of the layer in
float32, as the released code of Kong et al. 2021 has it. Each way runs in a process of its own, so
that its peak memory is its own, and shows a convolution the same images. Seconds are of CPU time,
which a busy machine changes less than others, above all with ``OMP_NUM_THREADS=1``.

The baseline at 400,000 units takes minutes and many times the memory of the responses:
``python -m benchmarks.layer_spectrum 1000 409600`` runs it (images, and up to how many units);
without, it is extrapolated from the next smaller size, which the table says.
"""

import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from benchmarks.memory import peak_memory
from striate.activations import collect, kernels
from striate.spectra import gram_eigenspectrum

PIXELS, MEMORY = 32, "500MB"
UNITS = (10_240, 102_400, 409_600)
IMAGES, MOST = 1000, 102_400  # units up to which the baseline is run
BLOCK, ROWS = 8192, 256  # units and images that the floor multiplies at a time, as `kernels` does
RANKS = slice(9, 500)  # 10 to 500, where eigenvalues are compared


class Measured(NamedTuple):
    """What one way took, in a process of its own."""

    seconds: float  # of CPU time
    peak: float  # memory in MB
    spectrum: Tensor = torch.empty(0)  # eigenvalues in `RANKS`


def main(images: int = IMAGES, most: int = MOST) -> None:
    """Print the table."""
    print(
        f"\nspectrum of one layer, {images} images, float32, CPU seconds; {platform.machine()}, "
        f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, budget {MEMORY}"
    )
    start = _measured("nothing", UNITS[0], images).peak
    print(f"Python, torch, a model, images and one batch of them: {start:.0f} MB")
    print(
        f"  {'units':>8}{'ours s':>9}{'peak MB':>9}{'sklearn s':>12}{'peak MB':>9}"
        f"{'s ratio':>9}{'MB ratio':>10}{'floor s':>9}{'|Δλ|/λ':>9}"
    )
    before, size = Measured(0.0, start, torch.empty(0)), UNITS[0]
    for units in UNITS:
        ours, floor = (_measured(way, units, images) for way in ("ours", "floor"))
        if units <= most:
            theirs, size = _measured("sklearn", units, images), units
            off, note = f"{(ours.spectrum / theirs.spectrum - 1).abs().max():.1e}", ""
            before = theirs
        else:
            times = units / size
            theirs = Measured(before.seconds * times, start + (before.peak - start) * times)
            off, note = "", "  sklearn not run: extrapolated, in proportion to units"
        print(
            f"  {units:>8}{ours.seconds:>9.1f}{ours.peak:>9.0f}{theirs.seconds:>12.1f}"
            f"{theirs.peak:>9.0f}{theirs.seconds / ours.seconds:>9.1f}"
            f"{theirs.peak / ours.peak:>10.1f}{floor.seconds:>9.1f}{off:>9}{note}",
            flush=True,
        )
    print("floor: the products and the eigenvalues alone")
    print(f"|Δλ|/λ: the largest, of eigenvalues {RANKS.start + 1} to {RANKS.stop}")


def _measured(way: str, units: int, images: int) -> Measured:
    """Run one way in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.layer_spectrum", way, str(units), str(images)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    seconds, peak, *spectrum = map(float, printed)
    return Measured(seconds, peak, torch.tensor(spectrum, dtype=torch.float64))


def _layer(units: int) -> nn.Module:
    """Build a convolution that puts out so many units."""
    layer = nn.Conv2d(3, units // PIXELS**2, 5, padding=2, bias=False)
    nn.init.normal_(layer.weight, generator=torch.Generator().manual_seed(0))
    return nn.Sequential(layer, nn.ReLU())


def _images(count: int) -> Tensor:
    """Smooth noise: spectra fall steeply, as those of photographs do."""
    coarse = torch.rand(count, 3, PIXELS, PIXELS, generator=torch.Generator().manual_seed(1))
    smooth = nn.functional.avg_pool2d(coarse, 3, 1, padding=1)
    return 0.1 * coarse + 0.9 * smooth


def _ours(units: int, images: int) -> Tensor:
    kernel = kernels(_layer(units), _images(images), "1", z_scored=True, memory=MEMORY)["1"]
    return gram_eigenspectrum(kernel.gram)


def _sklearn(units: int, images: int) -> Tensor:
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    responses = collect(_layer(units), _images(images), "1")["1"].mean().numpy()
    standard = StandardScaler().fit_transform(responses)
    return torch.from_numpy(PCA(svd_solver="full").fit(standard).explained_variance_)


def _nothing(units: int, images: int) -> Tensor:
    with torch.no_grad():
        _layer(units)(_images(images)[:32])
    return torch.empty(0)


def _floor(units: int, images: int) -> Tensor:
    """Products and eigenvalues alone: no responses to make, no moments, nothing standardised."""
    block = torch.rand(images, BLOCK, generator=torch.Generator().manual_seed(2)) - 0.5
    gram = torch.zeros(images, images, dtype=torch.float64)
    for begin in range(0, units, BLOCK):
        some = block[:, : units - begin]
        for start in range(0, images, ROWS):  # nothing above the diagonal
            gram[start:, start : start + ROWS] += some[start:] @ some[start : start + ROWS].T
    return torch.linalg.eigvalsh(gram)


WAYS: dict[str, Callable[[int, int], Tensor]] = {
    "ours": _ours,
    "sklearn": _sklearn,
    "nothing": _nothing,
    "floor": _floor,
}


def _alone(way: str, units: int, images: int) -> None:
    if way == "sklearn":
        import sklearn.decomposition
        import sklearn.preprocessing  # noqa: F401, not to be timed
    started = time.process_time()
    spectrum = WAYS[way](units, images)
    seconds = time.process_time() - started
    print(seconds, peak_memory(), *spectrum[RANKS].tolist())


if __name__ == "__main__":
    if len(sys.argv) == 4:
        _alone(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    else:
        main(*map(int, sys.argv[1:3]))
