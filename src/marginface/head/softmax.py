"""Plain softmax: the baseline without a margin or any normalisation."""

from torch import Tensor

from marginface.head.base import Head, Row


class Softmax(Head):
    """``z_j = w_j . x + b_j``.

    Source: heads without a margin in SphereFace, CVPR 2017, equation 1.

    Args:
        bias: learn one bias per class.
    """

    normalize_weight = False

    def __init__(self, bias: bool = True) -> None:
        super().__init__()
        self.use_bias = bias

    def scale(self, norm: Tensor) -> Tensor:
        """The embedding keeps its length: (N,)."""
        return norm

    def target(self, row: Row) -> Tensor:
        """``||w_y|| cos(theta_y)``: (N,)."""
        return row.weight_norm * row.cosine
