"""The memory of a classifier: the latest embedding of each class, for heads with a second loss over it."""

import pytest
import torch
import torch.nn.functional as F

from marginface.classifier import Classifier, DenseClassifier, FusedClassifier
from marginface.head import Head, NormFace

N, D, C = 6, 8, 5


class Remembering(NormFace):
    """A head with a second softmax over the memory."""

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__(4.0)
        self.memory_head: Head = NormFace(2.0)
        self.weight = weight

    def memory_weight(self) -> float:
        return self.weight


@pytest.fixture
def batch():
    g = torch.Generator().manual_seed(0)
    x = torch.randn(N, D, generator=g, dtype=torch.float64)
    return x, torch.tensor([3, 0, 3, 1, 0, 3])


@pytest.fixture(params=[DenseClassifier, FusedClassifier])
def made(request):
    """Builds a classifier of each kind with a memory, in training."""

    def make(weight: float = 1.0) -> Classifier:
        torch.manual_seed(1)
        return request.param(Remembering(weight), C, D).double().train()

    return make


def test_only_heads_with_a_second_loss_have_a_memory(made):
    assert not hasattr(DenseClassifier(NormFace(), C, D), "memory")
    assert made().memory.shape == (C, D)
    assert not made().memory.any()


def test_the_latest_embedding_of_a_class_wins(made, batch):
    x, y = batch
    classifier = made()
    classifier(x, y)
    expected = torch.zeros(C, D, dtype=torch.float64)
    for row, label in zip(F.normalize(x), y.tolist(), strict=True):
        expected[label] = row
    torch.testing.assert_close(classifier.memory, expected)
    classifier(x[:1], torch.tensor([2]))
    expected[2] = F.normalize(x)[0]
    torch.testing.assert_close(classifier.memory, expected)


def test_the_last_of_many_rows_wins(made):
    x, y = torch.randn(4000, D, dtype=torch.float64), torch.arange(4000) % 2
    classifier = made()
    classifier(x, y)
    torch.testing.assert_close(classifier.memory[:2], F.normalize(x[-2:]))


def test_it_is_filled_in_training_only(made, batch):
    classifier = made().eval()
    classifier(*batch)
    assert not classifier.memory.any()


def test_it_is_filled_while_it_has_no_weight(made, batch):
    x, y = batch
    classifier, plain = made(0.0), DenseClassifier(NormFace(4.0), C, D).double()
    plain.weight.data.copy_(classifier.weight)
    torch.testing.assert_close(classifier(x, y).loss, plain(x, y).loss)
    assert classifier.memory[y].any(dim=1).all()


@pytest.mark.parametrize("weight", [1.0, 0.25])
def test_the_second_loss_sees_the_memory_before_the_batch(made, batch, weight):
    x, y = batch
    classifier = made(weight)
    before = torch.randn(C, D, dtype=torch.float64)
    classifier.memory.copy_(before)
    loss = classifier(x, y).loss
    unit = F.normalize(x)
    over_centres = F.cross_entropy(4 * unit @ F.normalize(classifier.weight).T, y)
    over_memory = F.cross_entropy(2 * unit @ F.normalize(before).T, y)
    torch.testing.assert_close(loss, over_centres + weight * over_memory)


def test_accuracy_is_that_of_the_centres(made, batch):
    x, y = batch
    classifier = made()
    classifier.memory[y] = x  # perfect for the last of each class
    nearest = (F.normalize(x) @ F.normalize(classifier.weight).T).argmax(1)
    assert torch.equal(classifier(x, y).correct, nearest == y)


def test_gradient_reaches_embeddings_through_the_second_loss_but_not_the_memory(made, batch):
    x, y = batch
    classifier = made()
    classifier.memory.copy_(torch.randn(C, D, dtype=torch.float64))
    before = classifier.memory.clone()
    x = x.clone().requires_grad_()
    classifier(x, y).loss.backward()  # the memory has changed meanwhile: backward must use what forward used
    assert not classifier.memory.requires_grad
    assert classifier.memory.grad is None

    twin = x.detach().clone().requires_grad_()
    unit = F.normalize(twin)
    centres = F.normalize(classifier.weight.detach())
    (F.cross_entropy(4 * unit @ centres.T, y) + F.cross_entropy(2 * unit @ F.normalize(before).T, y)).backward()
    torch.testing.assert_close(x.grad, twin.grad)


def test_a_class_that_is_not_yet_known_has_cosine_zero(made, batch):
    x, y = batch
    classifier = made()
    x = x.clone().requires_grad_()
    loss = classifier(x, y).loss
    loss.backward()
    over_centres = F.cross_entropy(4 * F.normalize(x.detach()) @ F.normalize(classifier.weight.detach()).T, y)
    assert loss.item() == pytest.approx(float(over_centres) + float(torch.tensor(C).log()))
    assert torch.isfinite(x.grad).all()


def test_it_survives_a_checkpoint(made, batch):
    first = made()
    first(*batch)
    second = made()
    second.load_state_dict(first.state_dict())
    torch.testing.assert_close(second.memory, first.memory)
    torch.testing.assert_close(second(*batch).loss, first(*batch).loss, rtol=0, atol=0)


def test_it_keeps_its_precision_under_autocast(made):
    classifier = made().float()
    with torch.autocast("cpu", torch.bfloat16):
        classifier(torch.randn(2, D, dtype=torch.bfloat16), torch.tensor([0, 1]))
    assert classifier.memory.dtype == torch.float32
    torch.testing.assert_close(classifier.memory[:2].norm(dim=1), torch.ones(2))
