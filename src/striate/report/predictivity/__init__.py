"""How well layers of networks predict V1's neurons, one by one: a section of the page."""

from striate.report.predictivity.section import STUDY

__all__ = ["STUDY"]
