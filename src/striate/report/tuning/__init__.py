"""What channels of networks are tuned to, beside macaque V1: a section of the page."""

from striate.report.tuning.section import STUDY

__all__ = ["STUDY"]
