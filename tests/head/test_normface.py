import math

import laws
import pytest

from marginface.head import NormFace


@pytest.mark.parametrize("learnable", [False, True])
def test_laws(learnable):
    def make():
        return NormFace(30, learnable)

    laws.assert_common_laws(make)
    laws.assert_true_gradient(make)
    laws.assert_gradient_orthogonal_to_embedding(make)
    laws.assert_gradient_orthogonal_to_centres(make)


def test_golden():
    assert laws.loss_at(NormFace(30)) == pytest.approx(3.048593, abs=1e-6)


def test_learned_scale_gets_the_gradient_of_the_formula():
    x, w, y = laws.batch()
    classifier = laws.classifier_of(NormFace(10, learnable=True).double(), w)
    classifier(x, y).loss.backward()
    h = 1e-6
    up, down = (float(laws.gradients(NormFace(10 + d).double(), x, w, y)[0]) for d in (h, -h))
    # float32 constants of the scale limit the quotient
    assert float(classifier.head.logit_scale.grad) == pytest.approx((up - down) / (2 * h), rel=0.2)


def test_loss_has_the_floor_of_its_scale():
    classes, scale = 4, 2.0
    best = laws.loss_at(NormFace(scale), cosines=(1.0, -1 / 3, -1 / 3, -1 / 3))
    floor = math.log(1 + (classes - 1) * math.exp(-scale * classes / (classes - 1)))
    assert best == pytest.approx(floor)


def test_scale_must_be_positive():
    with pytest.raises(ValueError, match="NormFace scale=0"):
        NormFace(0)
