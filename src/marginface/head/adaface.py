"""AdaFace: the length of the embedding, as image quality, moves the margin between angular and additive."""

import torch
from torch import Tensor

from marginface.angular import angle, shifted_cosine
from marginface.head.base import CosineHead, Row, check_margin_grad, check_range, detached_slope

MIN_NORM, MAX_NORM = 1e-3, 100.0  # lengths are held within, as in the authors' code
STD_EPS = 1e-3


class AdaFace(CosineHead):
    """``z_y = s (cos(theta_y - m q) - m (1 + q))``, ``z_j = s cos(theta_j)``.

    The quality ``q = clip(h (||x|| - mean) / std, -1, 1)`` is a constant. At q = -1 the head is ArcFace, at q = 0
    CosFace; at q = 1 the angle is widened in the sample's favour, so that hard samples of good quality count most.
    Mean and deviation of the lengths are moving averages over the rows of all processes, updated before they are used.

    The shifted angle is held within [0, pi]. At 0 that is the published plateau, for samples within m q of their
    centre. Past pi :func:`marginface.angular.shifted_cosine` goes on falling, where the authors' code has a gradient
    of zero for the worst samples. The cosine is not clipped: their 0.999 silences samples within 2.6 degrees.

    Source: AdaFace, CVPR 2022, arXiv 2204.00964, section 3.3; values of the authors' published runs.

    Args:
        scale: s > 0.
        margin: m in radians, in [0, 1].
        concentration: h > 0, how many deviations make the whole range of q: about 68 % of lengths lie within [-h, h].
        ema_weight: share of the newest batch in mean and deviation, in (0, 1] (the authors' t_alpha).
        margin_grad: ``true`` differentiates the margin; ``detached`` passes the plain cosine's gradient, as the
            authors' later CVLface does.

    Raises:
        ValueError: if an argument is out of its range.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        scale: float = 64.0,
        margin: float = 0.4,
        concentration: float = 0.333,
        ema_weight: float = 0.01,
        margin_grad: str = "true",
    ) -> None:
        super().__init__(scale)
        check_range("AdaFace margin", margin, 0.0, 1.0)
        check_range("AdaFace concentration", concentration, 1e-6)
        check_range("AdaFace ema_weight", ema_weight, 1e-6, 1.0)
        self.margin, self.concentration, self.ema_weight = float(margin), float(concentration), float(ema_weight)
        self.margin_grad = check_margin_grad("AdaFace", margin_grad)
        self.register_buffer("mean", torch.tensor(20.0, dtype=torch.float64))
        self.register_buffer("std", torch.tensor(100.0, dtype=torch.float64))

    def quality(self, norm: Tensor) -> Tensor:
        """The quality q of each embedding.

        Args:
            norm: (N,) lengths.

        Returns:
            (N,) in [-1, 1], without gradient.
        """
        length = norm.detach().clamp(MIN_NORM, MAX_NORM)
        deviation = (length - self.mean.to(norm.dtype)) / (self.std.to(norm.dtype) + STD_EPS)
        return (self.concentration * deviation).clamp(-1.0, 1.0)

    def target(self, row: Row) -> Tensor:
        """``cos(theta_y - m q) - m (1 + q)``: (N,)."""
        quality = self.quality(row.norm)
        nearer = torch.cos((angle(row.cosine) - self.margin * quality).clamp_min(0.0))
        farther = shifted_cosine(row.cosine, (-self.margin * quality).clamp_min(0.0))
        value = torch.where(quality > 0, nearer, farther) - self.margin * (1 + quality)
        return detached_slope(value, row.cosine) if self.margin_grad == "detached" else value

    def advance(self, row: Row, negative_lse: Tensor | None = None) -> None:
        """Let mean and deviation follow the lengths; one length alone has no deviation and leaves it as it is."""
        length = row.norm.clamp(MIN_NORM, MAX_NORM).to(self.mean.dtype)
        self.mean.lerp_(length.mean(), self.ema_weight)
        if len(length) > 1:
            self.std.lerp_(length.std(), self.ema_weight)

    def extra_state_summary(self) -> dict[str, float]:
        """Moving mean and deviation of the lengths."""
        return {"norm_mean": float(self.mean), "norm_std": float(self.std)}
