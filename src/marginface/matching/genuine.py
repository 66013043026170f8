"""Scores of all pairs of one identity.

Shapes: Q queries, G gallery, D embedding, P pairs.
"""

import torch
from torch import Tensor

from marginface.matching.accuracy import accuracy
from marginface.matching.mates import Mates
from marginface.matching.operands import operands
from marginface.matching.pair_scores import pair_scores
from marginface.matching.rows import PairScores, Rows
from marginface.matching.shares import gathered, share


@torch.no_grad()
def genuine_scores(
    query: Rows,
    query_identity: Tensor,
    gallery: Rows | None = None,
    gallery_identity: Tensor | None = None,
    *,
    block: int | None = None,
    device: torch.device | str | None = None,
) -> PairScores:
    """Scores of all pairs of one identity, ordered by query, then gallery row.

    Only these pairs are looked at; processes share them. Arguments and errors as for `top_impostors`.

    Returns:
        P pairs, on the CPU.
    """
    sides = operands(query, query_identity, gallery, gallery_identity, block, device)
    accuracy(sides)  # looks at the rows
    pairs = Mates(sides).pairs(0, len(query))
    start, stop = share(len(pairs[0]))
    score = pair_scores(sides, *(part[start:stop] for part in pairs))
    return PairScores(gathered(score), *(part.cpu() for part in pairs))
