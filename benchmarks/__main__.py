"""Run every benchmark, the longest at a reduced size: ``make bench``."""

from benchmarks import (
    cvpca,
    layer_spectrum,
    penalty_step,
    pgd,
    predictivity,
    tuning_experiments,
    vgg16,
    watch_overhead,
)

if __name__ == "__main__":
    penalty_step.main()
    watch_overhead.main()
    layer_spectrum.main()
    cvpca.main()
    tuning_experiments.main()
    predictivity.main()
    pgd.main()
    vgg16.main()
    print("\nThe full sizes, which take longer:")
    for arguments in ("layer_spectrum 1000 409600", "cvpca 2800 10000 2", "vgg16 2816"):
        print(f"  python -m benchmarks.{arguments}")
