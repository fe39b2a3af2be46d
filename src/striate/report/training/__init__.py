"""Which networks were trained, and how: a section of the page."""

from striate.report.training.section import STUDY

__all__ = ["STUDY"]
