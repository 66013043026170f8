import math

import laws
import pytest
import torch

from marginface.head import ASoftmax, NormFace, Row, SphereFace, SphereFaceR


@pytest.mark.parametrize("margin", [1.0, 1.5, 1.7, 2.0, 4.0])
@pytest.mark.parametrize("margin_grad", ["true", "detached"])
def test_laws(margin, margin_grad):
    def make():
        return SphereFace(30, margin, margin_grad)

    laws.assert_common_laws(make)
    laws.assert_gradient_orthogonal_to_embedding(make)
    laws.assert_gradient_orthogonal_to_centres(make)
    laws.assert_gradient_at_the_far_pole(make)
    laws.assert_margin_raises_the_loss(make, lambda: NormFace(30))


@pytest.mark.parametrize("margin", [1.5, 1.7, 3.0])
def test_true_gradient(margin):
    laws.assert_true_gradient(lambda: SphereFace(8, margin, "true"))


@pytest.mark.parametrize(("margin", "golden"), [(1.5, 18.000006), (1.7, 24.237357)])
def test_golden(margin, golden):
    assert laws.loss_at(SphereFace(30, margin)) == pytest.approx(golden, abs=1e-6)


def test_a_margin_of_one_is_normface():
    x, w, y = laws.batch()
    torch.testing.assert_close(
        laws.gradients(SphereFace(30, 1.0, "true"), x, w, y), laws.gradients(NormFace(30), x, w, y)
    )


def test_on_embeddings_as_long_as_the_scale_it_is_a_softmax_without_lambda():
    settled = ASoftmax(3, lambda_base=1e-12, lambda_min=0.0, gamma=0.0)
    assert laws.loss_at(SphereFace(30, 3)) == pytest.approx(laws.loss_at(settled, norm=30))


def test_it_is_the_first_version_of_sphereface_r_but_for_the_weight_of_the_loss():
    x, w, y = laws.batch()
    torch.testing.assert_close(
        laws.gradients(SphereFace(30, 1.7), x, w, y),
        laws.gradients(SphereFaceR("v0", "hard", 30, margin=1.7, loss_weight=30), x, w, y),
    )


def test_loss_rises_with_the_margin():
    losses = [laws.loss_at(SphereFace(30, m)) for m in (1.0, 1.2, 1.5, 1.7, 2.0, 2.3, 3.0)]
    assert losses == sorted(losses)


@pytest.mark.parametrize("margin_grad", ["true", "detached"])
def test_slope_is_the_formula_s_or_one(margin_grad):
    theta = torch.tensor([0.3, 1.0, 2.0, 2.9], dtype=torch.float64)
    cosine = theta.cos().requires_grad_()
    SphereFace(1, 1.7, margin_grad).target(Row(cosine, theta, theta)).sum().backward()
    true = 1.7 * torch.sin(1.7 * theta).abs() / torch.sin(theta)
    torch.testing.assert_close(cosine.grad, true if margin_grad == "true" else torch.ones_like(theta))


def test_target_is_strictly_decreasing_in_the_angle():
    theta = torch.linspace(0.001, math.pi - 0.001, 2000, dtype=torch.float64)
    assert (SphereFace(30, 1.7).target(Row(theta.cos(), theta, theta)).diff() < 0).all()


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [
        ({"scale": 0}, "SphereFace scale=0"),
        ({"margin": 0.9}, "SphereFace margin=0.9"),
        ({"margin_grad": "caffe"}, "SphereFace margin_grad='caffe'"),
    ],
)
def test_arguments_out_of_range_are_named(kwargs, named):
    with pytest.raises(ValueError, match=named):
        SphereFace(**kwargs)
