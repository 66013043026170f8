"""Outcome of scored pairs, shared by all protocols that end in a score for each of a list of pairs.

Shapes: P pairs.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from marginface.metric import FoldAccuracy, Roc, far_name, roc, supports_far, tar_at_far
from marginface.metric.functional import thin_curve
from marginface.metric.pair_figures import pair_figures, protocol_tar_name, protocol_tars
from marginface.metric.protocol import PROTOCOL_FARS
from marginface.outcome.outcome import HardPair, Histogram, Outcome, RocCurve, Threshold, Units

RECOMMENDED_FARS = (1e-3, 1e-4, 1e-5, 1e-6)
_MAX_CURVE_POINTS = 500
_NUM_BINS = 100
_NUM_HARDEST = 8  # of each kind


def pair_outcome(
    score: Tensor,
    same: Tensor,
    accuracy: Mapping[str, FoldAccuracy],
    *,
    first: Tensor | None = None,
    second: Tensor | None = None,
    place: Tensor | None = None,
    fars: Sequence[float] = (1e-1, 1e-2, 1e-3, 1e-4),
    num_bootstrap: int = 1000,
    seed: int = 0,
    series: str = "",
    excluded: Mapping[str, int] | None = None,
) -> Outcome:
    """All that can be said of scored pairs.

    Args:
        score: Similarity of each pair, (P,), higher is more alike.
        same: Whether the pair shows one identity, (P,) bool.
        accuracy: Cross-validated accuracies by the protocol's name, reported as ``accuracy@<name>``; where the
            protocol has a true accept rate of its own, also as ``tar@<name>_far=...``.
        first: Number of the image to show for one side of each pair, (P,) int64; None shows no hard pairs.
        second: The same for the other side.
        place: Number of each pair in the published list, (P,) int64, by which two models' pairs are matched; None if
            no pair is left out.
        fars: False accept rates as fractions to report the true accept rate at.
        num_bootstrap: Number of resamples of an interval.
        seed: Of the resampling.
        series: Name of these pairs, put before the figures' names as ``<series>/``.
        excluded: What was left out, by reason.

    Raises:
        ValueError: Scores that are not finite, or pairs of one class only.
    """
    curve = roc(score, same)
    figures = pair_figures(score, same, accuracy, fars, num_bootstrap=num_bootstrap, seed=seed)
    cut = {f"tar@far={far_name(far)}": _highest_rejected(curve, far) for far in fars if supports_far(curve, far)}
    units = _mean_units(score, same, torch.arange(len(same)) if place is None else place, accuracy, cut)
    unsupported = unsupported_fars(fars, curve.num_impostor) | _unsupported_tars(accuracy, curve.num_impostor)
    before = f"{series}/" if series else ""
    return Outcome(
        figures={before + name: figure for name, figure in figures.items()},
        units={before + name: unit for name, unit in units.items()},
        roc={series: RocCurve(*(part.tolist() for part in thin_curve(curve, _MAX_CURVE_POINTS)))},
        histogram={series: score_histogram(score[same], score[~same])},
        thresholds=recommended_thresholds(curve),
        hardest=[] if first is None or second is None else hardest_pairs(score, same, first, second),
        unsupported={before + name: why for name, why in unsupported.items()},
        excluded=dict(excluded or {}),
    )


def unsupported_fars(fars: Sequence[float], num_impostor: int) -> dict[str, str]:
    """The true accept rates that the impostor pairs are too few for, and why."""
    return {
        f"tar@far={far_name(far)}": f"needs {1 / far:,.0f} impostor pairs, there are {num_impostor:,}"
        for far in fars
        if 1 / num_impostor > far
    }


def recommended_thresholds(curve: Roc, fars: Sequence[float] = RECOMMENDED_FARS) -> list[Threshold]:
    """Thresholds for those false accept rates that the pairs support."""
    return [
        Threshold(far, _highest_rejected(curve, far), float(tar_at_far(curve, far)), curve.num_impostor)
        for far in fars
        if supports_far(curve, far)
    ]


def hardest_pairs(score: Tensor, same: Tensor, first: Tensor, second: Tensor) -> list[HardPair]:
    """The impostor pairs with the highest scores, then the genuine pairs with the lowest."""
    found = []
    for kind, sign in ((False, 1.0), (True, -1.0)):
        place = (same == kind).nonzero().flatten()
        best = (sign * score[place]).topk(min(_NUM_HARDEST, len(place))).indices
        found += [HardPair(int(first[i]), int(second[i]), float(score[i]), kind) for i in place[best]]
    return found


def score_histogram(genuine: Tensor, impostor: Tensor) -> Histogram:
    """Pairs in each of 100 equal bins of the cosine over [-1, 1]."""
    edges = torch.linspace(-1, 1, _NUM_BINS + 1, dtype=torch.float64)
    counts = (torch.histogram(kind.double().clamp(-1, 1), edges).hist.tolist() for kind in (genuine, impostor))
    return Histogram(((edges[:-1] + edges[1:]) / 2).tolist(), *counts)


def _mean_units(
    score: Tensor, same: Tensor, place: Tensor, accuracy: Mapping[str, FoldAccuracy], cut: Mapping[str, float]
) -> dict[str, Units]:
    """Pairs whose mean a figure is, where all folds are of one size; genuine pairs only for a true accept rate."""
    of_all = {f"accuracy@{name}": part.right for name, part in accuracy.items()}
    of_genuine = {name: score[same] > highest for name, highest in cut.items()}
    of_genuine |= {name: part.right for name, part in protocol_tars(accuracy).items()}
    return {
        name: Units(right.float().cpu().numpy(), number.cpu().numpy())
        for parts, number in ((of_all, place), (of_genuine, place[same]))
        for name, right in parts.items()
    }


def _unsupported_tars(accuracy: Mapping[str, FoldAccuracy], num_impostor: int) -> dict[str, str]:
    return {
        protocol_tar_name(
            name
        ): f"needs {1 / PROTOCOL_FARS[name]:,.0f} impostor pairs outside every fold, and a genuine "
        f"pair in it; there are {num_impostor:,} impostor pairs"
        for name, part in accuracy.items()
        if name in PROTOCOL_FARS and part.tar is None
    }


def _highest_rejected(curve: Roc, far: float) -> float:
    last = int((curve.far <= far).sum()) - 1
    rejected = curve.threshold[last + 1 :]
    return float(rejected[0]) if len(rejected) else -torch.inf
