"""What is compared, and what comes out of it.

Shapes: Q queries, G gallery, M rows, D embedding, K kept scores, S stops.
"""

from typing import NamedTuple, Protocol

from torch import Tensor


class Rows(Protocol):
    """Unit rows (M, D) that are read in parts: a tensor, or ``Embeddings.unit()``."""

    def __len__(self) -> int:
        """M."""

    def __getitem__(self, part: slice) -> Tensor:
        """Some rows, (m, D) float32."""


class TopScores(NamedTuple):
    """The highest impostor scores of a set of pairs, exactly.

    Args:
        score: From the highest down, (K,) float32.
        query: Row of the query of each, (K,) int64.
        gallery: Row of the gallery of each, (K,) int64.
        num_impostor: Impostor pairs there are in all.
    """

    score: Tensor
    query: Tensor
    gallery: Tensor
    num_impostor: int


class PairScores(NamedTuple):
    """Scores of pairs.

    Args:
        score: (P,) float32.
        query: Row of the query of each, (P,) int64.
        gallery: Row of the gallery of each, (P,) int64.
    """

    score: Tensor
    query: Tensor
    gallery: Tensor


class RowTops(NamedTuple):
    """The highest scores of each query among the first rows of the gallery.

    Args:
        score: From the highest down, (S, Q, K) float32; -inf where there are fewer than K.
        gallery: Row of the gallery of each, (S, Q, K) int64; -1 where there are fewer than K.
    """

    score: Tensor
    gallery: Tensor
