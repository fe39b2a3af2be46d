"""Spectra of layers and recordings on the page: figures, one table, and what they say."""

from striate.report.spectra.section import STUDY

__all__ = ["STUDY"]
