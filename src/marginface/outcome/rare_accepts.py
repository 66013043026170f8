"""True accept rates where false accepts are rare: the highest impostor scores stand for billions of pairs.

Shapes: P genuine pairs, K highest impostor scores.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from marginface.matching import PairScores, TopScores, accepted_share, cut_at_far, num_needed, supported
from marginface.metric import Interval, far_name, groups_bootstrap
from marginface.outcome.outcome import HardPair, RocCurve, Threshold, Units

_MAX_KEPT = 2**25  # highest scores in memory with where they stand: 640 MiB
_MAX_CURVE_POINTS = 200
_NUM_HARDEST = 8  # of each kind


@dataclass
class RareAccepts:
    """What can be said at the false accept rates that are asked for.

    Args:
        figures: True accept rates with their intervals.
        units: Their parts, one a genuine pair.
        thresholds: Scores to accept from.
        unsupported: Rates that there are too few or too many impostor pairs for, and why.
        roc: From no false accept up to the largest rate; None without any supported rate.
    """

    figures: dict[str, Interval] = field(default_factory=dict)
    units: dict[str, Units] = field(default_factory=dict)
    thresholds: list[Threshold] = field(default_factory=list)
    unsupported: dict[str, str] = field(default_factory=dict)
    roc: RocCurve | None = None


def check_rates(name: str, fars: Sequence[float]) -> None:
    """Refuse what is no rate.

    Args:
        name: Of the argument, for the message.
        fars: False accept rates.

    Raises:
        ValueError: One is not between 0 and 1.
    """
    if not all(0 < far < 1 for far in fars):
        raise ValueError(f"{name}={list(fars)} must be fractions between 0 and 1, such as 1e-6")


def num_to_keep(fars: Sequence[float], num_impostor: int) -> int:
    """K, the highest impostor scores that fix the thresholds at all rates that can be had.

    Args:
        fars: False accept rates as fractions.
        num_impostor: Impostor pairs there are.
    """
    able = [num_needed(far, num_impostor) for far in fars if not _obstacle(far, num_impostor)]
    return max([_NUM_HARDEST, *able])


def rare_accepts(
    genuine: Tensor,
    identity: Tensor,
    top: TopScores,
    names: Mapping[str, float],
    num_bootstrap: int,
) -> RareAccepts:
    """True accept rates, a share of genuine pairs each.

    Args:
        genuine: Score of each genuine pair, (P,) float32; -inf for one that must not be accepted in any case.
        identity: Who each shows, (P,) int64; intervals resample identities.
        top: At least `num_to_keep` impostor scores.
        names: False accept rate as a fraction, by the name of the figure.
        num_bootstrap: Number of resamples of an interval.
    """
    result = RareAccepts()
    largest = 0.0
    for name, far in names.items():
        obstacle = _obstacle(far, top.num_impostor)
        if obstacle:
            result.unsupported[name] = obstacle
            continue
        cut = cut_at_far(top, far)
        accepted = (genuine > cut).float()
        result.figures[name] = groups_bootstrap(accepted, identity, over="identities", num_bootstrap=num_bootstrap)
        result.units[name] = Units(accepted.numpy(), identity.numpy())
        result.thresholds.append(Threshold(far, cut, accepted_share(genuine, cut), top.num_impostor))
        largest = max(largest, far)
    if largest:
        result.roc = _curve(genuine, top, num_needed(largest, top.num_impostor))
    return result


def far_figures(prefix: str, fars: Sequence[float]) -> dict[str, float]:
    """Rates by the names of their figures: ``tar@far=1e-6`` with the prefix ``tar@far``."""
    return {f"{prefix}={far_name(far)}": far for far in fars}


def hard_pairs(top: TopScores, genuine: PairScores, query_image: Tensor, gallery_image: Tensor) -> list[HardPair]:
    """Impostor pairs with the highest scores, then genuine ones with the lowest.

    Args:
        top: Impostor pairs of a query and a gallery row.
        genuine: Genuine pairs of two query rows.
        query_image: Number of the image of each query row.
        gallery_image: Number of the image of each gallery row.
    """
    alike = slice(min(_NUM_HARDEST, len(top.score)))
    false = zip(query_image[top.query[alike]], gallery_image[top.gallery[alike]], top.score[alike], strict=True)
    low = (-genuine.score).topk(min(_NUM_HARDEST, len(genuine.score))).indices
    true = zip(query_image[genuine.query[low]], query_image[genuine.gallery[low]], genuine.score[low], strict=True)
    return [*_named(false, same=False), *_named(true, same=True)]


def _named(pairs: Iterator[tuple[Tensor, Tensor, Tensor]], same: bool) -> Iterator[HardPair]:
    return (HardPair(int(first), int(second), float(score), same) for first, second, score in pairs)


def _obstacle(far: float, num_impostor: int) -> str:
    """Why there is no figure at a false accept rate, nothing if there can be one."""
    if not supported(far, num_impostor):
        return f"needs {1 / far:,.0f} impostor pairs, there are {num_impostor:,}"
    needed = num_needed(far, num_impostor)
    if needed > _MAX_KEPT:
        return f"needs the {needed} highest of {num_impostor} scores, more than {_MAX_KEPT}: ask for a lower rate"
    return ""


def _curve(genuine: Tensor, top: TopScores, num_scores: int) -> RocCurve:
    rising = np.sort(genuine.numpy())
    last = max(1, num_scores - 1)
    accepted = np.unique(np.geomspace(1, last, _MAX_CURVE_POINTS).round().astype(np.int64))
    accepted = np.concatenate([[0], accepted[accepted < len(top.score)]])
    cuts = top.score.numpy()[accepted]
    above = len(rising) - np.searchsorted(rising, cuts, side="right")
    return RocCurve((accepted / top.num_impostor).tolist(), (above / len(rising)).tolist())
