"""AdaCos: cosines times a scale that follows from the number of classes and from the batch."""

import math

import torch
from torch import Tensor

from marginface.head.base import Head, Row

MIN_SCALE = 0.01  # a few classes that lie far apart would make ln B, and with it the scale, negative


class AdaCos(Head):
    """``z_j = s cos(theta_j)`` without a margin; s is computed, never learned or chosen.

    The scale starts at ``sqrt(2) ln(C - 1)``, as the fixed variant keeps it. The dynamic one replaces it at every
    training forward, before it is used, by

        s = ln B / cos(min(pi / 4, theta_med)),    B = mean over rows of the sum over j != y of exp(s_prev cos(theta_j))

    where theta_med is the median angle to the target. Both run over the rows of all processes.

    Source: AdaCos, CVPR 2019, arXiv 1905.00292, fixed and dynamic variant.

    Args:
        dynamic: False keeps the initial scale.
    """

    logit_scale: Tensor

    def __init__(self, dynamic: bool = True) -> None:
        super().__init__()
        self.needs_negatives = self.dynamic = bool(dynamic)
        self.register_buffer("logit_scale", torch.tensor(float("nan"), dtype=torch.float64))  # until bind()

    def bind(self, num_classes: int) -> None:
        """Start at ``sqrt(2) ln(C - 1)``.

        Raises:
            ValueError: if C < 3, for which that is zero.
        """
        if num_classes < 3:
            raise ValueError(
                f"AdaCos num_classes={num_classes} makes its scale sqrt(2) ln(C - 1) zero; it takes C >= 3"
            )
        self.logit_scale.fill_(math.sqrt(2) * math.log(num_classes - 1))

    def scale(self, norm: Tensor) -> Tensor:
        """The current scale: a scalar."""
        return self.logit_scale.to(norm.dtype, copy=True)  # the next forward may come before this one's backward

    def target(self, row: Row) -> Tensor:
        """``cos(theta_y)``: (N,)."""
        return row.cosine

    def advance(self, row: Row, negative_lse: Tensor | None = None) -> None:
        """Compute the scale from the negatives' logits (at the previous scale) and the median angle."""
        if not self.dynamic:
            return
        assert negative_lse is not None, "the classifier serves needs_negatives"
        log_b = negative_lse.logsumexp(0) - math.log(len(negative_lse))
        # cos(min(pi / 4, theta_med)); of an even number of angles the median is the smaller middle one, as in torch
        cosine = (-(-row.cosine).median()).clamp_min(math.cos(math.pi / 4))
        self.logit_scale.copy_((log_b / cosine).clamp_min(MIN_SCALE))

    def extra_state_summary(self) -> dict[str, float]:
        """The current scale."""
        return {"scale": float(self.logit_scale)}
