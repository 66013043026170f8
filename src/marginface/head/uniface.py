"""UniFace: a binary loss for each class, with one threshold that all of them share."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from marginface.head.base import CosineHead, Row, check_range
from marginface.head.criterion import Separable


class UnifiedCrossEntropy(Separable):
    """``softplus(-z_y) + l * sum over j != y of softplus(z_j)``, on logits that may be clipped to [-bound, bound].

    Source: UniFace, ICCV 2023; the clipping is the authors' code's.

    Args:
        bound: the largest length of a logit; None for no clipping.
        negative_weight: l >= 0.
    """

    def __init__(self, bound: float | None, negative_weight: float = 1.0) -> None:
        super().__init__()
        self.bound, self.negative_weight = bound, float(negative_weight)

    def _clip(self, logit: Tensor) -> Tensor:
        return logit if self.bound is None else logit.clamp(-self.bound, self.bound)

    def positive(self, logit: Tensor) -> Tensor:
        """``softplus(-z_y)``: (N,)."""
        return F.softplus(-self._clip(logit))

    def negative(self, logit: Tensor) -> Tensor:
        """``l softplus(z_j)``, element by element."""
        return self.negative_weight * F.softplus(self._clip(logit))


class UniFace(CosineHead):
    """``z_y = s (cos(theta_y) - m) - b``, ``z_j = s cos(theta_j) - b``, each with a binary loss of its own.

    The learned number b is the same for all classes, so that one threshold ``b / s`` on the cosine tells same from
    different for all identities. It starts at ``ln(10 C)``.

    Source: UniFace, ICCV 2023 (Zhou et al., Unified Cross-Entropy Loss for Deep Face Recognition).

    Args:
        scale: s > 0.
        margin: m in [0, 1].
        negative_weight: l >= 0, weight of the negatives.
        clip: clip logits to [-s, s], as the authors' code does; a logit beyond has no gradient, a target's from
            ``cos(theta_y) <= m + b / s - 1`` on.

    Raises:
        ValueError: if an argument is out of its range.
    """

    def __init__(
        self, scale: float = 64.0, margin: float = 0.4, negative_weight: float = 1.0, clip: bool = True
    ) -> None:
        name = type(self).__name__
        check_range(f"{name} margin", margin, 0.0, 1.0)
        check_range(f"{name} negative_weight", negative_weight, 0.0)
        super().__init__(scale, UnifiedCrossEntropy(float(scale) if clip else None, negative_weight))
        self.margin = float(margin)
        self.bias = nn.Parameter(torch.zeros(()))

    def bind(self, num_classes: int) -> None:
        """Start b at ``ln(10 C)``, where C negatives at cosine 0 cost about 1 / 10 together."""
        self.bias.data.fill_(math.log(10 * num_classes))

    def target(self, row: Row) -> Tensor:
        """``cos(theta_y) - m``: (N,)."""
        return row.cosine - self.margin

    def offset(self) -> Tensor:
        """``-b``: a scalar."""
        return -self.bias

    def extra_state_summary(self) -> dict[str, float]:
        """The shared threshold on the cosine, ``b / s``."""
        return {"threshold": float(self.bias.detach()) / self.logit_scale}
