"""Every figure of every set of networks, analysed once: figures, tables and findings read it."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from striate.report.kong2021.analysis import Analysis, analyse
from striate.report.kong2021.drawing import MEASURED, PUBLISHED
from striate.report.kong2021.found import Together
from striate.report.kong2021.panels import (
    ALONE,
    FIGURES,
    Drawn,
    Panel,
    panels,
    published_panel,
)


class Part(NamedTuple):
    """A panel, the source of its dots, and what they show."""

    panel: Panel
    source: str
    analysis: Analysis


class Shown(NamedTuple):
    """A figure and the panels of it that a measured network is in."""

    figure: Drawn
    together: Together
    parts: Sequence[Part]


def shown(there: Sequence[Together]) -> list[Shown]:
    """Analyse every figure of every set of networks."""
    return [
        Shown(
            figure,
            together,
            [
                Part(panel, MEASURED, analyse(panel.dots))
                for panel in panels(figure, together)
                if panel.dots
            ],
        )
        for together in there
        for figure in (*FIGURES, ALONE)
    ]


@cache
def published_part() -> Part:
    """Return what the paper's table shows."""
    panel = published_panel()
    return Part(panel, PUBLISHED, analyse(panel.dots))
