"""Published heads in a few lines each, to show that the contract of a head carries their families."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from marginface.angular import sphere_psi
from marginface.head import ArcFace, Head, Row, Separable


def constant(value: float, norm: Tensor) -> Tensor:
    return torch.as_tensor(value, dtype=norm.dtype, device=norm.device)


# ---- family 2: the negatives depend on the target, or are transformed element by element


class CurricularFace(Head):
    """Negatives harder than the target with its margin are modulated by t, a moving average of the target cosine."""

    def __init__(self, scale: float = 64.0, margin: float = 0.5) -> None:
        super().__init__()
        self.factor, self.margin = scale, margin
        self.register_buffer("t", torch.zeros((), dtype=torch.float64))

    def scale(self, norm: Tensor) -> Tensor:
        return constant(self.factor, norm)

    def target(self, row: Row) -> Tensor:
        return ArcFace(self.factor, self.margin).target(row)

    def negative(self, similarity: Tensor, row: Row) -> Tensor:
        bar = torch.cos(torch.acos(row.cosine.detach().clamp(-1, 1)) + self.margin).unsqueeze(1)
        modulated = similarity * (self.t.to(similarity.dtype) + similarity)
        return torch.where(similarity.detach() > bar, modulated, similarity)

    def advance(self, row: Row, negative_lse: Tensor | None = None) -> None:
        self.t.lerp_(row.cosine.mean().to(self.t.dtype), 0.01)

    def extra_state_summary(self) -> dict[str, float]:
        return {"t": float(self.t)}


class MvAm(Head):
    """MV-Softmax over an additive margin: negatives above the target's bar are raised."""

    def __init__(self, fixed: bool = False, t: float = 0.2) -> None:
        super().__init__()
        self.fixed, self.t = fixed, t

    def scale(self, norm: Tensor) -> Tensor:
        return constant(32.0, norm)

    def target(self, row: Row) -> Tensor:
        return row.cosine - 0.35

    def negative(self, similarity: Tensor, row: Row) -> Tensor:
        hard = similarity.detach() > (row.cosine.detach() - 0.35).unsqueeze(1)
        raised = similarity + self.t if self.fixed else (1 + self.t) * similarity + self.t
        return torch.where(hard, raised, similarity)


class CircleLoss(Head):
    """Each similarity is weighted by its distance from the optimum; the weights carry no gradient."""

    def __init__(self, margin: float = 0.25, gamma: float = 256.0) -> None:
        super().__init__()
        self.margin, self.gamma = margin, gamma

    def scale(self, norm: Tensor) -> Tensor:
        return constant(self.gamma, norm)

    def target(self, row: Row) -> Tensor:
        return (1 + self.margin - row.cosine.detach()).clamp_min(0) * (row.cosine - 1 + self.margin)

    def negative(self, similarity: Tensor, row: Row) -> Tensor:
        return (similarity.detach() + self.margin).clamp_min(0) * (similarity - self.margin)


# ---- family 1 with the norm: margin with gradient, regularizer


class MagFace(Head):
    """ArcFace whose margin grows with the embedding's length, which is pulled upward."""

    low, high, weight = 10.0, 110.0, 35.0

    def scale(self, norm: Tensor) -> Tensor:
        return constant(64.0, norm)

    def target(self, row: Row) -> Tensor:
        margin = 0.45 + 0.35 * (row.norm.clamp(self.low, self.high) - self.low) / (self.high - self.low)
        inner = row.cosine.clamp(-1 + 1e-7, 1 - 1e-7)
        shifted = inner * margin.cos() - (1 - inner**2).sqrt() * margin.sin()
        return torch.where(row.cosine > 0, shifted, row.cosine)

    def regularizer(self, norm: Tensor) -> Tensor:
        a = norm.clamp(self.low, self.high)
        return self.weight * (a / self.high**2 + 1 / a)


# ---- family 3: no softmax


class BinarySum(Separable):
    """SphereFace2's weighted sum of C binary logistic losses."""

    def positive(self, logit: Tensor) -> Tensor:
        return 50 / 40 * 0.7 * F.softplus(-logit)

    def negative(self, logit: Tensor) -> Tensor:
        return 50 / 40 * 0.3 * F.softplus(logit)


class SphereFace2(Head):
    """SphereFace2-C: r 40, m 0.4, t 3, alpha 0.7, loss weight 50; its bias depends on the number of classes."""

    def __init__(self) -> None:
        super().__init__(BinarySum())
        self.bias = nn.Parameter(torch.zeros((), dtype=torch.float64))

    def bind(self, num_classes: int) -> None:
        z = 0.7 / (0.3 * (num_classes - 1))
        own, other = 40 * (2 * 0.5**3 - 1 - 0.4), 40 * (2 * 0.5**3 - 1 + 0.4)
        root = math.sqrt((1 - z) ** 2 + 4 * z * math.exp(own - other))
        self.bias.data.fill_(math.log(2 * z) - other - math.log(1 - z + root))

    def scale(self, norm: Tensor) -> Tensor:
        return constant(40.0, norm)

    def _g(self, cosine: Tensor) -> Tensor:
        return 2 * ((cosine + 1) / 2).clamp_min(0) ** 3 - 1

    def target(self, row: Row) -> Tensor:
        return (self._g(row.cosine) - 0.4 + self.bias / 40).to(row.cosine.dtype)

    def negative(self, similarity: Tensor, row: Row) -> Tensor:
        return (self._g(similarity) + 0.4 + self.bias / 40).to(similarity.dtype)


class Squares(Separable):
    """Mean over the classes of the squared distance to the one-hot target."""

    num_classes = 0

    def positive(self, logit: Tensor) -> Tensor:
        return (logit - 1) ** 2 / self.num_classes

    def negative(self, logit: Tensor) -> Tensor:
        return logit**2 / self.num_classes


class P2SGrad(Head):
    """Cosines themselves are the probabilities: no scale, no margin."""

    def __init__(self) -> None:
        super().__init__(Squares())

    def bind(self, num_classes: int) -> None:
        assert isinstance(self.criterion, Squares)
        self.criterion.num_classes = num_classes

    def scale(self, norm: Tensor) -> Tensor:
        return constant(1.0, norm)

    def target(self, row: Row) -> Tensor:
        return row.cosine


# ---- state from the negatives, several centres per class, centres that keep their length


class AdaCos(Head):
    """NormFace whose scale follows from the batch's negatives and median angle."""

    needs_negatives = True

    def bind(self, num_classes: int) -> None:
        self.register_buffer("s", torch.tensor(math.sqrt(2) * math.log(num_classes - 1), dtype=torch.float64))

    def scale(self, norm: Tensor) -> Tensor:
        return self.s.to(norm.dtype)

    def target(self, row: Row) -> Tensor:
        return row.cosine

    def advance(self, row: Row, negative_lse: Tensor | None = None) -> None:
        assert negative_lse is not None
        middle = torch.acos(row.cosine.clamp(-1, 1)).median().clamp_max(math.pi / 4)
        self.s.fill_(float((negative_lse.logsumexp(0) - math.log(len(negative_lse))) / middle.cos()))


class SubcentreArcFace(ArcFace):
    num_centres = 2


class LSoftmax(Head):
    """A-Softmax with centres that keep their length (lambda = 5)."""

    normalize_weight = False

    def scale(self, norm: Tensor) -> Tensor:
        return norm

    def target(self, row: Row) -> Tensor:
        return row.weight_norm * (5 * row.cosine + sphere_psi(row.cosine, 4)) / 6
