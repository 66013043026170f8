"""Identification among growing numbers of distractors, as in challenge 1 of MegaFace.

Shapes: P genuine pairs, Q probes, D embedding.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from marginface.embedding import Embeddings
from marginface.matching import PairScores, Rows, row_tops

NUM_RANKS = 10


def both_ways(pairs: PairScores) -> PairScores:
    """Each pair twice: either photo is the probe once, with the other one in the gallery, (2 P,)."""
    return PairScores(
        pairs.score.repeat(2), torch.cat((pairs.query, pairs.gallery)), torch.cat((pairs.gallery, pairs.query))
    )


def best_distractors(probes: Rows, embeddings: Embeddings, galleries: Sequence[Tensor]) -> list[Tensor]:
    """The highest scores of each probe in each gallery of distractors.

    Galleries that are the beginnings of the largest one are compared in one go.

    Args:
        probes: (Q, D) unit rows.
        embeddings: Of all photos.
        galleries: Numbers of the photos in each, int64.

    Returns:
        (Q, NUM_RANKS) float32 for each gallery, from the highest down; -inf where there are fewer.
    """
    largest = max(galleries, key=len)
    begins = [torch.equal(rows, largest[: len(rows)]) for rows in galleries]
    stops = sorted({len(rows) for rows, begin in zip(galleries, begins, strict=True) if begin})
    tops = row_tops(probes, embeddings.unit(largest), num_kept=NUM_RANKS, stops=stops).score
    return [
        tops[stops.index(len(rows))] if begin else row_tops(probes, embeddings.unit(rows), num_kept=NUM_RANKS).score[0]
        for rows, begin in zip(galleries, begins, strict=True)
    ]


def within_rank(pairs: PairScores, best: Tensor, rank: int) -> Tensor:
    """Whether the mate in the gallery is among the first ``rank``, (P,) float32; a tie counts against the probe.

    Args:
        pairs: Probe and mate.
        best: Highest distractor scores of each probe, (Q, NUM_RANKS).
        rank: 1 to NUM_RANKS.
    """
    return (pairs.score > best[pairs.query, rank - 1]).float()


def match_curve(pairs: PairScores, best: Tensor) -> Sequence[float]:
    """Cumulative match characteristic: share of pairs within rank 1, 2, ... NUM_RANKS."""
    return [float(within_rank(pairs, best, rank).double().mean()) for rank in range(1, NUM_RANKS + 1)]
