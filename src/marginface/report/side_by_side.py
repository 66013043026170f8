"""Figures of several models on one benchmark: values beside each other, the best one, paired tests."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from marginface.metric import Interval, PairedTest, paired_test
from marginface.outcome import Outcome, Units

LOWER_IS_BETTER = {"eer", "std", "gap"}  # as a part of the figure's name
SIGNIFICANT = 0.05


class Cell(NamedTuple):
    """A figure of one model.

    Args:
        interval: None if there is no number.
        why: Why there is none.
        best: Whether no other model has a better one, and some have a worse one.
    """

    interval: Interval | None
    why: str = ""
    best: bool = False


class Test(NamedTuple):
    """A model against the first one.

    Args:
        result: None if they cannot be tested.
        why: Why they cannot.
        verdict: ``better``, ``worse`` or ``not told apart``.
    """

    result: PairedTest | None
    why: str = ""
    verdict: str = ""


class Row(NamedTuple):
    """A figure of all models.

    Args:
        figure: Its name.
        over: What was resampled for the intervals.
        cells: One a model.
        tests: One for each model but the first.
    """

    figure: str
    over: str
    cells: tuple[Cell, ...]
    tests: tuple[Test, ...]

    @property
    def no_number(self) -> str:
        """Why no model has a number, if it is the same for all; otherwise empty."""
        reasons = {cell.why for cell in self.cells}
        return reasons.pop() if len(reasons) == 1 else ""


def rows(outcomes: Sequence[Outcome | None]) -> list[Row]:
    """A row for each figure that any of the models has, those without a number among them.

    Args:
        outcomes: Of each model on the benchmark; None where it was not measured.
    """
    known = [each for each in outcomes if each is not None]
    names = dict.fromkeys(name for each in known for name in [*each.figures, *each.unsupported])
    return [_row(name, outcomes) for name in names]


def headline(every: Sequence[Row]) -> list[Row]:
    """The first figure, of each series; where it stands at several rates or sizes, the hardest that has a number.

    Args:
        every: From :func:`rows`.
    """
    wanted = _stem(every[0].figure) if every else ""
    of_series: dict[str, list[Row]] = {}
    for row in every:
        if _stem(row.figure) == wanted:
            of_series.setdefault(row.figure.rpartition("/")[0], []).append(row)
    return [max(same, key=_hardness) for same in of_series.values()]


def _stem(figure: str) -> str:
    """``tar@far`` of ``african/tar@far=1e-3``."""
    return figure.rpartition("/")[2].partition("=")[0]


def _hardness(row: Row) -> tuple[bool, float]:
    try:
        size = float(row.figure.rpartition("=")[2])
    except ValueError:
        size = 0.0
    return any(cell.interval for cell in row.cells), size if "distractors" in row.figure else -size


def _row(name: str, outcomes: Sequence[Outcome | None]) -> Row:
    cells = _mark_best(name, [_cell(name, each) for each in outcomes])
    over = dict.fromkeys(cell.interval.over for cell in cells if cell.interval)
    tests = tuple(_test(name, outcomes[0], each) for each in outcomes[1:])
    return Row(name, ", ".join(over), cells, tests)


def _cell(name: str, outcome: Outcome | None) -> Cell:
    if outcome is None:
        return Cell(None, "not measured")
    if name in outcome.figures:
        return Cell(outcome.figures[name])
    return Cell(None, outcome.unsupported.get(name, "not reported"))


def _mark_best(name: str, cells: Sequence[Cell]) -> tuple[Cell, ...]:
    values = [cell.interval.value for cell in cells if cell.interval]
    if len(set(values)) < 2:
        return tuple(cells)
    best = min(values) if _falls(name) else max(values)
    return tuple(cell._replace(best=cell.interval is not None and cell.interval.value == best) for cell in cells)


def _falls(name: str) -> bool:
    return not LOWER_IS_BETTER.isdisjoint(re.split("[/@]", name))


def _test(name: str, first: Outcome | None, other: Outcome | None) -> Test:
    if first is None or other is None or name not in first.figures or name not in other.figures:
        return Test(None, "")
    if name not in first.units or name not in other.units:
        return Test(None, "no paired test: not a mean over units")
    ours, theirs = first.units[name], other.units[name]
    if not np.array_equal(ours.group, theirs.group):
        return Test(None, "no paired test: not the same set")
    result = _paired(ours, theirs, first.figures[name].over)
    if not result.p_value < SIGNIFICANT:
        return Test(result, verdict="not told apart")
    return Test(result, verdict="worse" if (result.difference.value < 0) != _falls(name) else "better")


def _paired(first: Units, other: Units, over: str) -> PairedTest:
    """The other model less the first one."""
    ours, theirs, group = (torch.from_numpy(np.asarray(part)) for part in (first.value, other.value, first.group))
    return paired_test(theirs, ours, group, over=over)
