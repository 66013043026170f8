"""Reports of one or several models as one HTML page that needs nothing beside it."""

import base64
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from marginface.metric import far_name
from marginface.outcome import Confusion, Outcome
from marginface.report import side_by_side
from marginface.report.canvas import Plot
from marginface.report.panels import panels
from marginface.report.recommended import Advice, by_rate, of_all, of_benchmark
from marginface.report.saved import Report
from marginface.report.side_by_side import Row

_KINDS = {  # by HardPair.same
    False: "False accepts: impostor pairs that score highest",
    True: "False rejects: genuine pairs that score lowest",
}


class HardPairs(NamedTuple):
    """Pairs of one kind that a model gets most wrong.

    Args:
        kind: What they are.
        pairs: Score, and for either side the image as a ``data:`` address (empty if there is none) and its number.
    """

    kind: str
    pairs: list[tuple[float, list[tuple[str, int]]]]


class OfModel(NamedTuple):
    """What a benchmark's section shows for each model by itself.

    Args:
        name: Of the model.
        hardest: False accepts, then false rejects.
        confusion: Names, and for each true class the counts with their share of the class in tenths.
    """

    name: str
    hardest: list[HardPairs]
    confusion: tuple[Sequence[str], list[list[tuple[int, int]]]] | None


class Section(NamedTuple):
    """A benchmark.

    Args:
        name: Its name.
        anchor: To link to.
        rows: All its figures.
        headline: Those of the summary.
        plots: All its plots.
        advice: Thresholds by false accept rate, those of all models together.
        excluded: What was left out, with the models for which it was; without models for all of them.
        models: What is shown of each by itself.
    """

    name: str
    anchor: str
    rows: list[Row]
    headline: list[Row]
    plots: list[Plot]
    advice: list[list[Advice]]
    excluded: list[tuple[list[str], Mapping[str, int]]]
    models: list[OfModel]


def render(reports: Mapping[str, Report]) -> str:
    """The page.

    Args:
        reports: By the model's name; the others are compared with the first.

    Raises:
        ValueError: No report.
    """
    if not reports:
        raise ValueError("reports is empty: give at least one")
    pages = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= {"number": number, "signed": signed, "p_value": p_value, "breakable": breakable}
    pages.globals |= {"far_name": far_name}
    names = dict.fromkeys(name for report in reports.values() for name in report.outcomes)
    about = dict.fromkeys(key for report in reports.values() for key in report.about)
    return pages.get_template("page.html.j2").render(
        names=list(reports),
        about=[(key, [report.about.get(key, "") for report in reports.values()]) for key in about],
        sections=[_section(name, f"b{i}", reports) for i, name in enumerate(names, start=1)],
        advice=_advice(reports),
    )


def number(value: float) -> str:
    """A figure with four decimals, as it is printed on the terminal too."""
    return f"{value:.4f}".replace("-", "−") if math.isfinite(value) else str(value).replace("-inf", "−∞")


def signed(value: float) -> str:
    """A difference, always with its sign."""
    return f"{value:+.4f}".replace("-", "−")


def p_value(value: float) -> str:
    """A p-value with two digits, the smallest as a bound."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"


def breakable(name: str) -> Markup:
    """The name of a figure, which a narrow screen may break after ``/`` and nowhere else."""
    return Markup("<wbr>").join(
        Markup('<span class="part">{}</span>').format(part) for part in re.split("(?<=/)", name)
    )


def _section(name: str, anchor: str, reports: Mapping[str, Report]) -> Section:
    outcomes = [report.outcomes.get(name) for report in reports.values()]
    measured = {model: report.outcomes[name] for model, report in reports.items() if name in report.outcomes}
    rows = side_by_side.rows(outcomes)
    return Section(
        name=name,
        anchor=anchor,
        rows=rows,
        headline=side_by_side.headline(rows),
        plots=panels(list(reports), outcomes, anchor),
        advice=by_rate({model: of_benchmark(name, each) for model, each in measured.items()}),
        excluded=_excluded(measured),
        models=[
            OfModel(model, _hardest(each, reports[model].images.get(name, {})), _confusion(each.confusion))
            for model, each in measured.items()
        ],
    )


def _advice(reports: Mapping[str, Report]) -> list[list[Advice]]:
    """Thresholds for the recommended rates; nothing where no benchmark has any."""
    every = {model: of_all(report.outcomes) for model, report in reports.items()}
    return by_rate(every) if any(advice.threshold for each in every.values() for advice in each) else []


def _excluded(outcomes: Mapping[str, Outcome]) -> list[tuple[list[str], Mapping[str, int]]]:
    distinct = [dict(each) for each in {tuple(outcome.excluded.items()) for outcome in outcomes.values()}]
    if len(distinct) == 1:
        return [([], distinct[0])] if distinct[0] else []
    return [([model], outcome.excluded) for model, outcome in outcomes.items() if outcome.excluded]


def _hardest(outcome: Outcome, images: Mapping[int, bytes]) -> list[HardPairs]:
    found = []
    for same, kind in _KINDS.items():
        pairs = [
            (pair.score, [(_address(images.get(side)), side) for side in (pair.first, pair.second)])
            for pair in outcome.hardest
            if pair.same == same
        ]
        found += [HardPairs(kind, pairs)] if pairs else []
    return found


def _address(jpeg: bytes | None) -> str:
    return "" if jpeg is None else f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


def _confusion(confusion: Confusion | None) -> tuple[Sequence[str], list[list[tuple[int, int]]]] | None:
    if confusion is None:
        return None
    cells = [[(count, round(10 * count / max(sum(row), 1))) for count in row] for row in confusion.counts]
    return confusion.names, cells
