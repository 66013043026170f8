import laws
import pytest
import torch

from marginface.head import ASoftmax, ModifiedSoftmax


def at_lambda(margin, lambda_, margin_grad="true"):
    """A head whose lambda stays at one value."""
    return ASoftmax(margin, lambda_base=max(lambda_, 1e-12), lambda_min=lambda_, gamma=0.0, margin_grad=margin_grad)


@pytest.mark.parametrize("margin", [1, 2, 3, 4])
def test_laws(margin):
    def make():
        return at_lambda(margin, 5)

    laws.assert_common_laws(make)
    laws.assert_true_gradient(make)
    laws.assert_gradient_orthogonal_to_centres(make)
    laws.assert_margin_raises_the_loss(make, ModifiedSoftmax)


@pytest.mark.parametrize("grad", ["detached", "caffe"])
def test_other_gradients_are_finite_at_the_poles(grad):
    laws.assert_finite_at_the_poles(lambda: at_lambda(4, 0, grad))


@pytest.mark.parametrize(
    ("margin", "without", "with_five"),
    [(1, 1.326652, 1.326652), (2, 11.018288, 2.750937), (3, 16.018271, 3.547491), (4, 21.018271, 4.364408)],
)
def test_golden(margin, without, with_five):
    assert laws.loss_at(at_lambda(margin, 0)) == pytest.approx(without, abs=1e-6)
    assert laws.loss_at(at_lambda(margin, 5)) == pytest.approx(with_five, abs=1e-6)


def test_a_margin_of_one_is_modified_softmax_for_every_lambda():
    for lambda_ in (0, 5, 1000):
        assert laws.loss_at(at_lambda(1, lambda_)) == pytest.approx(laws.loss_at(ModifiedSoftmax()))


def test_loss_falls_with_lambda_and_rises_with_the_margin():
    by_lambda = [laws.loss_at(at_lambda(4, v)) for v in (0, 1, 5, 100, 1e9)]
    assert by_lambda == sorted(by_lambda, reverse=True)
    assert by_lambda[-1] == pytest.approx(laws.loss_at(ModifiedSoftmax()), abs=1e-6)
    by_margin = [laws.loss_at(at_lambda(m, 5)) for m in (1, 2, 3, 4)]
    assert by_margin == sorted(by_margin)


def test_lambda_follows_the_official_schedule():
    head = ASoftmax()
    seen = {}
    for step in range(1, 1001):
        head.advance(None)
        seen[step] = float(head.lambda_)
    expected = {1: 892.86, 2: 806.45, 10: 454.55, 100: 76.92, 1000: 8.26}
    assert {k: round(seen[k], 2) for k in expected} == expected
    head.step.fill_(1658)
    assert float(head.lambda_) > 5
    head.step.fill_(1659)
    assert float(head.lambda_) == 5


def test_counts_training_forwards_only():
    x, w, y = laws.batch()
    classifier = laws.classifier_of(ASoftmax(), w, training=True)
    for training, expected in ((True, 1), (False, 1), (False, 1), (True, 2)):
        classifier.train(training)(x, y)
        assert int(classifier.head.step) == expected


@pytest.mark.parametrize("num_forwards", [380, 28_000])
def test_anneal_reaches_the_floor_at_its_fraction_of_the_run(num_forwards):
    head = ASoftmax(anneal=0.5)
    head.set_run_length(num_forwards)
    head.step.fill_(num_forwards // 2 - 5)
    assert float(head.lambda_) > 5
    head.step.fill_(num_forwards // 2)
    assert float(head.lambda_) == pytest.approx(5)


def test_anneal_without_a_known_run_says_so():
    with pytest.raises(RuntimeError, match=r"anneal=0.5 .*set_run_length"):
        laws.loss_at(ASoftmax(anneal=0.5))


def test_detached_gradient_is_that_of_modified_softmax_s_target():
    """With one class pair, dL/dz_y = p_y - 1 is the margin loss's, the rest of the chain the plain cosine's."""
    x, w, y = laws.batch(n=1, c=2)
    detached, true = (laws.gradients(at_lambda(4, 5, g), x, w, y) for g in ("detached", "true"))
    assert detached[0] == true[0]
    assert not torch.allclose(detached[1], true[1])


@pytest.mark.parametrize("margin", [1, 2, 3, 4])
def test_caffe_gradient_is_the_official_layer_s(margin):
    """Recomputed from the layer's formulas: a, b per margin, unit length of (a, b), plain dW."""
    lambda_ = 5.0
    x, w, y = laws.batch(n=1, c=3, seed=margin)
    w = torch.nn.functional.normalize(w)
    _, dx, dw = laws.gradients(at_lambda(margin, lambda_, "caffe"), x, w, y)

    target, norm = int(y[0]), float(x.norm())
    unit = x[0] / norm
    c = float(unit @ w[target])
    s0 = 1.0 if c > 0 else -1.0
    s1 = 1.0 if abs(c) > 0.5 else -1.0
    s2 = s0 * (1 + s1) - 2
    s3 = s0 * (1.0 if 2 * c * c > 1 else -1.0)
    s4 = 2 * s0 + s3 - 3
    psi, a, b = {
        1: (c, 1.0, 0.0),
        2: (2 * s0 * c * c - 1, 4 * s0 * c, -(2 * s0 * c * c + 1) / norm),
        3: (s1 * (4 * c**3 - 3 * c) + s2, s1 * (12 * c * c - 3), -(8 * s1 * c**3 - s2) / norm),
        4: (
            s3 * (8 * c**4 - 8 * c**2 + 1) + s4,
            s3 * (32 * c**3 - 16 * c),
            -(s3 * (24 * c**4 - 8 * c**2 - 1) - s4) / norm,
        ),
    }[margin]
    logits = x[0] @ w.T
    logits[target] = norm * (lambda_ * c + psi) / (1 + lambda_)
    g = torch.softmax(logits, 0)
    g[target] -= 1
    margin_part = (a * w[target] + b * x[0]) / (a * a + b * b) ** 0.5
    expected_dx = sum(g[j] * w[j] for j in range(3) if j != target)
    expected_dx = expected_dx + g[target] * (margin_part / (1 + lambda_) + lambda_ / (1 + lambda_) * w[target])
    torch.testing.assert_close(dx[0], expected_dx)

    plain_dw = g.unsqueeze(1) * x  # less its radial part, which the layer's in-place normalisation removes
    torch.testing.assert_close(dw, plain_dw - (plain_dw * w).sum(1, keepdim=True) * w)


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [
        ({"margin": 5}, "margin=5"),
        ({"margin": 1.5}, "margin=1.5"),
        ({"margin_grad": "exact"}, "margin_grad='exact'"),
        ({"lambda_min": -1}, "lambda_min=-1"),
        ({"anneal": 1.5}, "anneal=1.5"),
        ({"anneal": 0.5, "gamma": 0.1}, "gamma=0.1 excludes anneal=0.5"),
        ({"anneal": 0.5, "lambda_min": 0}, "lambda_min=0"),
    ],
)
def test_arguments_out_of_range_are_named(kwargs, named):
    with pytest.raises(ValueError, match=named):
        ASoftmax(**kwargs)
