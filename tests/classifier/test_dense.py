import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from marginface.classifier import Classifier, DenseClassifier
from marginface.head import ArcFace, ASoftmax, CosFace, Head, ModifiedSoftmax, NormFace, Softmax

HEADS = {
    "softmax": Softmax,
    "modified_softmax": ModifiedSoftmax,
    "normface": lambda: NormFace(30.0, learnable=True),
    "asoftmax": ASoftmax,
    "asoftmax_detached": lambda: ASoftmax(margin_grad="detached"),
    "asoftmax_caffe": lambda: ASoftmax(margin_grad="caffe"),
    "cosface": CosFace,
    "arcface": ArcFace,
}
every_head = pytest.mark.parametrize("make", HEADS.values(), ids=HEADS.keys())


def batch(n: int = 6, d: int = 16) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return 3 * torch.randn(n, d, generator=generator), torch.randint(0, 5, (n,), generator=generator)


def dense(head: Head, **options) -> DenseClassifier:
    torch.manual_seed(0)
    return DenseClassifier(head, 5, 16, **options).eval()


@every_head
@pytest.mark.parametrize("low", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("autocast", [True, False], ids=["autocast", "plain"])
def test_margins_are_computed_in_fp32(make, low: torch.dtype, autocast: bool) -> None:
    x, y = batch()
    classifier, rounded = dense(make()), x.to(low)
    with torch.autocast("cpu", low, enabled=autocast):
        result = classifier(rounded, y)
    expected = classifier(rounded.float(), y)
    assert result.loss.dtype == torch.float32
    assert torch.equal(result.loss, expected.loss)
    assert torch.equal(result.correct, expected.correct)


@every_head
def test_gradients_under_autocast_are_those_of_fp32_but_for_the_last_rounding(make) -> None:
    x, y = batch()

    def gradients(dtype: torch.dtype) -> list[Tensor]:
        classifier, leaf = dense(make()), x.bfloat16().to(dtype).requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            loss = classifier(leaf, y).loss
        loss.backward()
        return [leaf.grad, classifier.weight.grad]

    (dx, dw), (expected_dx, expected_dw) = gradients(torch.bfloat16), gradients(torch.float32)
    assert dw.dtype == torch.float32
    assert torch.equal(dw, expected_dw)
    assert torch.equal(dx, expected_dx.bfloat16())


def test_float64_stays_float64() -> None:
    x, y = batch()
    classifier = dense(CosFace()).double()
    result = classifier(x.double(), y)
    assert result.loss.dtype == torch.float64
    cosine = F.normalize(x.double()) @ F.normalize(classifier.weight).T
    expected = F.cross_entropy(64 * (cosine - 0.35 * F.one_hot(y, 5).double()), y)
    torch.testing.assert_close(result.loss, expected, rtol=1e-13, atol=0)


@every_head
def test_correctness_ignores_the_margin(make) -> None:
    """Embeddings half-way between their own centre and the next: nearer to their own, but not by the margin."""
    classifier = dense(make())
    classifier.weight.data = torch.eye(5, 16)
    y = torch.arange(5)
    x = 10 * (1.01 * torch.eye(5, 16) + torch.eye(5, 16).roll(1, 0))
    result = classifier(x, y)
    assert result.correct.all()
    if not isinstance(classifier.head, Softmax | ModifiedSoftmax | NormFace | ASoftmax):
        assert float(result.loss.detach()) > math.log(2)  # with the margin the neighbour has the larger logit


def test_correctness_of_softmax_counts_length_and_bias() -> None:
    classifier = dense(Softmax())
    classifier.weight.data = torch.eye(5, 16) * torch.tensor([1.0, 3, 1, 1, 1]).unsqueeze(1)
    x = torch.zeros(1, 16)
    x[0, 0], x[0, 1] = 2, 1

    def recognised(label: int) -> bool:
        return bool(classifier(x, torch.tensor([label])).correct)

    assert recognised(1)  # nearer to 0, but 1 is longer
    assert not recognised(0)
    classifier.bias.data[4] = 100
    assert recognised(4)
    assert not recognised(1)


def test_a_tie_is_not_recognised() -> None:
    """Else a collapsed model, to which all centres are equally near, would look perfect."""
    classifier = dense(CosFace())
    classifier.weight.data[:] = classifier.weight.data[0]
    x, y = batch()
    assert not classifier(x, y).correct.any()


@every_head
@pytest.mark.parametrize("low", [None, torch.bfloat16])
def test_a_zero_embedding_gives_finite_gradients(make, low: torch.dtype | None, monkeypatch) -> None:
    """As on a GPU, where values are not read beforehand."""
    monkeypatch.setattr(DenseClassifier, "_check_values", lambda *_: None)
    x, y = batch()
    x[0] = 0
    classifier, leaf = dense(make()), x.requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=low is not None):
        loss = classifier(leaf if low is None else leaf.to(low), y).loss
    loss.backward()
    for value in (loss, leaf.grad, classifier.weight.grad):
        assert torch.isfinite(value).all()
    assert float(leaf.grad[1:].norm()) > 0


@every_head
def test_a_zero_centre_gives_finite_gradients(make) -> None:
    x, y = batch()
    classifier = dense(make())
    classifier.weight.data[y[0]] = 0
    loss = classifier(x.requires_grad_(), y).loss
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(x.grad).all()
    assert torch.isfinite(classifier.weight.grad).all()


@pytest.mark.parametrize(
    ("embedding", "label", "named"),
    [
        ((6, 15), None, r"embedding has shape \(6, 15\); expected \(N, 16\)"),
        ((16,), None, r"embedding has shape \(16,\)"),
        (None, torch.zeros(6), r"label has dtype torch.float32"),
        (None, torch.zeros(6, dtype=torch.int32), r"label has dtype torch.int32"),
        (None, torch.zeros(5, dtype=torch.int64), r"shape \(5,\); expected int64 of shape \(6,\)"),
        (None, torch.zeros(6, 1, dtype=torch.int64), r"shape \(6, 1\)"),
        (None, torch.tensor([0, 1, 2, 3, 4, 5]), r"label has values in \[0, 5\], outside \[0, 5\)"),
        (None, torch.tensor([0, 1, 2, 3, 4, -1]), r"label has values in \[-1, 4\], outside \[0, 5\)"),
        ((6, 16), None, r"embedding is zero, which has no direction in row\(s\) \[0, 1, 2, 3, 4, 5\] of 6"),
    ],
)
def test_a_batch_that_does_not_fit_is_refused(embedding, label: Tensor | None, named: str) -> None:
    x, y = batch()
    with pytest.raises(ValueError, match=named):
        dense(CosFace())(x if embedding is None else torch.zeros(embedding), y if label is None else label)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_an_embedding_that_is_not_finite_is_refused(bad: float) -> None:
    x, y = batch()
    x[3, 2] = bad
    with pytest.raises(ValueError, match=r"embedding is not finite in row\(s\) \[3\] of 6; lower optimizer.lr"):
        dense(CosFace())(x, y)


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [
        ({"num_classes": 1}, "num_classes=1 is less than 2"),
        ({"embedding_dim": 0}, "embedding_dim=0"),
        ({"init_std": 0.0}, "init_std=0.0"),
    ],
)
def test_arguments_out_of_range_are_named(kwargs: dict, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        DenseClassifier(**({"head": CosFace(), "num_classes": 5, "embedding_dim": 16} | kwargs))


def test_initial_centres_have_about_unit_length_or_the_given_deviation() -> None:
    torch.manual_seed(0)
    lengths = DenseClassifier(CosFace(), 200, 256).weight.detach().norm(dim=1)
    assert float(lengths.mean()) == pytest.approx(1, abs=0.02)
    given = DenseClassifier(CosFace(), 200, 256, init_std=0.01).weight.detach()
    assert float(given.std()) == pytest.approx(0.01, rel=0.02)


def test_state_of_the_head_advances_in_training_only() -> None:
    x, y = batch()
    classifier = dense(ASoftmax())
    classifier(x, y)
    assert int(classifier.head.step) == 0
    classifier.train()(x, y)
    assert int(classifier.head.step) == 1


def test_only_softmax_has_a_bias() -> None:
    assert dense(Softmax()).bias.shape == (5,)
    assert dense(Softmax(bias=False)).bias is None
    assert "bias" not in dense(CosFace()).state_dict()


def test_one_step_downhill_lowers_the_loss() -> None:
    x, y = batch()
    classifier = dense(ArcFace(8.0))
    before = classifier(x, y).loss
    before.backward()
    with torch.no_grad():
        classifier.weight -= 0.05 * classifier.weight.grad
        assert classifier(x, y).loss < before


def test_the_contract_is_abstract() -> None:
    with pytest.raises(TypeError, match="_classify"):
        Classifier(CosFace(), 5, 16)
