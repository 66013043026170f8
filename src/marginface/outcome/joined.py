"""Outcomes of several tasks on the same images as one outcome."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import TypeVar

from marginface.outcome.outcome import Outcome

Value = TypeVar("Value")


def joined(parts: Sequence[Outcome]) -> Outcome:
    """All that the parts say; where two name the same thing, the later one counts.

    Args:
        parts: At most one of them has a confusion matrix.
    """
    return Outcome(
        figures=_all(part.figures for part in parts),
        units=_all(part.units for part in parts),
        roc=_all(part.roc for part in parts),
        histogram=_all(part.histogram for part in parts),
        cmc=_all(part.cmc for part in parts),
        lines=_all(part.lines for part in parts),
        confusion=next((part.confusion for part in parts if part.confusion), None),
        thresholds=list(chain.from_iterable(part.thresholds for part in parts)),
        hardest=list(chain.from_iterable(part.hardest for part in parts)),
        unsupported=_all(part.unsupported for part in parts),
        excluded=_all(part.excluded for part in parts),
    )


def _all(parts: Iterable[Mapping[str, Value]]) -> dict[str, Value]:
    return {key: value for part in parts for key, value in part.items()}
