"""Does steering α make a network predict V1 better? Small networks for CIFAR-10, steered and not.

Each is trained in one of several ways (`robust_nets.py`, and with the exponent of its two first
maps held at 1, 2 or 3), then measured in every way, as `striate measure all` does: spectra, tuning,
predictivity of a V1 recording, robustness. Networks of 32 pixels see 4 degrees, by assumption.

Run it: ``python examples/v1_of_steered_nets.py`` (half a minute: two networks on digits, which no
recording is predicted by); with ``--full RESULTS --recording FILE`` on CIFAR-10 (a processor needs
one to ten minutes for each network to be trained and two to be measured). ``striate report
--results RESULTS`` draws the networks beside the 40 of Kong et al. 2021.
"""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import robust_nets
import torch
from robust_nets import CIFAR10, DIGITS, PLAIN, Asked, Data, trained

from striate import datasets
from striate.activations import Progress
from striate.results import Score, load
from striate.studies import kong2021, training
from striate.studies.kong2021 import Cortex, Plan, Shown

FIELD_DEG = 4.0
LAYERS = ("relu1", "relu2", "relu3", "hidden")
MAPS = ("relu1", "relu2")
DEFENDED = ("adversarial", "TRADES", "free", "input gradient", "adversarial, α* 1, β 0.1")
# Penalties that ridge chooses from; those of the paper are tiny beside the responses.
PLAN = Plan(photographs=1500, lambdas=tuple(10.0**power for power in range(2, 10)), per_neuron=True)


def ways(data: Data) -> dict[str, dict[str, Any]]:
    """Those of `robust_nets.ways`, and with the exponent of maps held."""
    held = {
        f"α* {alpha:g}, maps": {"spectral": training.Asked(alpha, 1.0, MAPS, (6, 50))}
        for alpha in (1.0, 2.0, 3.0)
    }
    return usual(data) | held


usual = robust_nets.ways
robust_nets.ways = ways  # which `trained` looks a way up in


@contextmanager
def silent(_: str) -> Iterator[Progress]:
    yield lambda done, of: None


def measured(asked: Asked, shown: Shown, plan: Plan, folder: Path) -> dict[str, float]:
    """Train and measure one network; its row by name, of PLS where there are two."""
    network = trained(asked, folder, "cpu")
    subject = kong2021.subject(network, layers=LAYERS, robust=asked.way in DEFENDED)
    path = kong2021.measure_all(subject, shown, plan, folder, watch=silent)
    row = {
        one.name: one.value
        for one in load(path)
        if isinstance(one, Score) and one.settings.get("regression") in (None, "", "pls")
    }
    numbers = ", ".join(f"{name} {value:.3f}" for name, value in row.items() if name != "missing")
    print(f"{asked.way}, seed {asked.seed}: {numbers}", flush=True)
    return row


def small() -> None:
    """Two networks on digits, which have a row each."""
    found = {}
    plan = PLAN._replace(attacked=50, sets=2, experiments=20)
    with TemporaryDirectory() as folder:
        for way in (PLAIN, "α* 2, maps"):
            asked = Asked(DIGITS._replace(epochs=5), way, 0)
            found[way] = measured(asked, Shown("digits", field_deg=1.0), plan, Path(folder))
    assert found[PLAIN]["clean_accuracy"] > 0.5
    assert {"frequency_score", "adversarial_accuracy"} <= found["α* 2, maps"].keys()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", type=Path, metavar="RESULTS", help="CIFAR-10")
    parser.add_argument("--recording", type=Path, help="of V1, with its images")
    parser.add_argument("--stimulus-deg", type=float, default=FIELD_DEG)
    parser.add_argument("--ways", nargs="*", help="by name; default: all")
    parser.add_argument("--seeds", type=int, default=2)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    if chosen.full is None:
        small()
        return
    cortex = None
    if chosen.recording is not None:
        cortex = Cortex(datasets.recording(chosen.recording), chosen.stimulus_deg, grouped="movie")
    for seed in range(1, chosen.seeds + 1):
        for way in chosen.ways or ways(CIFAR10):
            shown = Shown("cifar10", cortex=cortex, field_deg=FIELD_DEG)
            measured(Asked(CIFAR10, way, seed), shown, PLAN, chosen.full)


if __name__ == "__main__":
    main()
