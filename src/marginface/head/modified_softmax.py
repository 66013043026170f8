"""Modified softmax: unit class centres, no bias, embeddings keep their length."""

from torch import Tensor

from marginface.head.base import Head, Row


class ModifiedSoftmax(Head):
    """``z_j = ||x|| cos(theta_j)``; A-Softmax with m = 1.

    Source: SphereFace, CVPR 2017, arXiv 1704.08063, equation 4.
    """

    def scale(self, norm: Tensor) -> Tensor:
        """The embedding keeps its length: (N,)."""
        return norm

    def target(self, row: Row) -> Tensor:
        """``cos(theta_y)``: (N,)."""
        return row.cosine
