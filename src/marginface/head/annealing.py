"""Heads whose margin follows a schedule over the training forwards of a run."""

from abc import ABC

import torch
from torch import Tensor

from marginface.angular import sphere_psi
from marginface.head.base import Head, Row, check_range


class ScheduledHead(Head, ABC):
    """Counts the training forwards in a buffer, so that a resumed run goes on where it stopped."""

    step: Tensor

    def __init__(self) -> None:
        super().__init__()
        self._known = False
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def advance(self, row: Row, negative_lse: Tensor | None = None) -> None:
        """Count one training forward; the first one sees t = 1, as in the authors' layers."""
        self.step += 1

    def require(self, schedule: Tensor, argument: str, remedy: str) -> None:
        """Refuse to go on while a schedule that is relative to the run holds NaN, for its length is unknown."""
        if not self._known:  # asked until it is known, then never again: reading the buffer waits for the GPU
            self._known = not bool(torch.isnan(schedule).any())
        if not self._known:
            raise RuntimeError(
                f"{type(self).__name__} {argument} is relative to the run, but the run's length is unknown; call "
                f"set_run_length(num_forwards) (the recognizer does it when it trains) or {remedy} instead"
            )


class AnnealedHead(ScheduledHead, ABC):
    """psi with an annealed share: ``(lambda cos(theta) + psi(theta)) / (1 + lambda)``, embeddings keep their length.

    lambda starts large (no margin) and decays to ``lambda_min`` with the number t of training forwards:
    ``lambda(t) = max(lambda_min, lambda_base (1 + gamma t)^-power)``. With ``anneal`` the decay is relative to the
    run: gamma is chosen such that lambda arrives at ``lambda_min`` after that fraction of the run's forwards.

    Source: L-Softmax, ICML 2016, arXiv 1612.02295; SphereFace, CVPR 2017, arXiv 1704.08063, equation 7 and appendix G.

    Args:
        margin: the integer m in 1..4.
        lambda_base: lambda before the first step.
        lambda_min: the smallest lambda, >= 0.
        power: exponent of the decay.
        gamma: decay per training forward; None for the authors' (``default_gamma``).
        anneal: fraction of the run in (0, 1] after which lambda is ``lambda_min``; excludes ``gamma``.

    Raises:
        ValueError: if an argument is out of its range, or both ``gamma`` and ``anneal`` are given.
    """

    default_gamma: float
    decay: Tensor

    def __init__(
        self,
        margin: int,
        lambda_base: float,
        lambda_min: float,
        power: float,
        gamma: float | None,
        anneal: float | None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if margin not in (1, 2, 3, 4):
            raise ValueError(f"{name} margin={margin!r} is not one of 1, 2, 3, 4; {name} is defined for integers")
        check_range(f"{name} lambda_min", lambda_min, 0.0)
        check_range(f"{name} lambda_base", lambda_base, max(lambda_min, 1e-12))
        check_range(f"{name} power", power, 1e-6)
        _check_anneal(name, gamma, anneal, lambda_min)
        self.margin, self.anneal = int(margin), anneal
        self.lambda_base, self.lambda_min, self.power = float(lambda_base), float(lambda_min), float(power)
        gamma = self.default_gamma if gamma is None else gamma
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
        self.require(self.decay, f"anneal={self.anneal}", "give gamma")
        value = self.lambda_base * (1 + self.decay * self.step) ** -self.power
        return value.clamp_min(self.lambda_min)

    def scale(self, norm: Tensor) -> Tensor:
        """The embedding keeps its length: (N,)."""
        return norm

    def annealed(self, cosine: Tensor) -> tuple[Tensor, Tensor]:
        """``(lambda cos + psi) / (1 + lambda)`` (N,) of cosines (N,), and the share ``1 / (1 + lambda)`` of psi."""
        share = (1 / (1 + self.lambda_)).to(cosine.dtype)
        return cosine + share * (sphere_psi(cosine, self.margin) - cosine), share

    def extra_state_summary(self) -> dict[str, float]:
        """The current lambda."""
        return {"lambda": float(self.lambda_)}


def _check_anneal(name: str, gamma: float | None, anneal: float | None, lambda_min: float) -> None:
    if gamma is not None and anneal is not None:
        raise ValueError(f"{name} gamma={gamma} excludes anneal={anneal}; set one of them to null")
    if anneal is not None and not 0 < anneal <= 1:
        raise ValueError(f"{name} anneal={anneal} is outside (0, 1]; it is a fraction of the run")
    if anneal is not None and lambda_min == 0:
        raise ValueError(
            f"{name} lambda_min=0 is never reached, so anneal has no meaning; use gamma, or lambda_min > 0"
        )
