"""A-Softmax (SphereFace): a multiplicative margin on the angle, the reference head."""

import torch
from torch import Tensor

from marginface.angular import sphere_psi, sphere_psi_slope
from marginface.head.base import Head, Row, check_margin_grad, check_range, detached_slope


class ASoftmax(Head):
    """``z_j = ||x|| cos(theta_j)``, ``z_y = ||x|| (lambda cos(theta_y) + psi(theta_y)) / (1 + lambda)``.

    lambda starts large (plain modified softmax) and decays to ``lambda_min`` with the number t of training forwards:
    ``lambda(t) = max(lambda_min, lambda_base (1 + gamma t)^-power)``. t is a buffer, so that a resumed run goes on
    where it stopped. With ``anneal`` the decay is relative to the run: gamma is chosen such that lambda arrives at
    ``lambda_min`` after that fraction of the run's forwards. The official schedule (gamma = 0.12) arrives at step
    1,659 of 28,000, which is ``anneal = 0.059``.

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

    step: Tensor
    decay: Tensor

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
        super().__init__()
        if margin not in (1, 2, 3, 4):
            raise ValueError(f"ASoftmax margin={margin!r} is not one of 1, 2, 3, 4; A-Softmax is defined for integers")
        margin_grad = check_margin_grad("ASoftmax", margin_grad, ("caffe",))
        check_range("ASoftmax lambda_min", lambda_min, 0.0)
        check_range("ASoftmax lambda_base", lambda_base, max(lambda_min, 1e-12))
        check_range("ASoftmax power", power, 1e-6)
        if gamma is not None and anneal is not None:
            raise ValueError(f"ASoftmax gamma={gamma} excludes anneal={anneal}; set one of them to null")
        if anneal is not None and not 0 < anneal <= 1:
            raise ValueError(f"ASoftmax anneal={anneal} is outside (0, 1]; it is a fraction of the run")
        if anneal is not None and lambda_min == 0:
            raise ValueError(
                "ASoftmax lambda_min=0 is never reached, so anneal has no meaning; use gamma, or lambda_min > 0"
            )
        self.margin, self.margin_grad, self.anneal = int(margin), margin_grad, anneal
        self.lambda_base, self.lambda_min, self.power = float(lambda_base), float(lambda_min), float(power)
        self._known = False
        self.splits_gradient = margin_grad == "caffe"
        gamma = 0.12 if gamma is None else gamma
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))
        # With anneal, the decay is known once the run's length is; until then NaN says so.
        self.register_buffer("decay", torch.tensor(float("nan") if anneal else gamma, dtype=torch.float64))

    def set_run_length(self, num_forwards: int) -> None:
        """Choose the decay such that lambda arrives at ``lambda_min`` after ``anneal * num_forwards``."""
        if self.anneal is not None:
            ratio = (self.lambda_base / self.lambda_min) ** (1 / self.power) - 1
            self.decay.fill_(ratio / max(1.0, self.anneal * num_forwards))

    @property
    def lambda_(self) -> Tensor:
        """The current lambda: a scalar."""
        if not self._known:  # asked until it is known, then never again: reading the buffer waits for the GPU
            self._known = not bool(torch.isnan(self.decay))
        if not self._known:
            raise RuntimeError(
                f"ASoftmax anneal={self.anneal} is relative to the run, but the run's length is unknown; call "
                "set_run_length(num_forwards) (the recognizer does it when it trains) or give gamma instead"
            )
        value = self.lambda_base * (1 + self.decay * self.step) ** -self.power
        return value.clamp_min(self.lambda_min)

    def advance(self, row: Row, negative_lse: Tensor | None = None) -> None:
        """Count one training forward; the first one sees t = 1, as in the official layer."""
        self.step += 1

    def scale(self, norm: Tensor) -> Tensor:
        """The embedding keeps its length: (N,)."""
        return norm

    def target(self, row: Row) -> Tensor:
        """``(lambda cos + psi) / (1 + lambda)``: (N,)."""
        share = (1 / (1 + self.lambda_)).to(row.cosine.dtype)
        value = row.cosine + share * (sphere_psi(row.cosine, self.margin) - row.cosine)
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

    def extra_state_summary(self) -> dict[str, float]:
        """The current lambda."""
        return {"lambda": float(self.lambda_)}
