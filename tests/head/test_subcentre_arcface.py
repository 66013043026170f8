import laws
import pytest
import torch
import torch.nn.functional as F

from marginface.classifier import DenseClassifier
from marginface.head import ArcFace, SubCentreArcFace


def test_laws_with_one_centre():
    def make():
        return SubCentreArcFace(num_centres=1)

    laws.assert_common_laws(make)
    laws.assert_true_gradient(make)
    laws.assert_gradient_at_the_far_pole(make)
    laws.assert_waits_for_no_device(make)


def test_one_centre_is_arcface():
    assert laws.loss_at(SubCentreArcFace(num_centres=1)) == laws.loss_at(ArcFace())
    assert laws.loss_at(SubCentreArcFace(num_centres=1)) == pytest.approx(36.889819, abs=1e-6)


def test_the_classifier_holds_three_centres_per_class():
    classifier = DenseClassifier(SubCentreArcFace(), 7, 5)
    assert classifier.weight.shape == (21, 5)


def test_finite_at_the_poles_of_several_centres():
    w = torch.eye(6)
    x = torch.cat([10 * w, -10 * w])
    for value in laws.gradients(SubCentreArcFace(num_centres=3), x, w, torch.arange(2).repeat_interleave(3).repeat(2)):
        assert torch.isfinite(value).all()


def test_duplicate_sub_centres_change_nothing():
    x, w, y = laws.batch()
    loss, dx, dw = laws.gradients(ArcFace(8.0), x, w, y)
    loss2, dx2, dw2 = laws.gradients(SubCentreArcFace(2, 8.0), x, w.repeat_interleave(2, dim=0), y)
    torch.testing.assert_close(loss2, loss)
    torch.testing.assert_close(dx2, dx)
    torch.testing.assert_close(dw2.view(5, 2, 8).sum(1), dw)


def test_the_nearest_sub_centre_stands_for_its_class():
    x, w, y = laws.batch(c=10)
    y = y % 5
    result = laws.classifier_of(SubCentreArcFace(2, 8.0, margin=0.0), w)(x, y)
    cosine = (F.normalize(x) @ F.normalize(w).T).view(6, 5, 2).amax(2)
    torch.testing.assert_close(result.loss, F.cross_entropy(8 * cosine, y))
    assert torch.equal(result.correct, cosine.argmax(1) == y)


def test_only_the_nearest_sub_centre_is_moved():
    x, w, _ = laws.batch()
    w = torch.cat([w, -w]).view(2, 5, 8).transpose(0, 1).reshape(10, 8)  # of each class: a centre and its opposite
    _, _, dw = laws.gradients(SubCentreArcFace(2, 8.0), x[:1], w, torch.tensor([0]))
    nearest = (x[:1] @ w.T).view(5, 2).argmax(1)
    moved = dw.norm(dim=1).view(5, 2) > 0
    assert torch.equal(moved, F.one_hot(nearest, 2).bool())


@pytest.mark.parametrize("num_centres", [0, 1.5])
def test_a_number_of_centres_that_is_none_is_named(num_centres):
    with pytest.raises(ValueError, match=f"num_centres={num_centres}"):
        SubCentreArcFace(num_centres)
