"""Kong et al. 2021: the 40 published networks, those measured here, and the user's own."""

from striate.report.kong2021.section import STUDY

__all__ = ["STUDY"]
