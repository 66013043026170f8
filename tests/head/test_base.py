"""What the base of all heads promises, and the classifier to them, whatever the formula."""

import laws
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from marginface.classifier import DenseClassifier
from marginface.head import Head, NormFace, Row, Softmax
from marginface.head.base import check_choice, check_range, detached_slope
from marginface.head.p2sgrad import Squares


def test_neutral_defaults() -> None:
    head = Softmax()
    similarity, row = torch.randn(2, 3), Row(*torch.rand(3, 2))
    assert head.negative(similarity, row) is similarity
    assert head.regularizer(row.norm) is None
    assert head.extra_state_summary() == {}
    assert torch.equal(head.target_for_weight(row), head.target(row))
    assert (head.num_centres, head.needs_negatives, head.splits_gradient) == (1, False, False)


def test_a_head_must_say_scale_and_target() -> None:
    class Forgetful(Head):
        def scale(self, norm: Tensor) -> Tensor:
            return norm

    with pytest.raises(TypeError, match="target"):
        Forgetful()


def test_separable_loss_is_a_sum_over_shards_of_classes() -> None:
    criterion, logits, y = Squares(), torch.randn(3, 6), torch.tensor([0, 5, 2])
    whole = criterion(logits, y)
    parts = criterion.positive(logits.gather(1, y[:, None])[:, 0])
    for shard in (range(4), range(4, 6)):
        for row, label in enumerate(y):
            parts[row] += sum(criterion.negative(logits[row, j]) for j in shard if j != label)
    torch.testing.assert_close(whole, parts)


def test_negatives_are_all_classes_but_the_target() -> None:
    seen: list[Tensor] = []

    class Recording(NormFace):
        needs_negatives = True

        def advance(self, row: Row, negative_lse: Tensor | None = None) -> None:
            assert negative_lse is not None
            seen.append(negative_lse)

    x, w, y = laws.batch()
    laws.classifier_of(Recording(4.0), w, training=True)(x.requires_grad_(), y)
    logits = 4 * F.normalize(x.detach()) @ F.normalize(w).T
    expected = torch.stack([row[torch.arange(5) != label].logsumexp(0) for row, label in zip(logits, y, strict=True)])
    torch.testing.assert_close(seen[0], expected)
    assert not seen[0].requires_grad


def test_the_classifier_binds_its_head_once() -> None:
    calls = []

    class Bound(NormFace):
        def bind(self, num_classes: int) -> None:
            calls.append(num_classes)

    DenseClassifier(Bound(), 7, 3)
    assert calls == [7]


def test_detached_slope() -> None:
    cosine = torch.tensor([0.2, 0.7], requires_grad=True)
    value = detached_slope(cosine**3, cosine)
    torch.testing.assert_close(value.detach(), cosine.detach() ** 3)
    value.sum().backward()
    assert cosine.grad is not None
    assert cosine.grad.tolist() == [1, 1]


def test_checks_name_the_argument_and_the_choices() -> None:
    with pytest.raises(ValueError, match=r"mode='c' is unknown; choose one of 'a', 'b'"):
        check_choice("mode", "c", ("a", "b"))
    for value in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match=rf"margin={value} is outside \[0, 1\]"):
            check_range("margin", value, 0, 1)
    check_range("margin", 1, 0, 1)
