"""Combined margin: multiplicative, additive on the angle and additive on the cosine, in one formula."""

import math

import torch
from torch import Tensor

from marginface.angular import saturated_cosine
from marginface.head.base import CosineHead, Row, check_margin_grad, check_range, detached_slope


class CombinedMargin(CosineHead):
    """``z_y = s (cos(m1 theta_y + m2) - m3)``, ``z_j = s cos(theta_j)``, decreasing in theta_y over all of [0, pi].

    Past ``m1 theta + m2 = pi`` the cosine would rise again; there the value continues as ``cos(theta)`` less a
    constant. (1, 0, 0) is NormFace, (1, m, 0) ArcFace, (1, 0, m) CosFace, each in value and gradient.

    Source: ArcFace, CVPR 2019, arXiv 1801.07698, equation 4; the paper trains (1, 0.3, 0.2) and (0.9, 0.4, 0.15).

    Args:
        scale: s > 0.
        m1: factor of the angle, in [0.5, 4].
        m2: addition to the angle in radians, in [0, pi/2].
        m3: subtraction from the cosine, in [0, 1].
        margin_grad: ``true`` differentiates the margin; ``detached`` passes the plain cosine's gradient.

    Raises:
        ValueError: if an argument is out of its range.
    """

    def __init__(
        self, scale: float = 64.0, m1: float = 1.0, m2: float = 0.3, m3: float = 0.2, margin_grad: str = "true"
    ) -> None:
        super().__init__(scale)
        check_range("CombinedMargin m1", m1, 0.5, 4.0)
        check_range("CombinedMargin m2", m2, 0.0, math.pi / 2)
        check_range("CombinedMargin m3", m3, 0.0, 1.0)
        self.m1, self.m2, self.m3 = float(m1), float(m2), float(m3)
        self.margin_grad = check_margin_grad("CombinedMargin", margin_grad)
        # The last rest radians of [0, pi] are past pi. ArcFace's drop there, rest * sin(rest), is enough to go on
        # falling as long as it is at least 1 - cos(rest).
        rest = max(0.0, math.pi - (math.pi - self.m2) / self.m1)
        self._last, self._drop = -math.cos(rest), max(rest * math.sin(rest), 1 - math.cos(rest))

    def target(self, row: Row) -> Tensor:
        """``cos(m1 theta_y + m2) - m3`` with its monotone continuation: (N,)."""
        value = self._angular(row.cosine) - self.m3
        return detached_slope(value, row.cosine) if self.margin_grad == "detached" else value

    def _angular(self, cosine: Tensor) -> Tensor:
        """``cos(m1 theta + m2)``, continued past pi."""
        if (self.m1, self.m2) == (1.0, 0.0):
            return cosine
        return torch.where(cosine > self._last, saturated_cosine(cosine, self.m1, self.m2), cosine - self._drop)
