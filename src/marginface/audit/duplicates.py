"""Images that a training set holds more than once.

Shapes: N images, M images compared, P pairs.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from marginface.audit.neighbours import across_alike
from marginface.embedding import Embeddings
from marginface.matching import PairScores, genuine_scores, top_impostors
from marginface.matching.shares import gathered

_PAIRS = 1 << 20  # genuine pairs that are looked at together


class AlikePairs(NamedTuple):
    """Pairs of images, or of classes, that look the same.

    Args:
        first: Number of an image, or label of a class, (P,) int64.
        second: That of the other one, (P,) int64.
        cosine: From the highest down, (P,) float32.
        capped: Whether there are more than were kept.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    cosine: NDArray[np.float32]
    capped: bool


def exact_groups(digest: NDArray[np.uint8]) -> list[NDArray[np.int64]]:
    """Numbers of the images with equal bytes: one rising array for each content that occurs more than once.

    Args:
        digest: (N, 32) uint8.
    """
    _, group, count = np.unique(_words(digest), return_inverse=True, return_counts=True)
    repeated = np.flatnonzero(count[group] > 1)
    order = repeated[np.argsort(group[repeated], kind="stable")]
    return [part for part in np.split(order, np.flatnonzero(np.diff(group[order])) + 1) if len(part)]


def first_of_each(digest: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Number of the first image of each content, rising."""
    return np.sort(np.unique(_words(digest), return_index=True)[1])


def near_pairs(
    embeddings: Embeddings,
    index: NDArray[np.int64],
    labels: NDArray[np.int64],
    cosine: float,
    num_kept: int,
    alike: NDArray[np.int64] | None = None,
) -> AlikePairs:
    """Pairs of images of one class or of two whose embeddings reach a cosine; streamed, shared among processes.

    Args:
        embeddings: Of all images.
        index: Numbers of the images to compare, (M,) int64: those with bytes of their own.
        labels: Class of each of them, (M,) int64.
        cosine: The least.
        num_kept: Most pairs within classes, and again across.
        alike: Labels of the pairs of classes to compare, (P, 2) int64, as of ``alike_classes``; None for all.
    """
    within = _fold(_within(embeddings, index, labels), cosine, num_kept)
    if alike is None:
        across = _fold(_across_all(embeddings, index, labels, num_kept), cosine, num_kept)
    else:
        own = _fold(across_alike(embeddings, index, labels, alike, cosine), cosine, num_kept)
        across = _best(PairScores(*(gathered(part) for part in own)), cosine, num_kept)
    reaching = [within, across]
    score, first, second = (torch.cat(part).numpy() for part in zip(*reaching, strict=True))
    order = np.argsort(-score, kind="stable")
    capped = any(len(pairs.score) >= num_kept for pairs in reaching)
    return AlikePairs(index[first[order]], index[second[order]], score[order], capped)


def _across_all(
    embeddings: Embeddings, index: NDArray[np.int64], labels: NDArray[np.int64], num_kept: int
) -> Iterator[PairScores]:
    """The most similar pairs of different classes."""
    if len(np.unique(labels)) > 1:
        rows, identity = embeddings.unit(torch.from_numpy(index)), torch.from_numpy(labels)
        tops = top_impostors(rows, identity, num_kept=num_kept)
        yield PairScores(tops.score, tops.query, tops.gallery)


def _within(embeddings: Embeddings, index: NDArray[np.int64], labels: NDArray[np.int64]) -> Iterator[PairScores]:
    """Pairs of one class, some classes at a time."""
    for part in _whole_classes(labels):
        rows, identity = embeddings.unit(torch.from_numpy(index[part])), torch.from_numpy(labels[part])
        score, query, gallery = genuine_scores(rows, identity)
        place = torch.from_numpy(part)
        yield PairScores(score, place[query], place[gallery])


def _whole_classes(labels: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Places of the images of some classes, with a bounded number of pairs unless one class has more."""
    order = np.argsort(labels, kind="stable")
    _, start, count = np.unique(labels[order], return_index=True, return_counts=True)
    part = np.cumsum(count * (count - 1) // 2) // _PAIRS
    yield from np.split(order, start[np.flatnonzero(np.diff(part)) + 1])


def _fold(found: Iterator[PairScores], cosine: float, num_kept: int) -> PairScores:
    """The best of all parts that reach the cosine."""
    kept = PairScores(torch.empty(0), *torch.empty(2, 0, dtype=torch.int64))
    for pairs in found:
        new = _best(pairs, cosine, num_kept)
        kept = _best(PairScores(*(torch.cat(both) for both in zip(kept, new, strict=True))), cosine, num_kept)
    return kept


def _best(pairs: PairScores, cosine: float, num_kept: int) -> PairScores:
    order = pairs.score.argsort(descending=True, stable=True)[:num_kept]
    order = order[pairs.score[order] >= cosine]
    return PairScores(*(part[order] for part in pairs))


def _words(digest: NDArray[np.uint8]) -> NDArray[np.void]:
    return np.ascontiguousarray(digest).view(np.dtype((np.void, digest.shape[1]))).ravel()
