"""The highest scores of each query among the first rows of the gallery.

Shapes: Q queries, G gallery, D embedding, K kept, S stops, R queries of a tile, P pairs.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from marginface.matching.accuracy import accuracy
from marginface.matching.operands import check_num_kept, operands
from marginface.matching.pair_scores import pair_scores
from marginface.matching.row_candidates import RowCandidates
from marginface.matching.rows import Rows, RowTops
from marginface.matching.shares import gathered, share
from marginface.matching.tiles import GROUP, Tile, Walk, at_least


@torch.no_grad()
def row_tops(
    query: Rows,
    gallery: Rows,
    *,
    num_kept: int,
    stops: Sequence[int] | None = None,
    query_identity: Tensor | None = None,
    gallery_identity: Tensor | None = None,
    screen: bool | None = None,
    block: int | None = None,
    device: torch.device | str | None = None,
) -> RowTops:
    """The highest scores of each query among the first ``stops[s]`` rows of the gallery; `dense.row_tops` in parts.

    Each query has a bound as `top_impostors` has one. Processes share the queries.

    Args:
        query: (Q, D) unit rows.
        gallery: (G, D) unit rows.
        num_kept: K. Memory grows with 4 K numbers for each of the queries that are read together.
        stops: S numbers of gallery rows, rising; None for the whole gallery.
        query_identity: (Q,) int64; with ``gallery_identity``, rows of the query's own identity are passed over.
        gallery_identity: (G,) int64.
        screen: Whether to multiply in bf16, which returns the same; None where the device has instructions for it.
        block: Rows of a side that are read together; None for 8192, on a GPU 65536.
        device: Where products are computed; None for the queries' own device, or the CPU if they name none.

    Returns:
        On the CPU; of equal scores the gallery's earlier row comes first.

    Raises:
        ValueError: Rows and identities that do not fit each other, rows that are not finite, ``num_kept`` below one,
            ``stops`` that do not rise or lie outside the gallery.
    """
    check_num_kept(num_kept)
    stops = _checked(stops, len(gallery))
    sides = operands(query, query_identity, gallery, gallery_identity, block, device)
    walk = Walk(sides, accuracy(sides, screen=screen))
    parts = [_block_tops(walk, span, num_kept, stops) for span in walk.query_blocks(*share(len(query)))]
    empty = torch.empty(len(stops), 0, num_kept, device=sides.device)
    parts.append(RowTops(empty, empty.long()))
    return RowTops(*(gathered(torch.cat(part, dim=1), dim=1) for part in zip(*parts, strict=True)))


def _block_tops(walk: Walk, span: tuple[int, int], num_kept: int, stops: list[int]) -> RowTops:
    """The tops of the queries of a block."""
    shortlists: dict[int, _Shortlist] = {}
    for tile in walk.tiles(*span, end=stops[-1]):
        if tile.first not in shortlists:
            shortlists[tile.first] = _Shortlist(walk, tile, num_kept, stops)
        shortlists[tile.first].take(tile)
    pairs = [torch.empty(2, 0, dtype=torch.int64, device=walk.sides.device)]
    pairs += [part for shortlist in shortlists.values() for part in shortlist.pairs]
    first, second = torch.cat(pairs, dim=1)
    score = pair_scores(walk.sides, first, second)
    return _tops(first - span[0], second, score, span[1] - span[0], num_kept, stops)


class _Shortlist:
    """What can be among the tops of the queries of a tile, at each stop."""

    def __init__(self, walk: Walk, tile: Tile, num_kept: int, stops: list[int]) -> None:
        self._sides, self._first, self._num_kept, self._stops = walk.sides, tile.first, num_kept, [0, *stops]
        self._candidates = RowCandidates(
            len(tile.product), num_kept, walk.accuracy, self._scores, device=walk.sides.device
        )
        self.pairs: list[Tensor] = []  # (2, P) each: rows of both sides

    def take(self, tile: Tile) -> None:
        """Look at the next tile of these queries."""
        columns = tile.product.shape[1]
        # at the start of the gallery everything is among the best so far: no more at a time than there is room for
        step = GROUP * (3 * self._num_kept // GROUP + 1) if tile.second == 0 else columns
        self._look(tile.product[:, :step], tile.second)
        if step < columns:
            self._candidates.tighten()
            self._look(tile.product[:, step:], tile.second + step)

    def _look(self, product: Tensor, begin: int) -> None:
        query, column, found = at_least(product, self._candidates.bound)
        row = begin + column
        if len(self._sides.query_identity):
            other = self._sides.query_identity[self._first + query] != self._sides.gallery_identity[row]
            query, row, found = query[other], row[other], found[other]
        if not self._candidates.has_room(query):
            self._candidates.tighten()
            width = product.shape[1]
            if width > GROUP:
                half = width // GROUP // 2 * GROUP
                self._look(product[:, :half], begin)
                self._look(product[:, half:], begin + half)
                return
        self._add(query, row, found, begin + product.shape[1])

    def _add(self, query: Tensor, row: Tensor, found: Tensor, end: int) -> None:
        """Add pairs up to each stop in turn, and note down what is on the list there and was not before."""
        while len(self._stops) > 1 and self._stops[1] <= end:
            last, stop = self._stops.pop(0), self._stops[0]
            before = row < stop
            self._candidates.add(found[before], query[before], row[before])
            self._candidates.tighten()
            pairs = torch.stack(self._candidates.pairs())
            self.pairs.append(pairs[:, pairs[1] >= last] + pairs.new_tensor([[self._first], [0]]))
            query, row, found = query[~before], row[~before], found[~before]
        self._candidates.add(found, query, row)

    def _scores(self, query: Tensor, row: Tensor) -> Tensor:
        return pair_scores(self._sides, self._first + query, row)


def _tops(query: Tensor, row: Tensor, score: Tensor, num_queries: int, num_kept: int, stops: list[int]) -> RowTops:
    """The K best at each stop of pairs (P,) of a query, counted from 0, and a row of the gallery."""
    order = row.argsort()
    order = order[query[order].argsort(stable=True)]
    query, row, score = query[order], row[order], score[order]
    count = query.bincount(minlength=num_queries)
    place = torch.arange(len(query), device=query.device) - (count.cumsum(0) - count)[query]
    shape = num_queries, max(num_kept, int(count.max()) if len(count) else 0)
    scores = score.new_full(shape, -torch.inf).index_put_((query, place), score)
    rows = row.new_full(shape, -1).index_put_((query, place), row)
    tops = []
    for stop in stops:
        best = scores.masked_fill(rows >= stop, -torch.inf).sort(dim=1, descending=True, stable=True)
        values = best.values[:, :num_kept]
        tops.append((values, rows.gather(1, best.indices[:, :num_kept]).masked_fill(values == -torch.inf, -1)))
    return RowTops(*(torch.stack(part) for part in zip(*tops, strict=True)))


def _checked(stops: Sequence[int] | None, num_gallery: int) -> list[int]:
    if not stops:
        return [num_gallery]
    rising = all(before < after for before, after in zip([0, *stops], stops, strict=False))
    if not rising or stops[-1] > num_gallery:
        raise ValueError(f"stops={list(stops)} must rise from at least 1 to at most the {num_gallery} gallery rows")
    return list(stops)
