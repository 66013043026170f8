import laws
import pytest

from marginface.head import AMSoftmax, CosFace, NormFace


def test_laws():
    laws.assert_common_laws(AMSoftmax)
    laws.assert_true_gradient(AMSoftmax)
    laws.assert_gradient_orthogonal_to_embedding(AMSoftmax)
    laws.assert_gradient_orthogonal_to_centres(AMSoftmax)
    laws.assert_gradient_at_the_far_pole(AMSoftmax)
    laws.assert_margin_raises_the_loss(AMSoftmax, lambda: NormFace(30))


def test_golden():
    assert laws.loss_at(AMSoftmax()) == pytest.approx(13.500008, abs=1e-6)


def test_it_is_cosface_with_the_scale_of_its_paper():
    assert laws.loss_at(AMSoftmax()) == laws.loss_at(CosFace(scale=30))
    assert laws.loss_at(AMSoftmax(64, 0.2)) == laws.loss_at(CosFace(64, 0.2))


@pytest.mark.parametrize(
    ("kwargs", "named"), [({"scale": 0}, "AMSoftmax scale=0"), ({"margin": 2}, "AMSoftmax margin=2")]
)
def test_arguments_out_of_range_are_named(kwargs, named):
    with pytest.raises(ValueError, match=named):
        AMSoftmax(**kwargs)
