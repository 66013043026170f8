"""Scores of the pairs of one identity: those of the dense form, in its order."""

import pytest
import torch
from hard_rows import Sides, assert_same, sides_of

from marginface.matching import dense, genuine_scores


@pytest.mark.parametrize("block", [1, 50, None])
def test_it_is_the_dense_form(sides: Sides, block: int | None) -> None:
    assert_same(genuine_scores(*sides, block=block), dense.genuine_scores(*sides))
    rows = sides.gallery, sides.gallery_identity
    assert_same(genuine_scores(*rows, block=block and 40 * block), dense.genuine_scores(*rows))


@pytest.mark.parametrize(("num_identities", "num_pairs"), [(1, 30 * 150), (10**9, 0)])
def test_all_pairs_genuine_and_none(num_identities: int, num_pairs: int) -> None:
    sides = sides_of("plain", num_identities=num_identities)
    found = genuine_scores(*sides)
    assert len(found.score) == num_pairs
    assert_same(found, dense.genuine_scores(*sides))


def test_known_answer() -> None:
    rows = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8], [0.8, 0.6]])
    found = genuine_scores(rows, torch.tensor([5, 5, 9, 5]))
    assert (found.query.tolist(), found.gallery.tolist()) == ([0, 0, 1], [1, 3, 3])
    assert found.score.tolist() == torch.tensor([0.0, 0.8, 0.6]).tolist()


def test_only_rows_of_pairs_are_read() -> None:
    read = []

    class Watched:
        def __len__(self) -> int:
            return 1000

        def __getitem__(self, part: slice) -> torch.Tensor:
            read.append((part.start, part.stop))
            return torch.ones(part.stop - part.start, 2)

    identity = torch.arange(1000)
    identity[801] = 800
    genuine_scores(Watched(), identity, block=100)
    once = [(start, start + 100) for start in range(0, 1000, 100)]  # whether all are finite
    assert [part for part in read if part not in once and part != (0, 1)] == [(800, 801), (801, 802)]
