"""SphereFace-R: multiplicative margins on the angle, with embeddings normalised or not."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from marginface.angular import saturated_cosine, sphere_psi
from marginface.head.annealing import ScheduledHead
from marginface.head.base import Row, check_choice, check_margin_grad, check_range, detached_slope
from marginface.head.criterion import SoftmaxCrossEntropy


class Usual(NamedTuple):
    """What a normalisation comes with, where the user says nothing."""

    margin: float
    milestones: tuple[float, ...]
    loss_weight: float


# The authors start m at 1 where embeddings keep their length and let it grow at steps of the user's choice; these
# fractions of the run are ours, and end at the m = 1.5 of the hard normalisation.
GROWTH = (0.1, 0.2, 0.3, 0.4, 0.5)
USUAL = {"none": Usual(1.0, GROWTH, 1.0), "hard": Usual(1.5, (), 50.0), "soft": Usual(1.0, GROWTH, 50.0)}


class WeightedSoftmaxCrossEntropy(SoftmaxCrossEntropy):
    """The softmax cross-entropy times a constant."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = weight

    def join(self, target: Tensor, negatives: Tensor) -> Tensor:
        """Weighted cross-entropy: (N,)."""
        return self.weight * super().join(target, negatives)


class SphereFaceR(ScheduledHead):
    """``z_y = rho f(theta_y)``, ``z_j = rho h(theta_j)``, where m >= 1 is real and

    - v0: f = psi, h = cos;
    - v1: ``f = cos(min(m theta, pi))``, h = cos;
    - v2: f = cos, ``h = cos(theta / m)``;

    - none: rho = ||x||, the loss is ``w CE``;
    - hard: rho = s, the loss is ``w CE / s``;
    - soft: rho = ||x||, the loss is ``w CE / s + t | ||x|| - s |``.

    m grows by ``margin_step`` after each milestone. The count of forwards and the milestones are buffers, so that a
    resumed run goes on where it stopped. v0 and hard, with w = s: :class:`marginface.head.SphereFace`.

    Source: SphereFace-R, TPAMI 2022, arXiv 2109.05565; defaults: the authors' OpenSphere, which has tested the hard
    normalisation alone, and trains v2 on VGGFace2 with s = 60, m = 1.4. Its soft penalty is the absolute difference.

    Args:
        version: v0, v1 or v2.
        normalization: none, hard or soft.
        scale: s > 0; without any meaning for ``none``.
        margin: m before the first milestone, >= 1; None for 1.5 (hard) or 1 (none, soft).
        margin_step: growth of m at each milestone, >= 0; m ends in [1, 4].
        milestones: increasing; below 1 a fraction of the run, otherwise a number of training forwards. None: none for
            hard, else (0.1, 0.2, 0.3, 0.4, 0.5).
        loss_weight: w > 0; None for 1 (none) or 50 (hard, soft).
        soft_weight: t >= 0.
        margin_grad: ``detached`` passes the plain cosine's gradient, for targets and negatives, as the authors do;
            ``true`` differentiates the formulas. v1 then has no gradient from ``theta_y = pi / m`` on.

    Raises:
        ValueError: if an argument is out of its range.
    """

    growth_steps: Tensor

    def __init__(
        self,
        version: str = "v0",
        normalization: str = "hard",
        scale: float = 30.0,
        margin: float | None = None,
        margin_step: float = 0.1,
        milestones: Sequence[float] | None = None,
        loss_weight: float | None = None,
        soft_weight: float = 0.01,
        margin_grad: str = "detached",
    ) -> None:
        super().__init__()
        check_choice("SphereFaceR version", version, ("v0", "v1", "v2"))
        check_choice("SphereFaceR normalization", normalization, tuple(USUAL))
        check_range("SphereFaceR scale", scale, 1e-6)
        check_range("SphereFaceR soft_weight", soft_weight, 0.0)
        usual = USUAL[normalization]
        self.version, self.normalization = version, normalization
        self.logit_scale, self.soft_weight = float(scale), float(soft_weight)
        self.margin_grad = check_margin_grad("SphereFaceR", margin_grad)
        self._set_growth(
            usual.margin if margin is None else margin,
            margin_step,
            usual.milestones if milestones is None else milestones,
        )
        loss_weight = usual.loss_weight if loss_weight is None else loss_weight
        check_range("SphereFaceR loss_weight", loss_weight, 1e-6)
        self.criterion = WeightedSoftmaxCrossEntropy(loss_weight / (1.0 if normalization == "none" else scale))

    def _set_growth(self, margin: float, margin_step: float, milestones: Sequence[float]) -> None:
        self.margin, self.margin_step = float(margin), float(margin_step)
        self.milestones = [float(m) for m in milestones]
        check_range("SphereFaceR margin", self.margin, 1.0, 4.0)
        check_range("SphereFaceR margin_step", self.margin_step, 0.0)
        if any(m <= 0 for m in self.milestones) or self.milestones != sorted(self.milestones):
            raise ValueError(f"SphereFaceR milestones={self.milestones} must be positive and increase")
        last = self.margin + self.margin_step * len(self.milestones)
        check_range(f"SphereFaceR margin={margin} after {len(self.milestones)} milestones: margin", last, 1.0, 4.0)
        # A fraction is known as a number of forwards once the run's length is; until then NaN says so.
        steps = [m if m >= 1 else float("nan") for m in self.milestones]
        self.register_buffer("growth_steps", torch.tensor(steps, dtype=torch.float64))

    def set_run_length(self, num_forwards: int) -> None:
        """Turn the milestones that are fractions into numbers of forwards."""
        steps = [m if m >= 1 else m * num_forwards for m in self.milestones]
        self.growth_steps.copy_(torch.tensor(steps, dtype=torch.float64))

    @property
    def current_margin(self) -> Tensor | float:
        """m as it is now."""
        if not self.milestones:
            return self.margin
        self.require(self.growth_steps, f"milestones={self.milestones}", "give numbers of forwards")
        return self.margin + self.margin_step * (self.growth_steps < self.step).sum(dtype=torch.float64)

    def scale(self, norm: Tensor) -> Tensor:
        """s, a scalar, or the embedding's length: (N,)."""
        return norm.new_full((), self.logit_scale) if self.normalization == "hard" else norm

    def target(self, row: Row) -> Tensor:
        """``f(theta_y)``: (N,)."""
        if self.version == "v2":
            return row.cosine
        formula = sphere_psi if self.version == "v0" else saturated_cosine
        return self._with_slope(formula(row.cosine, self.current_margin), row.cosine)

    def negative(self, similarity: Tensor, row: Row) -> Tensor:
        """``h(theta_j)``: (N, c)."""
        if self.version != "v2":
            return similarity
        return self._with_slope(saturated_cosine(similarity, 1 / self.current_margin), similarity)

    @property
    def transforms_negatives(self) -> bool:
        """Only the third version does."""
        return self.version == "v2"

    def regularizer(self, norm: Tensor) -> Tensor | None:
        """``t | ||x|| - s |``: (N,); None unless the normalisation is soft."""
        return self.soft_weight * (norm - self.logit_scale).abs() if self.normalization == "soft" else None

    def _with_slope(self, value: Tensor, cosine: Tensor) -> Tensor:
        return detached_slope(value, cosine) if self.margin_grad == "detached" else value

    def extra_state_summary(self) -> dict[str, float]:
        """The current m, if it grows."""
        return {"margin": float(self.current_margin)} if self.milestones else {}
