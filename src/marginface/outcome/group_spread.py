"""How accuracies of groups of people differ.

Shapes: G groups, F folds, P pairs of a group, R resamples.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from marginface.metric import FoldAccuracy, Interval
from marginface.outcome.outcome import Units

T = TypeVar("T")


def spread_over_groups(
    accuracy: Sequence[FoldAccuracy], num_bootstrap: int = 1000, confidence: float = 0.95, seed: int = 0
) -> dict[str, Interval]:
    """``mean``, ``std`` (with G in its denominator) and ``gap`` (highest less lowest) of the groups' accuracies.

    The intervals resample the pairs' correctness within each fold of each group, all groups at once. That number of
    correct pairs is binomial, as in :func:`marginface.metric.folds_bootstrap`. Resampled groups are further apart than
    the groups are: intervals of ``std`` and ``gap`` lean upwards.

    Args:
        accuracy: Of each of G groups, (F,) folds.
        num_bootstrap: Number of resamples R.
        confidence: Share of the resamples inside an interval.
        seed: The same seed gives the same intervals.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.stack([_resampled_mean(part, num_bootstrap, generator) for part in accuracy], dim=1)
    actual = torch.tensor([[part.mean for part in accuracy]], dtype=torch.float64)
    return {name: _interval(float(of(actual)), of(drawn), confidence) for name, of in _SPREADS.items()}


def mean_units(accuracy: Sequence[Mapping[str, FoldAccuracy]]) -> dict[str, Units]:
    """Pairs whose mean is the mean over the groups; nothing where groups or folds have different sizes.

    Args:
        accuracy: Of each of G groups, by protocol.
    """
    sizes = torch.cat([part.num_pairs for group in accuracy for part in group.values()])
    if len(torch.unique(sizes)) != 1:
        return {}
    right = {name: torch.cat([group[name].right for group in accuracy]) for name in accuracy[0]}
    return {
        f"mean/accuracy@{name}": Units(value.float().numpy(), torch.arange(len(value)).numpy())
        for name, value in right.items()
    }


def merged(parts: Sequence[Mapping[str, T]]) -> dict[str, T]:
    """What is known of several groups by names of their own, in one mapping."""
    return {name: value for part in parts for name, value in part.items()}


def _mean(value: Tensor) -> Tensor:
    return value.mean(1)


def _std(value: Tensor) -> Tensor:
    return value.std(1, correction=0)


def _gap(value: Tensor) -> Tensor:
    return value.amax(1) - value.amin(1)


_SPREADS: Mapping[str, Callable[[Tensor], Tensor]] = {"mean": _mean, "std": _std, "gap": _gap}


def _resampled_mean(accuracy: FoldAccuracy, num_bootstrap: int, generator: torch.Generator) -> Tensor:
    num_pairs = accuracy.num_pairs.double().expand(num_bootstrap, -1).contiguous()
    chance = accuracy.accuracy.expand(num_bootstrap, -1).contiguous()
    return (torch.binomial(num_pairs, chance, generator=generator) / num_pairs).mean(1)


def _interval(value: float, drawn: Tensor, confidence: float) -> Interval:
    tail = (1 - confidence) / 2
    low, high = torch.quantile(drawn, torch.tensor([tail, 1 - tail], dtype=drawn.dtype)).tolist()
    return Interval(value, min(low, value), max(high, value), "pairs")
