import math

import laws
import pytest
import torch
import torch.nn.functional as F

from marginface.head import ModifiedSoftmax, NormFace, Row, SoftmaxCrossEntropy, SphereFaceR

VERSIONS = ("v0", "v1", "v2")
NORMALIZATIONS = ("none", "hard", "soft")


def grown(version, normalization, margin_grad="detached", margin=1.5, **kwargs):
    """A head whose margin has stopped growing."""
    return SphereFaceR(version, normalization, margin=margin, milestones=(), margin_grad=margin_grad, **kwargs)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("margin_grad", ["true", "detached"])
def test_laws(version, normalization, margin_grad):
    def make():
        return grown(version, normalization, margin_grad)

    laws.assert_common_laws(make)
    laws.assert_gradient_orthogonal_to_centres(make)
    if normalization == "hard":
        laws.assert_gradient_orthogonal_to_embedding(make)
    if margin_grad == "detached":
        laws.assert_gradient_at_the_far_pole(make)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_true_gradient(version, normalization):
    laws.assert_true_gradient(lambda: grown(version, normalization, "true", scale=8.0))


def test_golden():
    assert laws.loss_at(SphereFaceR(margin=1.7, loss_weight=30)) == pytest.approx(24.237357, abs=1e-6)
    assert laws.loss_at(SphereFaceR("v1", margin=1.7, loss_weight=30)) == pytest.approx(24.237357, abs=1e-6)
    assert laws.loss_at(SphereFaceR("v2", scale=60, margin=1.4)) == pytest.approx(14.427348, abs=1e-6)
    assert laws.loss_at(SphereFaceR("v2", scale=60, margin=1.4, loss_weight=60)) == pytest.approx(17.312817, abs=1e-6)


def test_negatives_golden():
    cosine = torch.tensor(laws.GOLDEN_COSINES, dtype=torch.float64)
    row = Row(cosine[:1], cosine[:1], cosine[:1])
    head = SphereFaceR("v2", scale=60, margin=1.4)
    negatives = 60 * head.negative(cosine[None, 1:], row)
    assert negatives[0].tolist() == pytest.approx([33.512471, 47.312816, 13.746488], abs=1e-6)
    assert head.transforms_negatives
    plain = SphereFaceR("v0")
    assert not plain.transforms_negatives
    assert plain.negative(cosine[None], row).equal(cosine[None])


@pytest.mark.parametrize("version", VERSIONS)
def test_a_margin_of_one_is_normface_or_modified_softmax(version):
    x, w, y = laws.batch()
    for normalization, weight, plain in (("none", 1, ModifiedSoftmax()), ("hard", 30, NormFace(30))):
        ours = laws.gradients(grown(version, normalization, margin=1.0, loss_weight=weight), x, w, y)
        torch.testing.assert_close(ours, laws.gradients(plain, x, w, y))


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_versions_are_ordered_sample_by_sample(normalization):
    for harder, easier in (("v0", "v1"), ("v1", None), ("v2", None)):

        def make(version=harder):
            return grown(version, normalization)

        def plain(version=easier):
            return grown(version or "v0", normalization, margin=1.5 if version else 1.0)

        laws.assert_margin_raises_the_loss(make, plain)


def test_the_first_two_versions_agree_until_pi():
    theta = torch.linspace(0, math.pi, 200, dtype=torch.float64)
    row = Row(theta.cos(), theta, theta)
    v0, v1 = (grown(v, "hard").target(row) for v in ("v0", "v1"))
    before = theta <= math.pi / 1.5
    torch.testing.assert_close(v0[before], v1[before])
    assert v1[~before].unique().tolist() == [-1]
    assert (v0[~before] < -1).all()


@pytest.mark.parametrize(
    ("normalization", "weight"), [("none", 1.0), ("none", 3.0), ("hard", 1 / 30), ("soft", 1 / 30)]
)
def test_loss_weight_multiplies_the_softmax(normalization, weight):
    kwargs = {"loss_weight": weight * (1 if normalization == "none" else 30), "soft_weight": 0.0}
    head = grown("v0", normalization, **kwargs)
    assert isinstance(head.criterion, SoftmaxCrossEntropy)
    logits, y = torch.randn(3, 4, dtype=torch.float64), torch.tensor([0, 3, 1])
    torch.testing.assert_close(head.criterion(logits, y), weight * F.cross_entropy(logits, y, reduction="none"))
    rest = torch.scatter(logits, 1, y[:, None], -torch.inf).logsumexp(1)
    torch.testing.assert_close(head.criterion.reduce(logits, y), rest)  # as without a weight


def test_usual_weights_by_normalization():
    weights = [SphereFaceR(normalization=n).criterion.weight for n in NORMALIZATIONS]
    assert weights == pytest.approx([1, 50 / 30, 50 / 30])


def test_soft_normalization_pulls_the_length_to_the_scale():
    norm = torch.tensor([10.0, 30.0, 45.0], dtype=torch.float64)
    penalty = SphereFaceR(normalization="soft").regularizer(norm)
    assert penalty.tolist() == pytest.approx([0.2, 0, 0.15])
    assert SphereFaceR(normalization="hard").regularizer(norm) is None
    assert SphereFaceR(normalization="none").regularizer(norm) is None


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_detached_slope_keeps_the_value_s_dependence_on_the_length(version):
    x, w, y = laws.batch(n=1)
    loss, dx, _ = laws.gradients(grown(version, "none"), x, w, y)
    unit, norm = F.normalize(w), x.norm()
    cosine = (F.normalize(x) @ unit.T)[0]
    value = grown(version, "none").target(Row(cosine[y], norm[None], norm[None]))
    logits = norm * cosine
    logits[y] = norm * value
    torch.testing.assert_close(loss, F.cross_entropy(logits[None], y))
    residual = logits.softmax(0) - F.one_hot(y, 5)[0]
    expected = residual @ unit + residual[y] * (value - cosine[y]) * F.normalize(x)
    torch.testing.assert_close(dx, expected)


# ---- growth of the margin


def margins(head, num_forwards):
    """m as each forward sees it."""
    seen = []
    for _ in range(num_forwards):
        head.advance(None)
        seen.append(round(float(head.current_margin), 6))
    return seen


def test_the_margin_grows_after_each_milestone():
    head = SphereFaceR(normalization="none", margin_step=0.2, milestones=[2, 3, 5])
    assert margins(head, 7) == [1, 1, 1.2, 1.4, 1.4, 1.6, 1.6]
    assert head.extra_state_summary() == {"margin": pytest.approx(1.6)}


def test_milestones_below_one_are_fractions_of_the_run():
    head = SphereFaceR(normalization="soft")
    with pytest.raises(RuntimeError, match=r"SphereFaceR milestones=.*set_run_length"):
        _ = head.current_margin
    head.set_run_length(20)
    assert margins(head, 12) == [1, 1, 1.1, 1.1, 1.2, 1.2, 1.3, 1.3, 1.4, 1.4, 1.5, 1.5]


def test_the_growth_survives_a_resume_in_another_process():
    x, w, y = laws.batch()
    first = laws.classifier_of(SphereFaceR(normalization="none", milestones=(0.5,)), w, training=True)
    first.head.set_run_length(4)
    for _ in range(3):
        first(x, y)
    second = laws.classifier_of(SphereFaceR(normalization="none", milestones=(0.5,)), w, training=True)
    second.load_state_dict(first.state_dict())
    assert float(second.head.current_margin) == pytest.approx(1.1)
    torch.testing.assert_close(first(x, y).loss, second(x, y).loss, rtol=0, atol=0)


def test_counts_training_forwards_only():
    x, w, y = laws.batch()
    made = laws.classifier_of(SphereFaceR(), w, training=True)
    for training, expected in ((True, 1), (False, 1), (True, 2)):
        made.train(training)(x, y)
        assert int(made.head.step) == expected


@pytest.mark.parametrize("version", VERSIONS)
def test_a_grown_margin_is_the_fixed_one(version):
    head = SphereFaceR(version, "hard", margin=1.0, margin_step=0.5, milestones=[1])
    head.step.fill_(2)
    assert laws.loss_at(head) == pytest.approx(laws.loss_at(SphereFaceR(version, "hard", margin=1.5)))
    laws.assert_finite_at_the_poles(lambda: SphereFaceR(version, "none", milestones=[1]))


def test_the_hard_normalization_has_one_margin():
    head = SphereFaceR()
    assert head.current_margin == 1.5
    assert head.extra_state_summary() == {}


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [
        ({"version": "v3"}, "version='v3'"),
        ({"normalization": "both"}, "normalization='both'"),
        ({"scale": 0}, "SphereFaceR scale=0"),
        ({"margin": 0.5}, "margin=0.5"),
        ({"margin_step": -0.1}, "margin_step=-0.1"),
        ({"milestones": [0.5, 0.2]}, r"milestones=\[0.5, 0.2\]"),
        ({"milestones": [0, 2]}, r"milestones=\[0.0, 2.0\]"),
        ({"milestones": [1, 2], "margin_step": 2.0}, "margin=5.5"),
        ({"loss_weight": 0}, "loss_weight=0"),
        ({"soft_weight": -1}, "soft_weight=-1"),
        ({"margin_grad": "caffe"}, "margin_grad='caffe'"),
    ],
)
def test_arguments_out_of_range_are_named(kwargs, named):
    with pytest.raises(ValueError, match=named):
        SphereFaceR(**kwargs)
