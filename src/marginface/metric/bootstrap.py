"""Percentile bootstrap intervals of verification figures.

Shapes: P pairs, K distinct scores, R resamples, F folds.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from marginface.metric.functional import Roc, check_scores, rank_scores, roc_from_counts
from marginface.metric.protocol import FoldAccuracy

_CHUNK_CELLS = 2**20  # resamples x scores held at a time: 8 MiB a buffer, about what a cache holds


class Interval(NamedTuple):
    """A figure with the ends of its confidence interval, low <= value <= high.

    Args:
        value: The figure on all pairs.
        low: Lower end.
        high: Upper end.
        over: What was resampled for it: ``pairs``, ``identities``, ...
    """

    value: float
    low: float
    high: float
    over: str = "pairs"


def pairs_bootstrap(
    score: Tensor,
    same: Tensor,
    statistics: Mapping[str, Callable[[Roc], Tensor]],
    *,
    num_bootstrap: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Interval]:
    """Pairs bootstrap: intervals from resampling pairs with replacement, genuine and impostor pairs separately.

    Each class keeps its number of pairs, so every resample supports the same false accept rates. Pairs that
    share an image or a person count as independent, as is usual for these protocols; the true interval is wider.

    Args:
        score: Similarity of each pair, (P,).
        same: Whether the pair shows one identity, (P,) bool.
        statistics: Name -> function of a curve with leading dimensions (R,) that returns (R,) values.
        num_bootstrap: Number of resamples R.
        confidence: Share of the resamples inside the interval.
        seed: The same seed gives the same interval.

    Returns:
        An interval for each name; its value is the statistic of the pairs as they are.

    Raises:
        ValueError: Unusable scores, see :func:`marginface.metric.functional.check_scores`, or settings out of range.

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13 (percentile interval).
    """
    check_scores(score, same)
    check_bootstrap(num_bootstrap, confidence)
    threshold, level = rank_scores(score.cpu())
    genuine, impostor = level[same.cpu()], level[~same.cpu()]
    num_levels = len(threshold)
    curve = roc_from_counts(
        torch.bincount(genuine, minlength=num_levels), torch.bincount(impostor, minlength=num_levels), threshold
    )
    drawn: dict[str, list[Tensor]] = {name: [] for name in statistics}
    generator = torch.Generator().manual_seed(seed)
    for rows in _chunks(num_bootstrap, max(1, _CHUNK_CELLS // len(score))):
        genuine_count = _resample(genuine, rows, num_levels, generator)
        impostor_count = _resample(impostor, rows, num_levels, generator)
        resampled = roc_from_counts(genuine_count, impostor_count, threshold)
        for name, statistic in statistics.items():
            drawn[name].append(statistic(resampled))
    return {
        name: _interval(float(statistic(curve)), torch.cat(drawn[name]), confidence)
        for name, statistic in statistics.items()
    }


def folds_bootstrap(
    accuracy: FoldAccuracy, *, num_bootstrap: int = 1000, confidence: float = 0.95, seed: int = 0
) -> Interval:
    """Interval of a mean fold accuracy: resamples the pairs' correctness within each fold at the chosen thresholds.

    Thresholds are not chosen anew, so their own uncertainty is left out. The number of correct pairs in a fold
    drawn with replacement is binomial, hence no pair has to be drawn. With no error at all the interval is a point.

    Args:
        accuracy: Correct pairs and pairs of each fold, (F,).
        num_bootstrap: Number of resamples.
        confidence: Share of the resamples inside the interval.
        seed: The same seed gives the same interval.

    Raises:
        ValueError: Settings out of range.
    """
    check_bootstrap(num_bootstrap, confidence)
    num_pairs = accuracy.num_pairs.cpu().double().expand(num_bootstrap, -1).contiguous()
    chance = accuracy.accuracy.cpu().expand(num_bootstrap, -1).contiguous()
    generator = torch.Generator().manual_seed(seed)
    correct = torch.binomial(num_pairs, chance, generator=generator)
    return _interval(accuracy.mean, (correct / num_pairs).mean(1), confidence)


def check_bootstrap(num_bootstrap: int, confidence: float) -> None:
    """Refuse settings that give no interval.

    Raises:
        ValueError: No resample, or a confidence outside (0, 1).
    """
    if num_bootstrap < 1:
        raise ValueError(f"num_bootstrap={num_bootstrap} must be at least 1; 1000 is usual")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence} must lie between 0 and 1; 0.95 is usual")


def _chunks(total: int, size: int) -> Iterator[int]:
    for start in range(0, total, size):
        yield min(size, total - start)


def _resample(level: Tensor, rows: int, num_levels: int, generator: torch.Generator) -> Tensor:
    """Pairs at each score in ``rows`` draws with replacement of ``len(level)`` pairs, (rows, K) int64."""
    drawn = level[torch.randint(len(level), (rows, len(level)), generator=generator)]
    drawn += num_levels * torch.arange(rows)[:, None]
    return torch.bincount(drawn.flatten(), minlength=rows * num_levels).reshape(rows, num_levels)


def _interval(value: float, drawn: Tensor, confidence: float) -> Interval:
    tail = (1 - confidence) / 2
    low, high = torch.quantile(drawn, torch.tensor([tail, 1 - tail], dtype=drawn.dtype)).tolist()
    # a biased figure (EER on few pairs) can fall outside its percentiles: widen rather than contradict it
    return Interval(value, min(low, value), max(high, value))
