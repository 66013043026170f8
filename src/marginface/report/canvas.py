"""Axes of the report's plots: one size, one look, and the legend as words for the page to write."""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

from marginface.metric import far_name
from marginface.report.inline_svg import FAINT, GRID, INK, NUM_COLOURS, series_colour, to_svg

WIDTH, HEIGHT = 360, 260  # pixels; a phone shows it 1:1
LEFT, RIGHT, TOP, BOTTOM = 50, 12, 30, 42  # margins in pixels
DASHES: tuple[tuple[float, ...], ...] = ((), (6, 2.5), (2, 2), (8, 2.5, 2, 2.5))  # pixels of line and gap
_STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib; the page's own font replaces it
    "font.size": 12,
    "text.color": INK,
    "axes.linewidth": 1,
    "lines.linewidth": 1.8,
    "lines.scale_dashes": False,
}


class Entry(NamedTuple):
    """A line and what the legend says of it.

    Args:
        name: What is drawn; empty for the only line.
        number: Of its colour and dashes, from 0.
        plain: Whether it is solid, whatever its number.
    """

    name: str
    number: int
    plain: bool = False

    @property
    def series(self) -> int:
        """Number of the page's colour, from 1."""
        return self.number % NUM_COLOURS + 1

    @property
    def colour(self) -> str:
        """What to draw with."""
        return series_colour(self.series)

    @property
    def lengths(self) -> tuple[float, ...]:
        """Of dashes and gaps in pixels: lines differ without colours too."""
        return () if self.plain else DASHES[self.number % len(DASHES)]

    @property
    def dashes(self) -> str:
        """The same as SVG's ``stroke-dasharray``."""
        return " ".join(f"{length:g}" for length in self.lengths)


class Plot(NamedTuple):
    """A figure of the page.

    Args:
        title: What it shows.
        svg: To stand inside a page.
        legend: Its lines.
        note: What a reader must know to read it.
    """

    title: str
    svg: Markup
    legend: tuple[Entry, ...]
    note: str = ""


def new_axes(x_label: str, y_label: str) -> Axes:
    """Empty axes on a figure of the common size; the label of y stands on top, where it needs no turned head."""
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(WIDTH / 72, HEIGHT / 72))
        width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
        axes = figure.add_axes((LEFT / WIDTH, BOTTOM / HEIGHT, width / WIDTH, height / HEIGHT))
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.spines["bottom"].set_color(FAINT)
        axes.grid(color=GRID, linewidth=1)
        axes.set_axisbelow(True)
        axes.tick_params(length=0, pad=6, labelcolor=INK)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
        style: dict[str, Any] = {"color": FAINT, "parse_math": False}
        figure.text(1 - RIGHT / WIDTH, 4 / HEIGHT, x_label, ha="right", va="bottom", **style)
        figure.text(0, 1 - 4 / HEIGHT, y_label, ha="left", va="top", **style)
    return axes


def draw_line(axes: Axes, x: Sequence[float], y: Sequence[float], entry: Entry) -> None:
    """A line in its colour and dashes."""
    with matplotlib.rc_context(_STYLE):
        (line,) = axes.plot(x, y, color=entry.colour, solid_capstyle="round")
        if entry.lengths:
            line.set_dashes(entry.lengths)


def limit_y(axes: Axes, shown: Sequence[float]) -> None:
    """Let y span these values, with a little room."""
    known = [value for value in shown if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(known), max(known)
    room = 0.06 * (high - low) or 0.05 * abs(high) or 0.05
    axes.set_ylim(low - room, high + room)
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))


def log_axis(axes: Axes, name: str, low: float, high: float) -> None:
    """Make x or y logarithmic, with ticks such as ``1e-3`` at powers of ten."""
    getattr(axes, f"set_{name}scale")("log")
    getattr(axes, f"set_{name}lim")(low, high)
    axis = getattr(axes, f"{name}axis")
    axis.set_major_locator(LogLocator(10, numticks=8))
    axis.set_major_formatter(FuncFormatter(lambda value, _: far_name(value) if value < 0.1 else short(value)))
    axis.set_minor_locator(NullLocator())


def ticks_at(axes: Axes, name: str, places: Sequence[float]) -> None:
    """Put the ticks of x or y at these places."""
    axis = getattr(axes, f"{name}axis")
    axis.set_major_locator(FixedLocator(list(places)))
    axis.set_minor_locator(NullLocator())


def short(value: float) -> str:
    """A number of an axis in few letters: ``0.05``, ``1000``, ``1e6``."""
    return f"{value:.5g}".replace("e+0", "e").replace("e+", "e").replace("e-0", "e-")


def finish(axes: Axes, title: str, key: str, entries: Iterable[Entry], note: str = "") -> Plot:
    """The plot of these lines; what has no name needs no legend."""
    figure = axes.figure
    assert isinstance(figure, Figure)
    return Plot(title, to_svg(figure, title, key), tuple(entry for entry in entries if entry.name), note)
