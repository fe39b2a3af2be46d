"""One readable file per study of a paper."""
