"""What a benchmark has measured: figures with intervals, and all that a report draws of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from marginface.metric import Interval


class Units(NamedTuple):
    """The parts of a figure that is a mean, to compare two models on the same set.

    Args:
        value: Outcome of each unit (a pair, a probe), (U,) float32; the figure is their mean.
        group: What is resampled together (the pair itself, the probe's identity), (U,) int64.
    """

    value: NDArray[np.float32]
    group: NDArray[np.int64]


class RocCurve(NamedTuple):
    """Points of a receiver operating curve, FAR rising.

    Args:
        far: False accept rates as fractions.
        tar: True accept rates as fractions.
    """

    far: Sequence[float]
    tar: Sequence[float]


class Histogram(NamedTuple):
    """Scores of pairs.

    Args:
        score: Centres of equal bins.
        genuine: Genuine pairs in each.
        impostor: Impostor pairs in each.
    """

    score: Sequence[float]
    genuine: Sequence[float]
    impostor: Sequence[float]


class Line(NamedTuple):
    """A curve of another kind, such as rank-1 rate over the number of distractors.

    Args:
        x_label: What runs along x, with its unit.
        y_label: What runs along y.
        x: Positions.
        y: Values.
        log_x: Whether x is drawn on a logarithmic axis.
    """

    x_label: str
    y_label: str
    x: Sequence[float]
    y: Sequence[float]
    log_x: bool = False


class Confusion(NamedTuple):
    """A confusion matrix.

    Args:
        names: Of the classes.
        counts: ``counts[t][p]`` samples of class t that were taken for class p.
    """

    names: Sequence[str]
    counts: Sequence[Sequence[int]]


class Threshold(NamedTuple):
    """A score to accept from, and the data it rests on.

    Args:
        far: The false accept rate it is meant for, as a fraction.
        score: Accept scores above this one.
        tar: True accept rate there.
        num_impostor: Impostor pairs that it was read from.
    """

    far: float
    score: float
    tar: float
    num_impostor: int


class HardPair(NamedTuple):
    """A pair that the model gets most wrong.

    Args:
        first: Number of an image of the benchmark.
        second: Number of the other one.
        score: Their similarity.
        same: Whether they show one identity: a false reject, otherwise a false accept.
    """

    first: int
    second: int
    score: float
    same: bool


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Figures of one benchmark and what to show beside them. Series are named; ``""`` is the only one.

    Args:
        figures: By name, such as ``accuracy@sphereface``, ``tar@far=1e-4``, ``rank-1``, ``tpir@fpir=1e-2``.
        units: Of those figures that are means.
        roc: Receiver operating curves.
        histogram: Scores of pairs.
        cmc: Cumulative match characteristics: identification rate at rank 1, 2, ...
        lines: Curves of other kinds, by title.
        confusion: Of a closed-set task.
        thresholds: Recommended ones.
        hardest: False accepts and false rejects, the worst first.
        unsupported: Figures that these data cannot support, and why; they have no number.
        excluded: What was left out, and how many: ``{"pairs with a missing image": 3}``.
    """

    figures: Mapping[str, Interval]
    units: Mapping[str, Units] = field(default_factory=dict)
    roc: Mapping[str, RocCurve] = field(default_factory=dict)
    histogram: Mapping[str, Histogram] = field(default_factory=dict)
    cmc: Mapping[str, Sequence[float]] = field(default_factory=dict)
    lines: Mapping[str, Line] = field(default_factory=dict)
    confusion: Confusion | None = None
    thresholds: Sequence[Threshold] = ()
    hardest: Sequence[HardPair] = ()
    unsupported: Mapping[str, str] = field(default_factory=dict)
    excluded: Mapping[str, int] = field(default_factory=dict)
