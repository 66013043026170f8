"""ElasticFace: each sample draws its margin anew in every step."""

import math

import torch
from torch import Tensor

from marginface.angular import shifted_cosine
from marginface.head.base import CosineHead, Row, check_choice, check_margin_grad, check_range, detached_slope


class ElasticFace(CosineHead):
    """ArcFace or CosFace with a margin ``E ~ Normal(m, std)`` of each sample and step.

    The draws depend on nothing but the seed, the number of the training forward, and the number of rows of all
    processes; a row finds its own by the rank of its target cosine among these rows. So the processes agree without
    a message, and a resumed run draws what the uninterrupted one would have drawn. Rows of the very same cosine share
    a margin. With ``plus`` the draws are sorted first, and the farthest sample gets the largest margin. (The authors'
    code indexes the sorted draws by the sorting permutation; the ranks, which the text means, are its inverse.)
    Outside training the margin is m.

    Source: ElasticFace, CVPR Workshops 2022, arXiv 2109.09416, section 3. The authors' values for ``std``: 0.05, with
    ``plus`` 0.0175 (arc) and 0.02 (cos); for the margin 0.5 (arc) and 0.35 (cos).

    Args:
        form: ``arc``, ``cos(theta_y + E)``; or ``cos``, ``cos(theta_y) - E``.
        scale: s > 0.
        margin: m, in radians for ``arc``, in [0, pi/2] (``cos``: [0, 1]).
        std: standard deviation of the margins, >= 0. Draws outside the range of m are moved to its end.
        plus: larger margins for samples farther from their centre.
        seed: of the draws, an integer >= 0.
        margin_grad: ``true`` differentiates the margin; ``detached`` passes the plain cosine's gradient.

    Raises:
        ValueError: if an argument is out of its range.
    """

    def __init__(
        self,
        form: str = "arc",
        scale: float = 64.0,
        margin: float = 0.5,
        std: float = 0.05,
        plus: bool = False,
        seed: int = 0,
        margin_grad: str = "true",
    ) -> None:
        super().__init__(scale)
        check_choice("ElasticFace form", form, ("arc", "cos"))
        self.form, self.highest = form, math.pi / 2 if form == "arc" else 1.0
        check_range("ElasticFace margin", margin, 0.0, self.highest)
        check_range("ElasticFace std", std, 0.0)
        check_range("ElasticFace seed", seed, 0)
        self.margin, self.std, self.plus, self.seed = float(margin), float(std), bool(plus), int(seed)
        self.margin_grad = check_margin_grad("ElasticFace", margin_grad)
        self.step = 0  # a Python number: known without waiting for the device
        self._ascending: Tensor | None = None  # (B,) target cosines of all rows of this step
        self._margins: Tensor | None = None  # (B,) margin by rank of the cosine

    def advance(self, row: Row, negative_lse: Tensor | None = None) -> None:
        """Draw the margins of the next step."""
        self.step += 1
        draws = self._draw(len(row.cosine))
        if self.plus:
            draws = draws.sort(descending=True).values
        self._margins = draws.to(row.cosine.device, row.cosine.dtype, non_blocking=True)
        self._ascending = row.cosine.sort().values

    def _draw(self, count: int) -> Tensor:
        """Margins (count,) of the current step, the same on every process."""
        # A generator takes 32 bits of its seed; the hash mixes both numbers into them.
        generator = torch.Generator().manual_seed(hash((self.seed, self.step)) & 0xFFFFFFFF)
        draws = torch.randn(count, generator=generator, dtype=torch.float64) * self.std + self.margin
        return draws.clamp(0.0, self.highest)

    def target(self, row: Row) -> Tensor:
        """``cos(theta_y + E)`` or ``cos(theta_y) - E``: (N,)."""
        margin = self._margin(row.cosine)
        if self.form == "cos":
            return row.cosine - margin
        value = shifted_cosine(row.cosine, margin)
        return detached_slope(value, row.cosine) if self.margin_grad == "detached" else value

    def _margin(self, cosine: Tensor) -> Tensor | float:
        """Margin of each row, whichever of the rows of all processes they are."""
        if not self.training or self._margins is None or self._ascending is None:
            return self.margin
        rank = torch.searchsorted(self._ascending, cosine.detach())
        return self._margins[rank.clamp_max(len(self._margins) - 1)].to(cosine.dtype)

    def get_extra_state(self) -> Tensor:
        """The number of training forwards, saved in the state_dict by torch."""
        return torch.tensor(self.step)

    def set_extra_state(self, state: Tensor) -> None:
        """Go on after the saved training forward."""
        self.step = int(state)
