import math

import laws
import pytest
import torch
import torch.nn.functional as F

from marginface.head import Row, SphereFace2
from marginface.head.sphereface2 import balancing_bias

TYPES = [("C", 0.4), ("A", 0.5), ("M", 1.7)]


def of_type(kind, margin, margin_grad="detached", **kwargs):
    return lambda: SphereFace2(margin=margin, margin_type=kind, margin_grad=margin_grad, **kwargs).double()


def classifier(w, head=None):
    return laws.classifier_of(SphereFace2().double() if head is None else head, w)


@pytest.mark.parametrize(("kind", "margin"), TYPES)
@pytest.mark.parametrize("margin_grad", ["true", "detached"])
def test_laws(kind, margin, margin_grad):
    make = of_type(kind, margin, margin_grad)
    laws.assert_common_laws(make)
    laws.assert_finite_at_the_poles(lambda: make().float())
    laws.assert_gradient_orthogonal_to_embedding(make)
    laws.assert_gradient_orthogonal_to_centres(make)


@pytest.mark.parametrize(("kind", "margin"), TYPES)
def test_gradients(kind, margin):
    laws.assert_true_gradient(of_type(kind, margin, "true", scale=4.0))
    laws.assert_gradient_at_the_far_pole(of_type(kind, margin))


@pytest.mark.parametrize("margin_grad", ["true", "detached"])
def test_golden(margin_grad):
    x, w, y = laws.batch_at()
    made = classifier(w, SphereFace2(margin_grad=margin_grad).double())
    assert made.head.extra_state_summary() == {"bias": pytest.approx(15.252763, abs=1e-6)}
    assert float(made(x, y).loss.detach()) == pytest.approx(21.404864, abs=2e-6)


def test_logits_golden():
    _, w, _ = laws.batch_at()
    head = classifier(w).head
    cosine = torch.tensor(laws.GOLDEN_COSINES, dtype=torch.float64)
    row = Row(cosine[:1], cosine[:1], cosine[:1])
    own = 40 * head.target(row) + head.offset()
    others = 40 * head.negative(cosine[None, 1:], row) + head.offset()
    assert own.tolist() == pytest.approx([-6.997237], abs=1e-6)
    assert others.detach()[0].tolist() == pytest.approx([8.532763, 32.212763, -5.317237], abs=1e-6)


@pytest.mark.parametrize(
    ("num_classes", "kwargs", "bias"),
    [
        (10_572, {}, 5.5816),
        (85_742, {"alpha": 0.8, "scale": 64.0, "margin": 0.5}, 6.0273),
    ],
)
def test_bias_golden(num_classes, kwargs, bias):
    head = SphereFace2(**kwargs)
    head.bind(num_classes)
    assert float(head.bias.detach()) == pytest.approx(bias, abs=1e-4)


@pytest.mark.parametrize(("kind", "margin"), TYPES)
@pytest.mark.parametrize("margin_grad", ["true", "detached"])
def test_bias_balances_positives_and_negatives_at_cosine_zero(kind, margin, margin_grad):
    made = classifier(torch.eye(4, 5).double().roll(1, 1), of_type(kind, margin, margin_grad)())
    made(torch.eye(1, 5).double(), torch.tensor([0])).loss.backward()
    assert float(made.head.bias.grad) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("num_classes", [2, 3, 4, 10, 10_000, 1_000_000])
@pytest.mark.parametrize("margin", [0.0, 0.4, 1.0])
def test_the_balance_holds_for_any_number_of_classes(num_classes, margin):
    own, other, alpha = -48 - 64 * margin, -48 + 64 * margin, 0.7
    b = balancing_bias(own, other, alpha, num_classes)

    def log_sigmoid(u):
        return float(F.logsigmoid(torch.tensor(u, dtype=torch.float64)))

    positives = math.log(alpha) + log_sigmoid(-own - b)
    negatives = math.log((1 - alpha) * (num_classes - 1)) + log_sigmoid(other + b)
    assert positives == pytest.approx(negatives, abs=1e-9)


def test_the_bias_is_trained():
    x, w, y = laws.batch_at()
    made = classifier(w)
    made(x, y).loss.backward()
    own, others = torch.tensor(-6.997237), torch.tensor([8.532763, 32.212763, -5.317237])
    expected = 1.25 * (0.3 * others.sigmoid().sum() - 0.7 * (-own).sigmoid())
    assert float(made.head.bias.grad) == pytest.approx(float(expected), rel=1e-5)
    assert any(p is made.head.bias for p in made.parameters())


def test_the_adjustment_maps_the_cosines_onto_themselves():
    head = SphereFace2(margin=0.0)
    cosine = torch.linspace(-1, 1, 101, dtype=torch.float64)
    value = head.negative(cosine, Row(cosine, cosine, cosine))
    assert value[[0, -1]].tolist() == [-1, 1]
    assert (value.diff() > 0).all()
    straight = SphereFace2(margin=0.0, exponent=1.0).negative(cosine, Row(cosine, cosine, cosine))
    torch.testing.assert_close(straight, cosine)


@pytest.mark.parametrize(("kind", "margin"), TYPES)
def test_loss_falls_with_the_own_cosine_and_rises_with_the_others(kind, margin):
    make = of_type(kind, margin)
    own = [laws.loss_at(make(), (c, 0.2, 0.1)) for c in (-0.9, -0.4, 0.0, 0.5, 0.95)]
    other = [laws.loss_at(make(), (0.3, c, 0.1)) for c in (-0.9, -0.4, 0.0, 0.5, 0.95)]
    assert own == sorted(own, reverse=True)
    assert other == sorted(other)
    assert min(own + other) > 0


def test_plain_binary_cross_entropy_is_a_special_case():
    x, w, y = laws.batch()
    head = SphereFace2(scale=5.0, margin=0.0, exponent=1.0, alpha=0.5, loss_weight=10.0).double()
    made = classifier(w, head)
    logits = 5 * F.normalize(x) @ F.normalize(w).T + head.bias
    expected = F.binary_cross_entropy_with_logits(logits, F.one_hot(y, 5).double(), reduction="sum") / len(x)
    torch.testing.assert_close(made(x, y).loss, expected)


@pytest.mark.parametrize("t", [1.0, 3.0])
def test_the_other_types_without_their_margin_are_type_c_without_it(t):
    neutral = [of_type(kind, m, exponent=t)() for kind, m in (("C", 0.0), ("A", 0.0), ("M", 1.0))]
    losses = [laws.loss_at(head) for head in neutral]
    assert losses == pytest.approx([losses[0]] * 3)


def test_angular_types_move_the_target_alone():
    theta = torch.tensor([0.3, 1.2, 3.0], dtype=torch.float64)
    row = Row(theta.cos(), theta, theta)
    for kind, margin, larger in (("A", 0.5, theta + 0.5), ("M", 1.7, 1.7 * theta)):
        head = of_type(kind, margin, exponent=1.0)()
        torch.testing.assert_close(head.target(row), larger.clamp_max(math.pi).cos())
        torch.testing.assert_close(head.negative(theta.cos()[None], row), theta.cos()[None])


def test_detached_gradient_is_the_plain_cosine_s_for_all_classes():
    x, w, y = laws.batch()
    unit = F.normalize(x)
    _, dx, _ = laws.gradients(SphereFace2().double(), unit, w, y)
    cosine = unit @ F.normalize(w).T
    own = F.one_hot(y, 5).double()
    bias = classifier(w).head.bias.detach()
    logits = 40 * (2 * ((cosine + 1) / 2) ** 3 - 1 - 0.4 * (2 * own - 1)) + bias
    by_cosine = 50 * (own * -0.7 * (-logits).sigmoid() + (1 - own) * 0.3 * logits.sigmoid()) / len(x)
    expected = by_cosine @ F.normalize(w) - (by_cosine * cosine).sum(1, keepdim=True) * unit
    torch.testing.assert_close(dx, expected)


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [
        ({"scale": 0}, "SphereFace2 scale=0"),
        ({"margin": 1.7}, "margin_type=C margin=1.7"),
        ({"margin_type": "M"}, r"margin_type=M margin=0.4 is outside \[1.0, 4.0\]"),
        ({"margin_type": "B"}, "margin_type='B'"),
        ({"exponent": 0.5}, "exponent=0.5"),
        ({"alpha": 1}, "alpha=1"),
        ({"loss_weight": 0}, "loss_weight=0"),
        ({"margin_grad": "caffe"}, "margin_grad='caffe'"),
    ],
)
def test_arguments_out_of_range_are_named(kwargs, named):
    with pytest.raises(ValueError, match=named):
        SphereFace2(**kwargs)
