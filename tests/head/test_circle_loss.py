import math

import laws
import pytest
import torch
import torch.nn.functional as F

from marginface.head import CircleLoss


def make():
    return CircleLoss()


def test_laws():
    laws.assert_common_laws(make)
    laws.assert_gradient_orthogonal_to_embedding(make)
    laws.assert_gradient_orthogonal_to_centres(make)
    laws.assert_gradient_at_the_far_pole(make)
    laws.assert_waits_for_no_device(make)


def test_golden():
    assert laws.loss_at(make()) == pytest.approx(124.160000, abs=1e-6)


def test_gradient_is_the_residual_times_its_weights():
    x, w, y = laws.batch()
    unit = F.normalize(x)
    _, dx, _ = laws.gradients(CircleLoss(8.0), unit, w, y)
    cosine = unit @ F.normalize(w).T
    own = F.one_hot(y, 5).bool()
    weight = torch.where(own, 1.25 - cosine, cosine + 0.25).clamp_min(0)
    residual = (8 * weight * (cosine - torch.where(own, 0.75, 0.25))).softmax(1) - own.double()
    by_cosine = 8 * weight * residual / len(x)
    expected = by_cosine @ F.normalize(w) - (by_cosine * cosine).sum(1, keepdim=True) * unit
    torch.testing.assert_close(dx, expected)


def test_no_negative_is_pulled_closer():
    """With weights that are differentiated, the slope would be 2 cos(theta_j): wrong below zero."""
    similarity = torch.linspace(-1, 1, 41, dtype=torch.float64).unsqueeze(0).requires_grad_()
    make().negative(similarity, None).sum().backward()
    torch.testing.assert_close(similarity.grad, (similarity.detach() + 0.25).clamp_min(0))


@pytest.mark.parametrize("angle", [0.2, 0.8, 1.4])
def test_decision_boundary_is_a_circle_around_the_optimum(angle):
    radius = math.sqrt(2) * 0.25
    target, other = 1 - radius * math.cos(angle), radius * math.sin(angle)
    assert laws.loss_at(make(), (target, other)) == pytest.approx(math.log(2))


@pytest.mark.parametrize(("kwargs", "named"), [({"scale": 0}, "scale=0"), ({"margin": 1.1}, "margin=1.1")])
def test_arguments_out_of_range_are_named(kwargs, named):
    with pytest.raises(ValueError, match=named):
        CircleLoss(**kwargs)
