"""Cosines of pairs, against their definitions."""

import pytest
import references
import torch
from torch.nn import functional

from marginface.metric.folds import fold_of_pair, training_pairs
from marginface.metric.pair_cosine import centred_cosine, flip_sum_cosine


def test_flip_sum_cosine_by_hand() -> None:
    plain = torch.tensor([[1.0, 0.0], [0.0, 3.0], [0.0, 0.0]])
    flipped = torch.tensor([[1.0, 0.0], [4.0, 0.0], [0.0, 0.0]])
    score = flip_sum_cosine(plain, flipped, torch.tensor([0, 0, 1]), torch.tensor([0, 1, 2]))
    assert score.dtype == torch.float64
    assert score.tolist() == pytest.approx([1.0, 0.8, 0.0])


@pytest.mark.parametrize("chunk", [7, 256])
def test_chunks_do_not_show(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, flipped, first, second, _ = references.random_images(0)
    train = training_pairs(fold_of_pair(len(first), 4))
    monkeypatch.setattr("marginface.metric.pair_cosine._CHUNK", chunk)
    merged = (plain + flipped).double()
    expected = functional.cosine_similarity(merged[first], merged[second])
    torch.testing.assert_close(flip_sum_cosine(plain, flipped, first, second), expected, rtol=0, atol=1e-14)
    feature = torch.cat((plain, flipped), dim=1).double()
    for row, found in zip(train, centred_cosine(plain, flipped, first, second, train), strict=True):
        centred = feature - torch.cat((feature[first[row]], feature[second[row]])).mean(0)
        expected = functional.cosine_similarity(centred[first], centred[second])
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-13)


def test_views_that_lie_side_by_side_give_the_same_and_stay_as_they_are() -> None:
    plain, flipped, first, second, _ = references.random_images(1)
    rows = torch.stack((plain, flipped), dim=1)
    found = flip_sum_cosine(rows[:, 0], rows[:, 1], first, second)
    assert torch.equal(found, flip_sum_cosine(plain, flipped, first, second))
    assert torch.equal(rows, torch.stack((plain, flipped), dim=1))
