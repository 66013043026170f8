"""On a GPU the fused classifier gives what the dense one gives on the CPU in float64."""

import pytest
import torch
from every_head import CLASSES, DIM, NAMES, VARIANTS, Outcome, assert_same, batch, fill, head_of, outcome
from torch import Tensor

from marginface.classifier import DenseClassifier, FusedClassifier

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]
every_head = pytest.mark.parametrize("name", [*NAMES, *VARIANTS])


def expected(name: str, x: Tensor, y: Tensor, rounded: bool = False) -> Outcome:
    classifier = fill(DenseClassifier(head_of(name), CLASSES, DIM))
    return outcome(classifier.float().double() if rounded else classifier, x, y)


def on_gpu(name: str, x: Tensor, y: Tensor, **options) -> Outcome:
    """Of the dtype of x."""
    classifier = fill(FusedClassifier(head_of(name), CLASSES, DIM, **{"chunk_size": 5, **options}))
    found = outcome(classifier.to("cuda", x.dtype), x.cuda(), y.cuda())
    parts = {part: {k: v.cpu() for k, v in getattr(found, part).items()} for part in ("gradients", "state")}
    return Outcome(found.loss.cpu(), found.correct.cpu(), found.dx.cpu(), **parts)


@every_head
@pytest.mark.parametrize("mode", ["keep", "recompute"])
def test_same_loss_and_gradients_in_float64(name: str, mode: str) -> None:
    x, y = batch()
    assert_same(on_gpu(name, x, y, mode=mode), expected(name, x, y), 1e-10)


@every_head
def test_same_loss_and_gradients_in_float32(name: str) -> None:
    x, y = batch()
    exact = expected(name, x.float().double(), y, rounded=True)
    assert_same(on_gpu(name, x.float(), y)._replace(correct=exact.correct), exact, 1e-5)


@every_head
@pytest.mark.parametrize("mode", ["keep", "recompute"])
def test_bfloat16_products_are_close(name: str, mode: str) -> None:
    x, y = batch()
    exact, found = expected(name, x, y), on_gpu(name, x.float(), y, gemm_dtype="bfloat16", mode=mode)
    for a, b in ((found.dx, exact.dx), (found.gradients["weight"], exact.gradients["weight"])):
        assert float((a - b).norm() / b.norm()) < 0.05
    assert float(found.loss) == pytest.approx(float(exact.loss), rel=0.02, abs=0.05)


@pytest.mark.parametrize("name", ["mv_softmax", "arcface"])
def test_compiled_is_the_same(name: str) -> None:
    x, y = batch()
    assert_same(on_gpu(name, x, y, compile=True), expected(name, x, y), 1e-10)
