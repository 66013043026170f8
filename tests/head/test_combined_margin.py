import math

import laws
import pytest
import torch

from marginface.head import ArcFace, CombinedMargin, CosFace, NormFace, Row

THETA = torch.linspace(0.0005, math.pi - 0.0005, 3000, dtype=torch.float64)
PUBLISHED = [(1.0, 0.3, 0.2), (0.9, 0.4, 0.15), (1.2, 0.4, 0.0), (1.1, 0.0, 0.35), (1.35, 0.0, 0.0)]


def target(head, theta=THETA):
    return head.target(Row(theta.cos(), theta, theta))


@pytest.mark.parametrize("margins", PUBLISHED)
def test_laws(margins):
    def make():
        return CombinedMargin(64, *margins)

    laws.assert_common_laws(make)
    laws.assert_gradient_orthogonal_to_embedding(make)
    laws.assert_gradient_orthogonal_to_centres(make)
    laws.assert_gradient_at_the_far_pole(make)
    laws.assert_margin_raises_the_loss(make, lambda: NormFace(64))
    laws.assert_true_gradient(lambda: CombinedMargin(8, *margins))


def test_the_detached_gradient_is_finite_at_the_poles_and_pulls_from_the_far_one():
    def make():
        return CombinedMargin(margin_grad="detached")

    laws.assert_finite_at_the_poles(make)
    laws.assert_gradient_at_the_far_pole(make)


@pytest.mark.parametrize(("margins", "golden"), [((1, 0.3, 0.2), 37.008625), ((0.9, 0.4, 0.15), 33.514239)])
def test_golden(margins, golden):
    assert laws.loss_at(CombinedMargin(64, *margins)) == pytest.approx(golden, abs=1e-6)


@pytest.mark.parametrize(
    ("margins", "other"),
    [((1, 0, 0), NormFace(1)), ((1, 0.5, 0), ArcFace(1, 0.5)), ((1, 0, 0.35), CosFace(1, 0.35))],
)
def test_special_cases_in_value_and_gradient_over_all_angles(margins, other):
    cosines = [THETA.cos().requires_grad_() for _ in range(2)]
    values = [h.target(Row(c, c, c)) for h, c in zip((CombinedMargin(1, *margins), other), cosines, strict=True)]
    torch.testing.assert_close(*values)
    for value in values:
        value.sum().backward()
    torch.testing.assert_close(*(c.grad for c in cosines))


@pytest.mark.parametrize("margins", [*PUBLISHED, (1, math.pi / 2, 0), (2.5, 0.1, 0.0), (4.0, 1.5, 0.0)])
def test_is_strictly_decreasing_in_the_angle_past_pi_too(margins):
    assert (target(CombinedMargin(64, *margins)).diff() < 0).all()


def test_all_three_margins_act_before_pi():
    theta = torch.tensor([0.2, 1.0, 2.0], dtype=torch.float64)
    torch.testing.assert_close(target(CombinedMargin(1, 1.2, 0.3, 0.1), theta), torch.cos(1.2 * theta + 0.3) - 0.1)


def test_slope_is_the_formula_s_or_one():
    theta = torch.tensor([0.3, 1.0, 2.0], dtype=torch.float64)
    true = 1.2 * torch.sin(1.2 * theta + 0.3) / torch.sin(theta)
    for grad, expected in (("true", true), ("detached", torch.ones_like(theta))):
        cosine = theta.cos().requires_grad_()
        CombinedMargin(1, 1.2, 0.3, 0.1, grad).target(Row(cosine, theta, theta)).sum().backward()
        torch.testing.assert_close(cosine.grad, expected)


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [
        ({"scale": 0}, "CombinedMargin scale=0"),
        ({"m1": 0}, "CombinedMargin m1=0"),
        ({"m2": 2}, "CombinedMargin m2=2"),
        ({"m3": -0.1}, "CombinedMargin m3=-0.1"),
        ({"margin_grad": "caffe"}, "margin_grad='caffe'"),
    ],
)
def test_arguments_out_of_range_are_named(kwargs, named):
    with pytest.raises(ValueError, match=named):
        CombinedMargin(**kwargs)
