"""Which plots a benchmark gets: models over each other, or the series of a single model."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from marginface.metric import Interval
from marginface.outcome import Outcome
from marginface.report.canvas import Entry, Plot
from marginface.report.far_plots import Curve, det_plot, roc_plot
from marginface.report.plots import cmc_plot, histogram_plot, line_plot

T = TypeVar("T")
Draw = Callable[[Mapping[Entry, T], str, str], Plot]


def panels(names: Sequence[str], outcomes: Sequence[Outcome | None], key: str) -> list[Plot]:
    """All plots of a benchmark.

    Args:
        names: Of the models.
        outcomes: Of each model; None where it was not measured.
        key: Unique in the page.
    """
    rocs = [_curves(each) for each in outcomes]
    return [
        *_overlaid(names, rocs, roc_plot, f"{key}-roc", "ROC"),
        *_overlaid(names, rocs, det_plot, f"{key}-det", "DET"),
        *_histograms(names, outcomes, f"{key}-scores"),
        *_overlaid(names, [each.cmc if each else None for each in outcomes], cmc_plot, f"{key}-cmc", "CMC"),
        *_lines(names, outcomes, f"{key}-line"),
    ]


def _overlaid(
    names: Sequence[str], curves: Sequence[Mapping[str, T] | None], draw: Draw[T], key: str, title: str
) -> list[Plot]:
    """All series of a single model in one plot; of several models a plot for each series."""
    if len(names) == 1:
        series = {Entry(name, i): curve for i, (name, curve) in enumerate((curves[0] or {}).items())}
        return [draw(series, key, title)] if series else []
    plots = []
    for i, name in enumerate(dict.fromkeys(name for each in curves for name in each or {})):
        same = {Entry(names[m], m): each[name] for m, each in enumerate(curves) if each and name in each}
        plots.append(draw(same, f"{key}-{i}", _title(title, name)))
    return plots


def _histograms(names: Sequence[str], outcomes: Sequence[Outcome | None], key: str) -> list[Plot]:
    """One for each series and model: scores of two models have no common scale."""
    plots: list[Plot] = []
    for series in dict.fromkeys(series for each in outcomes if each for series in each.histogram):
        for model, each in zip(names, outcomes, strict=True):
            if each is None or series not in each.histogram:
                continue
            title = _title("Scores", series, model if len(names) > 1 else "")
            thresholds = each.thresholds if len(each.histogram) == 1 else ()
            plots.append(histogram_plot(each.histogram[series], thresholds, f"{key}-{len(plots)}", title))
    return plots


def _lines(names: Sequence[str], outcomes: Sequence[Outcome | None], key: str) -> list[Plot]:
    titles = dict.fromkeys(title for each in outcomes if each for title in each.lines)
    return [
        line_plot(
            {
                Entry(names[m] if len(names) > 1 else "", m): each.lines[title]
                for m, each in enumerate(outcomes)
                if each and title in each.lines
            },
            f"{key}-{i}",
            title,
        )
        for i, title in enumerate(titles)
    ]


def _curves(outcome: Outcome | None) -> dict[str, Curve]:
    if outcome is None:
        return {}
    return {series: Curve(roc, _figures_at(outcome, series)) for series, roc in outcome.roc.items()}


def _figures_at(outcome: Outcome, series: str) -> dict[float, Interval]:
    """True accept rates with their intervals, by the false accept rate that stands in the figure's name."""
    before = f"{series}/tar@far=" if series else "tar@far="
    rates = {name.removeprefix(before): i for name, i in outcome.figures.items() if name.startswith(before)}
    return {float(rate): figure for rate, figure in rates.items() if _is_number(rate)}


def _is_number(text: str) -> bool:
    try:
        return 0 < float(text) < float("inf")
    except ValueError:
        return False


def _title(*words: str) -> str:
    return " · ".join(word for word in words if word)
