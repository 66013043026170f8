"""Rates of identification: a probe is searched for in a gallery of enrolled identities.

Shapes: Q probes with a mate in the gallery, M probes without.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor


class TpirAtFpir(NamedTuple):
    """True positive identification rate at a false positive identification rate.

    Args:
        rate: Share of the probes with a mate that are found.
        cut: Candidates are returned iff their score is above it.
        found: Whether each probe with a mate is found, (Q,) bool; ``rate`` is its mean.
    """

    rate: float
    cut: float
    found: Tensor


def cmc(rank: Tensor, max_rank: int) -> Tensor:
    """Cumulative match characteristic: share of probes whose mate stands at rank 1, 1..2, ..., 1..max_rank.

    Args:
        rank: Place of each probe's best mate in the gallery sorted by score, from 1 on, (Q,) int64.
        max_rank: Last rank of the curve.

    Returns:
        (max_rank,) float64, never falling.

    Raises:
        ValueError: No probe, a rank below 1, or ``max_rank`` below 1.

    Source: Phillips et al., "The FERET Evaluation Methodology for Face-Recognition Algorithms", TPAMI 22(10), 2000.
    """
    if max_rank < 1:
        raise ValueError(f"max_rank={max_rank} must be at least 1")
    if rank.ndim != 1 or not len(rank):
        raise ValueError(f"rank must be (Q,), Q > 0, got {tuple(rank.shape)}")
    num_wrong = int((rank < 1).sum())
    if num_wrong:
        raise ValueError(
            f"rank has {num_wrong} entries below 1: probes without a mate in the gallery have no rank, leave them out"
        )
    within = rank[rank <= max_rank]
    return torch.bincount(within - 1, minlength=max_rank).cumsum(0).double() / len(rank)


def tpir_at_fpir(mated_score: Tensor, mated_correct: Tensor, nonmated_top: Tensor, fpir: float) -> TpirAtFpir:
    """Share of probes with a mate that are found, where at most a share ``fpir`` of the other searches returns anybody.

    A search returns its best candidate iff the score is above the cut; a probe is found iff that candidate is its
    mate. The cut is the lowest that ``fpir`` allows: the (k + 1)-th highest of ``nonmated_top``, k = floor(fpir M).
    The usual rule for IJB takes the ceil(fpir M)-th highest. That is the same one, unless fpir M is a whole number:
    then it lets k - 1 searches return somebody, although ``fpir`` allows k, and its rate can be lower.

    Args:
        mated_score: Highest score of each search for a probe with a mate, or that of the mate, (Q,).
        mated_correct: Whether the mate comes first, (Q,) bool.
        nonmated_top: Highest score of each search for a probe without a mate, (M,).
        fpir: False positive identification rate as a fraction.

    Raises:
        ValueError: No probe of one kind, shapes that differ, scores that are NaN, or too few searches for ``fpir``.

    Source: Grother, Ngan and Hanaoka, "Face Recognition Vendor Test, Part 2: Identification", NISTIR 8271, 2019.
    """
    _check_searches(mated_score, mated_correct, nonmated_top)
    if not supports_fpir(fpir, len(nonmated_top)):
        raise ValueError(
            f"fpir={fpir:g} needs at least {1 / fpir:.0f} searches without a mate, got {len(nonmated_top)}: "
            "give more of them or a larger fpir"
        )
    allowed = _num_allowed(fpir, len(nonmated_top))
    highest = nonmated_top.topk(min(allowed + 1, len(nonmated_top))).values
    cut = float(highest[allowed]) if allowed < len(highest) else -math.inf
    found = (mated_score > cut) & mated_correct
    return TpirAtFpir(float(found.double().mean()), cut, found)


def supports_fpir(fpir: float, num_nonmated: int) -> bool:
    """Whether there are searches without a mate enough for a rate: at least one may return a candidate."""
    return _num_allowed(fpir, num_nonmated) >= 1


def _num_allowed(fpir: float, num_nonmated: int) -> int:
    # the product is rounded: 1e-3 * 1000 must be 1, 0.29 * 100 must be 29
    return math.floor(fpir * num_nonmated * (1 + 1e-12))


def _check_searches(mated_score: Tensor, mated_correct: Tensor, nonmated_top: Tensor) -> None:
    shapes = [tuple(part.shape) for part in (mated_score, mated_correct, nonmated_top)]
    if mated_score.shape != mated_correct.shape or any(len(shape) != 1 or not shape[0] for shape in shapes):
        raise ValueError(
            "mated_score, mated_correct, nonmated_top must be (Q,), (Q,), (M,), got {}, {}, {}".format(*shapes)
        )
    if mated_correct.dtype != torch.bool:
        raise ValueError(f"mated_correct must be boolean, got {mated_correct.dtype}: pass mated_correct.bool()")
    for name, score in (("mated_score", mated_score), ("nonmated_top", nonmated_top)):
        if bool(score.isnan().any()):
            raise ValueError(f"{name} has {int(score.isnan().sum())} values that are NaN: drop those probes")
