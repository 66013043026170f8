"""COCO: NormFace with a scale that follows from the number of classes."""

import math

from torch import Tensor

from marginface.head.base import CosineHead, Row, check_range


class COCO(CosineHead):
    """``z_j = alpha cos(theta_j)`` with ``alpha = log((C - 1) / (e^epsilon - 1)) / 2``.

    With that alpha the loss falls to epsilon where the target's cosine is 1 and all others' are -1. The second
    version of the paper, whose centres are learned; the first took class means within the batch.

    Source: COCO, arXiv 1710.00870.

    Args:
        scale: alpha > 0; None for the one that follows from the number of classes.
        epsilon: the smallest loss wanted, > 0; used without a scale only.

    Raises:
        ValueError: if an argument is out of its range.
    """

    def __init__(self, scale: float | None = None, epsilon: float = 1e-4) -> None:
        super().__init__(1.0 if scale is None else scale)
        check_range("COCO epsilon", epsilon, 1e-12, 1.0)
        self.epsilon = float(epsilon)
        self._follows = scale is None
        if self._follows:
            self.logit_scale = math.nan  # until the number of classes is known

    def bind(self, num_classes: int) -> None:
        """Derive the scale from the number of classes, if none was given."""
        if self._follows:
            self.logit_scale = 0.5 * math.log((num_classes - 1) / math.expm1(self.epsilon))

    def target(self, row: Row) -> Tensor:
        """``cos(theta_y)``: (N,)."""
        return row.cosine

    def extra_state_summary(self) -> dict[str, float]:
        """The scale."""
        return {"scale": self.logit_scale}
