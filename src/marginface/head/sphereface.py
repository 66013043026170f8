"""SphereFace on normalised embeddings: a multiplicative margin with a real factor."""

from torch import Tensor

from marginface.angular import sphere_psi
from marginface.head.base import CosineHead, Row, check_margin_grad, check_range, detached_slope


class SphereFace(CosineHead):
    """``z_y = s psi(theta_y)``, ``z_j = s cos(theta_j)``, with psi for any real m >= 1 and no annealing.

    The form in which SphereFace's authors train today; :class:`marginface.head.ASoftmax` is the one of the first
    paper. m = 1 is NormFace.

    Source: SphereFace-R, TPAMI 2022, arXiv 2109.05565 (version 0, hard normalisation); defaults: the authors'
    OpenSphere, which takes m = 1.5 for VGGFace2 and m = 1.7 for MS1M.

    Args:
        scale: s > 0.
        margin: m in [1, 4].
        margin_grad: ``detached`` passes the plain cosine's gradient, as the authors do; ``true`` differentiates the
            margin (factor ``m |sin(m theta)| / sin(theta)``).

    Raises:
        ValueError: if an argument is out of its range.
    """

    def __init__(self, scale: float = 30.0, margin: float = 1.7, margin_grad: str = "detached") -> None:
        super().__init__(scale)
        check_range("SphereFace margin", margin, 1.0, 4.0)
        self.margin, self.margin_grad = float(margin), check_margin_grad("SphereFace", margin_grad)

    def target(self, row: Row) -> Tensor:
        """``psi(theta_y)``: (N,)."""
        value = sphere_psi(row.cosine, self.margin)
        return detached_slope(value, row.cosine) if self.margin_grad == "detached" else value
