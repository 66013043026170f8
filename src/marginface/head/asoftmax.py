"""A-Softmax (SphereFace): a multiplicative margin on the angle, the reference head."""

import torch
from torch import Tensor

from marginface.angular import sphere_psi, sphere_psi_slope
from marginface.head.annealing import AnnealedHead
from marginface.head.base import Row, check_margin_grad, detached_slope


class ASoftmax(AnnealedHead):
    """``z_j = ||x|| cos(theta_j)``, ``z_y = ||x|| (lambda cos(theta_y) + psi(theta_y)) / (1 + lambda)``.

    lambda falls with the number of training forwards as :class:`marginface.head.annealing.AnnealedHead` says. The
    official schedule (gamma = 0.12) arrives at ``lambda_min`` at step 1,659 of 28,000, which is ``anneal = 0.059``.

    Source: SphereFace, CVPR 2017, arXiv 1704.08063, equation 7 and appendix G; schedule: the authors' prototxt.

    Args:
        margin: the integer m in 1..4; the paper uses 4.
        lambda_base: lambda before the first step.
        lambda_min: the smallest lambda, >= 0.
        power: exponent of the decay.
        gamma: decay per training forward. Give either ``gamma`` or ``anneal``.
        anneal: fraction of the run in (0, 1] after which lambda is ``lambda_min``.
        margin_grad: ``true`` differentiates the formula; ``detached`` passes the plain cosine's gradient; ``caffe``
            is the official layer: the margin's share of the embedding's gradient is scaled to unit coefficients,
            and the centres see the plain inner product.

    Raises:
        ValueError: if an argument is out of its range, or both ``gamma`` and ``anneal`` are given.
    """

    default_gamma = 0.12

    def __init__(
        self,
        margin: int = 4,
        lambda_base: float = 1000.0,
        lambda_min: float = 5.0,
        power: float = 1.0,
        gamma: float | None = None,
        anneal: float | None = None,
        margin_grad: str = "true",
    ) -> None:
        super().__init__(margin, lambda_base, lambda_min, power, gamma, anneal)
        self.margin_grad = check_margin_grad("ASoftmax", margin_grad, ("caffe",))
        self.splits_gradient = self.margin_grad == "caffe"

    def target(self, row: Row) -> Tensor:
        """``(lambda cos + psi) / (1 + lambda)``: (N,)."""
        value, share = self.annealed(row.cosine)
        if self.margin_grad == "detached":
            return detached_slope(value, row.cosine)
        if self.margin_grad == "caffe":
            return self._caffe(value, row, share)
        return value

    def target_for_weight(self, row: Row) -> Tensor:
        """In the official layer the centres see the plain inner product: (N,)."""
        return row.cosine

    def _caffe(self, value: Tensor, row: Row, share: Tensor) -> Tensor:
        """Attach the official layer's gradient for the embedding to the value.

        With psi' = d psi / d cos, the gradient of ``||x|| psi`` is ``a w + b x`` with a = psi' and
        b = (psi - cos psi') / ||x||. The layer divides it by sqrt(a^2 + b^2). Written through cosine and norm,
        ``alpha w + beta x`` has these partial derivatives of the similarity: ``alpha`` for the cosine and
        ``(beta ||x|| + alpha cos - value) / ||x||`` for the norm.
        """
        cosine, norm = row.cosine.detach(), row.norm.detach().clamp_min(1e-12)
        slope = sphere_psi_slope(cosine, self.margin)
        along_x = (sphere_psi(cosine, self.margin) - cosine * slope) / norm
        length = torch.hypot(slope, along_x).clamp_min(1e-12)
        alpha = share * slope / length + (1 - share)
        beta = share * along_x / length
        by_norm = (beta * norm + alpha * cosine - value.detach()) / norm
        return value.detach() + alpha * (row.cosine - cosine) + by_norm * (row.norm - row.norm.detach())
