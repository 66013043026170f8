"""Plots of scores, ranks, and curves of other kinds."""

import math
from collections.abc import Mapping, Sequence

from marginface.metric import far_name
from marginface.outcome import Histogram, Line, Threshold
from marginface.report.canvas import (
    Entry,
    Plot,
    draw_line,
    finish,
    limit_y,
    log_axis,
    new_axes,
    ticks_at,
)
from marginface.report.inline_svg import INK

_ROW = 0.09  # height of a threshold's name, of the plot's


def histogram_plot(histogram: Histogram, thresholds: Sequence[Threshold], key: str, title: str) -> Plot:
    """Scores of genuine and impostor pairs, each as shares of its kind, with thresholds as dashed lines.

    Args:
        histogram: Pairs in each bin.
        thresholds: Those to draw; one that accepts every pair is left out.
        key: Unique in the page.
        title: What it shows.
    """
    axes = new_axes("score", "share of the genuine, of the impostor pairs")
    shares = [[n / max(sum(kind), 1) for n in kind] for kind in (histogram.genuine, histogram.impostor)]
    kinds = (Entry("genuine pairs", 2, plain=True), Entry("impostor pairs", 5, plain=True))  # no model's colours
    for entry, share in zip(kinds, shares, strict=True):
        axes.fill_between(histogram.score, share, step="mid", color=entry.colour, alpha=0.22, linewidth=0)
        axes.step(histogram.score, share, where="mid", color=entry.colour, linewidth=1.4)
    cuts = sorted((cut for cut in thresholds if math.isfinite(cut.score)), key=lambda cut: cut.score)
    filled = [score for score, *parts in zip(histogram.score, *shares, strict=True) if any(parts)]
    ends = [*(filled or [-1.0, 1.0]), *(cut.score for cut in cuts)]
    room = 0.05 * (max(ends) - min(ends)) or 0.1
    axes.set_xlim(min(ends) - room, max(ends) + 2.4 * room)
    top = max(max(share, default=0) for share in shares) or 1.0
    height = top * (1.06 + _ROW * len(cuts))
    limit_y(axes, [0, height])
    axes.set_ylim(0, height)
    for row, cut in enumerate(cuts):
        tip = height - row * _ROW * height
        axes.vlines(cut.score, 0, tip, color=INK, linewidth=1, linestyles=(0, (2, 2)))
        axes.text(cut.score, tip, f" {far_name(cut.far)}", color=INK, va="top", fontsize=12)
    note = "Dashed: the threshold for that false accept rate." if cuts else ""
    return finish(axes, title, key, kinds, note)


def cmc_plot(curves: Mapping[Entry, Sequence[float]], key: str, title: str) -> Plot:
    """Identification rate at rank 1, 2, ...; the rank is logarithmic where there are many.

    Args:
        curves: By their lines in the legend.
        key: Unique in the page.
        title: What it shows.
    """
    last = max(len(rates) for rates in curves.values())
    axes = new_axes("rank (log)" if last > 20 else "rank", "identification rate")
    for entry, rates in curves.items():
        draw_line(axes, range(1, len(rates) + 1), rates, entry)
    if last > 20:
        log_axis(axes, "x", 1, last)
    else:
        axes.set_xlim(1, max(last, 2))
    ticks_at(axes, "x", [rank for rank in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if rank <= last])
    limit_y(axes, [rate for rates in curves.values() for rate in rates])
    return finish(axes, title, key, curves)


def line_plot(lines: Mapping[Entry, Line], key: str, title: str) -> Plot:
    """Curves of another kind, with a dot at each of their points.

    Args:
        lines: By their lines in the legend, all with the same axes.
        key: Unique in the page.
        title: What it shows.
    """
    first = next(iter(lines.values()))
    axes = new_axes(first.x_label + (" (log)" if first.log_x else ""), first.y_label)
    for entry, line in lines.items():
        draw_line(axes, line.x, line.y, entry)
        axes.plot(line.x, line.y, "o", color=entry.colour, markersize=4)
    places = [x for line in lines.values() for x in line.x if x > 0]
    if first.log_x and places:
        log_axis(axes, "x", min(places) / 1.1, max(places) * 1.1)
    limit_y(axes, [y for line in lines.values() for y in line.y])
    return finish(axes, title, key, lines)
