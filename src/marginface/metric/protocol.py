"""Cross-validated accuracy of pair verification under three published rules, on the same embeddings.

Shapes: N images, D embedding, P pairs, F folds.
"""

from collections.abc import Mapping
from typing import Protocol

from torch import Tensor

from marginface.metric.cuts import first_best_distance_cut, first_best_exact_cut, mean_of_best_grid_cuts
from marginface.metric.folds import FoldAccuracy, check_folds, cross_validate, fold_of_pair, training_pairs
from marginface.metric.insightface_tar import INSIGHTFACE_FAR, insightface_tar
from marginface.metric.pair_cosine import centred_cosine, flip_sum_cosine

__all__ = [
    "PROTOCOLS",
    "PROTOCOL_FARS",
    "FoldAccuracy",
    "FoldProtocol",
    "check_folds",
    "cross_validate",
    "first_best_distance_cut",
    "first_best_exact_cut",
    "flip_sum_cosine",
    "fold_of_pair",
    "insightface",
    "mean_of_best_grid_cuts",
    "sphereface",
    "strict",
]


class FoldProtocol(Protocol):
    """From the embeddings of pairs to the outcome on each fold."""

    def __call__(
        self,
        plain: Tensor,
        flipped: Tensor,
        first: Tensor,
        second: Tensor,
        same: Tensor,
        folds: int | Tensor = 10,
        *,
        score: Tensor | None = None,
    ) -> FoldAccuracy:
        """Judge the pairs.

        Args:
            plain: Embeddings of the images, (N, D).
            flipped: Embeddings of the mirrored images, (N, D).
            first: Image on one side of each pair, (P,) int64.
            second: Image on the other side, (P,) int64.
            same: Whether the pair shows one identity, (P,) bool.
            folds: Number of contiguous folds F, or the fold of each pair, from 0 to F - 1, (P,) int64.
            score: :func:`flip_sum_cosine` of the pairs where it is known already, (P,) float64.

        Raises:
            ValueError: Fewer than two folds, or fewer pairs than folds.
        """


def sphereface(
    plain: Tensor,
    flipped: Tensor,
    first: Tensor,
    second: Tensor,
    same: Tensor,
    folds: int | Tensor = 10,
    *,
    score: Tensor | None = None,
) -> FoldAccuracy:
    """Flip-concatenated features, centred on the training folds, cosine, mean of the best thresholds of a fine grid.

    Arguments and errors as for :class:`FoldProtocol`; ``score`` is of no use here.

    Source: wy1iu/sphereface, test/code/evaluation.m (cosine grid -1..1, step 1e-4).
    """
    fold = _fold(folds, same)
    centred = centred_cosine(plain, flipped, first, second, training_pairs(fold))
    return cross_validate(centred, same, fold, mean_of_best_grid_cuts)


def insightface(
    plain: Tensor,
    flipped: Tensor,
    first: Tensor,
    second: Tensor,
    same: Tensor,
    folds: int | Tensor = 10,
    *,
    score: Tensor | None = None,
) -> FoldAccuracy:
    """Flip-summed unit embeddings, squared L2 distance, first best threshold of the grid 0..4, step .01.

    Scores and thresholds are negated distances: the same iff the distance is below the threshold.
    Arguments and errors as for :class:`FoldProtocol`. Its own true accept rate is that of :func:`insightface_tar`.

    Source: deepinsight/insightface, recognition/arcface_torch/eval/verification.py (evaluate).
    """
    cosine = flip_sum_cosine(plain, flipped, first, second) if score is None else score
    distance, fold = (2 - 2 * cosine).clamp_min(0), _fold(folds, same)
    outcome = cross_validate(-distance[None], same, fold, first_best_distance_cut)
    return outcome._replace(tar=insightface_tar(distance, same, fold))


def strict(
    plain: Tensor,
    flipped: Tensor,
    first: Tensor,
    second: Tensor,
    same: Tensor,
    folds: int | Tensor = 10,
    *,
    score: Tensor | None = None,
) -> FoldAccuracy:
    """Flip-summed embeddings, cosine, best of every cut that the training scores allow: no grid can miss it.

    Arguments and errors as for :class:`FoldProtocol`.
    """
    cosine = flip_sum_cosine(plain, flipped, first, second) if score is None else score
    return cross_validate(cosine[None], same, _fold(folds, same), first_best_exact_cut)


PROTOCOLS: Mapping[str, FoldProtocol] = {"sphereface": sphereface, "insightface": insightface, "strict": strict}
PROTOCOL_FARS: Mapping[str, float] = {"insightface": INSIGHTFACE_FAR}
"""False accept rates of those protocols that report a true accept rate by a rule of their own."""


def _fold(folds: int | Tensor, same: Tensor) -> Tensor:
    return (folds if isinstance(folds, Tensor) else fold_of_pair(len(same), folds)).to(same.device)
