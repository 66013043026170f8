"""The pairs that can still be among the best, while products come in.

Shapes: P pairs, K kept.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from marginface.matching.accuracy import Accuracy

_ROOM, _CROWD = 4, 3  # times K: pairs at which the worst are dropped, and at which products no longer tell them apart


class Candidates:
    """Keeps the K best pairs, with all that cannot be told from them by their products.

    Pairs are numbered; of equal scores that with the lower number counts as better.

    Args:
        num_kept: K.
        accuracy: Of the products.
        rescore: Scores (P,) of pairs given by number (P,).
        device: Where pairs are kept.
    """

    def __init__(
        self, num_kept: int, accuracy: Accuracy, rescore: Callable[[Tensor], Tensor], device: torch.device
    ) -> None:
        self._num_kept, self._accuracy, self._rescore = num_kept, accuracy, rescore
        self._product = [torch.empty(0, dtype=accuracy.dtype, device=device)]
        self._pair = [torch.empty(0, dtype=torch.int64, device=device)]
        self._count = 0
        self.bound = torch.tensor(-torch.inf, dtype=accuracy.dtype, device=device)

    def add(self, product: Tensor, pair: Tensor) -> None:
        """Take in pairs, (P,) each; those with a product below :attr:`bound` need not be handed in."""
        self._product.append(product)
        self._pair.append(pair)
        self._count += len(pair)
        if self._count > _ROOM * self._num_kept:
            self._tighten()

    def best(self) -> tuple[Tensor, Tensor]:
        """Scores and numbers of the K best, from the best down."""
        if self._count > self._num_kept:
            self._tighten()
        pair = torch.cat(self._pair)
        return best_pairs(self._rescore(pair), pair, self._num_kept)

    def _tighten(self) -> None:
        product, pair = torch.cat(self._product), torch.cat(self._pair)
        worst = product.float().topk(self._num_kept, sorted=False).values.min()
        self.bound = torch.maximum(self.bound, self._accuracy.reach(worst))
        kept = product >= self.bound
        product, pair = product[kept], pair[kept]
        if len(pair) > _CROWD * self._num_kept:
            score, pair = best_pairs(self._rescore(pair), pair, self._num_kept)
            product = score.to(product.dtype)
        self._product, self._pair, self._count = [product], [pair], len(pair)


def best_pairs(score: Tensor, pair: Tensor, num_kept: int) -> tuple[Tensor, Tensor]:
    """The K best of numbered pairs (P,), from the best down; of equal scores those with the lower numbers."""
    pair, order = pair.sort()
    best = score[order].sort(descending=True, stable=True)
    return best.values[:num_kept], pair[best.indices[:num_kept]]
