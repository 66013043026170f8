"""All figures of scored pairs, each with its interval.

Shapes: P pairs.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from torch import Tensor

from marginface.metric.bootstrap import Interval, folds_bootstrap, pairs_bootstrap
from marginface.metric.folds import FoldAccuracy
from marginface.metric.functional import Roc, auc, eer, far_name, roc, supports_far, tar_at_far
from marginface.metric.protocol import PROTOCOL_FARS


def pair_figures(
    score: Tensor,
    same: Tensor,
    accuracy: Mapping[str, FoldAccuracy],
    fars: Sequence[float],
    *,
    num_bootstrap: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Interval]:
    """Figures of scored pairs; those that the pairs cannot support are left out.

    Args:
        score: Similarity of each pair, (P,), higher is more alike.
        same: Whether the pair shows one identity, (P,) bool.
        accuracy: Outcome on each fold by the protocol's name.
        fars: False accept rates as fractions to report the true accept rate at.
        num_bootstrap: Number of resamples of an interval.
        confidence: Share of the resamples inside an interval.
        seed: Seed of the resampling.

    Returns:
        ``accuracy@<protocol>``, ``auc``, ``eer``, ``tar@far=<far>``, and ``tar@<protocol>_far=<far>`` of protocols with
        a rule of their own for it.

    Raises:
        ValueError: Scores that are not finite, pairs of one class only, or settings out of range.
    """
    curve = roc(score, same)
    statistics: dict[str, Callable[[Roc], Tensor]] = {"auc": auc, "eer": eer}
    statistics |= {f"tar@far={far_name(far)}": partial(tar_at_far, far=far) for far in fars if supports_far(curve, far)}
    options: dict[str, Any] = {"num_bootstrap": num_bootstrap, "confidence": confidence, "seed": seed}
    accuracies = {f"accuracy@{name}": folds_bootstrap(part, **options) for name, part in accuracy.items()}
    tars = {name: folds_bootstrap(part, **options) for name, part in protocol_tars(accuracy).items()}
    return accuracies | pairs_bootstrap(score, same, statistics, **options) | tars


def protocol_tars(accuracy: Mapping[str, FoldAccuracy]) -> dict[str, FoldAccuracy]:
    """True accept rates by the protocols' own rules, under the names of their figures, where there are any."""
    return {protocol_tar_name(name): part.tar for name, part in accuracy.items() if part.tar is not None}


def protocol_tar_name(protocol: str) -> str:
    """Name of the true accept rate that a protocol of :data:`PROTOCOL_FARS` reports by its own rule."""
    return f"tar@{protocol}_far={far_name(PROTOCOL_FARS[protocol])}"
