"""Where the best mate of each query stands among all rows of the gallery.

Shapes: Q queries, G gallery, D embedding, R and C queries and rows of a tile, P pairs.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from marginface.matching.accuracy import accuracy
from marginface.matching.mates import Mates
from marginface.matching.operands import Operands, operands
from marginface.matching.pair_scores import pair_scores
from marginface.matching.rows import Rows
from marginface.matching.shares import gathered, share
from marginface.matching.tiles import Tile, Walk

_PENDING = 2**20  # pairs that are rescored together


@torch.no_grad()
def mate_ranks(
    query: Rows,
    query_identity: Tensor,
    gallery: Rows,
    gallery_identity: Tensor,
    *,
    block: int | None = None,
    device: torch.device | str | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Where the best mate of each query stands in the gallery sorted by score; `dense.mate_ranks` in parts.

    The mates' scores are found first. Then one pass counts the products above them; those so close that they may be
    on the wrong side are replaced by their scores. Processes share the queries.

    Args:
        query: (Q, D) unit rows.
        query_identity: (Q,) int64.
        gallery: (G, D) unit rows.
        gallery_identity: (G,) int64.
        block: Rows of a side that are read together; None for 8192, on a GPU 65536.
        device: Where products are computed; None for the queries' own device, or the CPU if they name none.

    Returns:
        On the CPU:
        Rank, (Q,) int64: 1 + the gallery rows of other identities that score as high or higher; 0 without any mate.
        Score of the best mate, (Q,) float32, -inf without any.
        Its row in the gallery, (Q,) int64, -1 without any; of equal mates the first.

    Raises:
        ValueError: Rows and identities that do not fit each other, or rows that are not finite.
    """
    sides = operands(query, query_identity, gallery, gallery_identity, block, device)
    walk, mates = Walk(sides, accuracy(sides, screen=False)), Mates(sides)
    parts = [_ranks(walk, mates, span) for span in walk.query_blocks(*share(len(query)))]
    empty = torch.empty(0, dtype=torch.int64, device=sides.device)
    parts.append((empty, empty.float(), empty))
    rank, score, row = (gathered(torch.cat(part)) for part in zip(*parts, strict=True))
    return rank, score, row


def _ranks(walk: Walk, mates: Mates, span: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
    """Of the queries of a block."""
    score, row = _best_mates(walk.sides, mates, span)
    has_mate = row >= 0
    counter = _Counter(walk.sides, span[0], score.masked_fill(~has_mate, torch.inf), walk.accuracy.error)
    for tile in walk.tiles(*span):
        counter.take(tile)
    return (1 + counter.result()) * has_mate, score, row


def _best_mates(sides: Operands, mates: Mates, span: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Score and row of the best mate of each query of a block."""
    first, second = mates.pairs(*span)
    found, query = pair_scores(sides, first, second), first - span[0]
    score = found.new_full((span[1] - span[0],), -torch.inf).scatter_reduce_(0, query, found, "amax")
    best = found == score[query]
    none = len(sides.gallery)
    row = torch.full_like(score, none, dtype=torch.int64).scatter_reduce_(0, query[best], second[best], "amin")
    return score, row.masked_fill(row == none, -1)


class _Close(NamedTuple):
    """Pairs whose products do not tell on which side of the mate's score they are, (P,) each."""

    first: Tensor
    second: Tensor


class _Counter:
    """Counts rows of other identities that score at least as high as a bound for each query of a block."""

    def __init__(self, sides: Operands, start: int, bound: Tensor, error: float) -> None:
        self._sides, self._start, self._bound = sides, start, bound
        wide = bound.double()[:, None]
        # products up to `low` are of lower scores, those from `high` on of higher ones; 2 errors, as both are rounded
        self._low, self._high = (wide - 2 * error).float(), (wide + 2 * error).float()
        self._count = torch.zeros(len(bound), dtype=torch.int64, device=bound.device)
        self._close: list[_Close] = []

    def take(self, tile: Tile) -> None:
        """Count in a tile."""
        own = slice(tile.first - self._start, tile.first - self._start + len(tile.product))
        low, high = self._low[own], self._high[own]
        query = (tile.product.amax(1, keepdim=True) > low).flatten().nonzero().squeeze(1)
        product = tile.product if len(query) == len(tile.product) else tile.product.index_select(0, query)
        low, high = low[query], high[query]
        above = (product >= high).sum(1)
        self._count[own.start + query] += above
        unsure = ((product > low).sum(1) > above).nonzero().squeeze(1)
        close = product[unsure]
        which, column = ((close > low[unsure]) & (close < high[unsure])).nonzero(as_tuple=True)
        self._add(_Close(tile.first + query[unsure[which]], tile.second + column))

    def result(self) -> Tensor:
        """The counts so far."""
        self._settle()
        return self._count

    def _add(self, close: _Close) -> None:
        other = self._sides.query_identity[close.first] != self._sides.gallery_identity[close.second]
        self._close.append(_Close(close.first[other], close.second[other]))
        if sum(len(part.first) for part in self._close) > _PENDING:
            self._settle()

    def _settle(self) -> None:
        if not self._close:
            return
        first, second = (torch.cat(part) for part in zip(*self._close, strict=True))
        self._close = []
        query = first - self._start
        higher = query[pair_scores(self._sides, first, second) >= self._bound[query]]
        self._count += higher.bincount(minlength=len(self._count))
