"""Percentile bootstrap intervals of verification figures.

Shapes: P pairs, K corners of a curve, R resamples, F folds.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from marginface.metric.folds import FoldAccuracy
from marginface.metric.functional import Roc, roc

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
    Resampled curves have points only where the plain one turns from genuine to impostor pairs or back: between them
    every resampled curve is straight.

    Args:
        score: Similarity of each pair, (P,).
        same: Whether the pair shows one identity, (P,) bool.
        statistics: Name -> function of a curve with leading dimensions (R,) that returns (R,) values. Points that lie
            on a straight part of a curve must not matter to it.
        num_bootstrap: Number of resamples R.
        confidence: Share of the resamples inside the interval.
        seed: The same seed gives the same interval.

    Returns:
        An interval for each name; its value is the statistic of the pairs as they are.

    Raises:
        ValueError: Unusable scores, see :func:`marginface.metric.functional.check_scores`, or settings out of range.

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13 (percentile interval).
    """
    curve = roc(score.cpu(), same.cpu())
    check_bootstrap(num_bootstrap, confidence)
    turns = _turns(curve)
    drawn: dict[str, list[Tensor]] = {name: [] for name in statistics}
    generator = torch.Generator().manual_seed(seed)
    for rows in chunks(num_bootstrap, len(score)):
        tar = _resampled(turns.tar, curve.num_genuine, rows, generator)
        far = _resampled(turns.far, curve.num_impostor, rows, generator)
        for name, statistic in statistics.items():
            drawn[name].append(statistic(turns._replace(far=far, tar=tar)))
    return {
        name: percentile_interval(float(statistic(curve)), torch.cat(drawn[name]), confidence)
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
    return percentile_interval(accuracy.mean, (correct / num_pairs).mean(1), confidence)


def check_bootstrap(num_bootstrap: int, confidence: float) -> None:
    """Refuse settings that give no interval.

    Raises:
        ValueError: No resample, or a confidence outside (0, 1).
    """
    if num_bootstrap < 1:
        raise ValueError(f"num_bootstrap={num_bootstrap} must be at least 1; 1000 is usual")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence} must lie between 0 and 1; 0.95 is usual")


def chunks(num_bootstrap: int, num_units: int) -> Iterator[int]:
    """Numbers of resamples to hold at a time, so that their buffers stay in cache."""
    size = max(1, _CHUNK_CELLS // num_units)
    for start in range(0, num_bootstrap, size):
        yield min(size, num_bootstrap - start)


def times_drawn(num_units: int, rows: int, generator: torch.Generator) -> Tensor:
    """How often each unit is drawn in ``rows`` resamples with replacement, (rows, num_units) int64."""
    drawn = torch.randint(num_units, (rows, num_units), generator=generator)
    drawn += num_units * torch.arange(rows)[:, None]
    return torch.bincount(drawn.flatten(), minlength=rows * num_units).reshape(rows, num_units)


def percentile_interval(value: float, drawn: Tensor, confidence: float, over: str = "pairs") -> Interval:
    """Interval between the percentiles of resampled figures (R,), widened to hold the figure itself."""
    tail = (1 - confidence) / 2
    low, high = torch.quantile(drawn, torch.tensor([tail, 1 - tail], dtype=drawn.dtype)).tolist()
    # a biased figure (EER on few pairs) can fall outside its percentiles: widen rather than contradict it
    return Interval(value, min(low, value), max(high, value), over)


def _turns(curve: Roc) -> Roc:
    """The curve without the points inside a run of genuine pairs only or of impostor pairs only."""
    across, up = curve.far.diff() > 0, curve.tar.diff() > 0
    inside = (across[1:] == across[:-1]) & (up[1:] == up[:-1]) & (across != up)[1:]
    keep = functional.pad(~inside, (1, 1), value=True)
    return curve._replace(far=curve.far[keep], tar=curve.tar[keep], threshold=curve.threshold[keep])


def _resampled(share: Tensor, num_pairs: int, rows: int, generator: torch.Generator) -> Tensor:
    """Share of the pairs of a class accepted at each point of a curve, (rows, K), in place of ``share`` (K,)."""
    accepted = functional.pad(times_drawn(num_pairs, rows, generator).cumsum(1), (1, 0))  # of the first 0, 1, ... pairs
    return accepted.index_select(1, (share * num_pairs).round().long()).double() / num_pairs
