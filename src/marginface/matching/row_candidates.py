"""The rows of the gallery that can still be among the best of each query, while products come in.

Shapes: R queries, P pairs, K kept, W places of a query.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from marginface.matching.accuracy import Accuracy
from marginface.matching.tiles import GROUP


class RowCandidates:
    """Keeps the K best of each of R queries, with all that cannot be told from them by their products.

    Products must come in the order of the gallery. Of equal scores the one that came first counts as better.

    Args:
        num_queries: R.
        num_kept: K.
        accuracy: Of the products.
        rescore: Scores (P,) of pairs of a query, counted from 0, and a row of the gallery, (P,) each.
        device: Where candidates are kept.
    """

    def __init__(
        self,
        num_queries: int,
        num_kept: int,
        accuracy: Accuracy,
        rescore: Callable[[Tensor, Tensor], Tensor],
        device: torch.device,
    ) -> None:
        self._num_kept, self._accuracy, self._rescore = num_kept, accuracy, rescore
        shape = num_queries, 4 * num_kept + 2 * GROUP
        self._product = torch.full(shape, -torch.inf, dtype=accuracy.dtype, device=device)
        self._row = torch.full(shape, -1, dtype=torch.int64, device=device)
        self._count = torch.zeros(num_queries, dtype=torch.int64, device=device)
        self.bound = torch.full((num_queries, 1), -torch.inf, dtype=accuracy.dtype, device=device)

    def has_room(self, query: Tensor) -> bool:
        """Whether pairs of these queries, (P,), can be added before the next :meth:`tighten`."""
        return not len(query) or int((self._count + self._added(query)).max()) <= self._row.shape[1]

    def add(self, product: Tensor, query: Tensor, row: Tensor) -> None:
        """Take in pairs, (P,) each, ordered by query, then row; products below :attr:`bound` need not be handed in."""
        added = self._added(query)
        before = added.cumsum(0) - added
        place = (self._count - before)[query] + torch.arange(len(query), device=query.device)
        self._product[query, place], self._row[query, place] = product, row
        self._count += added

    def tighten(self) -> None:
        """Raise the bounds to what has come in, and drop what is below them; leaves room for `GROUP` more each."""
        worst = self._product.float().topk(self._num_kept, dim=1, sorted=False).values.amin(1, keepdim=True)
        self.bound = torch.maximum(self.bound, self._accuracy.reach(worst))
        kept = (self._product >= self.bound) & (self._row >= 0)
        crowded = (kept.sum(1) > self._row.shape[1] - GROUP).nonzero().squeeze(1)
        if len(crowded):  # too many are too close: only their scores tell which are better
            kept[crowded] = self._best_of(crowded, kept[crowded])
        self._keep(kept)

    def pairs(self) -> tuple[Tensor, Tensor]:
        """Query and row of the gallery of all candidates, (P,) each, ordered by both."""
        query, place = (self._row >= 0).nonzero(as_tuple=True)
        return query, self._row[query, place]

    def _added(self, query: Tensor) -> Tensor:
        return query.bincount(minlength=len(self._count))

    def _keep(self, kept: Tensor) -> None:
        """Close up what is kept, in its order."""
        query, place = kept.nonzero(as_tuple=True)
        product, row = self._product[query, place], self._row[query, place]
        self._product.fill_(-torch.inf)
        self._row.fill_(-1)
        self._count.zero_()
        self.add(product, query, row)

    def _best_of(self, crowded: Tensor, kept: Tensor) -> Tensor:
        """Which of the candidates of some queries have the K best scores."""
        which, place = kept.nonzero(as_tuple=True)
        query = crowded[which]
        score = torch.full(kept.shape, -torch.inf, device=kept.device)
        score[which, place] = self._rescore(query, self._row[query, place])
        best = score.sort(dim=1, descending=True, stable=True).indices[:, : self._num_kept]
        return torch.zeros_like(kept).scatter_(1, best, True)
