import math

import laws
import pytest
import torch
import torch.nn.functional as F

from marginface.head import AdaCos, NormFace, Row


@pytest.mark.parametrize("dynamic", [True, False])
def test_laws(dynamic):
    def make():
        return AdaCos(dynamic)

    laws.assert_common_laws(make)
    laws.assert_true_gradient(make)
    laws.assert_gradient_orthogonal_to_embedding(make)
    laws.assert_gradient_orthogonal_to_centres(make)
    laws.assert_gradient_at_the_far_pole(make)
    laws.assert_waits_for_no_device(make)


def test_golden_after_one_step():
    x, w, y = laws.batch_at()
    classifier = laws.classifier_of(AdaCos(), w, training=True)
    assert float(classifier.head.logit_scale) == pytest.approx(1.553672, abs=1e-6)
    assert float(classifier(x, y).loss.detach()) == pytest.approx(1.080409, abs=1e-6)
    assert classifier.head.extra_state_summary() == {"scale": pytest.approx(2.137098, abs=1e-6)}


@pytest.mark.parametrize(("num_classes", "expected"), [(10572, 13.104), (85742, 16.064)])
def test_scale_starts_at_the_published_values(num_classes, expected):
    head = AdaCos()
    head.bind(num_classes)
    assert float(head.logit_scale) == pytest.approx(expected, abs=1e-3)


def test_fixed_is_normface_with_the_initial_scale():
    x, w, y = laws.batch()
    classifier = laws.classifier_of(AdaCos(dynamic=False), w, training=True)
    assert not classifier.head.needs_negatives
    torch.testing.assert_close(
        classifier(x, y).loss.detach(), laws.gradients(NormFace(math.sqrt(2) * math.log(4)), x, w, y)[0]
    )


def test_scale_follows_the_formula_over_a_batch():
    x, w, y = laws.batch(n=7)
    classifier = laws.classifier_of(AdaCos(), w, training=True)
    before = float(classifier.head.logit_scale)
    classifier(x, y)
    cosine = F.normalize(x) @ F.normalize(w).T
    negatives = torch.exp(before * cosine).scatter(1, y.unsqueeze(1), 0.0).sum(1).mean()
    median = cosine[torch.arange(7), y].acos().median().clamp_max(math.pi / 4)
    assert float(classifier.head.logit_scale) == pytest.approx(float(negatives.log() / median.cos()))


@pytest.mark.parametrize(("angles", "median"), [((0.1, 0.3, 0.7, 0.2), 0.2), ((0.1, 2.0, 3.0), math.pi / 4)])
def test_median_angle_is_capped_and_of_an_even_number_the_smaller(angles, median):
    head = AdaCos()
    head.bind(100)
    cosine = torch.tensor(angles, dtype=torch.float64).cos()
    head.advance(Row(cosine, cosine, cosine), torch.full_like(cosine, 5.0))
    assert float(head.logit_scale) == pytest.approx(5 / math.cos(median))


def test_scale_stays_positive_when_few_negatives_are_far():
    head = AdaCos()
    head.bind(3)
    cosine = torch.ones(2, dtype=torch.float64)
    head.advance(Row(cosine, cosine, cosine), torch.full_like(cosine, -0.3))
    assert float(head.logit_scale) == 0.01


def test_two_forwards_before_one_backward():
    x, w, y = laws.batch()
    classifier = laws.classifier_of(AdaCos(), w, training=True)
    (classifier(x.requires_grad_(), y).loss + classifier(x, y).loss).backward()
    assert torch.isfinite(x.grad).all()


def test_scale_stays_put_outside_training():
    x, w, y = laws.batch()
    classifier = laws.classifier_of(AdaCos(), w)
    before = classifier.head.logit_scale.clone()
    classifier(x, y)
    assert torch.equal(classifier.head.logit_scale, before)


def test_two_classes_are_refused():
    with pytest.raises(ValueError, match="num_classes=2"):
        AdaCos().bind(2)
