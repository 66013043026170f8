"""AM-Softmax: CosFace's formula under its other name, with that paper's scale."""

from marginface.head.cosface import CosFace


class AMSoftmax(CosFace):
    """``z_y = s (cos(theta_y) - m)``, ``z_j = s cos(theta_j)``.

    Source: AM-Softmax, IEEE Signal Processing Letters 2018, arXiv 1801.05599.

    Args:
        scale: s > 0.
        margin: m in [0, 1].

    Raises:
        ValueError: if an argument is out of its range.
    """

    def __init__(self, scale: float = 30.0, margin: float = 0.35) -> None:
        super().__init__(scale, margin)
