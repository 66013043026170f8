import laws
import pytest

from marginface.head import ModifiedSoftmax


def test_laws():
    laws.assert_common_laws(ModifiedSoftmax)
    laws.assert_true_gradient(ModifiedSoftmax)
    laws.assert_gradient_orthogonal_to_centres(ModifiedSoftmax)


def test_golden():
    assert laws.loss_at(ModifiedSoftmax()) == pytest.approx(1.326652, abs=1e-6)


def test_length_of_the_embedding_matters():
    assert laws.loss_at(ModifiedSoftmax(), norm=20) != pytest.approx(laws.loss_at(ModifiedSoftmax(), norm=10))
