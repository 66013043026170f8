import math

import laws
import pytest
import torch
import torch.nn.functional as F
from laws import classifier_of

from marginface.classifier import DenseClassifier
from marginface.head import CosFace, Row, UniFace, UniTSFace


def make():
    return UniTSFace(8.0, fill=0)


def filled(head, memory, w):
    """A classifier in training with the given memory."""
    classifier = classifier_of(head, w, training=True)
    classifier.memory.copy_(memory)
    return classifier


def memory():
    return torch.randn(5, 8, generator=torch.Generator().manual_seed(7), dtype=torch.float64)


def test_laws():
    laws.assert_common_laws(make)
    laws.assert_gradient_orthogonal_to_embedding(make)
    laws.assert_gradient_orthogonal_to_centres(make)
    laws.assert_margin_raises_the_loss(make, lambda: UniTSFace(8.0, margin=0.0, fill=0))
    laws.assert_gradient_at_the_far_pole(make)


def test_only_the_softmax_counts_while_the_memory_is_filled():
    assert laws.loss_at(UniTSFace(fill=5)) == pytest.approx(laws.loss_at(CosFace(64, 0.4)), abs=1e-12)
    assert laws.loss_at(UniTSFace(fill=5)) == pytest.approx(64 * (0.6 - 0.1), abs=1e-6)


def test_the_loss_over_the_memory_is_that_of_uniface_over_it():
    x, w, y = laws.batch()
    classifier = filled(UniTSFace(16.0, 0.4, 0.1, fill=0), memory(), w)
    loss = classifier(x, y).loss
    cosine = F.normalize(x) @ F.normalize(memory()).T
    b = torch.stack([16 * row[torch.arange(5) != label] for row, label in zip(cosine, y, strict=True)]).logsumexp(1)
    own = F.one_hot(y, 5).bool()
    logit = (16 * cosine - 1.6 * own - b.mean()).clamp(-16, 16)
    expected = torch.where(own, F.softplus(-logit), F.softplus(logit)).sum(1).mean()
    class_part = laws.gradients(CosFace(16.0, 0.4), x, w, y)[0]
    torch.testing.assert_close(loss.detach(), class_part + expected, atol=1e-6, rtol=1e-6)


def test_b_is_chosen_by_the_first_negatives_and_then_trained():
    x, w, y = laws.batch()
    classifier = filled(make(), memory(), w)
    head = classifier.head.memory_head
    assert head.bias.item() == 0
    classifier(x, y).loss.backward()
    chosen = head.bias.item()
    assert chosen > 0
    assert float(head.bias.grad) != 0
    classifier(x, y)
    assert head.bias.item() == chosen  # positive: left to the optimizer


@pytest.mark.parametrize("start", [0.0, -3.0])
def test_a_b_that_is_not_positive_is_chosen_again(start):
    head = UniTSFace().memory_head
    head.bias.data.fill_(start)
    row = Row(*torch.zeros(3, 2))
    head.advance(row, torch.tensor([4.0, 8.0]))
    assert head.bias.item() == 6
    head.advance(row, torch.tensor([1.0, 1.0]))
    assert head.bias.item() == 6
    assert head.bias.requires_grad


def test_binding_leaves_b_at_zero():
    head = DenseClassifier(UniTSFace(), 100, 3).head.memory_head
    head.bind(100)
    assert head.bias.item() == 0


def test_the_memory_is_filled_during_the_first_of_28_parts_of_a_run():
    x, w, y = laws.batch()
    classifier = classifier_of(UniTSFace(8.0), w, training=True)
    classifier.head.set_run_length(28 * 3)
    weights = []
    for _ in range(6):
        classifier(x, y)
        weights.append(classifier.head.memory_weight())
    assert weights == [0, 0, 0, 1, 1, 1]
    assert classifier.head.extra_state_summary().keys() == {"memory_weight", "threshold"}


def test_however_short_the_run_the_first_forward_only_fills():
    head = UniTSFace()
    head.set_run_length(3)
    row = Row(*torch.zeros(3, 2))
    head.advance(row)
    assert head.memory_weight() == 0
    head.advance(row)
    assert head.memory_weight() == 1


def test_a_number_of_forwards_needs_no_run_length():
    head = UniTSFace(fill=2)
    head.set_run_length(1000)
    row = Row(*torch.zeros(3, 2))
    seen = []
    for _ in range(4):
        head.advance(row)
        seen.append(head.memory_weight())
    assert seen == [0, 0, 1, 1]


def test_a_fraction_of_an_unknown_run_is_refused():
    x, w, y = laws.batch()
    with pytest.raises(RuntimeError, match=r"fill=0\.0357.*set_run_length"):
        classifier_of(UniTSFace(), w)(x, y)


def test_evaluation_does_not_count():
    x, w, y = laws.batch()
    classifier = classifier_of(UniTSFace(fill=2), w)
    for _ in range(5):
        classifier(x, y)
    assert classifier.head.memory_weight() == 0


def test_the_count_goes_on_after_a_resume():
    x, w, y = laws.batch()
    first = classifier_of(UniTSFace(8.0), w, training=True)
    first.head.set_run_length(56)
    for _ in range(2):
        first(x, y)
    second = classifier_of(UniTSFace(8.0), w, training=True)
    second.load_state_dict(first.state_dict())
    assert second.head.memory_weight() == 0
    torch.testing.assert_close(second(x, y).loss, first(x, y).loss, rtol=0, atol=0)
    assert second.head.memory_weight() == 1


def test_every_parameter_has_a_gradient_at_every_step():
    """Several processes wait for the gradient of b also while the memory is only filled."""
    x, w, y = laws.batch()
    classifier = classifier_of(UniTSFace(8.0, fill=1), w, training=True)
    for expected in (0.0, None):
        classifier.zero_grad()
        classifier(x, y).loss.backward()
        assert all(p.grad is not None for p in classifier.parameters())
        assert expected is None or float(classifier.head.memory_head.bias.grad) == expected
    assert math.isfinite(classifier.head.memory_head.bias.item())


def test_the_gradient_is_true():
    x, w, y = laws.batch(seed=3)
    classifier = classifier_of(make().double(), w)
    classifier.memory.copy_(memory())
    classifier.head.memory_head.bias.data.fill_(3.0)

    def loss(x, w):
        return torch.func.functional_call(classifier, {"weight": w}, (x, y)).loss

    assert torch.autograd.gradcheck(loss, (x.requires_grad_(), w.requires_grad_()), atol=1e-6)


def test_it_is_two_losses():
    head = UniTSFace()
    assert isinstance(head.memory_head, UniFace)
    assert head.memory_head.margin == 0.1
    assert head.memory_head.needs_negatives


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [({"margin": 1.5}, "margin=1.5"), ({"memory_margin": -1}, "memory_margin=-1"), ({"fill": -1}, "fill=-1")],
)
def test_arguments_out_of_range_are_named(kwargs, named):
    with pytest.raises(ValueError, match=f"UniTSFace {named}"):
        UniTSFace(**kwargs)
