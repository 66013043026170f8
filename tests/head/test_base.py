"""The contract of a head carries every family: the heads of `toys.py` are published ones.

Expected values: float64, C = 4, label 0, cosines (0.5, 0.2, 0.6, -0.3), an embedding of length 10; computed from the
papers' formulas apart from this code.
"""

from functools import partial

import laws
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from toys import (
    AdaCos,
    BinarySum,
    CircleLoss,
    CurricularFace,
    LSoftmax,
    MagFace,
    MvAm,
    P2SGrad,
    SphereFace2,
    SubcentreArcFace,
)

from marginface.classifier import DenseClassifier
from marginface.head import ArcFace, ASoftmax, CosFace, Head, NormFace, Row, Softmax
from marginface.head.base import check_choice, check_range, detached_slope

golden = partial(pytest.approx, abs=1.5e-6)


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
    assert torch.equal(result.correct, cosine.argmax(1) == y % 5)


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
