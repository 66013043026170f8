"""MV-Softmax: misclassified negatives are raised, so that they weigh more."""

import math

import torch
from torch import Tensor

from marginface.angular import shifted_cosine
from marginface.head.base import CosineHead, Row, check_choice, check_margin_grad, check_range, detached_slope


class MVSoftmax(CosineHead):
    """A margin head whose negatives above the target's bar f are raised by t.

    The bar is the target itself, ``f = cos(theta_y) - m`` (base ``am``) or ``f = cos(theta_y + m)`` (``arc``). A
    negative with ``cos(theta_j) > f`` becomes ``cos(theta_j) + t`` (mode ``fixed``) or
    ``(1 + t) cos(theta_j) + t`` (``adaptive``).

    Source: Mis-classified Vector Guided Softmax, AAAI 2020, arXiv 1912.00833; t, m and s of the authors' code.

    Args:
        base: ``am`` or ``arc``; ``arc`` continues past pi as :func:`marginface.angular.shifted_cosine`.
        mode: ``fixed`` or ``adaptive``.
        t: how much hard negatives are raised, in [0, 1]; 0 is CosFace or ArcFace.
        scale: s > 0.
        margin: m, in [0, 1] (``am``) or in radians, in [0, pi/2] (``arc``).
        margin_grad: ``true`` differentiates margin and raise; ``detached`` passes the plain cosines' gradient.

    Raises:
        ValueError: if an argument is out of its range.
    """

    def __init__(
        self,
        base: str = "am",
        mode: str = "adaptive",
        t: float = 0.2,
        scale: float = 32.0,
        margin: float = 0.35,
        margin_grad: str = "true",
    ) -> None:
        super().__init__(scale)
        check_choice("MVSoftmax base", base, ("am", "arc"))
        check_choice("MVSoftmax mode", mode, ("fixed", "adaptive"))
        check_range("MVSoftmax t", t, 0.0, 1.0)
        check_range("MVSoftmax margin", margin, 0.0, 1.0 if base == "am" else math.pi / 2)
        self.base, self.mode, self.t, self.margin = base, mode, float(t), float(margin)
        self.margin_grad = check_margin_grad("MVSoftmax", margin_grad)

    def target(self, row: Row) -> Tensor:
        """The bar f: (N,)."""
        value = self._bar(row.cosine)
        return detached_slope(value, row.cosine) if self.margin_grad == "detached" else value

    def negative(self, similarity: Tensor, row: Row) -> Tensor:
        """Negatives above the bar raised: (N, c)."""
        raised = (similarity if self.mode == "fixed" else (1 + self.t) * similarity) + self.t
        value = torch.where(similarity > self._bar(row.cosine).unsqueeze(1), raised, similarity)
        return detached_slope(value, similarity) if self.margin_grad == "detached" else value

    def _bar(self, cosine: Tensor) -> Tensor:
        return cosine - self.margin if self.base == "am" else shifted_cosine(cosine, self.margin)
