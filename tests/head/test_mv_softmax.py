import math

import laws
import pytest
import torch

from marginface.head import ArcFace, CosFace, MVSoftmax, Row

PLAIN = {"am": lambda: CosFace(32, 0.35), "arc": lambda: ArcFace(32, 0.35)}
VARIANTS = [(base, mode) for base in ("am", "arc") for mode in ("fixed", "adaptive")]


@pytest.mark.parametrize(("base", "mode"), VARIANTS)
def test_laws(base, mode):
    def make():
        return MVSoftmax(base, mode)

    laws.assert_common_laws(make)
    laws.assert_true_gradient(make)
    laws.assert_gradient_orthogonal_to_embedding(make)
    laws.assert_gradient_orthogonal_to_centres(make)
    laws.assert_gradient_at_the_far_pole(make)
    laws.assert_waits_for_no_device(make)
    laws.assert_margin_raises_the_loss(make, PLAIN[base])


@pytest.mark.parametrize(("mode", "expected"), [("adaptive", 24.640000), ("fixed", 20.800003)])
def test_golden(mode, expected):
    assert laws.loss_at(MVSoftmax("am", mode)) == pytest.approx(expected, abs=1e-6)


def test_arc_recomputed():
    bar = math.cos(math.acos(0.5) + 0.35)
    logits = [32 * v for v in (bar, 1.2 * 0.2 + 0.2 if bar < 0.2 else 0.2, 1.2 * 0.6 + 0.2, -0.3)]
    expected = math.log(sum(math.exp(z) for z in logits)) - logits[0]
    assert laws.loss_at(MVSoftmax("arc")) == pytest.approx(expected)


@pytest.mark.parametrize(("base", "mode"), VARIANTS)
def test_without_t_it_is_its_base(base, mode):
    assert laws.loss_at(MVSoftmax(base, mode, t=0.0)) == pytest.approx(laws.loss_at(PLAIN[base]()))


@pytest.mark.parametrize(("mode", "raised", "slope"), [("fixed", 0.8, 1.0), ("adaptive", 0.92, 1.2)])
@pytest.mark.parametrize("grad", ["true", "detached"])
def test_only_negatives_above_the_bar_are_raised(mode, raised, slope, grad):
    one = torch.ones(1, dtype=torch.float64)
    similarity = torch.tensor([[0.6, 0.1]], dtype=torch.float64, requires_grad=True)
    value = MVSoftmax("am", mode, margin_grad=grad).negative(similarity, Row(0.5 * one, one, one))
    assert value[0].tolist() == pytest.approx([raised, 0.1])
    value.sum().backward()
    assert similarity.grad[0].tolist() == pytest.approx([slope if grad == "true" else 1.0, 1.0])


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [
        ({"base": "cos"}, "base='cos'"),
        ({"mode": "soft"}, "mode='soft'"),
        ({"t": -0.1}, "t=-0.1"),
        ({"margin": 1.2}, "margin=1.2"),
        ({"base": "arc", "margin": 2}, "margin=2"),
    ],
)
def test_arguments_out_of_range_are_named(kwargs, named):
    with pytest.raises(ValueError, match=named):
        MVSoftmax(**kwargs)
