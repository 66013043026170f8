"""MagFace: an angular margin that grows with the length of the embedding, which becomes a measure of quality."""

import math

import torch
from torch import Tensor

from marginface.angular import shifted_cosine
from marginface.head.base import CosineHead, Row, check_margin_grad, check_range


class MagFace(CosineHead):
    """``z_y = s cos(theta_y + m(a))``, ``z_j = s cos(theta_j)``, plus a reward of length ``g(a)`` per sample.

    With a the embedding's length, held within [norm_low, norm_high], the margin m(a) rises linearly from
    ``margin_low`` to ``margin_high``: hard samples are driven to shorter embeddings, while the regularizer
    ``g(a) = a / norm_high^2 + 1 / a`` lengthens all of them. Neither has a gradient outside the interval, so the
    backbone's first embeddings should lie inside (a batch norm with 512 outputs gives lengths around 22.6).

    Source: MagFace, CVPR 2021, arXiv 2103.06627, section 3.2; the values of the authors' run script.

    Args:
        scale: s > 0.
        margin_low: margin of the shortest embeddings in radians, in [0, pi/2].
        margin_high: margin of the longest embeddings in radians, in [margin_low, pi/2].
        norm_low: shortest length, > 0.
        norm_high: longest length, > norm_low.
        regularizer_weight: factor of g, >= 0. The paper proves an optimal length to exist from
            ``s K u^2 l^2 / (u^2 - l^2)`` on, with K the slope of m, l and u the ends: 22.59 with these values.
        easy_margin: the margin is left out where ``cos(theta_y) <= 0`` (the authors' default). False applies it
            everywhere, with :func:`marginface.angular.shifted_cosine` past pi, which decreases in theta_y throughout.
        margin_grad: ``true`` differentiates everything; ``detached`` passes the plain cosine's gradient, but keeps the
            length's gradient through the margin.

    Raises:
        ValueError: if an argument is out of its range.
    """

    def __init__(
        self,
        scale: float = 64.0,
        margin_low: float = 0.45,
        margin_high: float = 0.8,
        norm_low: float = 10.0,
        norm_high: float = 110.0,
        regularizer_weight: float = 35.0,
        easy_margin: bool = True,
        margin_grad: str = "true",
    ) -> None:
        super().__init__(scale)
        check_range("MagFace margin_low", margin_low, 0.0, math.pi / 2)
        check_range("MagFace margin_high", margin_high, margin_low, math.pi / 2)
        check_range("MagFace norm_low", norm_low, 1e-3)
        check_range("MagFace norm_high", norm_high, norm_low + 1e-3)
        check_range("MagFace regularizer_weight", regularizer_weight, 0.0)
        self.margins, self.norms = (float(margin_low), float(margin_high)), (float(norm_low), float(norm_high))
        self.regularizer_weight, self.easy_margin = float(regularizer_weight), bool(easy_margin)
        self.margin_grad = check_margin_grad("MagFace", margin_grad)

    def margin(self, norm: Tensor) -> Tensor:
        """The margin of each embedding.

        Args:
            norm: (N,) lengths.

        Returns:
            (N,) radians, differentiable in the lengths.
        """
        (low, high), (shortest, longest) = self.margins, self.norms
        return low + (high - low) * (norm.clamp(shortest, longest) - shortest) / (longest - shortest)

    def target(self, row: Row) -> Tensor:
        """``cos(theta_y + m(a))``: (N,)."""
        if self.margin_grad == "detached":
            constant = row.cosine.detach()
            return self._shifted(constant, row.norm) + (row.cosine - constant)
        return self._shifted(row.cosine, row.norm)

    def _shifted(self, cosine: Tensor, norm: Tensor) -> Tensor:
        value = shifted_cosine(cosine, self.margin(norm))
        return torch.where(cosine > 0, value, cosine) if self.easy_margin else value

    def regularizer(self, norm: Tensor) -> Tensor:
        """``regularizer_weight * g(a)``: (N,). Convex and falling; its slope is zero at ``norm_high``."""
        length = norm.clamp(*self.norms)
        return self.regularizer_weight * (length / self.norms[1] ** 2 + 1 / length)
