"""The same networks in several studies: exponent, tuning and robustness in one scatter."""

from striate.report.joined.section import STUDY

__all__ = ["STUDY"]
