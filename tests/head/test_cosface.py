import math

import laws
import pytest

from marginface.head import CosFace, NormFace


def make():
    return CosFace(30, 0.35)


def test_laws():
    laws.assert_common_laws(make)
    laws.assert_true_gradient(make)
    laws.assert_gradient_orthogonal_to_embedding(make)
    laws.assert_gradient_orthogonal_to_centres(make)
    laws.assert_gradient_at_the_far_pole(make)
    laws.assert_margin_raises_the_loss(make, lambda: NormFace(30))


def test_golden():
    assert laws.loss_at(make()) == pytest.approx(13.500008, abs=1e-6)


def test_loss_as_a_function_of_the_margin_is_exact():
    plain = laws.loss_at(NormFace(30))
    for margin in (0.0, 0.1, 0.35):
        expected = math.log(1 + (math.exp(plain) - 1) * math.exp(30 * margin))
        assert laws.loss_at(CosFace(30, margin)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("scale", "margin", "named"), [(0, 0.35, "scale=0"), (30, -0.1, "margin=-0.1"), (30, 2, "margin=2")]
)
def test_arguments_out_of_range_are_named(scale, margin, named):
    with pytest.raises(ValueError, match=named):
        CosFace(scale, margin)
