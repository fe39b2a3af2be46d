"""Run every benchmark: ``make bench``."""

from benchmarks import penalty_step, watch_overhead

if __name__ == "__main__":
    penalty_step.main()
    watch_overhead.main()
