import math

import laws
import pytest
import torch

from marginface.head import ArcFace, NormFace, Row


def make():
    return ArcFace()


def target(head, cosine):
    cosine = torch.as_tensor(cosine, dtype=torch.float64).reshape(-1)
    return head.target(Row(cosine, torch.ones_like(cosine), torch.ones_like(cosine)))


def test_laws():
    laws.assert_common_laws(make)
    laws.assert_true_gradient(make)
    laws.assert_gradient_orthogonal_to_embedding(make)
    laws.assert_gradient_at_the_far_pole(make)
    laws.assert_margin_raises_the_loss(make, lambda: NormFace(64))


def test_golden():
    assert laws.loss_at(ArcFace()) == pytest.approx(36.889819, abs=1e-6)


def test_is_strictly_decreasing_in_the_angle_past_pi_too():
    theta = torch.linspace(0.001, math.pi - 0.001, 2000, dtype=torch.float64)
    assert (target(ArcFace(), theta.cos()).diff() < 0).all()


def test_continuation_past_pi():
    theta = math.pi - 0.2
    expected = math.cos(theta) - 0.5 * math.sin(0.5)
    assert float(target(ArcFace(), math.cos(theta))) == pytest.approx(expected)


def test_slope_is_the_paper_s_or_one():
    theta = torch.tensor([0.3, 1.0, 2.0], dtype=torch.float64)
    for grad, expected in (("true", torch.sin(theta + 0.5) / torch.sin(theta)), ("detached", torch.ones(3).double())):
        cosine = theta.cos().requires_grad_()
        target(ArcFace(margin_grad=grad), cosine).sum().backward()
        torch.testing.assert_close(cosine.grad, expected)


def test_without_margin_is_normface():
    assert laws.loss_at(ArcFace(64, 0)) == laws.loss_at(NormFace(64))


@pytest.mark.parametrize(
    ("kwargs", "named"), [({"margin": 2}, "margin=2"), ({"margin_grad": "caffe"}, "margin_grad='caffe'")]
)
def test_arguments_out_of_range_are_named(kwargs, named):
    with pytest.raises(ValueError, match=named):
        ArcFace(**kwargs)
