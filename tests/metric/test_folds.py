"""Folds, and what is counted in them."""

import pytest
import references
import torch

from marginface.metric.folds import cross_validate, fold_of_pair, training_pairs


@pytest.mark.parametrize(("num_pairs", "num_folds"), [(6000, 10), (7, 3), (5, 5), (1201, 2)])
def test_folds_are_contiguous_and_the_first_ones_longer(num_pairs: int, num_folds: int) -> None:
    fold = fold_of_pair(num_pairs, num_folds)
    for number, expected in enumerate(references.folds(num_pairs, num_folds)):
        assert (fold == number).nonzero().flatten().tolist() == expected.tolist()


@pytest.mark.parametrize(("num_pairs", "num_folds"), [(10, 1), (10, 0), (3, 4)])
def test_impossible_folds_are_refused(num_pairs: int, num_folds: int) -> None:
    with pytest.raises(ValueError, match=f"num_folds={num_folds} must be at least 2"):
        fold_of_pair(num_pairs, num_folds)


def test_each_pair_is_judged_once_in_its_own_fold() -> None:
    fold = torch.tensor([0, 1, 0, 1, 1])
    same = torch.tensor([True, True, False, False, True])
    own = torch.tensor([[0.9, 0.9, 0.9, 0.1, 0.1]])
    for score in (own, torch.where(torch.arange(2)[:, None] == fold, own, -9.0)):
        found = cross_validate(score, same, fold, lambda score, same, fold: torch.tensor([0.5, 0.05]))
        assert found.right.tolist() == [True, True, False, False, True]
        assert (found.num_correct.tolist(), found.num_pairs.tolist()) == ([1, 2], [2, 3])
        assert found.accuracy.tolist() == pytest.approx([1 / 2, 2 / 3])
        assert found.mean == pytest.approx(7 / 12)  # folds count alike, whatever their size
    assert training_pairs(fold).tolist() == [[False, True, False, True, True], [True, False, True, False, False]]
