"""Which pairs show one identity, found without looking at all pairs.

Shapes: Q queries, G gallery, P pairs.
"""

import torch
from torch import Tensor

from marginface.matching.operands import Operands


class Mates:
    """Rows of the gallery by identity.

    Args:
        sides: Rows with identities.
    """

    def __init__(self, sides: Operands) -> None:
        self._sides = sides
        identity, self._row = sides.gallery_identity.sort(stable=True)
        self._begin = torch.searchsorted(identity, sides.query_identity)
        self._count = torch.searchsorted(identity, sides.query_identity, right=True) - self._begin

    @property
    def num_impostor(self) -> int:
        """Pairs of different identities that there are; in a triangle each counts once."""
        num_query, num_gallery, num_same = len(self._sides.query), len(self._sides.gallery), int(self._count.sum())
        num_different = num_query * num_gallery - num_same
        return num_different // 2 if self._sides.triangle else num_different

    def pairs(self, start: int, stop: int) -> tuple[Tensor, Tensor]:
        """Pairs of one identity, (P,) queries and (P,) rows of the gallery, in this order; in a triangle i < j only.

        Args:
            start: First query.
            stop: Query after the last.
        """
        count = self._count[start:stop]
        first = torch.arange(start, stop, device=count.device).repeat_interleave(count)
        begin_here = (self._begin[start:stop] - (count.cumsum(0) - count)).repeat_interleave(count)
        second = self._row[begin_here + torch.arange(len(first), device=count.device)]
        if self._sides.triangle:
            once = second > first
            return first[once], second[once]
        return first, second
