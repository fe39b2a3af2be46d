from matplotlib.figure import Figure

from striate.report.forest import reference


def test_the_name_of_a_line_stands_in_the_panel():
    axes = Figure(figsize=(4, 2)).subplots()
    axes.plot([0.4, 1.0], [0, 1])
    reference(axes, 0.5, "on the left")
    reference(axes, 1.0, "bound, many dimensions", 1)
    assert [text.get_ha() for text in axes.texts] == ["left", "right"]
    axes.figure.draw_without_rendering()
    panel = axes.get_window_extent()
    for text in axes.texts:
        around = text.get_window_extent()
        assert panel.x0 < around.x0
        assert around.x1 < panel.x1
