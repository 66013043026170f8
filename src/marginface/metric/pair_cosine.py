"""Cosines of image pairs from the embeddings of the images and of their mirror images.

The products are float64, so that figures do not depend on the device.

Shapes: N images, D embedding, P pairs, F folds, n pairs of a chunk.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

_CHUNK = 256  # pairs or images turned to float64 at a time: they stay in cache


def flip_sum_cosine(plain: Tensor, flipped: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Cosine of each pair's summed plain and mirrored embeddings, (P,) float64; 0 where an embedding is zero.

    Args:
        plain: Embeddings of the images, (N, D).
        flipped: Embeddings of the mirrored images, (N, D); the sum is in their own precision.
        first: Image on one side of each pair, (P,) int64.
        second: Image on the other side, (P,) int64.
    """
    gram = []
    for images in _sides(first, second):
        rows = plain.index_select(0, images).add_(flipped.index_select(0, images)).double()
        merged = rows.reshape(-1, 2, rows.shape[1])
        gram.append(merged @ merged.mT)
    product = torch.cat(gram)
    return _cosine(product[:, 0, 1], product.diagonal(dim1=1, dim2=2))


def centred_cosine(plain: Tensor, flipped: Tensor, first: Tensor, second: Tensor, train: Tensor) -> Tensor:
    """Cosine of each pair's concatenated embeddings after subtracting the mean over the training pairs' sides.

    Args:
        plain: Embeddings of the images, (N, D).
        flipped: Embeddings of the mirrored images, (N, D).
        first: Image on one side of each pair, (P,) int64.
        second: Image on the other side, (P,) int64.
        train: Whether a pair is a training pair of a fold, (F, P) bool.

    Returns:
        (F, P) float64, 0 where a centred embedding is zero.
    """
    mean = _training_means(plain, flipped, first, second, train)
    shift = mean.mean(0)  # centring undoes any common shift; near the origin the terms below cancel little
    mean = mean - shift
    gram, along = [], []
    for images in _sides(first, second):
        rows = torch.cat((plain.index_select(0, images), flipped.index_select(0, images)), dim=1).double().sub_(shift)
        feature = rows.reshape(-1, 2, rows.shape[1])
        gram.append(feature @ feature.mT)
        along.append((mean @ rows.T).reshape(len(mean), -1, 2))
    return _cosine_about(mean.square().sum(1), torch.cat(gram), torch.cat(along, dim=1))


def _sides(first: Tensor, second: Tensor) -> Sequence[Tensor]:
    """Images of the pairs, one chunk after the other, both sides of a pair in a row, (2 n,)."""
    return torch.split(torch.stack((first, second), dim=1).flatten(), 2 * _CHUNK)


def _cosine_about(mean_square: Tensor, gram: Tensor, along: Tensor) -> Tensor:
    """Cosine of two sides a and b seen from each mean m, (F, P), from m m (F,), a b (P, 2, 2) and a m, b m (F, P, 2).

    (a - m)(b - m) = ab - am - bm + mm needs no centred copy of the embeddings for each fold.
    """
    product = gram[:, 0, 1] - along.sum(2) + mean_square[:, None]
    square = gram.diagonal(dim1=1, dim2=2) - 2 * along + mean_square[:, None, None]
    return _cosine(product, square)


def _cosine(product: Tensor, square: Tensor) -> Tensor:
    """Cosine from the inner product (...) and the squared lengths of both sides (..., 2)."""
    return (product / square.prod(-1).clamp_min(1e-32).sqrt()).clamp(-1, 1)


def _training_means(plain: Tensor, flipped: Tensor, first: Tensor, second: Tensor, train: Tensor) -> Tensor:
    """Mean concatenated embedding over both sides of the training pairs of each fold, (F, 2 D) float64."""
    sides = torch.cat((first, second))
    times = torch.stack([torch.bincount(sides[row.repeat(2)], minlength=len(plain)) for row in train]).double()
    total = torch.cat([_weighted_sum(times, view) for view in (plain, flipped)], dim=1)
    return total / times.sum(1, keepdim=True)


def _weighted_sum(weight: Tensor, rows: Tensor) -> Tensor:
    """``weight`` (F, N) times ``rows`` (N, D), (F, D) float64."""
    total = torch.zeros(len(weight), rows.shape[1], dtype=torch.float64, device=rows.device)
    for part, some in zip(torch.split(weight, _CHUNK, dim=1), torch.split(rows, _CHUNK), strict=True):
        total.addmm_(part, some.double())
    return total
