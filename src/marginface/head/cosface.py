"""CosFace: an additive margin on the cosine."""

from torch import Tensor

from marginface.head.base import CosineHead, Row, check_range


class CosFace(CosineHead):
    """``z_y = s (cos(theta_y) - m)``, ``z_j = s cos(theta_j)``.

    Source: CosFace, CVPR 2018, arXiv 1801.09414, equation 4.

    Args:
        scale: s > 0.
        margin: m in [0, 1].

    Raises:
        ValueError: if an argument is out of its range.
    """

    def __init__(self, scale: float = 64.0, margin: float = 0.35) -> None:
        super().__init__(scale)
        check_range(f"{type(self).__name__} margin", margin, 0.0, 1.0)
        self.margin = float(margin)

    def target(self, row: Row) -> Tensor:
        """``cos(theta_y) - m``: (N,)."""
        return row.cosine - self.margin
