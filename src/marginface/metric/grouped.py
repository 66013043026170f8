"""Intervals of figures that are means over units, by resampling groups of them.

Shapes: U units, R resamples.
"""

import torch
from torch import Tensor

from marginface.metric.bootstrap import Interval, check_bootstrap, chunks, percentile_interval, times_drawn


def groups_bootstrap(
    value: Tensor,
    group: Tensor,
    *,
    over: str,
    num_bootstrap: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Cluster bootstrap of a mean: groups are drawn with replacement, each with all of its units.

    A resample has as many groups as there are, not as many units: its mean is the ratio of two sums. The interval is
    only as good as the groups are many; of fewer than about 20 it is too narrow.

    Args:
        value: Outcome of each unit, (U,).
        group: What is resampled together, such as the identity, (U,) int64.
        over: What the groups are, in words: ``identities``.
        num_bootstrap: Number of resamples R.
        confidence: Share of the resamples inside the interval.
        seed: The same seed gives the same interval.

    Raises:
        ValueError: No unit, a value that is not finite, different shapes, or settings out of range.

    Source: Davison and Hinkley, "Bootstrap Methods and their Application", 1997, section 3.8.
    """
    check_bootstrap(num_bootstrap, confidence)
    if value.ndim != 1 or value.shape != group.shape or not len(value):
        raise ValueError(f"value and group must be (U,) each, U > 0, got {tuple(value.shape)}, {tuple(group.shape)}")
    if not bool(torch.isfinite(value).all()):
        raise ValueError(f"value has {int((~torch.isfinite(value)).sum())} entries that are not finite: drop them")
    _, place = torch.unique(group.cpu(), return_inverse=True)
    size = torch.bincount(place).double()
    total = torch.bincount(place, weights=value.cpu().double())
    generator = torch.Generator().manual_seed(seed)
    drawn = [
        _means(times_drawn(len(size), rows, generator).double(), total, size)
        for rows in chunks(num_bootstrap, len(size))
    ]
    return percentile_interval(float(value.double().mean()), torch.cat(drawn), confidence, over)


def _means(times: Tensor, total: Tensor, size: Tensor) -> Tensor:
    return (times @ total) / (times @ size)
