import math

import laws
import pytest
import torch

from marginface.head import ArcFace, MagFace, NormFace, Row


def target(head, theta, norm):
    cosine = torch.as_tensor(theta, dtype=torch.float64).reshape(-1).cos()
    return head.target(Row(cosine, torch.full_like(cosine, norm), torch.ones_like(cosine)))


@pytest.mark.parametrize("easy", [True, False])
def test_laws(easy):
    def make():
        return MagFace(easy_margin=easy)

    laws.assert_common_laws(make)
    laws.assert_true_gradient(make)
    laws.assert_gradient_orthogonal_to_centres(make)
    laws.assert_gradient_at_the_far_pole(make)
    laws.assert_waits_for_no_device(make)
    laws.assert_margin_raises_the_loss(lambda: MagFace(easy_margin=easy, regularizer_weight=0.0), lambda: NormFace(64))


@pytest.mark.parametrize(("norm", "by_margin", "pull"), [(10, 33.693930, 0.1008264), (60, 44.878563, 0.0216253)])
def test_golden(norm, by_margin, pull):
    assert laws.loss_at(MagFace(regularizer_weight=0.0), norm=norm) == pytest.approx(by_margin, abs=1e-6)
    assert laws.loss_at(MagFace(), norm=norm) - by_margin == pytest.approx(35 * pull, abs=5e-6)


def test_margin_is_linear_between_its_ends():
    norm = torch.tensor([1.0, 10.0, 60.0, 110.0, 500.0])
    torch.testing.assert_close(MagFace().margin(norm), torch.tensor([0.45, 0.45, 0.625, 0.8, 0.8]))


def test_the_norm_gets_the_gradient_of_margin_and_regularizer():
    h = 1e-4
    by_margin, whole = (
        (laws.loss_at(head, norm=60 + h) - laws.loss_at(head, norm=60 - h)) / (2 * h)
        for head in (MagFace(regularizer_weight=0.0), MagFace())
    )
    for grad in ("true", "detached"):
        assert norm_gradient(MagFace(margin_grad=grad), 60.0) == pytest.approx(whole, rel=1e-6)
    assert by_margin > 0  # a margin shortens
    assert whole - by_margin == pytest.approx(35 * (1 / 110**2 - 1 / 60**2), rel=1e-4)  # the regularizer lengthens


def norm_gradient(head, norm):
    """Derivative of the loss by the length of an embedding at the golden cosines."""
    return float(laws.gradients(head, *laws.batch_at(norm=norm))[1][0, 0])


@pytest.mark.parametrize("norm", [5.0, 200.0])
def test_outside_the_interval_the_norm_has_no_gradient(norm):
    assert norm_gradient(MagFace(), norm) == pytest.approx(0, abs=1e-12)


def test_regularizer_is_convex_and_flat_at_its_end():
    norm = torch.linspace(10.001, 109.999, 101, dtype=torch.float64, requires_grad=True)
    MagFace().regularizer(norm).sum().backward()
    assert (norm.grad.diff() > 0).all()
    assert norm.grad[-1].item() == pytest.approx(0, abs=1e-7)


@pytest.mark.parametrize(("weight", "always_longer"), [(35.0, True), (20.0, False)])
def test_the_published_weight_lengthens_even_the_worst_of_the_shortest(weight, always_longer):
    """The margin's pull is at most ``s K``; the bound on the weight, 22.59, lies between the two."""
    norm = torch.tensor([10.001], dtype=torch.float64, requires_grad=True)
    MagFace(regularizer_weight=weight).regularizer(norm).sum().backward()
    assert (64 * 0.35 / 100 + float(norm.grad) < 0) == always_longer


def test_margin_grad_concerns_the_cosine_alone():
    for grad, expected in (("true", math.sin(1.0 + 0.625) / math.sin(1.0)), ("detached", 1.0)):
        cosine = torch.tensor([math.cos(1.0)], dtype=torch.float64, requires_grad=True)
        norm = torch.tensor([60.0], dtype=torch.float64, requires_grad=True)
        MagFace(margin_grad=grad).target(Row(cosine, norm, norm)).sum().backward()
        assert cosine.grad.item() == pytest.approx(expected)
        assert norm.grad.item() == pytest.approx(-0.0035 * math.sin(1.0 + 0.625))


def test_equal_ends_are_arcface():
    head = MagFace(margin_low=0.5, margin_high=0.5, regularizer_weight=0.0, easy_margin=False)
    for cosines in (laws.GOLDEN_COSINES, (-0.95, 0.2, 0.6)):
        assert laws.loss_at(head, cosines, norm=60) == pytest.approx(laws.loss_at(ArcFace(), cosines))


def test_easy_margin_spares_the_other_half():
    theta = torch.tensor([2.0, 3.0], dtype=torch.float64)
    torch.testing.assert_close(target(MagFace(), theta, 60.0), theta.cos())


def test_without_easy_margin_it_decreases_in_the_angle_throughout():
    theta = torch.linspace(0.001, math.pi - 0.001, 2000, dtype=torch.float64)
    for norm in (10.0, 60.0, 110.0):
        assert (target(MagFace(easy_margin=False), theta, norm).diff() < 0).all()
        assert (target(MagFace(), theta, norm).diff() > 0).sum() == 1  # the known jump, at the right angle


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [
        ({"margin_low": -0.1}, "margin_low=-0.1"),
        ({"margin_high": 0.3}, "margin_high=0.3"),
        ({"norm_low": 0}, "norm_low=0"),
        ({"norm_high": 5}, "norm_high=5"),
        ({"regularizer_weight": -1}, "regularizer_weight=-1"),
        ({"margin_grad": "caffe"}, "margin_grad='caffe'"),
    ],
)
def test_arguments_out_of_range_are_named(kwargs, named):
    with pytest.raises(ValueError, match=named):
        MagFace(**kwargs)
