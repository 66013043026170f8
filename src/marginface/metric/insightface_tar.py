"""True accept rate at a false accept rate by insightface's rule, which reads the threshold off the training folds.

Shapes: P pairs, F folds, B cuts.
"""

import numpy as np
import torch
from torch import Tensor

from marginface.metric.folds import FoldAccuracy

INSIGHTFACE_FAR = 1e-3
_CUTS = torch.arange(4000, dtype=torch.float64) * 0.001  # squared distances, as numpy.arange(0, 4, 0.001)


def insightface_tar(distance: Tensor, same: Tensor, fold: Tensor, far: float = INSIGHTFACE_FAR) -> FoldAccuracy | None:
    """Share of genuine pairs of each fold below the distance that has this false accept rate on the other folds.

    The distance is interpolated between neighbouring cuts of a grid; where a stretch of cuts has exactly this rate,
    the last of them counts. Thresholds in the result are negated distances, to be exceeded.

    Args:
        distance: Squared distance of the unit embeddings of each pair, (P,).
        same: Whether the pair shows one identity, (P,) bool.
        fold: Fold of each pair, from 0 to F - 1, (P,) int64.
        far: False accept rate as a fraction.

    Returns:
        Genuine pairs in the place of pairs (``right`` has one entry for each genuine pair, in their order). None if
        some fold has no genuine pair, or has fewer than 1 / far impostor pairs outside it.

    Source: deepinsight/insightface, recognition/arcface_torch/eval/verification.py (calculate_val).
    """
    num_folds = int(fold.max()) + 1
    of_genuine, of_impostor = fold[same], fold[~same]
    num_genuine = torch.bincount(of_genuine, minlength=num_folds)
    num_outside = len(of_impostor) - torch.bincount(of_impostor, minlength=num_folds)
    if not bool(num_genuine.all()) or bool((far * num_outside < 1).any()):
        return None
    far_at_cut = _accepted_outside(distance[~same], of_impostor, num_folds) / num_outside[:, None]
    threshold = torch.tensor(_interpolated(far_at_cut, far), dtype=torch.float64, device=distance.device)
    accepted = distance[same] < threshold[of_genuine]
    num_accepted = torch.bincount(of_genuine[accepted], minlength=num_folds)
    return FoldAccuracy(num_accepted, num_genuine, -threshold, accepted)


def _accepted_outside(distance: Tensor, fold: Tensor, num_folds: int) -> Tensor:
    """Number of pairs outside each fold that each cut accepts, (F, B) float64."""
    num_bins = len(_CUTS) + 1
    rejecting = torch.searchsorted(_CUTS.to(distance.device), distance, right=True)  # the cuts up to its distance
    inside = torch.bincount(fold * num_bins + rejecting, minlength=num_folds * num_bins).reshape(num_folds, num_bins)
    return (inside.sum(0) - inside).cumsum(1)[:, : len(_CUTS)].double()


def _interpolated(far_at_cut: Tensor, far: float) -> list[float]:
    """Cuts at which the straight lines between the rates (F, B) at all cuts reach ``far``, F; 0 where none does."""
    cut = _CUTS.numpy()
    return [float(np.interp(far, rates, cut)) if rates[-1] >= far else 0.0 for rates in far_at_cut.cpu().numpy()]
