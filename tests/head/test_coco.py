import laws
import pytest

from marginface.classifier import DenseClassifier
from marginface.head import COCO, NormFace


def test_laws():
    laws.assert_common_laws(COCO)
    laws.assert_true_gradient(COCO)
    laws.assert_gradient_orthogonal_to_embedding(COCO)
    laws.assert_gradient_orthogonal_to_centres(COCO)
    laws.assert_gradient_at_the_far_pole(COCO)


def test_scale_follows_from_the_number_of_classes():
    head = DenseClassifier(COCO(), 10_575, 4).head
    assert head.extra_state_summary() == {"scale": pytest.approx(9.24, abs=0.005)}


@pytest.mark.parametrize("epsilon", [1e-4, 0.1])
def test_epsilon_is_the_loss_where_the_target_is_aligned_and_the_others_opposite(epsilon):
    assert laws.loss_at(COCO(epsilon=epsilon), cosines=(1.0, -1.0, -1.0, -1.0)) == pytest.approx(epsilon)


def test_golden():
    assert laws.loss_at(COCO(scale=30)) == pytest.approx(3.048593, abs=1e-6)


def test_a_given_scale_stays_and_is_normface():
    assert laws.loss_at(COCO(scale=12.0)) == laws.loss_at(NormFace(12.0))


@pytest.mark.parametrize(("kwargs", "named"), [({"scale": 0}, "COCO scale=0"), ({"epsilon": 0}, "COCO epsilon=0")])
def test_arguments_out_of_range_are_named(kwargs, named):
    with pytest.raises(ValueError, match=named):
        COCO(**kwargs)
