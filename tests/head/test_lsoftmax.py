import laws
import pytest
import torch
import torch.nn.functional as F

from marginface.angular import sphere_psi
from marginface.head import ASoftmax, LSoftmax, Softmax


def at_lambda(margin, lambda_, margin_grad="true", head=LSoftmax):
    """A head whose lambda stays at one value."""
    return head(margin, lambda_base=max(lambda_, 1e-12), lambda_min=lambda_, gamma=0.0, margin_grad=margin_grad)


@pytest.mark.parametrize("margin", [1, 2, 3, 4])
def test_laws(margin):
    def make():
        return at_lambda(margin, 5)

    laws.assert_common_laws(make)
    laws.assert_true_gradient(make)
    laws.assert_gradient_at_the_far_pole(make)
    laws.assert_margin_raises_the_loss(make, lambda: Softmax(bias=False))


def test_detached_gradient_is_finite_at_the_poles():
    laws.assert_finite_at_the_poles(lambda: at_lambda(4, 0, "detached"))


@pytest.mark.parametrize(
    ("margin", "without", "with_five"),
    [(1, 1.326652, 1.326652), (2, 11.018288, 2.750937), (3, 16.018271, 3.547491), (4, 21.018271, 4.364408)],
)
def test_golden(margin, without, with_five):
    assert laws.loss_at(at_lambda(margin, 0)) == pytest.approx(without, abs=1e-6)
    assert laws.loss_at(at_lambda(margin, 5)) == pytest.approx(with_five, abs=1e-6)


@pytest.mark.parametrize("margin_grad", ["true", "detached"])
def test_with_unit_centres_it_is_a_softmax(margin_grad):
    x, w, y = laws.batch()
    unit = F.normalize(w)
    ours, theirs = (laws.gradients(at_lambda(3, 2, margin_grad, h), x, unit, y) for h in (LSoftmax, ASoftmax))
    torch.testing.assert_close(ours[:2], theirs[:2])


def test_centres_keep_their_length():
    x, w, y = laws.batch()
    _, _, dw = laws.gradients(at_lambda(3, 2), x, w, y)
    assert float((w * dw).sum(dim=1).abs().min()) > 1e-6
    longer = laws.gradients(at_lambda(3, 2), x, 3 * w, y)[0]
    torch.testing.assert_close(longer, laws.gradients(at_lambda(3, 2), 3 * x, w, y)[0])


def test_a_margin_of_one_is_softmax_without_bias():
    x, w, y = laws.batch()
    torch.testing.assert_close(laws.gradients(at_lambda(1, 0), x, w, y), laws.gradients(Softmax(bias=False), x, w, y))


def test_the_detached_slope_is_that_of_the_plain_similarity():
    """z_y = ||w_y|| (||x|| cos + ||x|| constant): the constant is psi - cos."""
    x, w, y = laws.batch(n=1)
    loss, dx, _ = laws.gradients(at_lambda(4, 0, "detached"), x, w, y)
    cosine = F.cosine_similarity(x, w[y])
    constant = w[y].norm() * (sphere_psi(cosine, 4) - cosine)
    logits = x @ w.T
    logits[0, y] += x.norm() * constant
    torch.testing.assert_close(loss, F.cross_entropy(logits, y))
    residual = logits.softmax(1) - F.one_hot(y, 5)
    torch.testing.assert_close(dx, residual @ w + residual[0, y] * constant * F.normalize(x))


def test_lambda_follows_the_authors_example():
    head = LSoftmax()
    head.step.fill_(6537)
    assert float(head.lambda_) > 5
    head.step.fill_(6538)
    assert float(head.lambda_) == 5
    head.step.fill_(1000)
    assert float(head.lambda_) == pytest.approx(1000 * 1.025**-35)


def test_anneal_reaches_the_floor_at_its_fraction_of_the_run():
    head = LSoftmax(anneal=0.5)
    with pytest.raises(RuntimeError, match=r"LSoftmax anneal=0.5 .*set_run_length"):
        _ = head.lambda_
    head.set_run_length(1000)
    head.step.fill_(490)
    assert float(head.lambda_) > 5
    head.step.fill_(500)
    assert float(head.lambda_) == pytest.approx(5)
    assert head.extra_state_summary() == {"lambda": pytest.approx(5)}


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [
        ({"margin": 5}, "LSoftmax margin=5"),
        ({"margin_grad": "caffe"}, "LSoftmax margin_grad='caffe'"),
        ({"lambda_min": -1}, "LSoftmax lambda_min=-1"),
        ({"anneal": 1.5}, "LSoftmax anneal=1.5"),
        ({"anneal": 0.5, "gamma": 0.1}, "gamma=0.1 excludes anneal=0.5"),
    ],
)
def test_arguments_out_of_range_are_named(kwargs, named):
    with pytest.raises(ValueError, match=named):
        LSoftmax(**kwargs)
