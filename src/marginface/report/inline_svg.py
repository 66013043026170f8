"""A matplotlib figure as SVG to stand inside a page: its colours are the page's, so that they follow light and dark."""

import io
import re
import warnings

import matplotlib
from markupsafe import Markup, escape
from matplotlib.figure import Figure

INK, FAINT, GRID = "#0a0b00", "#0a0b01", "#0a0b02"  # drawn with, and replaced by the page's colours of these names
NUM_COLOURS = 6
_VARIABLES = {INK: "--ink", FAINT: "--faint", GRID: "--grid"} | {
    f"#0a0c{i:02x}": f"--series-{i}" for i in range(1, NUM_COLOURS + 1)
}


def series_colour(number: int) -> str:
    """What to draw with for the page's colour ``--series-<number>``, from 1 to :data:`NUM_COLOURS`."""
    return f"#0a0c{number:02x}"


def to_svg(figure: Figure, title: str, key: str) -> Markup:
    """The figure as an ``<svg>`` element, the same for the same figure.

    Args:
        figure: Drawn with the colours above only; a point of its size becomes a pixel.
        title: What it shows, for those who cannot see it.
        key: Unique in the page; ids begin with it, so that the ids of several plots do not meet.
    """
    file = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": key}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # the browser has it
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    width, height = (round(72 * inches) for inches in figure.get_size_inches())
    head = (
        f'<svg class="plot" role="img" aria-labelledby="{key}-title" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}"><title id="{key}-title">{escape(title)}</title>\n'
    )
    return Markup(head + _inline(file.getvalue(), key))  # matplotlib escapes the text it draws


def _inline(svg: str, key: str) -> str:
    """What stands inside ``<svg>``, and its end: with the page's colours and font, without what no page needs."""
    text = re.sub(r"(?s)^.*?<svg [^>]*>|<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", svg)
    text = re.sub(r"(fill|stroke): (#0a0[bc]\d\d)", lambda m: f"{m[1]}: var({_VARIABLES[m[2]]})", text)
    text = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", text)
    text = re.sub(r" font-family: [^;\"]*;", "", text)
    text = re.sub(r"<g id=\"[^\"]*\"/>\n?| transform=\"rotate\(-0 [^\"]*\"", "", text)
    text = re.sub(r"(?<=<g) id=\"[^\"]*\"", "", text)
    text = re.sub(r" (?:xlink:)?href=\"#", f' href="#{key}-', text)
    text = re.sub(r" id=\"", f' id="{key}-', text).replace("url(#", f"url(#{key}-")
    text = re.sub(r" (?:d|x|y)=\"[^\"]*\"", lambda m: _short(m[0]), text)
    return re.sub(r"\s*\n\s*", "\n", text)


def _short(attribute: str) -> str:
    """Coordinates to a hundredth of a pixel, without line breaks."""
    rounded = re.sub(r"\d+\.\d+", lambda m: f"{float(m[0]):.2f}".rstrip("0").rstrip("."), attribute)
    return " " + re.sub(r"\s+", " ", rounded).strip()
