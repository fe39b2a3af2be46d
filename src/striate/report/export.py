"""Figures as files: SVG, PDF and CSV beside the report, and SVG inside its page."""

import io
import re
from collections import Counter
from collections.abc import Callable, Mapping

from matplotlib import rc_context
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from striate.report.figures import BLUE, HOUSE, INK, MUTED, PAGE, RULE, Plate

# In a page these follow the reader's light or dark setting; the template says how.
THEME = {
    INK: "currentColor",
    MUTED: "var(--muted)",
    RULE: "var(--rule)",
    BLUE: "var(--blue)",
    PAGE: "none",
}


@rc_context(HOUSE)
def files(plate: Plate) -> Mapping[str, bytes]:
    """Return the plate as the files it is saved as, by suffix: svg, pdf, csv."""
    figure = plate.figure
    _lay_out(figure)
    svg = _drawn(figure, FigureCanvasSVG(figure).print_svg, "Date", "Creator", "Format", "Type")
    pdf = _drawn(figure, FigureCanvasPdf(figure).print_pdf, "CreationDate")
    return {
        "svg": _told_apart(_numbered(_short(svg))),
        "pdf": pdf,
        "csv": plate.numbers.to_csv(index=False).encode(),
    }


def _drawn(figure: Figure, draw: Callable[..., object], *blank: str) -> bytes:
    """Draw a figure that is laid out, once: `Figure.savefig` draws twice, to lay out first.

    Without dates, which `blank` leaves out, the same results give the same bytes.
    """
    buffer, dpi = io.BytesIO(), figure.dpi
    draw(buffer, metadata=dict.fromkeys(blank))
    figure.dpi = dpi  # which drawing sets to that of the format
    return buffer.getvalue()


def inline_svg(svg: bytes, *, prefix: str, label: str) -> str:
    """Return a saved SVG as an element for a page: theme colours, its own ids, no outside link.

    Parameters
    ----------
    svg
        As `files` writes it.
    prefix
        Put before every id: two figures in one page must not share them.
    label
        The alternative text, already escaped.
    """
    text = svg.decode()
    text = text[text.index("<svg") :].replace("xlink:href", "href")
    text = re.sub(r'\bid="', f'id="{prefix}-', text)
    text = re.sub(r'(url\(#|href="#)', rf"\1{prefix}-", text)
    for colour, replacement in THEME.items():
        text = text.replace(colour, replacement)
    text = text.replace("'DejaVu Sans'", "system-ui, 'DejaVu Sans'")
    box = re.search(r'viewBox="[^"]*"', text)
    body = text[text.index(">") + 1 :]
    return f'<svg role="img" aria-label="{label}" {box[0] if box else ""}>{body}'


def _short(svg: bytes) -> bytes:
    """Round the coordinates of paths and marks to 1/100 point: half the size, same picture."""
    number = re.compile(rb"-?\d+\.\d{3,}")

    def rounded(attribute: re.Match[bytes]) -> bytes:
        return number.sub(lambda found: b"%.2f" % float(found[0]), attribute[0])

    return re.sub(rb'\b(?:d|x|y)="[^"]*"', rounded, svg)


def _numbered(svg: bytes) -> bytes:
    """Name what clips by its order: its hash has every digit of a layout, whose last one varies."""
    names: dict[bytes, bytes] = {}

    def named(found: re.Match[bytes]) -> bytes:
        return found[1] + names.setdefault(found[2], b"clip%d" % len(names))

    return re.sub(rb'(\bid="|#)(p[0-9a-f]{10})\b', named, svg)


def _told_apart(svg: bytes) -> bytes:
    """Number images that are alike: they are named by what they show, and a name is unique."""
    seen: Counter[bytes] = Counter()

    def named(found: re.Match[bytes]) -> bytes:
        seen[found[1]] += 1
        again = b"-%d" % seen[found[1]] if seen[found[1]] > 1 else b""
        return b'id="' + found[1] + again + b'"'

    return re.sub(rb'\bid="(image[0-9a-f]+)"', named, svg)


def _lay_out(figure: Figure) -> None:
    """Place everything once, for both formats; a drawing would do the same and more."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            # Else the place of a label that is none is sought among all ticks, again and again.
            if not axis.get_label_text():
                axis.set_label_coords(0, 0)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
    figure.set_layout_engine("none")
