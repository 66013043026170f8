"""Exact scores of given pairs of rows.

Shapes: P pairs, D embedding.
"""

import torch
from torch import Tensor

from marginface.matching.operands import Operands

_NUMBERS = 2**18  # of each side that are multiplied together, so that they stay in the cache


@torch.no_grad()
def pair_scores(sides: Operands, first: Tensor, second: Tensor) -> Tensor:
    """The score of each pair: its dot product in float64, rounded to float32.

    This is what a score is, everywhere in this package: it depends neither on the size of blocks nor on how products
    are rounded.

    Args:
        sides: The rows.
        first: Queries, (P,) int64 on the device.
        second: Rows of the gallery, (P,) int64 on the device.

    Returns:
        (P,) float32 on the device.
    """
    score = torch.empty(len(first), device=sides.device)
    if not len(first):
        return score
    num_blocks = len(sides.gallery) // sides.block + 1
    block = first // sides.block * num_blocks + second // sides.block
    order = block.argsort(stable=True)
    counts = torch.unique_consecutive(block[order], return_counts=True)[1]
    for pairs in torch.split(order, counts.tolist()):
        score[pairs] = _scores_within(sides, first[pairs], second[pairs])
    return score


def _scores_within(sides: Operands, first: Tensor, second: Tensor) -> Tensor:
    """Scores of pairs from one block of queries and one block of the gallery; reads what lies between them only."""
    start, begin = int(first.min()), int(second.min())
    left = sides.queries(start, int(first.max()) + 1)
    right = sides.galleries(begin, int(second.max()) + 1)
    size = max(1, _NUMBERS // max(1, left.shape[1]))
    parts = [
        left.index_select(0, one).double().mul_(right.index_select(0, other)).sum(1).float()
        for one, other in zip(torch.split(first - start, size), torch.split(second - begin, size), strict=True)
    ]
    return torch.cat(parts)
