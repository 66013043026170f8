"""ArcFace: an additive margin on the angle."""

import math

import torch
from torch import Tensor

from marginface.angular import angle
from marginface.head.base import Head, Row, check_choice, check_range, detached_slope


class ArcFace(Head):
    """``z_y = s cos(theta_y + m)``, ``z_j = s cos(theta_j)``, decreasing in theta_y over all of [0, pi].

    Where ``theta_y + m`` passes pi, the cosine would rise again and reward worse samples; there the target continues as
    ``cos(theta_y) - m sin(m)``, as the authors' first (MXNet) code did.

    Source: ArcFace, CVPR 2019, arXiv 1801.07698, equation 3.

    Args:
        scale: s > 0.
        margin: m in radians, in [0, pi/2].
        margin_grad: ``true`` differentiates the margin (factor ``sin(theta + m) / sin(theta)``); ``detached`` passes
            the plain cosine's gradient, as insightface's PyTorch code does.

    Raises:
        ValueError: if an argument is out of its range.
    """

    def __init__(self, scale: float = 64.0, margin: float = 0.5, margin_grad: str = "true") -> None:
        super().__init__()
        check_range("ArcFace scale", scale, 1e-6)
        check_range("ArcFace margin", margin, 0.0, math.pi / 2)
        margin_grad = str(margin_grad).lower()  # YAML reads a bare `true` as a boolean
        check_choice("ArcFace margin_grad", margin_grad, ("true", "detached"))
        self.logit_scale, self.margin, self.margin_grad = float(scale), float(margin), margin_grad

    def scale(self, norm: Tensor) -> Tensor:
        """The scale s: a scalar."""
        return torch.as_tensor(self.logit_scale, dtype=norm.dtype, device=norm.device)

    def target(self, row: Row) -> Tensor:
        """``cos(theta_y + m)`` with its monotone continuation: (N,)."""
        if self.margin == 0.0:
            return row.cosine
        shifted = torch.cos(angle(row.cosine) + self.margin)
        continued = row.cosine - self.margin * math.sin(self.margin)
        value = torch.where(row.cosine > -math.cos(self.margin), shifted, continued)
        return detached_slope(value, row.cosine) if self.margin_grad == "detached" else value
