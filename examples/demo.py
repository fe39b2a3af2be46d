"""Train, attack and explain a handful of networks in under four minutes on two cores.

What ``make demo`` runs: MNIST where it is at hand, the digits of scikit-learn otherwise.
"""

import os
import subprocess
import sys
from pathlib import Path

from striate import datasets
from striate.report import gerum2022_findings
from striate.results import load_all

RESULTS = Path("results/demo")


def main() -> None:
    data = "mnist" if datasets.locate("mnist") else "digits"
    print(f"striate demo: does the eigenspectrum of a hidden layer decide robustness? ({data})\n")
    jobs = str(min(2, os.cpu_count() or 1))
    striate("run", "gerum2022", "--preset", "quick", "--data", data, "--jobs", jobs)
    striate("report")
    print("\n".join(f"\n* {finding}" for finding in gerum2022_findings(load_all(RESULTS))))
    print(f"\nThe report: {(RESULTS / 'report' / 'report.html').resolve()}")


def striate(*arguments: str) -> None:
    command = [sys.executable, "-m", "striate.cli", *arguments, "--results", str(RESULTS)]
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
