"""Run every benchmark: ``make bench``."""

from benchmarks import penalty_step

if __name__ == "__main__":
    penalty_step.main()
