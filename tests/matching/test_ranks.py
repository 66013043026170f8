"""The place of the best mate: that of the dense form, also where scores are tied with it."""

from collections.abc import Callable

import pytest
import torch
from hard_rows import Sides, assert_same, sides_of

from marginface.matching import dense, mate_ranks, ranks


@pytest.mark.parametrize("block", [20, 128, None])
def test_it_is_the_dense_form(sides: Sides, block: int | None, small_tiles: None) -> None:
    assert_same(mate_ranks(*sides, block=block), dense.mate_ranks(*sides))


def test_close_pairs_are_rescored_in_portions(sides: Sides, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranks, "_PENDING", 10)
    assert_same(mate_ranks(*sides), dense.mate_ranks(*sides))


def test_known_answer() -> None:
    """Ties with the best mate count against it, and of equal mates the first is named."""
    gallery = torch.tensor([[0.8, 0.6], [0.6, 0.8], [0.8, 0.6], [1.0, 0.0], [0.8, 0.6]])
    rank, score, row = mate_ranks(
        torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([1, 9]), gallery, torch.tensor([0, 1, 1, 2, 1])
    )
    assert (rank.tolist(), row.tolist()) == ([3, 0], [2, -1])
    assert score.tolist() == [float(torch.tensor(0.8)), -torch.inf]


@pytest.mark.parametrize("num_identities", [1, 10**9])
def test_all_rows_mates_and_none(num_identities: int) -> None:
    sides = sides_of("plain", num_identities=num_identities)
    found = mate_ranks(*sides)
    assert found[0].unique().tolist() == [int(num_identities == 1)]
    assert_same(found, dense.mate_ranks(*sides))


@pytest.mark.parametrize("digits", [7, 10])
def test_products_of_coarsely_rounded_factors_change_nothing(
    sides: Sides, digits: int, coarse_products: Callable[[int], None]
) -> None:
    coarse_products(digits)
    assert_same(mate_ranks(*sides), dense.mate_ranks(*sides))


@pytest.mark.parametrize("sizes", [(0, 5), (5, 0)])
def test_an_empty_side(sizes: tuple[int, int]) -> None:
    sides = sides_of("plain", *sizes)
    rank, score, row = mate_ranks(*sides)
    assert (rank == 0).all()
    assert len(rank) == len(score) == len(row) == sizes[0]
