"""CurricularFace: hard negatives count little at first, and more as training succeeds."""

import torch
from torch import Tensor

from marginface.angular import angle
from marginface.head.arcface import ArcFace
from marginface.head.base import Row, check_range, detached_slope


class CurricularFace(ArcFace):
    """ArcFace's target; a negative ``c = cos(theta_j)`` above ``cos(theta_y + m)`` becomes ``c (t + c)``.

    t is a moving average of the target cosine over the rows of all processes: about 0 at first, when a hard negative
    weighs less than its cosine, and close to 1 in the end, when it weighs more. It is updated before it is used.

    Source: CurricularFace, CVPR 2020, arXiv 2004.00288; the update of t as in the authors' code.

    Args:
        scale: s > 0.
        margin: m in radians, in [0, pi/2].
        ema_weight: share of the newest batch in t, in (0, 1].
        margin_grad: ``true`` differentiates margin and modulation; ``detached`` passes the plain cosines' gradient.

    Raises:
        ValueError: if an argument is out of its range.
    """

    t: Tensor

    def __init__(
        self, scale: float = 64.0, margin: float = 0.5, ema_weight: float = 0.01, margin_grad: str = "true"
    ) -> None:
        super().__init__(scale, margin, margin_grad)
        check_range("CurricularFace ema_weight", ema_weight, 1e-6, 1.0)
        self.ema_weight = float(ema_weight)
        self.register_buffer("t", torch.zeros((), dtype=torch.float64))

    def negative(self, similarity: Tensor, row: Row) -> Tensor:
        """Hard negatives modulated by t: (N, c)."""
        bar = torch.cos(angle(row.cosine) + self.margin).unsqueeze(1)
        t = self.t.to(similarity.dtype, copy=True)  # the next forward may come before this one's backward
        modulated = similarity * (t + similarity)
        value = torch.where(similarity > bar, modulated, similarity)
        return detached_slope(value, similarity) if self.margin_grad == "detached" else value

    def advance(self, row: Row, negative_lse: Tensor | None = None) -> None:
        """Let t follow the mean target cosine."""
        self.t.lerp_(row.cosine.mean().to(self.t.dtype), self.ema_weight)

    def extra_state_summary(self) -> dict[str, float]:
        """The current t."""
        return {"t": float(self.t)}
