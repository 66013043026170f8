import laws
import pytest
import torch
import torch.nn.functional as F

from marginface.head import ArcFace, CurricularFace, NormFace, Row

EASY = (0.99, -0.2, 0.1, -0.3)  # no negative above cos(theta_y + m)


def one_row(cosine):
    cosine = torch.tensor([cosine], dtype=torch.float64)
    return Row(cosine, torch.ones_like(cosine), torch.ones_like(cosine))


def test_laws():
    def make():
        return CurricularFace()

    laws.assert_common_laws(make)
    laws.assert_true_gradient(make)
    laws.assert_gradient_orthogonal_to_embedding(make)
    laws.assert_gradient_orthogonal_to_centres(make)
    laws.assert_waits_for_no_device(make)


def test_far_pole_once_training_has_succeeded():
    """At t = 0 a negative at a right angle has no slope at all, as published."""

    def settled():
        head = CurricularFace()
        head.t.fill_(1.0)
        return head

    laws.assert_gradient_at_the_far_pole(settled)


def test_two_forwards_before_one_backward():
    x, w, y = laws.batch()
    classifier = laws.classifier_of(CurricularFace(), w, training=True)
    (classifier(x.requires_grad_(), y).loss + classifier(x, y).loss).backward()
    assert torch.isfinite(x.grad).all()


def test_golden_and_t_is_updated_before_it_is_used():
    x, w, y = laws.batch_at()
    classifier = laws.classifier_of(CurricularFace(), w, training=True)
    assert float(classifier(x, y).loss.detach()) == pytest.approx(21.721819, abs=1.5e-6)
    assert classifier.head.extra_state_summary() == {"t": pytest.approx(0.005)}


def test_t_advances_only_in_training_and_approaches_the_mean():
    x, w, y = laws.batch_at()
    classifier = laws.classifier_of(CurricularFace(), w)
    classifier(x, y)
    assert float(classifier.head.t) == 0
    classifier.train()
    for _ in range(7):
        classifier(x, y)
    assert float(classifier.head.t) == pytest.approx(0.5 * (1 - 0.99**7))


def test_t_takes_the_batch_mean_without_gradient():
    x, w, y = laws.batch()
    classifier = laws.classifier_of(CurricularFace(ema_weight=0.1), w, training=True)
    classifier(x.requires_grad_(), y)
    cosine = F.cosine_similarity(x, w[y]).detach()
    assert not classifier.head.t.requires_grad
    assert float(classifier.head.t) == pytest.approx(0.1 * float(cosine.mean()))


def test_without_hard_negatives_it_is_arcface():
    assert laws.loss_at(CurricularFace(), EASY) == pytest.approx(laws.loss_at(ArcFace(), EASY))


def test_hard_negatives_weigh_less_at_first_and_more_in_the_end():
    head = CurricularFace()
    similarity = torch.tensor([[0.6, 0.1, -0.3]], dtype=torch.float64)
    row = one_row(0.5)  # the bar is cos(60 degrees + 0.5), about 0.02
    head.t.fill_(0.0)
    assert head.negative(similarity, row)[0].tolist() == pytest.approx([0.36, 0.01, -0.3])
    head.t.fill_(0.95)
    assert head.negative(similarity, row)[0].tolist() == pytest.approx([0.93, 0.105, -0.3])


@pytest.mark.parametrize(("grad", "expected"), [("true", [0.4 + 1.2, 1.0]), ("detached", [1.0, 1.0])])
def test_slope_of_the_negatives(grad, expected):
    head = CurricularFace(margin_grad=grad)
    head.t.fill_(0.4)
    similarity = torch.tensor([[0.6, -0.3]], dtype=torch.float64, requires_grad=True)
    value = head.negative(similarity, one_row(0.5))
    assert value[0].tolist() == pytest.approx([0.6, -0.3])
    value.sum().backward()
    assert similarity.grad[0].tolist() == pytest.approx(expected)


def test_detached_changes_gradients_only_towards_those_of_plain_cosines():
    x, w, y = laws.batch()
    true, detached = (laws.gradients(CurricularFace(margin_grad=g), x, w, y) for g in ("true", "detached"))
    torch.testing.assert_close(true[0], detached[0])
    assert not torch.allclose(true[1], detached[1])


def test_modulation_is_why_it_may_cost_less_than_arcface():
    assert laws.loss_at(NormFace(64)) < laws.loss_at(CurricularFace()) < laws.loss_at(ArcFace())


@pytest.mark.parametrize(("kwargs", "named"), [({"ema_weight": 0}, "ema_weight=0"), ({"margin": 2}, "margin=2")])
def test_arguments_out_of_range_are_named(kwargs, named):
    with pytest.raises(ValueError, match=named):
        CurricularFace(**kwargs)
