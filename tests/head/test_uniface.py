import math

import laws
import pytest
import torch
import torch.nn.functional as F

from marginface.classifier import DenseClassifier
from marginface.head import CosFace, UniFace
from marginface.head.uniface import UnifiedCrossEntropy


def make():
    return UniFace(8.0)


def naive(x, w, y, b, s=64.0, m=0.4, weight=1.0):
    """The paper's sum, term by term, with the authors' clipping."""
    total = 0.0
    for row, label in zip(F.normalize(x) @ F.normalize(w).T, y.tolist(), strict=True):
        for j, cosine in enumerate(row.tolist()):
            logit = s * (cosine - m) - b if j == label else s * cosine - b
            logit = min(max(logit, -s), s)
            total += math.log1p(math.exp(-logit)) if j == label else weight * math.log1p(math.exp(logit))
    return total / len(x)


def test_laws():
    laws.assert_common_laws(make)
    laws.assert_true_gradient(make)
    laws.assert_gradient_orthogonal_to_embedding(make)
    laws.assert_gradient_orthogonal_to_centres(make)
    laws.assert_margin_raises_the_loss(make, lambda: UniFace(8.0, 0.0))
    laws.assert_gradient_at_the_far_pole(lambda: UniFace(clip=False))


def test_golden():
    assert laws.loss_at(UniFace()) == pytest.approx(43.886698, abs=1e-6)


@pytest.mark.parametrize("kwargs", [{}, {"scale": 20.0, "margin": 0.1}, {"negative_weight": 0.25}])
def test_is_the_sum_of_the_paper(kwargs):
    x, w, y = laws.batch()
    names = {"scale": "s", "margin": "m", "negative_weight": "weight"}
    expected = naive(x, w, y, math.log(50), **{names[k]: v for k, v in kwargs.items()})
    assert float(laws.gradients(UniFace(**kwargs), x, w, y)[0]) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("num_classes", [2, 10572])
def test_b_starts_at_the_logarithm_of_ten_times_the_classes(num_classes):
    head = DenseClassifier(UniFace(), num_classes, 3).head
    assert head.bias.item() == pytest.approx(math.log(10 * num_classes))
    assert head.extra_state_summary() == {"threshold": pytest.approx(math.log(10 * num_classes) / 64)}


def test_negatives_at_cosine_zero_cost_a_tenth_at_the_start():
    w = torch.eye(1000, 1001, dtype=torch.float64)
    x = torch.eye(1, 1001, dtype=torch.float64).roll(1000, 1)
    loss = float(laws.gradients(UniFace(margin=0.0), x, w, torch.tensor([0]))[0])
    own = math.log(1 + 10_000)
    assert loss - own == pytest.approx(999 * math.log1p(1e-4), rel=1e-5)


def test_one_b_for_all_classes_is_trained():
    x, w, y = laws.batch()
    classifier = laws.classifier_of(UniFace().double(), w)
    classifier(x, y).loss.backward()
    logit = 64 * F.normalize(x) @ F.normalize(w).T - math.log(50)
    own = F.one_hot(y, 5).bool()
    residual = torch.where(own, -(-(logit - 64 * 0.4)).sigmoid(), logit.sigmoid())
    inside = torch.where(own, logit - 64 * 0.4, logit).abs() < 64
    expected = -(residual * inside).sum() / len(x)
    assert float(classifier.head.bias.grad) == pytest.approx(float(expected), rel=1e-6)
    assert [p for p in classifier.parameters() if p.ndim == 0] == [classifier.head.bias]


def test_logits_beyond_the_scale_are_clipped_and_have_no_gradient():
    criterion = UnifiedCrossEntropy(2.0)
    logit = torch.tensor([-3.0, -1.0, 1.0, 3.0], dtype=torch.float64, requires_grad=True)
    (criterion.positive(logit).sum() + criterion.negative(logit).sum()).backward()
    assert ((logit.grad == 0) == (logit.abs() > 2)).all()
    assert criterion.negative(logit)[-1] == F.softplus(torch.tensor(2.0, dtype=torch.float64))
    assert UnifiedCrossEntropy(None).negative(logit)[-1] == F.softplus(logit[-1])


def test_without_clipping_it_differs_only_beyond_the_scale():
    near, far = laws.GOLDEN_COSINES, (-0.9, 0.2, 0.6, -0.3)
    assert laws.loss_at(UniFace(clip=False), near) == laws.loss_at(UniFace(), near)
    assert laws.loss_at(UniFace(clip=False), far) > laws.loss_at(UniFace(), far) + 20


def test_is_no_softmax():
    """Two negatives of the same cosine cost exactly twice what one costs."""
    one, two, none = (laws.loss_at(UniFace(), (0.5, *(0.3,) * n, *(-1.0,) * (3 - n))) for n in (1, 2, 0))
    assert two - none == pytest.approx(2 * (one - none), rel=1e-9)
    soft = [laws.loss_at(CosFace(), (0.5, *(0.3,) * n, *(-1.0,) * (3 - n))) for n in (1, 2, 0)]
    assert soft[1] - soft[2] != pytest.approx(2 * (soft[0] - soft[2]), rel=1e-3)


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [({"margin": 1.5}, "margin=1.5"), ({"scale": 0}, "scale=0"), ({"negative_weight": -1}, "negative_weight=-1")],
)
def test_arguments_out_of_range_are_named(kwargs, named):
    with pytest.raises(ValueError, match=f"UniFace {named}"):
        UniFace(**kwargs)
