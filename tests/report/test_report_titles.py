"""Names that are longer than the place they are given."""

import pytest
from matplotlib import rc_context
from matplotlib.figure import Figure

from striate.report.drawing import network_legend, wrapped
from striate.report.figures import HOUSE, WIDTH


def test_a_long_name_is_broken_and_one_that_is_too_long_keeps_its_end():
    assert wrapped("one two", 20) == "one two"
    assert wrapped("one two three", 7) == "one two\nthree"
    assert wrapped("first second third fourth", 6) == "…second\nthird\nfourth"
    assert wrapped("first second third", 6, 2) == "…second\nthird"


@pytest.mark.parametrize("length", [5, 24, 40, 70])
def test_names_of_networks_stay_within_the_figure(length):
    with rc_context(HOUSE):
        figure = Figure(figsize=(WIDTH, 3), layout="constrained")
        figure.subplots()
        names = ["n" * length + str(number) for number in range(6)]
        network_legend(figure, {name: {"color": "k", "marker": "o"} for name in names})
        figure.draw_without_rendering()
    (legend,) = figure.legends
    around = legend.get_window_extent()
    assert around.x0 >= 0
    assert around.x1 <= figure.bbox.x1
    assert [text.get_text() for text in legend.get_texts()] == names
