"""Two models on the same units: how far apart their means are, and whether chance explains it.

Shapes: U units, G groups, R resamples.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from marginface.metric.bootstrap import Interval, chunks
from marginface.metric.grouped import groups_bootstrap

_ROUNDING = 1e-9  # of the sum of all differences: what an equally large sum in another order may lack


class PairedTest(NamedTuple):
    """Comparison of two models on the same units.

    Args:
        difference: Mean outcome of the first model less that of the second, with its interval.
        p_value: Chance of a mean difference at least as large, in either direction, if the models were alike.
    """

    difference: Interval
    p_value: float


def paired_test(
    first: Tensor,
    second: Tensor,
    group: Tensor,
    *,
    over: str,
    num_bootstrap: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> PairedTest:
    """Difference of two models' means, with a cluster bootstrap interval and a randomisation test over groups.

    If the models are alike, then in each group they could as well have changed places, which flips the sign of the
    group's difference. The p-value counts sign patterns whose total is as large as the one seen, that one included:
    (1 + number of them among R random ones) / (1 + R), so it is never 0. For right-or-wrong outcomes with each unit a
    group of its own that is the exact McNemar test, up to the random choice of patterns.

    Args:
        first: Outcome of each unit by one model, (U,).
        second: Outcome of the same units by the other model, (U,).
        group: What is resampled together, such as the identity, (U,) int64.
        over: What the groups are, in words: ``identities``.
        num_bootstrap: Number of resamples R, of the interval as of the test.
        confidence: Share of the resamples inside the interval.
        seed: The same seed gives the same result.

    Raises:
        ValueError: No unit, a value that is not finite, different shapes, or settings out of range.

    Source: Ernst, "Permutation Methods: A Basis for Exact Inference", Statistical Science 19(4), 2004; the count of the
    pattern seen: Phipson and Smyth, "Permutation P-values Should Never Be Zero", SAGMB 9(1), 2010.
    """
    if first.shape != second.shape:
        raise ValueError(
            f"first and second must have one entry for each unit, got {tuple(first.shape)} and {tuple(second.shape)}: "
            "compare models on the same set"
        )
    difference = first.cpu().double() - second.cpu().double()
    interval = groups_bootstrap(
        difference, group.cpu(), over=over, num_bootstrap=num_bootstrap, confidence=confidence, seed=seed
    )
    _, place = torch.unique(group.cpu(), return_inverse=True)
    total = torch.bincount(place, weights=difference)
    return PairedTest(interval, _sign_flip_p_value(total[total != 0], num_bootstrap, seed))


def _sign_flip_p_value(total: Tensor, num_patterns: int, seed: int) -> float:
    """Share of sign patterns of the groups' totals (G,) whose sum is as far from 0 as that of the pattern seen."""
    if not len(total):
        return 1.0
    generator = torch.Generator().manual_seed(seed)
    least = float(total.sum().abs() - _ROUNDING * total.abs().sum())
    num_extreme = 0
    for rows in chunks(num_patterns, len(total)):
        kept = torch.randint(2, (rows, len(total)), generator=generator).double()
        num_extreme += int(((2 * kept - 1) @ total).abs().ge(least).sum())
    return (1 + num_extreme) / (1 + num_patterns)
