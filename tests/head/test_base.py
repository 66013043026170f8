"""The contract of a head carries every family: each toy head below is one of the published ones, in a few lines.

Expected values: float64, C = 4, label 0, cosines (0.5, 0.2, 0.6, -0.3), an embedding of length 10; computed from the
papers' formulas apart from this code.
"""

import math
from functools import partial

import laws
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from marginface.angular import sphere_psi
from marginface.classifier import DenseClassifier
from marginface.head import ArcFace, ASoftmax, CosFace, Head, NormFace, Row, Separable, Softmax
from marginface.head.base import check_choice, check_range, detached_slope

golden = partial(pytest.approx, abs=1.5e-6)


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


def settled_asoftmax() -> ASoftmax:
    """A-Softmax at its smallest lambda, 5."""
    return ASoftmax(4, lambda_base=5.0)


def golden_batch(norm: float = 10.0) -> tuple[Tensor, Tensor, Tensor]:
    """One embedding at the golden cosines to unit centres."""
    cosine = torch.tensor(laws.GOLDEN_COSINES, dtype=torch.float64)
    w = torch.cat([cosine.unsqueeze(1), torch.diag((1 - cosine**2).sqrt())], dim=1)
    return norm * torch.eye(1, 5, dtype=torch.float64), w, torch.tensor([0])


ALL = [CurricularFace, MvAm, partial(MvAm, True), CircleLoss, MagFace, SphereFace2, P2SGrad, AdaCos, LSoftmax]


@pytest.mark.parametrize("make", ALL)
def test_every_family_obeys_the_common_laws(make: laws.Make) -> None:
    laws.assert_common_laws(make)


@pytest.mark.parametrize("make", [SphereFace2, P2SGrad, LSoftmax, AdaCos])
def test_true_gradient(make: laws.Make) -> None:
    laws.assert_true_gradient(make)


@pytest.mark.parametrize("make", [CurricularFace, MvAm, CircleLoss, SphereFace2, P2SGrad, AdaCos])
def test_lengths_do_not_matter_to_heads_of_cosines(make: laws.Make) -> None:
    laws.assert_gradient_orthogonal_to_embedding(make)
    laws.assert_gradient_orthogonal_to_centres(make)


# ---- CurricularFace


def test_curricularface_updates_t_before_it_is_used() -> None:
    x, w, y = golden_batch()
    classifier = laws.classifier_of(CurricularFace(), w, training=True)
    assert classifier(x, y).loss.item() == golden(21.721819)
    assert classifier.head.extra_state_summary() == {"t": pytest.approx(0.005)}


def test_t_advances_only_in_training_and_approaches_the_mean() -> None:
    x, w, y = golden_batch()
    classifier = laws.classifier_of(CurricularFace(), w)
    classifier(x, y)
    assert float(classifier.head.t) == 0
    classifier.train()
    for _ in range(7):
        classifier(x, y)
    assert float(classifier.head.t) == pytest.approx(0.5 * (1 - 0.99**7))


def test_t_takes_the_batch_mean_without_gradient() -> None:
    x, w, y = laws.batch()
    classifier = laws.classifier_of(CurricularFace(), w, training=True)
    classifier(x.requires_grad_(), y)
    cosine = F.cosine_similarity(x, w[y]).detach()
    assert not classifier.head.t.requires_grad
    assert float(classifier.head.t) == pytest.approx(0.01 * float(cosine.mean()))


def test_without_hard_negatives_curricularface_is_arcface() -> None:
    cosines = (0.99, -0.2, 0.1, -0.3)
    assert laws.loss_at(CurricularFace(), cosines) == pytest.approx(laws.loss_at(ArcFace(), cosines))


# ---- MV-Softmax


def test_mv_softmax_goldens() -> None:
    assert laws.loss_at(MvAm()) == golden(24.640000)
    assert laws.loss_at(MvAm(fixed=True)) == golden(20.800003)


def test_mv_softmax_without_t_is_cosface_and_with_t_costs_more() -> None:
    assert laws.loss_at(MvAm(t=0.0)) == pytest.approx(laws.loss_at(CosFace(32, 0.35)))
    laws.assert_margin_raises_the_loss(MvAm, lambda: CosFace(32, 0.35))


# ---- Circle loss


def test_circle_loss_golden() -> None:
    assert laws.loss_at(CircleLoss()) == golden(124.160000)


def test_circle_loss_gradient_is_the_residual_times_its_weights() -> None:
    x, w, y = laws.batch()
    head, unit = CircleLoss(gamma=8.0), F.normalize(x)
    _, dx, _ = laws.gradients(head, unit, w, y)
    cosine = unit @ F.normalize(w).T
    own = F.one_hot(y, 5).bool()
    weight = torch.where(own, 1.25 - cosine, cosine + 0.25).clamp_min(0)
    residual = (8 * weight * (cosine - torch.where(own, 0.75, 0.25))).softmax(1) - own.double()
    by_cosine = 8 * weight * residual / len(x)
    expected = by_cosine @ F.normalize(w) - (by_cosine * cosine).sum(1, keepdim=True) * unit
    torch.testing.assert_close(dx, expected)


# ---- MagFace


@pytest.mark.parametrize(("norm", "margin", "pull"), [(10, 33.693930, 0.1008264), (60, 44.878563, 0.0216253)])
def test_magface_goldens(norm: float, margin: float, pull: float) -> None:
    assert laws.loss_at(MagFace(), norm=norm) == pytest.approx(margin + 35 * pull, abs=5e-6)


def test_the_norm_gets_the_gradient_of_margin_and_regularizer() -> None:
    x, w, y = golden_batch(norm=60)
    _, dx, _ = laws.gradients(MagFace(), x, w, y)
    h = 1e-4
    difference = (laws.loss_at(MagFace(), norm=60 + h) - laws.loss_at(MagFace(), norm=60 - h)) / (2 * h)
    assert float(dx[0, 0]) == pytest.approx(difference, rel=1e-6)
    # the margin's share is by far the larger: without its gradient only that of the regularizer would be left
    assert difference > 10 * abs(35 * (1 / 110**2 - 1 / 60**2))


# ---- SphereFace2


def test_sphereface2_golden_and_bias() -> None:
    x, w, y = golden_batch()
    classifier = laws.classifier_of(SphereFace2().double(), w)
    assert classifier.head.bias.item() == golden(15.252763)
    assert classifier(x, y).loss.item() == golden(21.404864)


def test_bias_that_bind_sets_is_trained() -> None:
    x, w, y = golden_batch()
    classifier = laws.classifier_of(SphereFace2().double(), w)
    classifier(x, y).loss.backward()
    own, others = torch.tensor(-6.997237), torch.tensor([8.532763, 32.212763, -5.317237])
    expected = 1.25 * (0.3 * others.sigmoid().sum() - 0.7 * (-own).sigmoid())
    assert float(classifier.head.bias.grad) == pytest.approx(float(expected), rel=1e-5)
    assert any(p is classifier.head.bias for p in classifier.parameters())


def test_bias_balances_the_gradients_at_cosine_zero() -> None:
    x, _, y = golden_batch()
    classifier = laws.classifier_of(SphereFace2().double(), torch.eye(4, 5).double().roll(1, 1))
    classifier(x, y).loss.backward()
    assert float(classifier.head.bias.grad) == pytest.approx(0, abs=1e-12)


# ---- P2SGrad


def test_p2sgrad_golden_and_gradient() -> None:
    assert laws.loss_at(P2SGrad()) == golden(0.185)
    x, w, y = golden_batch(norm=1)
    _, dx, _ = laws.gradients(P2SGrad(), x, w, y)
    cosine = torch.tensor(laws.GOLDEN_COSINES).double()
    residual = (cosine - F.one_hot(y, 4)[0]) * 2 / 4
    torch.testing.assert_close(dx[0], residual @ w - (residual * cosine).sum() * x[0])


def test_separable_loss_is_a_sum_over_shards_of_classes() -> None:
    criterion, logits, y = BinarySum(), torch.randn(3, 6), torch.tensor([0, 5, 2])
    whole = criterion(logits, y)
    parts = criterion.positive(logits.gather(1, y[:, None])[:, 0])
    for shard in (range(4), range(4, 6)):
        for row, label in enumerate(y):
            parts[row] += sum(criterion.negative(logits[row, j]) for j in shard if j != label)
    torch.testing.assert_close(whole, parts)


# ---- sub-centres


def test_duplicate_sub_centres_change_nothing() -> None:
    x, w, y = laws.batch()
    plain, doubled = ArcFace(8.0), SubcentreArcFace(8.0)
    loss, dx, dw = laws.gradients(plain, x, w, y)
    loss2, dx2, dw2 = laws.gradients(doubled, x, w.repeat_interleave(2, dim=0), y)
    torch.testing.assert_close(loss2, loss)
    torch.testing.assert_close(dx2, dx)
    torch.testing.assert_close(dw2.view(5, 2, 8).sum(1), dw)


def test_the_nearest_sub_centre_stands_for_its_class() -> None:
    x, w, y = laws.batch(c=10)
    classifier = laws.classifier_of(SubcentreArcFace(8.0, 0.0), w)
    result = classifier(x, y % 5)
    cosine = (F.normalize(x) @ F.normalize(w).T).view(6, 5, 2).amax(2)
    torch.testing.assert_close(result.loss, F.cross_entropy(8 * cosine, y % 5))
    assert torch.equal(result.prediction, cosine.argmax(1))


def test_only_the_nearest_sub_centre_is_moved() -> None:
    x, w, _ = laws.batch()
    w = torch.cat([w, -w]).view(2, 5, 8).transpose(0, 1).reshape(10, 8)  # of each class: a centre and its opposite
    _, _, dw = laws.gradients(SubcentreArcFace(8.0), x[:1], w, torch.tensor([0]))
    nearest = (x[:1] @ w.T).view(5, 2).argmax(1)
    moved = dw.norm(dim=1).view(5, 2) > 0
    assert torch.equal(moved, F.one_hot(nearest, 2).bool())


# ---- AdaCos


def test_adacos_scale_after_one_step() -> None:
    x, w, y = golden_batch()
    classifier = laws.classifier_of(AdaCos(), w, training=True)
    assert float(classifier.head.s) == golden(1.553672)
    assert classifier(x, y).loss.item() == golden(1.080409)
    assert float(classifier.head.s) == golden(2.137098)


def test_negatives_are_all_classes_but_the_target() -> None:
    seen: list[Tensor] = []

    class Recording(NormFace):
        needs_negatives = True

        def advance(self, row: Row, negative_lse: Tensor | None = None) -> None:
            assert negative_lse is not None
            seen.append(negative_lse)

    x, w, y = laws.batch()
    laws.classifier_of(Recording(4.0), w, training=True)(x.requires_grad_(), y)
    logits = 4 * F.normalize(x.detach()) @ F.normalize(w).T
    expected = torch.stack([row[torch.arange(5) != label].logsumexp(0) for row, label in zip(logits, y, strict=True)])
    torch.testing.assert_close(seen[0], expected)
    assert not seen[0].requires_grad


# ---- L-Softmax


def test_l_softmax_with_unit_centres_is_a_softmax() -> None:
    x, w, y = laws.batch()
    unit = F.normalize(w)
    loss, dx, _ = laws.gradients(LSoftmax(), x, unit, y)
    expected, dx2, _ = laws.gradients(settled_asoftmax(), x, unit, y)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(dx, dx2)
    longer = laws.gradients(LSoftmax(), x, 3 * unit, y)[0]
    assert longer != pytest.approx(float(loss))
    torch.testing.assert_close(laws.gradients(settled_asoftmax(), x, 3 * unit, y)[0], expected)


def test_l_softmax_golden() -> None:
    assert laws.loss_at(LSoftmax()) == golden(4.364408)  # A-Softmax, m = 4, lambda = 5


# ---- the base itself


def test_neutral_defaults() -> None:
    head = Softmax()
    similarity, row = torch.randn(2, 3), Row(*torch.rand(3, 2))
    assert head.negative(similarity, row) is similarity
    assert head.regularizer(row.norm) is None
    assert head.extra_state_summary() == {}
    assert torch.equal(head.target_for_weight(row), head.target(row))
    assert (head.num_centres, head.needs_negatives, head.splits_gradient) == (1, False, False)


def test_a_head_must_say_scale_and_target() -> None:
    class Forgetful(Head):
        def scale(self, norm: Tensor) -> Tensor:
            return norm

    with pytest.raises(TypeError, match="target"):
        Forgetful()


def test_the_classifier_binds_its_head_once() -> None:
    calls = []

    class Bound(NormFace):
        def bind(self, num_classes: int) -> None:
            calls.append(num_classes)

    DenseClassifier(Bound(), 7, 3)
    assert calls == [7]


def test_detached_slope() -> None:
    cosine = torch.tensor([0.2, 0.7], requires_grad=True)
    value = detached_slope(cosine**3, cosine)
    torch.testing.assert_close(value.detach(), cosine.detach() ** 3)
    value.sum().backward()
    assert cosine.grad is not None
    assert cosine.grad.tolist() == [1, 1]


def test_checks_name_the_argument_and_the_choices() -> None:
    with pytest.raises(ValueError, match=r"mode='c' is unknown; choose one of 'a', 'b'"):
        check_choice("mode", "c", ("a", "b"))
    for value in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match=rf"margin={value} is outside \[0, 1\]"):
            check_range("margin", value, 0, 1)
    check_range("margin", 1, 0, 1)
