import laws
import pytest
import torch
import torch.nn.functional as F

from marginface.head import P2SGrad


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_laws(reduction):
    def make():
        return P2SGrad(reduction)

    laws.assert_common_laws(make)
    laws.assert_true_gradient(make)
    laws.assert_gradient_orthogonal_to_embedding(make)
    laws.assert_gradient_orthogonal_to_centres(make)
    laws.assert_waits_for_no_device(make)


@pytest.mark.parametrize(("reduction", "expected"), [("mean", 0.185), ("sum", 0.37)])
def test_golden(reduction, expected):
    """Squared residuals 0.25, 0.04, 0.36, 0.09: their mean, and half their sum."""
    assert laws.loss_at(P2SGrad(reduction)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("reduction", "factor"), [("sum", 1.0), ("mean", 2 / 5)])
def test_gradient_is_the_residual_s(reduction, factor):
    """The paper's definition, for embeddings and centres, recomputed without autograd; mean is 2 / C times it."""
    x, w, y = laws.batch()
    _, dx, dw = laws.gradients(P2SGrad(reduction), x, w, y)
    unit, centre = F.normalize(x), F.normalize(w)
    cosine = unit @ centre.T
    residual = factor * (cosine - F.one_hot(y, 5)) / len(x)
    expected_dx = (residual @ centre - (residual * cosine).sum(1, keepdim=True) * unit) / x.norm(dim=1, keepdim=True)
    expected_dw = (residual.T @ unit - (residual * cosine).sum(0).unsqueeze(1) * centre) / w.norm(dim=1, keepdim=True)
    torch.testing.assert_close(dx, expected_dx)
    torch.testing.assert_close(dw, expected_dw)


def test_the_sum_s_gradient_does_not_vanish_with_more_classes():
    few, many = (0.5, 0.2), (0.5, 0.2) + 98 * (0.0,)
    assert laws.loss_at(P2SGrad(), many) == pytest.approx(laws.loss_at(P2SGrad(), few))
    assert laws.loss_at(P2SGrad("mean"), many) == pytest.approx(laws.loss_at(P2SGrad("mean"), few) / 50)


def test_an_unknown_reduction_is_named():
    with pytest.raises(ValueError, match="reduction='none'"):
        P2SGrad("none")
