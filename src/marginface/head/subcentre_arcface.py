"""Sub-centre ArcFace: several centres per class, of which the nearest counts."""

from marginface.head.arcface import ArcFace


class SubCentreArcFace(ArcFace):
    """ArcFace over ``cos(theta_j) = max over k of cos(theta_jk)``, with K centres per class.

    A class of noisy labels may split: the clean majority gathers at one centre, the outliers at the others, and only
    the nearest centre receives a gradient. The classifier takes the maximum; the head only says how many there are.

    Source: Sub-center ArcFace, ECCV 2020; K = 3 as the authors recommend.

    Args:
        num_centres: K >= 1; 1 is ArcFace.
        scale: s > 0.
        margin: m in radians, in [0, pi/2].
        margin_grad: ``true`` differentiates the margin; ``detached`` passes the plain cosine's gradient.

    Raises:
        ValueError: if an argument is out of its range.
    """

    def __init__(
        self, num_centres: int = 3, scale: float = 64.0, margin: float = 0.5, margin_grad: str = "true"
    ) -> None:
        super().__init__(scale, margin, margin_grad)
        if num_centres != int(num_centres) or num_centres < 1:
            raise ValueError(f"SubCentreArcFace num_centres={num_centres} is no whole number >= 1; the paper uses 3")
        self.num_centres = int(num_centres)
