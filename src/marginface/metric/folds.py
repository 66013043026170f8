"""Cross-validation of a threshold: each fold of pairs is judged at the threshold chosen on the other folds.

Shapes: P pairs, F folds, S rows of scores: F, or 1 where all folds see the same scores.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


class FoldAccuracy(NamedTuple):
    """Outcome of a protocol on each fold.

    Args:
        num_correct: Pairs judged right in the fold, (F,) int64.
        num_pairs: Pairs in the fold, (F,) int64.
        threshold: Threshold chosen on the other folds, (F,) float64; a pair is the same iff its score exceeds it.
        right: Whether each pair is judged right, in its own fold, (P,) bool.
        tar: True accept rate by the protocol's own rule, which is the accuracy on the genuine pairs at thresholds
            meant for a false accept rate; None where the rule names none or the pairs cannot support it.
    """

    num_correct: Tensor
    num_pairs: Tensor
    threshold: Tensor
    right: Tensor
    tar: "FoldAccuracy | None" = None

    @property
    def accuracy(self) -> Tensor:
        """Share of pairs judged right in each fold, (F,) float64."""
        return self.num_correct.double() / self.num_pairs

    @property
    def mean(self) -> float:
        """Mean of the folds' accuracies, the figure that papers report."""
        return float(self.accuracy.mean())


ThresholdRule = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(score (S, P), same (P,) bool, fold (P,)) -> threshold of each fold from the pairs outside it, (F,)."""


def cross_validate(score: Tensor, same: Tensor, fold: Tensor, choose: ThresholdRule) -> FoldAccuracy:
    """Judge each fold at the threshold chosen on the others.

    Args:
        score: Similarity of every pair as fold f sees it, (F, P), or (1, P).
        same: Whether the pair shows one identity, (P,) bool.
        fold: Fold of each pair, from 0 to F - 1, (P,) int64.
        choose: Chooses the thresholds; a pair is the same iff its score exceeds its fold's.
    """
    threshold = choose(score, same, fold)
    right = (seen_by_own_fold(score, fold) > threshold[fold]) == same
    num_correct = torch.bincount(fold[right], minlength=len(threshold))
    return FoldAccuracy(num_correct, torch.bincount(fold), threshold, right)


def seen_by_own_fold(rows: Tensor, fold: Tensor) -> Tensor:
    """What the fold of each pair sees of it, (P,), of values (F, P) or (1, P)."""
    return rows[0] if len(rows) == 1 else rows.gather(0, fold[None])[0]


def training_pairs(fold: Tensor) -> Tensor:
    """Whether a pair lies outside a fold, (F, P) bool."""
    return fold != torch.arange(int(fold.max()) + 1, device=fold.device)[:, None]


def fold_of_pair(num_pairs: int, num_folds: int) -> Tensor:
    """Fold of each pair, (P,) int64: contiguous parts, the first ``num_pairs % num_folds`` one pair longer.

    Raises:
        ValueError: Fewer than two folds, or fewer pairs than folds.

    Source: sklearn.model_selection.KFold without shuffle.
    """
    check_folds(num_pairs, num_folds)
    size = torch.full((num_folds,), num_pairs // num_folds)
    size[: num_pairs % num_folds] += 1
    return torch.arange(num_folds).repeat_interleave(size)


def check_folds(num_pairs: int, num_folds: int) -> None:
    """Refuse a split that leaves a fold without pairs to choose a threshold on, or to judge.

    Raises:
        ValueError: Fewer than two folds, or fewer pairs than folds.
    """
    if not 2 <= num_folds <= num_pairs:
        raise ValueError(
            f"num_folds={num_folds} must be at least 2 and at most the number of pairs, {num_pairs}: "
            "set num_folds to the folds that the pair list was made with"
        )
