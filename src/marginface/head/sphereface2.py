"""SphereFace2: one binary classification per class instead of a softmax."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from marginface.angular import saturated_cosine
from marginface.head.base import CosineHead, Row, check_choice, check_margin_grad, check_range, detached_slope
from marginface.head.criterion import Separable

MARGINS = {"C": (0.0, 1.0), "A": (0.0, math.pi / 2), "M": (1.0, 4.0)}  # range of m by type


class BinaryLogistic(Separable):
    """``weight * (alpha softplus(-z_y) + (1 - alpha) sum over j != y of softplus(z_j))``."""

    def __init__(self, alpha: float, weight: float) -> None:
        super().__init__()
        self.alpha, self.weight = alpha, weight

    def positive(self, logit: Tensor) -> Tensor:
        """Term of the target: (N,)."""
        return self.weight * self.alpha * F.softplus(-logit)

    def negative(self, logit: Tensor) -> Tensor:
        """Term of one other class, element by element."""
        return self.weight * (1 - self.alpha) * F.softplus(logit)


class SphereFace2(CosineHead):
    """C binary problems ``z_j > 0``, joined by a sum, with one bias b and ``g(u) = 2 ((u + 1) / 2)^t - 1``.

    Type C: ``z_y = s (g(cos(theta_y)) - m) + b``, ``z_j = s (g(cos(theta_j)) + m) + b``. Types A and M put the margin
    on the target's angle alone, ``z_y = s g(cos(min(theta_y + m, pi))) + b`` and ``s g(cos(min(m theta_y, pi))) + b``,
    with ``z_j = s g(cos(theta_j)) + b``. b is learned; it starts where the gradients of positives and negatives
    balance if all cosines are zero.

    Source: SphereFace2, ICLR 2022, arXiv 2108.01513; defaults and initial bias: the authors' OpenSphere, which trains
    MS1M with alpha = 0.8, s = 64, m = 0.5, types A with m = 0.5 and M with m = 1.7.

    Args:
        scale: s > 0 (the authors' r).
        margin: m, in [0, 1] for type C, [0, pi/2] for A, [1, 4] for M.
        margin_type: C, A or M.
        exponent: t >= 1; 1 leaves the cosines as they are.
        alpha: weight of the target against the other classes, in (0, 1).
        loss_weight: the loss is multiplied by ``loss_weight / s``.
        margin_grad: ``detached`` passes the plain cosine's gradient, for targets and negatives, as the authors do;
            ``true`` differentiates g and the margin.

    Raises:
        ValueError: if an argument is out of its range.
    """

    def __init__(
        self,
        scale: float = 40.0,
        margin: float = 0.4,
        margin_type: str = "C",
        exponent: float = 3.0,
        alpha: float = 0.7,
        loss_weight: float = 50.0,
        margin_grad: str = "detached",
    ) -> None:
        check_choice("SphereFace2 margin_type", margin_type, tuple(MARGINS))
        check_range(f"SphereFace2 margin_type={margin_type} margin", margin, *MARGINS[margin_type])
        check_range("SphereFace2 exponent", exponent, 1.0)
        check_range("SphereFace2 alpha", alpha, 1e-6, 1 - 1e-6)
        check_range("SphereFace2 loss_weight", loss_weight, 1e-6)
        check_range("SphereFace2 scale", scale, 1e-6)
        super().__init__(scale, BinaryLogistic(float(alpha), loss_weight / scale))
        self.margin, self.margin_type, self.exponent = float(margin), margin_type, float(exponent)
        self.alpha, self.margin_grad = float(alpha), check_margin_grad("SphereFace2", margin_grad)
        self.bias = nn.Parameter(torch.zeros(()))

    def bind(self, num_classes: int) -> None:
        """Start the bias b where positives and negatives balance."""
        zero = torch.zeros(1, dtype=torch.float64)
        own, other = (self.logit_scale * float(f(zero)) for f in (self._positive, self._negative))
        nn.init.constant_(self.bias, balancing_bias(own, other, self.alpha, num_classes))

    def target(self, row: Row) -> Tensor:
        """The target's similarity through g, with its margin: (N,)."""
        value = self._positive(row.cosine)
        return detached_slope(value, row.cosine) if self.margin_grad == "detached" else value

    def negative(self, similarity: Tensor, row: Row) -> Tensor:
        """Similarities through g, type C with its margin: (N, c)."""
        value = self._negative(similarity)
        return detached_slope(value, similarity) if self.margin_grad == "detached" else value

    def offset(self) -> Tensor:
        """The learned bias b: a scalar."""
        return self.bias

    def _positive(self, cosine: Tensor) -> Tensor:
        if self.margin_type == "C":
            return self._adjusted(cosine) - self.margin
        if self.margin_type == "A":
            return self._adjusted(saturated_cosine(cosine, shift=self.margin))
        return self._adjusted(saturated_cosine(cosine, factor=self.margin))

    def _negative(self, cosine: Tensor) -> Tensor:
        return self._adjusted(cosine) + (self.margin if self.margin_type == "C" else 0.0)

    def _adjusted(self, cosine: Tensor) -> Tensor:
        """g, from [-1, 1] onto itself: similarities of unlike faces crowd together, those of like faces spread."""
        return 2 * ((cosine + 1) / 2).clamp_min(0) ** self.exponent - 1

    def extra_state_summary(self) -> dict[str, float]:
        """The current bias."""
        return {"bias": float(self.bias.detach())}


def balancing_bias(own: float, other: float, alpha: float, num_classes: int) -> float:
    """The b that solves ``alpha sigmoid(-(own + b)) = (1 - alpha) (C - 1) sigmoid(other + b)``.

    A quadratic equation in exp(b), solved such that nothing cancels, also with a handful of classes.

    Args:
        own: the target's logit without bias, at most ``other``.
        other: likewise that of the other classes.
        alpha: weight of the target.
        num_classes: C >= 2.

    Returns:
        The bias.
    """
    z = alpha / ((1 - alpha) * (num_classes - 1))
    root = math.sqrt((1 - z) ** 2 + 4 * z * math.exp(own - other))
    if z < 1:
        return math.log(2 * z) - other - math.log(1 - z + root)
    return math.log((z - 1 + root) / 2) - own
