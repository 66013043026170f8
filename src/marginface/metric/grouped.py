"""Intervals of figures that are means over units, by resampling groups of them.

Shapes: U units, R resamples.
"""

import torch
from torch import Tensor

from marginface.metric.bootstrap import Interval, check_bootstrap


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
    _, place = torch.unique(group, return_inverse=True)
    size = torch.bincount(place).double()
    total = torch.bincount(place, weights=value.double())
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.stack([_mean_of_draw(total, size, generator) for _ in range(num_bootstrap)])
    mean = float(value.double().mean())
    tail = (1 - confidence) / 2
    low, high = torch.quantile(drawn, torch.tensor([tail, 1 - tail], dtype=drawn.dtype)).tolist()
    return Interval(mean, min(low, mean), max(high, mean), over)


def _mean_of_draw(total: Tensor, size: Tensor, generator: torch.Generator) -> Tensor:
    drawn = torch.randint(len(size), (len(size),), generator=generator)
    return total[drawn].sum() / size[drawn].sum()
