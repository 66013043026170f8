"""Plots of rates over false accept rates: ROC, DET.

They begin at the lowest false accept rate that the data know, hence never at 0.
"""

from collections.abc import Mapping
from typing import NamedTuple

from matplotlib.axes import Axes

from marginface.metric import Interval
from marginface.outcome import RocCurve
from marginface.report.canvas import Entry, Plot, draw_line, finish, limit_y, log_axis, new_axes
from marginface.report.inline_svg import FAINT

_FAR, _FRR, _TAR = "false accept rate (log)", "false reject rate (log)", "true accept rate"


class Curve(NamedTuple):
    """A receiver operating curve with the figures that were read from it.

    Args:
        roc: Its points.
        figures: True accept rates with their intervals, by false accept rate.
    """

    roc: RocCurve
    figures: Mapping[float, Interval]


def roc_plot(curves: Mapping[Entry, Curve], key: str, title: str) -> Plot:
    """True accept rate over false accept rate, the latter logarithmic.

    Args:
        curves: By their lines in the legend.
        key: Unique in the page.
        title: What it shows.
    """
    axes = new_axes(_FAR, _TAR)
    shown = [1.0]
    for entry, curve in curves.items():
        far, tar = _known(curve.roc)
        draw_line(axes, far, tar, entry)
        shown += tar
        for rate, figure in curve.figures.items():
            _whisker(axes, rate, (figure.low, figure.value, figure.high), entry)
            shown.append(figure.low)
    limit_y(axes, shown)
    log_axis(axes, "x", *_ends(curves))
    return finish(axes, title, key, curves, _note(curves))


def det_plot(curves: Mapping[Entry, Curve], key: str, title: str) -> Plot:
    """False reject rate over false accept rate, both logarithmic; equal rates lie on the thin diagonal.

    Args:
        curves: By their lines in the legend.
        key: Unique in the page.
        title: What it shows.
    """
    axes = new_axes(_FAR, _FRR)
    misses = [1 - tar for curve in curves.values() for tar in _known(curve.roc)[1] if tar < 1] or [0.1]
    bottom, top = min(misses) / 1.4, min(1.2, 1.6 * max(misses))
    nothing = bottom / 100  # stands for 0, below the axis
    for entry, curve in curves.items():
        far, tar = _known(curve.roc)
        draw_line(axes, far, [max(1 - rate, nothing) for rate in tar], entry)
        for rate, figure in curve.figures.items():
            ends = (max(1 - part, nothing) for part in (figure.high, figure.value, figure.low))
            _whisker(axes, rate, tuple(ends), entry)
    axes.plot([1e-15, 1], [1e-15, 1], color=FAINT, linewidth=0.8)
    left, right = _ends(curves)
    log_axis(axes, "x", left, right)
    log_axis(axes, "y", bottom, top)
    diagonal = "Thin line: both rates are equal." if max(left, bottom) < min(right, top) else ""
    return finish(axes, title, key, curves, f"{_note(curves)} {diagonal}".strip())


def _known(roc: RocCurve) -> tuple[list[float], list[float]]:
    """Points with a false accept rate above 0: a logarithmic axis has no 0."""
    points = [(far, tar) for far, tar in zip(roc.far, roc.tar, strict=True) if far > 0]
    return [far for far, _ in points], [tar for _, tar in points]


def _ends(curves: Mapping[Entry, Curve]) -> tuple[float, float]:
    """The lowest and the highest false accept rate that is known."""
    fars = [far for curve in curves.values() for far in _known(curve.roc)[0]] or [1.0]
    return min(0.9 * max(fars), *fars), max(fars)


def _note(curves: Mapping[Entry, Curve]) -> str:
    return "Bars: 95 % intervals." if any(curve.figures for curve in curves.values()) else ""


def _whisker(axes: Axes, far: float, rates: tuple[float, ...], entry: Entry) -> None:
    low, value, high = rates
    axes.plot([far, far], [low, high], color=entry.colour, linewidth=1.2)
    axes.plot(far, value, "o", color=entry.colour, markersize=4.5)
