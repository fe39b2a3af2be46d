"""Run every benchmark: ``make bench``."""

from benchmarks import cvpca, layer_spectrum, penalty_step, watch_overhead

if __name__ == "__main__":
    penalty_step.main()
    watch_overhead.main()
    layer_spectrum.main()
    cvpca.main()
