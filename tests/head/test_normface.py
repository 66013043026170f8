import math

import laws
import pytest
import torch

from marginface.head import NormFace


@pytest.mark.parametrize("learnable", [False, True])
def test_laws(learnable):
    def make():
        return NormFace(30, learnable)

    laws.assert_common_laws(make)
    laws.assert_true_gradient(make)
    laws.assert_gradient_orthogonal_to_embedding(make)
    laws.assert_gradient_orthogonal_to_centres(make)
    laws.assert_gradient_at_the_far_pole(make)


@pytest.mark.parametrize("learnable", [False, True])
def test_golden(learnable):
    assert laws.loss_at(NormFace(30, learnable)) == pytest.approx(3.048593, abs=1e-6)
    assert NormFace(30, learnable).extra_state_summary() == {"scale": 30}


def test_learned_scale_gets_the_gradient_of_the_formula():
    x, w, y = laws.batch()
    classifier = laws.classifier_of(NormFace(10, learnable=True).double(), w)
    classifier(x, y).loss.backward()
    h = 1e-5
    up, down = (float(laws.gradients(NormFace(10 + d), x, w, y)[0]) for d in (h, -h))
    assert float(classifier.head.learned_scale.grad) == pytest.approx((up - down) / (2 * h), rel=1e-6)


def test_a_learned_scale_stays_positive():
    head = NormFace(10, learnable=True)
    with torch.no_grad():
        head.learned_scale.fill_(-3.0)
    assert float(head.scale(torch.ones(2)).detach()) == pytest.approx(0.01)


def test_only_a_learned_scale_is_a_parameter():
    assert [name for name, _ in NormFace(30).named_parameters()] == []
    assert [name for name, _ in NormFace(30, learnable=True).named_parameters()] == ["learned_scale"]


def test_loss_has_the_floor_of_its_scale():
    classes, scale = 4, 2.0
    best = laws.loss_at(NormFace(scale), cosines=(1.0, -1 / 3, -1 / 3, -1 / 3))
    floor = math.log(1 + (classes - 1) * math.exp(-scale * classes / (classes - 1)))
    assert best == pytest.approx(floor)


@pytest.mark.parametrize("scale", [0, 0.005, -1])
def test_scale_out_of_range_is_named(scale):
    with pytest.raises(ValueError, match=f"NormFace scale={scale}"):
        NormFace(scale, learnable=True)
