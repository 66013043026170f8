"""The fused classifier gives what the dense one gives, in parts and with less memory."""

import copy
import pickle

import pytest
import torch
from every_head import CLASSES, DIM, NAMES, VARIANTS, assert_same, batch, fill, head_of, outcome
from torch import Tensor

from marginface.classifier import DenseClassifier, FusedClassifier
from marginface.head import ArcFace, CosFace, Criterion, Head, NormFace, Row, Softmax

every_head = pytest.mark.parametrize("name", [*NAMES, *VARIANTS])


def dense(name: str, **options) -> DenseClassifier:
    return fill(DenseClassifier(head_of(name), CLASSES, DIM, **options))


def fused(name: str, **options) -> FusedClassifier:
    return fill(FusedClassifier(head_of(name), CLASSES, DIM, **{"chunk_size": 5, **options}))


@every_head
@pytest.mark.parametrize("mode", ["keep", "recompute"])
def test_same_loss_and_gradients_in_float64(name: str, mode: str) -> None:
    expected, actual = dense(name), fused(name, mode=mode)
    for seed in range(3):  # states of heads move on
        x, y = batch(seed=seed)
        assert_same(outcome(actual, x, y), outcome(expected, x, y), 1e-10)


@every_head
def test_same_loss_and_gradients_in_float32(name: str) -> None:
    x, y = batch()
    expected = outcome(dense(name), x.float().double(), y)
    actual = outcome(fused(name).float(), x.float(), y)
    assert_same(
        actual, outcome(dense(name).float().double(), x.float().double(), y)._replace(correct=expected.correct), 1e-5
    )


@every_head
def test_same_in_evaluation(name: str) -> None:
    x, y = batch()
    assert_same(outcome(fused(name).eval(), x, y), outcome(dense(name).eval(), x, y), 1e-10)


@pytest.mark.parametrize("chunk_size", [1, 2, 22, 23, 1000])
def test_any_chunk_size_will_do(chunk_size: int) -> None:
    x, y = batch()
    for name in ("asoftmax", "softmax"):
        assert_same(outcome(fused(name, chunk_size=chunk_size), x, y), outcome(dense(name), x, y), 1e-10)


@every_head
def test_bfloat16_products_are_close(name: str) -> None:
    x, y = batch()
    expected = outcome(dense(name), x, y)
    actual = outcome(fused(name, gemm_dtype="bfloat16").float(), x.float(), y)
    for a, b in ((actual.dx, expected.dx), (actual.gradients["weight"], expected.gradients["weight"])):
        assert float((a - b).norm() / b.norm()) < 0.05
    assert float(actual.loss) == pytest.approx(float(expected.loss), rel=0.02, abs=0.05)


def test_autocast_chooses_bfloat16_products() -> None:
    x, y = batch()
    plain, rounded = fused("cosface").float(), fused("cosface", gemm_dtype="bfloat16").float()
    with torch.autocast("cpu", torch.bfloat16):
        inside = outcome(plain, x.float(), y)
    assert torch.equal(inside.dx, outcome(rounded, x.float(), y).dx)
    assert not torch.equal(inside.dx, outcome(plain, x.float(), y).dx)


def test_compiled_is_the_same() -> None:
    x, y = batch()
    assert_same(outcome(fused("mv_softmax", compile=True), x, y), outcome(dense("mv_softmax"), x, y), 1e-10)


@pytest.mark.parametrize("mode", ["keep", "recompute"])
def test_backward_twice_through_a_retained_graph(mode: str) -> None:
    x, y = batch()
    classifier = fused("arcface", mode=mode)
    loss = classifier(x, y).loss
    first = torch.autograd.grad(loss, classifier.weight, retain_graph=True)[0]
    copied = first.clone()
    second = torch.autograd.grad(loss, classifier.weight)[0]
    torch.testing.assert_close(second, copied)
    assert torch.equal(first, copied), "the first gradient is in use and must not be overwritten"


def test_a_second_derivative_is_refused() -> None:
    x, y = batch()
    loss = fused("arcface")(x.requires_grad_(), y).loss
    (dx,) = torch.autograd.grad(loss, x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        dx.sum().backward()


def test_gradients_accumulate_over_batches() -> None:
    classifier, expected = fused("arcface"), dense("arcface")
    for c in (classifier, expected):
        losses = [c(*batch(seed=seed)).loss for seed in range(3)]  # three graphs alive at once
        for loss in losses:
            loss.backward()
    torch.testing.assert_close(classifier.weight.grad, expected.weight.grad, rtol=1e-10, atol=1e-12)


def test_buffers_are_used_again_once_they_are_free() -> None:
    classifier = fused("arcface", gemm_dtype="float32").float()
    x, y = batch()
    places = []
    for _ in range(3):
        classifier.weight.grad = None
        classifier(x.float(), y).loss.backward()
        places.append(classifier.weight.grad.data_ptr())
    assert len(set(places)) == 1
    kept = classifier.weight.grad
    classifier.weight.grad = None
    classifier(x.float(), y).loss.backward()
    assert classifier.weight.grad.data_ptr() != kept.data_ptr()


def test_copies_have_buffers_of_their_own() -> None:
    x, y = batch()
    first = fused("arcface")
    outcome(first, x, y)
    for second in (copy.deepcopy(first), pickle.loads(pickle.dumps(first))):
        kept = first.weight.grad.clone()
        assert_same(outcome(second, 2 * x, y), outcome(fused("arcface"), 2 * x, y), 1e-12)
        assert torch.equal(first.weight.grad, kept)


def test_no_buffer_is_kept_where_there_is_no_gradient() -> None:
    x, y = batch()
    classifier = fused("arcface")
    with torch.no_grad():
        assert torch.isfinite(classifier(x, y).loss)
    assert "slopes" not in classifier._workspaces["head"]._memory


def test_centres_without_direction_give_no_nan() -> None:
    x, y = batch()
    for name in ("arcface", "asoftmax"):
        pair = [fused(name), dense(name)]
        for c in pair:
            c.weight.data[y[0]] = 0
            c.weight.data[(y[0] + 1) % CLASSES] = 0
        assert_same(outcome(pair[0], x, y), outcome(pair[1], x, y), 1e-10)


def test_large_logits_do_not_overflow() -> None:
    x, y = batch()
    big = [fill(kind(NormFace(2000.0), CLASSES, DIM)).float() for kind in (FusedClassifier, DenseClassifier)]
    a, b = (outcome(c, x.float(), y) for c in big)
    assert torch.isfinite(a.loss)
    torch.testing.assert_close(a.loss, b.loss)


class Squares(Criterion):
    """Neither a softmax nor a sum."""

    def reduce(self, logits: Tensor, label: Tensor) -> Tensor:
        return logits.square().sum(1)

    def join(self, target: Tensor, negatives: Tensor) -> Tensor:
        return negatives - target


class Strange(CosFace):
    def __init__(self) -> None:
        super().__init__()
        self.criterion = Squares()


class Biased(CosFace):
    use_bias = True


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [
        ({"mode": "kept"}, "mode='kept' is unknown; choose one of 'keep', 'recompute'"),
        ({"gemm_dtype": "float16"}, "gemm_dtype='float16' is unknown"),
        ({"chunk_size": 0}, "chunk_size=0 is less than 1"),
        ({"num_classes": 1}, "num_classes=1 is less than 2"),
        ({"head": Strange()}, "criterion=Squares of Strange is unknown.*classifier=dense"),
        ({"head": Biased()}, "use_bias=True of Biased.*classifier=dense"),
    ],
)
def test_arguments_out_of_range_are_named(kwargs: dict, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        FusedClassifier(**({"head": ArcFace(), "num_classes": 5, "embedding_dim": 16} | kwargs))


def test_a_head_from_outside_with_its_own_negatives_runs() -> None:
    class Bent(NormFace):
        def negative(self, similarity: Tensor, row: Row) -> Tensor:
            return torch.sin(similarity) * (1 + row.cosine.unsqueeze(1))

    def make(kind: type) -> Head:
        return fill(kind(Bent(4.0, learnable=True), CLASSES, DIM))

    x, y = batch()
    assert_same(outcome(make(FusedClassifier), x, y), outcome(make(DenseClassifier), x, y), 1e-10)


def test_softmax_bias_gradient_in_chunks() -> None:
    x, y = batch()
    pair = [fill(kind(Softmax(), CLASSES, DIM)) for kind in (FusedClassifier, DenseClassifier)]
    a, b = (outcome(c, x, y) for c in pair)
    assert float(b.gradients["bias"].abs().max()) > 1e-3
    assert_same(a, b, 1e-10)
