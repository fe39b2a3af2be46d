"""Hot paths against named baselines, in one run, as ratios of medians."""
