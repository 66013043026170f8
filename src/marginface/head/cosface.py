"""CosFace / AM-Softmax: an additive margin on the cosine."""

import torch
from torch import Tensor

from marginface.head.base import Head, Row, check_range


class CosFace(Head):
    """``z_y = s (cos(theta_y) - m)``, ``z_j = s cos(theta_j)``.

    Source: CosFace, CVPR 2018, arXiv 1801.09414, equation 4; AM-Softmax, SPL 2018, arXiv 1801.05599 (s = 30).

    Args:
        scale: s > 0.
        margin: m in [0, 1].

    Raises:
        ValueError: if an argument is out of its range.
    """

    def __init__(self, scale: float = 64.0, margin: float = 0.35) -> None:
        super().__init__()
        check_range("CosFace scale", scale, 1e-6)
        check_range("CosFace margin", margin, 0.0, 1.0)
        self.logit_scale, self.margin = float(scale), float(margin)

    def scale(self, norm: Tensor) -> Tensor:
        """The scale s: a scalar."""
        return torch.as_tensor(self.logit_scale, dtype=norm.dtype, device=norm.device)

    def target(self, row: Row) -> Tensor:
        """``cos(theta_y) - m``: (N,)."""
        return row.cosine - self.margin
