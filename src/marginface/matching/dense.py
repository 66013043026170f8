"""Comparisons of all rows with all rows in their readable form: the whole matrix of scores at once.

The reference that the streaming forms are tested against. A score is the dot product in float64, rounded to float32.
Equal scores stand in the order of query, then gallery row. Shapes: Q queries, G gallery, D embedding, K kept, S stops.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from marginface.matching.rows import PairScores, Rows, RowTops, TopScores


def top_impostors(
    query: Rows,
    query_identity: Tensor,
    gallery: Rows | None = None,
    gallery_identity: Tensor | None = None,
    *,
    num_kept: int,
) -> TopScores:
    """The highest scores among pairs of different identities.

    Args:
        query: (Q, D) unit rows.
        query_identity: (Q,) int64.
        gallery: (G, D) unit rows; None compares the queries with each other, each pair once.
        gallery_identity: (G,) int64, with ``gallery``.
        num_kept: K; fewer are returned where there are fewer impostor pairs.
    """
    impostor = _impostors(query_identity, gallery_identity)
    score = _scores(query, gallery)[impostor]
    first, second = impostor.nonzero(as_tuple=True)
    best = score.sort(descending=True, stable=True)
    chosen = best.indices[:num_kept]
    return TopScores(best.values[:num_kept], first[chosen], second[chosen], len(score))


def genuine_scores(
    query: Rows, query_identity: Tensor, gallery: Rows | None = None, gallery_identity: Tensor | None = None
) -> PairScores:
    """Scores of all pairs of one identity, ordered by query, then gallery row. Arguments as for `top_impostors`."""
    if gallery is None:
        genuine = torch.triu(query_identity[:, None] == query_identity, diagonal=1)
    else:
        assert gallery_identity is not None
        genuine = query_identity[:, None] == gallery_identity
    return PairScores(_scores(query, gallery)[genuine], *genuine.nonzero(as_tuple=True))


def row_tops(
    query: Rows,
    gallery: Rows,
    *,
    num_kept: int,
    stops: Sequence[int] | None = None,
    query_identity: Tensor | None = None,
    gallery_identity: Tensor | None = None,
) -> RowTops:
    """The highest scores of each query among the first ``stops[s]`` rows of the gallery.

    Args:
        query: (Q, D) unit rows.
        gallery: (G, D) unit rows.
        num_kept: K.
        stops: S numbers of gallery rows, rising; None for the whole gallery.
        query_identity: (Q,) int64; with ``gallery_identity``, rows of the query's own identity are passed over.
        gallery_identity: (G,) int64.
    """
    score = _scores(query, gallery)
    if query_identity is not None and gallery_identity is not None:
        score = score.masked_fill(query_identity[:, None] == gallery_identity, -torch.inf)
    tops = [_padded_top(score[:, :stop], num_kept) for stop in (stops or [len(gallery)])]
    return RowTops(*(torch.stack(parts) for parts in zip(*tops, strict=True)))


def mate_ranks(
    query: Rows, query_identity: Tensor, gallery: Rows, gallery_identity: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Where the best mate of each query stands in the gallery sorted by score.

    Returns:
        Rank, (Q,) int64: 1 + the gallery rows of other identities that score as high or higher; 0 without any mate.
        Score of the best mate, (Q,) float32, -inf without any.
        Its row in the gallery, (Q,) int64, -1 without any.
    """
    score = _scores(query, gallery)
    mate = query_identity[:, None] == gallery_identity
    best, row = score.masked_fill(~mate, -torch.inf).max(1)
    rank = 1 + ((score >= best[:, None]) & ~mate).sum(1)
    has_mate = mate.any(1)
    return rank * has_mate, best, row.masked_fill(~has_mate, -1)


def _scores(query: Rows, gallery: Rows | None) -> Tensor:
    left = query[0 : len(query)].double()
    return (left @ (left if gallery is None else gallery[0 : len(gallery)].double()).T).float()


def _impostors(query_identity: Tensor, gallery_identity: Tensor | None) -> Tensor:
    if gallery_identity is None:
        return torch.triu(query_identity[:, None] != query_identity, diagonal=1)
    return query_identity[:, None] != gallery_identity


def _padded_top(score: Tensor, num_kept: int) -> tuple[Tensor, Tensor]:
    best = score.sort(dim=1, descending=True, stable=True)
    width = min(num_kept, score.shape[1])
    values = score.new_full((len(score), num_kept), -torch.inf)
    values[:, :width] = best.values[:, :width]
    rows = torch.full_like(values, -1, dtype=torch.int64)
    rows[:, :width] = best.indices[:, :width]
    return values, rows.masked_fill(values == -torch.inf, -1)
