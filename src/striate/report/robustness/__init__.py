"""How well networks withstand attacks, and whether that is real: a section of the page."""

from striate.report.robustness.section import STUDY

__all__ = ["STUDY"]
