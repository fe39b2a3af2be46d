"""The eigenspectrum of a layer: `kernels` and its eigenvalues against scikit-learn.

Named baseline: ``StandardScaler`` and ``PCA(svd_solver="full")`` on all responses of the layer in
float32, as the released code of Kong et al. 2021 has it. Each way runs in a process of its own, so
that its peak memory is its own, and shows a convolution the same images. Seconds are of CPU time,
which a busy machine changes less than others.
"""

import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from striate.activations import collect, kernels

IMAGES, PIXELS, MEMORY = 1000, 32, "500MB"
UNITS = (10_240, 102_400, 409_600)
MOST = 102_400  # units up to which the baseline is run
RANKS = slice(9, 500)  # 10 to 500, where eigenvalues are compared


def main() -> None:
    """Print the table."""
    print(
        f"spectrum of one layer, {IMAGES} images, float32, CPU seconds; {platform.machine()}, "
        f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, budget {MEMORY}"
    )
    _, start = _measured("nothing", UNITS[0])
    print(f"Python, torch, a model, images and one batch of them: {start:.0f} MB")
    print(f"  {'units':>8}{'ours s':>9}{'peak MB':>9}{'sklearn s':>12}{'peak MB':>9}{'ratio':>8}")
    seconds_per_unit, peak_per_unit = 0.0, 0.0
    for units in UNITS:
        seconds, peak = _measured("ours", units)
        if units <= MOST:
            theirs, their_peak = _measured("sklearn", units)
            seconds_per_unit, peak_per_unit = theirs / units, (their_peak - start) / units
            note = ""
        else:
            theirs, their_peak = seconds_per_unit * units, start + peak_per_unit * units
            note = "  sklearn not run: extrapolated, in proportion to units"
        print(
            f"  {units:>8}{seconds:>9.1f}{peak:>9.0f}{theirs:>12.1f}{their_peak:>9.0f}"
            f"{theirs / seconds:>8.1f}{note}",
            flush=True,
        )
    print(f"greatest relative difference of eigenvalues 10 to 500: {_difference(UNITS[0]):.1e}")


def _measured(way: str, units: int) -> tuple[float, float]:
    """Run one way in a fresh process; return its CPU seconds and its peak memory in MB."""
    command = [sys.executable, "-m", "benchmarks.layer_spectrum", way, str(units)]
    seconds, peak = subprocess.run(
        command, capture_output=True, text=True, check=True
    ).stdout.split()
    return float(seconds), float(peak)


def _layer(units: int) -> nn.Module:
    """Build a convolution that puts out so many units."""
    layer = nn.Conv2d(3, units // PIXELS**2, 5, padding=2, bias=False)
    nn.init.normal_(layer.weight, generator=torch.Generator().manual_seed(0))
    return nn.Sequential(layer, nn.ReLU())


def _images() -> torch.Tensor:
    """Smooth noise: spectra fall steeply, as those of photographs do."""
    coarse = torch.rand(IMAGES, 3, PIXELS, PIXELS, generator=torch.Generator().manual_seed(1))
    smooth = nn.functional.avg_pool2d(coarse, 3, 1, padding=1)
    return 0.1 * coarse + 0.9 * smooth


def _ours(units: int) -> torch.Tensor:
    kernel = kernels(_layer(units), _images(), "1", z_scored=True, memory=MEMORY)["1"]
    return torch.linalg.eigvalsh(kernel.gram).flip(0) / (IMAGES - 1)


def _sklearn(units: int) -> torch.Tensor:
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    responses = collect(_layer(units), _images(), "1")["1"].mean().numpy()
    standard = StandardScaler().fit_transform(responses)
    return torch.from_numpy(PCA(svd_solver="full").fit(standard).explained_variance_)


def _nothing(units: int) -> None:
    with torch.no_grad():
        _layer(units)(_images()[:32])


WAYS: dict[str, Callable[[int], object]] = {
    "ours": _ours,
    "sklearn": _sklearn,
    "nothing": _nothing,
}


def _difference(units: int) -> float:
    ours, theirs = _ours(units)[RANKS], _sklearn(units)[RANKS]
    return (ours / theirs - 1).abs().max().item()


def _alone(way: str, units: int) -> None:
    if way == "sklearn":
        import sklearn.decomposition
        import sklearn.preprocessing  # noqa: F401, not to be timed
    started = time.process_time()
    WAYS[way](units)
    seconds = time.process_time() - started
    print(seconds, _peak())


def _peak() -> float:
    """Return the peak memory of this process in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # where the system's count for a process starts from that of its parent
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 1024
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


if __name__ == "__main__":
    if len(sys.argv) == 3:
        _alone(sys.argv[1], int(sys.argv[2]))
    else:
        main()
