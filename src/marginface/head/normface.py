"""NormFace: cosines times a scale, no margin."""

import torch
from torch import Tensor, nn

from marginface.head.base import CosineHead, Row, check_range

MIN_SCALE = 0.01  # the official prototxt keeps a learned scale above this


class NormFace(CosineHead):
    """``z_j = s cos(theta_j)``.

    Source: NormFace, ACM Multimedia 2017, arXiv 1704.06369.

    Args:
        scale: s > 0; the initial value if it is learned.
        learnable: learn s (the paper's choice, starting at 10).

    Raises:
        ValueError: if the scale is below 0.01.
    """

    learned_scale: Tensor | None

    def __init__(self, scale: float = 30.0, learnable: bool = False) -> None:
        super().__init__(scale)
        check_range("NormFace scale", scale, MIN_SCALE)
        self.register_parameter("learned_scale", nn.Parameter(torch.tensor(float(scale))) if learnable else None)

    def scale(self, norm: Tensor) -> Tensor:
        """The scale s: a scalar."""
        return super().scale(norm) if self.learned_scale is None else self.learned_scale.clamp_min(MIN_SCALE)

    def target(self, row: Row) -> Tensor:
        """``cos(theta_y)``: (N,)."""
        return row.cosine

    def extra_state_summary(self) -> dict[str, float]:
        """The current scale."""
        return {"scale": self.logit_scale if self.learned_scale is None else float(self.learned_scale.detach())}
