"""Published protocols as loops over folds, cuts and pairs that follow their sources line by line."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float64]
Images = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


def mean_of_best(score: Array, same: NDArray[np.bool_]) -> float:
    cuts = np.arange(-10000, 10001) / 10000
    accuracy = np.mean((score[None] > cuts[:, None]) == same, axis=1)
    return float(np.mean(cuts[accuracy == accuracy.max()]))


def first_best_distance(score: Array, same: NDArray[np.bool_]) -> float:
    cuts = np.arange(0, 4, 0.01)
    accuracy = [np.mean((-score < cut) == same) for cut in cuts]
    return -float(cuts[int(np.argmax(accuracy))])


def first_best_exact(score: Array, same: NDArray[np.bool_]) -> float:
    level = sorted(set(score.tolist()))
    middles = [(low + high) / 2 for low, high in pairwise(level)]
    cuts = np.array([-np.inf, *middles, np.inf])
    accuracy = [np.mean((score > cut) == same) for cut in cuts]
    return float(cuts[int(np.argmax(accuracy))])


def folds(num_pairs: int, num_folds: int) -> list[NDArray[np.int64]]:
    return np.array_split(np.arange(num_pairs), num_folds)


def judge(
    score_of_fold: Callable[[NDArray[np.bool_]], Array],
    same: NDArray[np.bool_],
    parts: list[NDArray[np.int64]],
    choose: Callable[[Array, NDArray[np.bool_]], float],
) -> tuple[list[int], list[float]]:
    """Correct pairs and threshold of each fold; ``score_of_fold`` is given which pairs are training pairs."""
    correct, thresholds = [], []
    for fold in parts:
        train = np.ones(len(same), dtype=bool)
        train[fold] = False
        score = score_of_fold(train)
        thresholds.append(choose(score[train], same[train]))
        correct.append(int(np.sum((score[fold] > thresholds[-1]) == same[fold])))
    return correct, thresholds


def random_images(seed: int, num_images: int = 40, num_pairs: int = 83, dim: int = 6) -> Images:
    """Embeddings off the origin, images shared among pairs, some pairs listed twice."""
    generator = torch.Generator().manual_seed(seed)
    identity = torch.arange(num_images) % 8
    centre = torch.randn(8, dim, generator=generator)[identity]
    plain, flipped = (centre + 0.7 * torch.randn(num_images, dim, generator=generator) + 1.5 for _ in range(2))
    first, second = torch.randint(num_images, (2, num_pairs), generator=generator)
    second = torch.where(torch.arange(num_pairs) % 2 == 0, (first + 8) % num_images, second)
    first[-10:], second[-10:] = first[:10], second[:10]
    return plain, flipped, first, second, identity[first] == identity[second]


def unit(rows: Array) -> Array:
    """Rows divided by their lengths."""
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
