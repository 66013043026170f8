"""Circle loss, classification form: each similarity moves at a pace of its own."""

from torch import Tensor

from marginface.head.base import CosineHead, Row, check_range


class CircleLoss(CosineHead):
    """``z_y = s a_y (cos(theta_y) - 1 + m)``, ``z_j = s a_j (cos(theta_j) - m)``.

    The weights ``a_y = [1 + m - cos(theta_y)]+`` and ``a_j = [cos(theta_j) + m]+`` are the distances from the optima
    and count as constants: each gradient is its weight times the softmax residual. (Differentiated, they would push
    negatives with a cosine below zero the wrong way.) The decision boundary against one negative is the circle
    ``cos(theta_j)^2 + (1 - cos(theta_y))^2 = 2 m^2``.

    Source: Circle Loss, CVPR 2020, arXiv 2002.10857, with class-level labels.

    Args:
        scale: s > 0, the paper's gamma.
        margin: m in [0, 1].

    Raises:
        ValueError: if an argument is out of its range.
    """

    def __init__(self, scale: float = 256.0, margin: float = 0.25) -> None:
        super().__init__(scale)
        check_range("CircleLoss margin", margin, 0.0, 1.0)
        self.margin = float(margin)

    def target(self, row: Row) -> Tensor:
        """Weighted distance of the target from ``1 - m``: (N,)."""
        weight = (1 + self.margin - row.cosine.detach()).clamp_min(0)
        return weight * (row.cosine - 1 + self.margin)

    def negative(self, similarity: Tensor, row: Row) -> Tensor:
        """Weighted distances of the negatives from m: (N, c)."""
        return (similarity.detach() + self.margin).clamp_min(0) * (similarity - self.margin)
