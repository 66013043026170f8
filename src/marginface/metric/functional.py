"""The receiver operating curve of scored pairs with all that is read off it, exact at every distinct score.

Shapes: P pairs, K distinct scores; ``...`` are leading dimensions of resamples (none for the plain figures).
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


class Roc(NamedTuple):
    """Receiver operating curve: entry k accepts every pair with score >= threshold[k]; entry 0 accepts none.

    Args:
        far: False accept rate, share of impostor pairs accepted, (..., K + 1) float64, rising from 0 to 1.
        tar: True accept rate, share of genuine pairs accepted, (..., K + 1) float64, rising from 0 to 1.
        threshold: Distinct scores from the highest down, after a leading +inf, (K + 1,) float64.
        num_genuine: Number of pairs of one identity.
        num_impostor: Number of pairs of two identities.
    """

    far: Tensor
    tar: Tensor
    threshold: Tensor
    num_genuine: int
    num_impostor: int


def roc(score: Tensor, same: Tensor) -> Roc:
    """Receiver operating curve of scored pairs; equal scores are accepted together.

    Args:
        score: Similarity of each pair, (P,) float, higher is more alike.
        same: Whether the pair shows one identity, (P,) bool.

    Raises:
        ValueError: A score is not finite, the shapes differ, or one of the two classes of pairs is missing.
    """
    check_scores(score, same)
    threshold, level = rank_scores(score)
    genuine = torch.bincount(level[same], minlength=len(threshold))
    impostor = torch.bincount(level[~same], minlength=len(threshold))
    return roc_from_counts(genuine, impostor, threshold)


def rank_scores(score: Tensor) -> tuple[Tensor, Tensor]:
    """Distinct scores from the highest down, (K,) float64; each pair's place among them, (P,) int64."""
    negative, level = torch.unique(-score.double(), return_inverse=True)
    return -negative, level


def roc_from_counts(genuine: Tensor, impostor: Tensor, threshold: Tensor) -> Roc:
    """Curve from the number of pairs at each distinct score.

    Args:
        genuine: Genuine pairs at each score, (..., K) int64; every row has the same sum.
        impostor: Impostor pairs at each score, (..., K) int64; every row has the same sum.
        threshold: Distinct scores from the highest down, (K,).
    """
    num_genuine, num_impostor = (int(count.reshape(-1, count.shape[-1])[0].sum()) for count in (genuine, impostor))
    infinity = threshold.new_full((1,), torch.inf)
    return Roc(
        far=_share_accepted(impostor, num_impostor),
        tar=_share_accepted(genuine, num_genuine),
        threshold=torch.cat((infinity, threshold)),
        num_genuine=num_genuine,
        num_impostor=num_impostor,
    )


def auc(curve: Roc) -> Tensor:
    """Area under the curve: chance that a genuine pair outscores an impostor pair, a tie counting 1/2, (...).

    Source: the Mann-Whitney statistic, which is the area under the piecewise linear curve.
    """
    return torch.trapezoid(curve.tar, curve.far, dim=-1)


def eer(curve: Roc) -> Tensor:
    """Equal error rate: FAR where the straight lines between the curve's points meet FAR = 1 - TAR, (...)."""
    gap = curve.far + curve.tar - 1.0  # -1 at the start, 1 at the end, never falling
    after = (gap < 0).sum(-1, keepdim=True)
    gap_before, gap_after = gap.gather(-1, after - 1), gap.gather(-1, after)
    far_before, far_after = curve.far.gather(-1, after - 1), curve.far.gather(-1, after)
    step = gap_before / (gap_before - gap_after)
    return (far_before + step * (far_after - far_before)).squeeze(-1)


def supports_far(curve: Roc, far: float) -> bool:
    """Whether there are impostor pairs enough for a false accept rate: at least one may be accepted."""
    return 1 / curve.num_impostor <= far


def tar_at_far(curve: Roc, far: float) -> Tensor:
    """Highest true accept rate of any threshold whose false accept rate is at most ``far``, (...).

    Raises:
        ValueError: The number of impostor pairs does not support this ``far``.
    """
    if not supports_far(curve, far):
        raise ValueError(
            f"far={far:g} needs at least {1 / far:.0f} impostor pairs, got {curve.num_impostor}: "
            "give more pairs or a larger far"
        )
    last = (curve.far <= far).sum(-1, keepdim=True) - 1
    return curve.tar.gather(-1, last).squeeze(-1)


def far_name(far: float) -> str:
    """A rate as it stands in the names of figures: 0.001 is ``1e-3``."""
    digits, exponent = f"{far:e}".split("e")
    return f"{digits.rstrip('0').rstrip('.')}e{int(exponent)}"


def thin_curve(curve: Roc, max_points: int) -> tuple[Tensor, Tensor]:
    """Points that draw a curve: its corners, or ``max_points`` of them, denser where false accepts are rare.

    Returns:
        FAR and TAR of the points kept, (K,) each, both ends among them.
    """
    across, up = curve.far.diff(), curve.tar.diff()
    turns = (across[1:] * up[:-1] != across[:-1] * up[1:]).nonzero().flatten() + 1
    corner = torch.cat((turns.new_zeros(1), turns, turns.new_full((1,), len(curve.far) - 1)))
    if len(corner) > max_points:
        even = torch.linspace(0, len(corner) - 1, max_points // 2, dtype=torch.float64)
        early = torch.logspace(0, 1, max_points // 2, base=len(corner), dtype=torch.float64) - 1
        corner = corner[torch.unique(torch.cat((even, early)).round().long())]
    return curve.far[corner], curve.tar[corner]


def check_scores(score: Tensor, same: Tensor) -> None:
    """Refuse scores that no figure can be made of.

    Raises:
        ValueError: A score is not finite, the shapes differ, or one of the two classes of pairs is missing.
    """
    if score.ndim != 1 or score.shape != same.shape:
        raise ValueError(f"score and same must be (P,) each, got {tuple(score.shape)} and {tuple(same.shape)}")
    if not bool(torch.isfinite(score).all()):
        raise ValueError(f"score has {int((~torch.isfinite(score)).sum())} values that are not finite: drop them")
    check_same(same)


def check_same(same: Tensor) -> None:
    """Refuse pairs of one class only.

    Raises:
        ValueError: ``same`` is not boolean, or all its values are alike.
    """
    if same.dtype != torch.bool:
        raise ValueError(f"same must be boolean, got {same.dtype}: pass same.bool()")
    num_genuine = int(same.sum())
    if num_genuine in (0, len(same)):
        raise ValueError(
            f"same has {num_genuine} genuine and {len(same) - num_genuine} impostor pairs: give at least one of each"
        )


def _share_accepted(count: Tensor, total: int) -> Tensor:
    # one division of whole numbers, so that 6 of 600 is exactly the float 0.01 that a caller writes
    accepted = torch.cumsum(count, dim=-1, dtype=torch.float64) / total
    return functional.pad(accepted, (1, 0))
