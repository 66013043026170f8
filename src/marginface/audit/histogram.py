"""Histograms as SVG to stand inside a page, whose colours they take.

Shapes: N values, B bars.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

_WIDTH, _HEIGHT = 360, 250  # pixels; a phone shows it 1:1
_TOP, _BOTTOM, _SIDE = 34, 26, 4
_NUM_BARS = 36
_MOST_TICKS = 8


class Histogram(NamedTuple):
    """A drawing and what must be said of it.

    Args:
        title: What is counted.
        svg: The drawing.
        beyond: Whether the outermost bars hold values that lie beyond the axis.
    """

    title: str
    svg: Markup
    beyond: bool


def of_values(title: str, values: NDArray[np.generic]) -> Histogram | None:
    """Of numbers (N,), over the range of all but the lowest and the highest half percent; None where none is finite."""
    numbers = np.asarray(values, np.float64)
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return None
    low, high = np.quantile(numbers, (0.005, 0.995))
    if low == high:
        low, high = low - 0.5, high + 0.5
    counts, edges = np.histogram(numbers.clip(low, high), _NUM_BARS, (low, high))
    ticks = [(place, f"{edges[place]:.4g}") for place in (0, _NUM_BARS // 2, _NUM_BARS)]
    beyond = bool(numbers.min() < low or numbers.max() > high)
    return Histogram(title, _draw(title, counts.tolist(), ticks, "images"), beyond)


def of_sizes(title: str, bins: Mapping[str, int]) -> Histogram:
    """Of classes by their number of images, as ``size_histogram`` counts them."""
    step = -(-len(bins) // _MOST_TICKS)
    ticks = [(place, name.partition("-")[0]) for place, name in enumerate(bins) if place % step == 0]
    return Histogram(title, _draw(title, list(bins.values()), ticks, "classes"), beyond=False)


def _draw(title: str, counts: Sequence[int], ticks: Sequence[tuple[int, str]], unit: str) -> Markup:
    """Bars of counts (B,) over a line; ticks stand at the left edge of a bar, or at B the right one of the last."""
    width, floor, most = (_WIDTH - 2 * _SIDE) / len(counts), _HEIGHT - _BOTTOM, max(1, *counts)
    bars = ""
    for place, count in enumerate(counts):
        height = (floor - _TOP) * count / most
        gap = min(1.0, width / 8)
        bars += f"M{_SIDE + place * width:.2f} {floor}v{-height:.2f}h{width - gap:.2f}v{height:.2f}z"
    text = ""
    for place, label in ticks:
        anchor = {0: "start", len(counts): "end"}.get(place, "middle" if len(counts) == _NUM_BARS else "start")
        x = _SIDE + place * width
        text += f'<text x="{x:.2f}" y="{_HEIGHT - 7}" text-anchor="{anchor}" style="fill: var(--ink)">{label}</text>'
    return Markup(
        f'<svg class="plot" role="img" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}">'
        f"<title>{escape(title)}</title>"
        f'<text x="0" y="16" style="fill: var(--faint)">{unit}; the highest bar is {max(counts):,}</text>'
        f'<path d="M0 {floor + 0.5}h{_WIDTH}" style="stroke: var(--rule)"/>'
        f'<path d="{bars}" style="fill: var(--series-1)"/>{text}</svg>'
    )
