"""Measure how a vision network represents images, compare it with V1, and shape it.

Import the room you need: `striate.spectra`, `striate.robustness`, `striate.datasets`,
`striate.models`, `striate.training`, `striate.report`, … Nothing heavy is imported here.
"""

__version__ = "0.1.0"
