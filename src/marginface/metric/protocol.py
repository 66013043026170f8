"""Cross-validated accuracy of pair verification under three published rules, on the same embeddings.

Shapes: N images, D embedding, P pairs, F folds, T training pairs of a fold.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

_SPHEREFACE_CUTS = torch.arange(-10_000, 10_001, dtype=torch.float64) / 10_000
_INSIGHTFACE_CUTS = torch.arange(400, dtype=torch.float64) * 0.01  # as numpy.arange(0, 4, 0.01), bit for bit
_CHUNK = 256  # rows turned to float64 at a time: they stay in cache


class FoldAccuracy(NamedTuple):
    """Outcome of a protocol on each fold.

    Args:
        num_correct: Pairs judged right in the fold, (F,) int64.
        num_pairs: Pairs in the fold, (F,) int64.
        threshold: Threshold chosen on the other folds, (F,) float64; a pair is the same iff its score exceeds it.
        right: Whether each pair is judged right, in its own fold, (P,) bool.
    """

    num_correct: Tensor
    num_pairs: Tensor
    threshold: Tensor
    right: Tensor

    @property
    def accuracy(self) -> Tensor:
        """Share of pairs judged right in each fold, (F,) float64."""
        return self.num_correct.double() / self.num_pairs

    @property
    def mean(self) -> float:
        """Mean of the folds' accuracies, the figure that papers report."""
        return float(self.accuracy.mean())


FoldProtocol = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor, int], FoldAccuracy]
"""(plain (N, D), flipped (N, D), first (P,), second (P,), same (P,) bool, num_folds) -> FoldAccuracy."""


def sphereface(
    plain: Tensor, flipped: Tensor, first: Tensor, second: Tensor, same: Tensor, num_folds: int = 10
) -> FoldAccuracy:
    """Flip-concatenated features, centred on the training folds, cosine, mean of the best thresholds of a fine grid.

    Args:
        plain: Embeddings of the images, (N, D).
        flipped: Embeddings of the mirrored images, (N, D).
        first: Image on one side of each pair, (P,) int64.
        second: Image on the other side, (P,) int64.
        same: Whether the pair shows one identity, (P,) bool.
        num_folds: Number of contiguous folds F.

    Raises:
        ValueError: Fewer than two folds, or fewer pairs than folds.

    Source: wy1iu/sphereface, test/code/evaluation.m (cosine grid -1..1, step 1e-4).
    """
    feature = torch.cat((plain, flipped), dim=1)
    fold = fold_of_pair(len(same), num_folds).to(same.device)
    mean = _training_means(feature, first, second, fold, num_folds)
    return cross_validate(_centred_cosine(feature, mean, first, second), same, fold, mean_of_best_grid_cuts)


def insightface(
    plain: Tensor, flipped: Tensor, first: Tensor, second: Tensor, same: Tensor, num_folds: int = 10
) -> FoldAccuracy:
    """Flip-summed unit embeddings, squared L2 distance, first best threshold of the grid 0..4, step .01.

    Scores and thresholds are negated distances: the same iff the distance is below the threshold.
    Arguments and errors as for :func:`sphereface`.

    Source: deepinsight/insightface, recognition/arcface_torch/eval/verification.py (evaluate).
    """
    distance = (2 - 2 * flip_sum_cosine(plain, flipped, first, second)).clamp_min(0)
    fold = fold_of_pair(len(same), num_folds).to(same.device)
    return cross_validate((-distance).expand(num_folds, -1), same, fold, first_best_distance_cut)


def strict(
    plain: Tensor, flipped: Tensor, first: Tensor, second: Tensor, same: Tensor, num_folds: int = 10
) -> FoldAccuracy:
    """Flip-summed embeddings, cosine, best of every cut that the training scores allow: no grid can miss it.

    Arguments and errors as for :func:`sphereface`.
    """
    score = flip_sum_cosine(plain, flipped, first, second)
    fold = fold_of_pair(len(same), num_folds).to(same.device)
    return cross_validate(score.expand(num_folds, -1), same, fold, first_best_exact_cut)


PROTOCOLS: Mapping[str, FoldProtocol] = {"sphereface": sphereface, "insightface": insightface, "strict": strict}


def flip_sum_cosine(plain: Tensor, flipped: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Cosine of each pair's summed plain and mirrored embeddings, (P,) float64; 0 where an embedding is zero."""
    parts = [
        functional.cosine_similarity(plain[a].double() + flipped[a].double(), plain[b].double() + flipped[b].double())
        for a, b in _chunks(first, second)
    ]
    return torch.cat(parts).clamp(-1, 1)


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


def cross_validate(
    score: Tensor, same: Tensor, fold: Tensor, choose: Callable[[Tensor, Tensor], Tensor]
) -> FoldAccuracy:
    """Judge each fold at the threshold chosen on the others.

    Args:
        score: Similarity of every pair as fold f sees it, (F, P).
        same: Whether the pair shows one identity, (P,) bool.
        fold: Fold of each pair, (P,) int64.
        choose: (score (T,), same (T,)) -> threshold of the training pairs; the same iff score > threshold.
    """
    threshold = torch.stack([choose(row[fold != f], same[fold != f]) for f, row in enumerate(score)])
    right = (score > threshold[:, None]) == same
    own = fold == torch.arange(len(score), device=fold.device)[:, None]
    return FoldAccuracy((right & own).sum(1), own.sum(1), threshold, (right & own).any(0))


def mean_of_best_grid_cuts(score: Tensor, same: Tensor) -> Tensor:
    """Mean of all thresholds of the grid -1, -0.9999 ... 1 that tie for the most pairs judged right."""
    cut = _SPHEREFACE_CUTS.to(score.device)
    right = _num_right(score, same, cut)
    return cut[right == right.max()].mean()


def first_best_distance_cut(score: Tensor, same: Tensor) -> Tensor:
    """Smallest distance of the grid 0, 0.01 ... 3.99 with the most pairs judged right, negated as the scores are."""
    cut = -_INSIGHTFACE_CUTS.to(score.device).flip(0)
    right = _num_right(score, same, cut).flip(0)  # in the order of rising distance
    return cut.flip(0)[right.argmax()]  # argmax takes the first of equals


def first_best_exact_cut(score: Tensor, same: Tensor) -> Tensor:
    """Lowest of the cuts with the most pairs judged right.

    The cuts are -inf, the points half-way between neighbouring distinct scores, and +inf, from the lowest up.
    """
    level = torch.unique(score)
    below, above = level[:-1], level[1:]
    middle = below + (above - below) / 2
    middle = torch.where(middle < above, middle, below)  # neighbouring floats have none between them
    infinity = level.new_full((1,), torch.inf)
    cut = torch.cat((-infinity, middle, infinity))
    return cut[_num_right(score, same, cut).argmax()]


def _num_right(score: Tensor, same: Tensor, cut: Tensor) -> Tensor:
    """Pairs judged right at each of the rising cuts, from one histogram instead of cuts x pairs comparisons."""
    cuts_below = torch.searchsorted(cut, score.contiguous())  # exactly the cuts that accept the pair
    num_bins = len(cut) + 1
    genuine = torch.bincount(cuts_below[same], minlength=num_bins)
    impostor = torch.bincount(cuts_below[~same], minlength=num_bins)
    return genuine.sum() - genuine.cumsum(0)[:-1] + impostor.cumsum(0)[:-1]


def _training_means(feature: Tensor, first: Tensor, second: Tensor, fold: Tensor, num_folds: int) -> Tensor:
    """Mean feature over both sides of the pairs outside each fold, (F, D) float64."""
    num_images = len(feature)
    sides = torch.cat((fold * num_images + first, fold * num_images + second))
    inside = torch.bincount(sides, minlength=num_folds * num_images).reshape(num_folds, num_images)
    outside = (inside.sum(0) - inside).double()
    total = torch.zeros(num_folds, feature.shape[1], dtype=torch.float64, device=feature.device)
    for count, rows in zip(torch.split(outside, _CHUNK, dim=1), torch.split(feature, _CHUNK), strict=True):
        total += count @ rows.double()
    return total / outside.sum(1, keepdim=True)


def _centred_cosine(feature: Tensor, mean: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Cosine of each pair after subtracting each fold's mean, (F, P) float64."""
    shift = mean.mean(0)  # centring undoes any common shift; near the origin the terms below cancel little
    parts = [
        _cosine_about(mean - shift, feature[a].double() - shift, feature[b].double() - shift)
        for a, b in _chunks(first, second)
    ]
    return torch.cat(parts, dim=1).clamp(-1, 1)


def _cosine_about(mean: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """Cosine of each row of two (P, D) tensors seen from each mean (F, D), as (F, P).

    (a - m)(b - m) = ab - am - bm + mm needs no centred copy of the rows for each fold.
    """
    left_along, right_along, mean_square = mean @ left.T, mean @ right.T, mean.square().sum(1, keepdim=True)
    left_square = left.square().sum(1) - 2 * left_along + mean_square
    right_square = right.square().sum(1) - 2 * right_along + mean_square
    product = (left * right).sum(1) - left_along - right_along + mean_square
    return product / (left_square * right_square).clamp_min(1e-32).sqrt()


def _chunks(first: Tensor, second: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    return zip(torch.split(first, _CHUNK), torch.split(second, _CHUNK), strict=True)
