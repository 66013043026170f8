"""L-Softmax: A-Softmax's margin with class centres that keep their length."""

from torch import Tensor

from marginface.head.annealing import AnnealedHead
from marginface.head.base import Row, check_margin_grad, detached_slope


class LSoftmax(AnnealedHead):
    """``z_j = ||w_j|| ||x|| cos(theta_j)``, ``z_y = ||w_y|| ||x|| (lambda cos + psi)(theta_y) / (1 + lambda)``.

    Without a bias. With centres of unit length it is A-Softmax. lambda falls with the number of training forwards as
    :class:`marginface.head.annealing.AnnealedHead` says.

    Source: L-Softmax, ICML 2016, arXiv 1612.02295. gamma and power: the authors' MNIST example with m = 4, which
    arrives at lambda = 5 at forward 6,538; ``lambda_min = 5``: their advice for large data sets.

    Args:
        margin: the integer m in 1..4.
        lambda_base: lambda before the first step.
        lambda_min: the smallest lambda, >= 0.
        power: exponent of the decay.
        gamma: decay per training forward. Give either ``gamma`` or ``anneal``.
        anneal: fraction of the run in (0, 1] after which lambda is ``lambda_min``.
        margin_grad: ``true`` differentiates the formula, as the authors do; ``detached`` passes the plain cosine's
            gradient.

    Raises:
        ValueError: if an argument is out of its range, or both ``gamma`` and ``anneal`` are given.
    """

    normalize_weight = False
    default_gamma = 2.5e-5

    def __init__(
        self,
        margin: int = 4,
        lambda_base: float = 1000.0,
        lambda_min: float = 5.0,
        power: float = 35.0,
        gamma: float | None = None,
        anneal: float | None = None,
        margin_grad: str = "true",
    ) -> None:
        super().__init__(margin, lambda_base, lambda_min, power, gamma, anneal)
        self.margin_grad = check_margin_grad("LSoftmax", margin_grad)

    def target(self, row: Row) -> Tensor:
        """``||w_y|| (lambda cos + psi) / (1 + lambda)``: (N,)."""
        value, _ = self.annealed(row.cosine)
        if self.margin_grad == "detached":
            value = detached_slope(value, row.cosine)
        return row.weight_norm * value
