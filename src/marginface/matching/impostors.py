"""The highest scores among pairs of different identities.

Shapes: Q queries, G gallery, D embedding, K kept.
"""

import torch
from torch import Tensor

from marginface.matching.accuracy import accuracy
from marginface.matching.candidates import Candidates, best_pairs
from marginface.matching.mates import Mates
from marginface.matching.operands import Operands, check_num_kept, operands
from marginface.matching.pair_scores import pair_scores
from marginface.matching.rows import Rows, TopScores
from marginface.matching.shares import gathered, share, triangle_shares
from marginface.matching.tiles import Tile, Walk, at_least

_UNBOUNDED = 2**18  # products that are taken in together while there is no bound yet


@torch.no_grad()
def top_impostors(
    query: Rows,
    query_identity: Tensor,
    gallery: Rows | None = None,
    gallery_identity: Tensor | None = None,
    *,
    num_kept: int,
    screen: bool | None = None,
    block: int | None = None,
    device: torch.device | str | None = None,
) -> TopScores:
    """The highest scores among pairs of different identities, exactly; `dense.top_impostors` in parts.

    A tile of products is compared with a bound only: the K-th best so far, less what products can be off. What may
    reach the K best gets its score in the end (see `pair_scores`), so that the outcome depends neither on the size of
    blocks, nor on ``screen``, the device or the number of processes, which share the queries.

    Args:
        query: (Q, D) unit rows.
        query_identity: (Q,) int64.
        gallery: (G, D) unit rows; None compares the queries with each other, each pair once.
        gallery_identity: (G,) int64, with ``gallery``.
        num_kept: K; fewer are returned where there are fewer impostor pairs. Memory grows with it.
        screen: Whether to multiply in bf16, which returns the same; None where the device has instructions for it.
        block: Rows of a side that are read together; None for 8192, on a GPU 65536.
        device: Where products are computed; None for the queries' own device, or the CPU if they name none.

    Returns:
        On the CPU; equal scores in the order of the query, then of the gallery's row.

    Raises:
        ValueError: Rows and identities that do not fit each other, rows that are not finite, ``num_kept`` below one.
    """
    check_num_kept(num_kept)
    sides = operands(query, query_identity, gallery, gallery_identity, block, device)
    how = accuracy(sides, screen=screen)
    num_impostor = Mates(sides).num_impostor
    num_kept = min(num_kept, num_impostor)
    candidates = Candidates(num_kept, how, lambda pair: pair_scores(sides, *_rows_of(pair, sides)), sides.device)
    walk = Walk(sides, how)
    spans = triangle_shares(len(query)) if sides.triangle else [share(len(query))]
    for block_of_queries in (found for span in spans for found in walk.query_blocks(*span)):
        for tile in walk.tiles(*block_of_queries):
            _collect(tile, candidates, sides)
    score, pair = (gathered(part) for part in candidates.best())
    score, pair = best_pairs(score, pair, num_kept)
    return TopScores(score, *_rows_of(pair, sides), num_impostor)


def _collect(tile: Tile, candidates: Candidates, sides: Operands) -> None:
    """Hand the impostor pairs of a tile that reach the bound to the candidates."""
    rows, columns = tile.product.shape
    step = rows if candidates.bound > -torch.inf else max(1, _UNBOUNDED // columns)
    for start in range(0, rows, step):
        row, column, product = at_least(tile.product[start : start + step], candidates.bound)
        first, second = tile.first + start + row, tile.second + column
        wanted = sides.query_identity[first] != sides.gallery_identity[second]
        if sides.triangle:
            wanted &= first < second
        pair = first * len(sides.gallery) + second
        candidates.add(product[wanted], pair[wanted])


def _rows_of(pair: Tensor, sides: Operands) -> tuple[Tensor, Tensor]:
    return pair // len(sides.gallery), pair % len(sides.gallery)
