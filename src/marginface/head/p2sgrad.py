"""P2SGrad: the cosine itself takes the place of the probability in the gradient."""

from torch import Tensor

from marginface.head.base import CosineHead, Row, check_choice
from marginface.head.criterion import Separable


class Squares(Separable):
    """``factor * (sum over j of (z_j - 1[j = y])^2)``."""

    factor: float = 0.5

    def positive(self, logit: Tensor) -> Tensor:
        """Squared distance of the target from 1: (N,)."""
        return self.factor * (logit - 1) ** 2

    def negative(self, logit: Tensor) -> Tensor:
        """Squared distance from 0, element by element."""
        return self.factor * logit**2


class P2SGrad(CosineHead):
    """The gradient ``sum over j of (cos(theta_j) - 1[j = y]) grad cos(theta_j)``; no scale and no margin.

    The paper defines a gradient instead of a loss; ``1/2 sum over j of (cos(theta_j) - 1[j = y])^2`` has it.

    Source: P2SGrad, CVPR 2019, arXiv 1905.02479.

    Args:
        reduction: over the classes; ``sum`` has the paper's gradient; ``mean`` is the mean squared error, 2 / C times
            as large, as pytorch-metric-learning has it: its gradient vanishes as classes are added.

    Raises:
        ValueError: if the reduction is unknown.
    """

    criterion: Squares

    def __init__(self, reduction: str = "sum") -> None:
        super().__init__(1.0, Squares())
        check_choice("P2SGrad reduction", reduction, ("sum", "mean"))
        self.reduction = reduction

    def bind(self, num_classes: int) -> None:
        """The mean is over C classes."""
        self.criterion.factor = 0.5 if self.reduction == "sum" else 1 / num_classes

    def target(self, row: Row) -> Tensor:
        """``cos(theta_y)``: (N,)."""
        return row.cosine
