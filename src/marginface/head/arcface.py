"""ArcFace: an additive margin on the angle."""

import math

from torch import Tensor

from marginface.angular import shifted_cosine
from marginface.head.base import CosineHead, Row, check_margin_grad, check_range, detached_slope


class ArcFace(CosineHead):
    """``z_y = s cos(theta_y + m)``, ``z_j = s cos(theta_j)``, decreasing in theta_y over all of [0, pi].

    Source: ArcFace, CVPR 2019, arXiv 1801.07698, equation 3; past pi :func:`marginface.angular.shifted_cosine`.

    Args:
        scale: s > 0.
        margin: m in radians, in [0, pi/2].
        margin_grad: ``true`` differentiates the margin (factor ``sin(theta + m) / sin(theta)``); ``detached`` passes
            the plain cosine's gradient, as insightface's PyTorch code does.

    Raises:
        ValueError: if an argument is out of its range.
    """

    def __init__(self, scale: float = 64.0, margin: float = 0.5, margin_grad: str = "true") -> None:
        super().__init__(scale)
        name = type(self).__name__
        check_range(f"{name} margin", margin, 0.0, math.pi / 2)
        self.margin, self.margin_grad = float(margin), check_margin_grad(name, margin_grad)

    def target(self, row: Row) -> Tensor:
        """``cos(theta_y + m)`` with its monotone continuation: (N,)."""
        value = shifted_cosine(row.cosine, self.margin)
        return detached_slope(value, row.cosine) if self.margin_grad == "detached" else value
