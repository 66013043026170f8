import math

import laws
import pytest
import torch

from marginface.head import AdaFace, ArcFace, CosFace, NormFace, Row


class AtQuality(AdaFace):
    """A head whose quality is one number for every sample."""

    value = 0.0

    def quality(self, norm):
        return torch.full_like(norm, self.value)


def at(quality, **kwargs):
    head = AtQuality(**kwargs)
    head.value = quality
    return head


def target(head, theta):
    cosine = torch.as_tensor(theta, dtype=torch.float64).reshape(-1).cos()
    return head.target(Row(cosine, torch.ones_like(cosine), torch.ones_like(cosine)))


def norms(*values):
    norm = torch.tensor(values, dtype=torch.float64)
    return Row(torch.zeros_like(norm), norm, torch.ones_like(norm))


def test_laws():
    laws.assert_common_laws(AdaFace)
    laws.assert_gradient_orthogonal_to_centres(AdaFace)
    laws.assert_gradient_at_the_far_pole(AdaFace)
    laws.assert_waits_for_no_device(AdaFace)


@pytest.mark.parametrize("quality", [-1.0, -0.5, 0.0, 0.5, 1.0])
def test_laws_at_each_quality(quality):
    def make():
        return at(quality)

    laws.assert_true_gradient(make)
    laws.assert_gradient_orthogonal_to_embedding(make)
    laws.assert_finite_at_the_poles(make)
    laws.assert_gradient_at_the_far_pole(make)
    laws.assert_margin_raises_the_loss(make, lambda: NormFace(64))


@pytest.mark.parametrize(
    ("quality", "expected"),
    [(-1, 30.509804), (-0.333, 31.119538), (0, 32.0), (0.333, 33.447375), (1, 38.542293)],
)
def test_golden(quality, expected):
    assert laws.loss_at(at(quality)) == pytest.approx(expected, abs=1e-6)


def test_golden_from_the_moving_averages():
    """An embedding one deviation off the mean has quality +-h."""
    head = AdaFace()
    head.mean.fill_(10.0)
    head.std.fill_(4.0 - 1e-3)
    for norm, expected in ((6.0, 31.119538), (10.0, 32.0), (14.0, 33.447375)):
        assert laws.loss_at(head, norm=norm) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("cosines", [laws.GOLDEN_COSINES, (-0.97, 0.2, 0.6)])
def test_lowest_quality_is_arcface_and_zero_is_cosface(cosines):
    assert laws.loss_at(at(-1.0), cosines) == pytest.approx(laws.loss_at(ArcFace(64, 0.4), cosines))
    assert laws.loss_at(at(0.0), cosines) == pytest.approx(laws.loss_at(CosFace(64, 0.4), cosines))


def test_highest_quality_widens_the_angle():
    assert float(target(at(1.0), 1.0)) == pytest.approx(math.cos(0.6) - 0.8)


@pytest.mark.parametrize("quality", [-1.0, -0.4, 0.0, 0.4, 1.0])
def test_decreases_in_the_angle_with_a_plateau_near_the_centre_at_most(quality):
    theta = torch.linspace(0.001, math.pi - 0.001, 2000, dtype=torch.float64)
    change = target(at(quality), theta).diff()
    plateau = theta[1:] <= 0.4 * quality
    assert (change[~plateau] < 0).all()
    assert (change[plateau] == 0).all()


@pytest.mark.parametrize("quality", [-1.0, -0.4, 0.0])
def test_gradient_lives_where_the_cosine_exceeds_0_999(quality):
    for cosine in (0.9995, -0.9995):
        cosine = torch.tensor([cosine], dtype=torch.float64, requires_grad=True)
        at(quality).target(Row(cosine, torch.ones(1), torch.ones(1))).sum().backward()
        assert cosine.grad.item() > 0.5


@pytest.mark.parametrize("grad", ["true", "detached"])
def test_the_norm_gets_no_gradient(grad):
    x, w, y = laws.batch()
    head = AdaFace(margin_grad=grad)
    head.mean.fill_(8.0)
    head.std.fill_(1.0)
    _, dx, _ = laws.gradients(head, x, w, y)
    torch.testing.assert_close((x * dx).sum(dim=1), torch.zeros(len(x), dtype=x.dtype), atol=1e-10, rtol=0)
    assert laws.gradients(head, 1.1 * x, w, y)[0] != laws.gradients(head, x, w, y)[0]  # but it matters


def test_detached_slope_is_one():
    cosine = torch.tensor([0.3], dtype=torch.float64, requires_grad=True)
    value = at(-0.5, margin_grad="detached").target(Row(cosine, torch.ones(1), torch.ones(1)))
    assert float(value.detach()) == pytest.approx(math.cos(math.acos(0.3) + 0.2) - 0.2)
    value.sum().backward()
    assert cosine.grad.item() == 1


def test_mean_and_deviation_are_moving_averages_updated_before_use():
    head = AdaFace(ema_weight=0.1)
    for _ in range(3):
        head.advance(norms(4.0, 8.0))
    left = 0.9**3
    assert head.extra_state_summary() == {
        "norm_mean": pytest.approx(left * 20 + (1 - left) * 6),
        "norm_std": pytest.approx(left * 100 + (1 - left) * math.sqrt(8)),
    }
    x, w, y = laws.batch()
    classifier = laws.classifier_of(AdaFace(ema_weight=1.0), w, training=True)
    classifier(x, y)
    assert float(classifier.head.mean) == pytest.approx(float(x.norm(dim=1).mean()))


def test_lengths_are_held_within_the_published_bounds():
    head = AdaFace(ema_weight=1.0)
    head.advance(norms(0.0, 1e4))
    assert float(head.mean) == pytest.approx((0.001 + 100) / 2)


def test_a_batch_of_one_leaves_the_deviation_alone():
    head = AdaFace(ema_weight=0.5)
    head.advance(norms(30.0))
    assert head.extra_state_summary() == {"norm_mean": 25.0, "norm_std": 100.0}


def test_equal_lengths_stay_finite():
    head = AdaFace(ema_weight=1.0)
    head.advance(norms(7.0, 7.0))
    assert head.quality(norms(7.0, 7.1).norm).tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [({"margin": 1.5}, "margin=1.5"), ({"concentration": 0}, "concentration=0"), ({"ema_weight": 2}, "ema_weight=2")],
)
def test_arguments_out_of_range_are_named(kwargs, named):
    with pytest.raises(ValueError, match=named):
        AdaFace(**kwargs)
