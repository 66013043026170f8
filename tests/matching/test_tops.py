"""The best rows of each query: those of the dense form at every stop."""

from collections.abc import Callable

import pytest
import torch
from hard_rows import Sides, assert_same, sides_of

from marginface.matching import dense, row_tops


@pytest.mark.parametrize("screen", [False, True])
@pytest.mark.parametrize("block", [20, 128, None])
@pytest.mark.parametrize("num_kept", [1, 10, 200])
def test_it_is_the_dense_form(sides: Sides, num_kept: int, block: int | None, screen: bool, small_tiles: None) -> None:
    identities = {"query_identity": sides.query_identity, "gallery_identity": sides.gallery_identity}
    stops = [1, 64, 70, 71, 140]
    for options in ({}, {"stops": stops}, identities, {"stops": stops, **identities}):
        options = {"num_kept": num_kept, **options}
        found = row_tops(sides.query, sides.gallery, block=block, screen=screen, **options)
        assert_same(found, dense.row_tops(sides.query, sides.gallery, **options))


def test_known_answer() -> None:
    gallery = torch.tensor([[0.6, 0.8], [1.0, 0.0], [0.8, 0.6]])
    tops = row_tops(torch.eye(2), gallery, num_kept=2, stops=[1, 3])
    assert tops.gallery.tolist() == [[[0, -1], [0, -1]], [[1, 2], [0, 2]]]
    assert torch.equal(tops.score[1], torch.tensor([[1.0, 0.8], [0.8, 0.6]]))
    assert tops.score[0, :, 1].tolist() == [-torch.inf] * 2


def test_own_identity_is_passed_over_even_if_nothing_is_left() -> None:
    identity = torch.zeros(3, dtype=torch.int64)
    tops = row_tops(torch.eye(3), torch.eye(3), num_kept=2, query_identity=identity, gallery_identity=identity)
    assert tops.gallery.unique().tolist() == [-1]
    assert tops.score.unique().tolist() == [-torch.inf]


@pytest.mark.parametrize("num_kept", [1, 7])
def test_scores_that_rise_to_the_end_are_all_found(num_kept: int) -> None:
    """Every row is the best so far: no bound drops any."""
    angle = torch.linspace(1.5, 0.0, 3000)
    sides = torch.tensor([[1.0, 0.0], [0.6, 0.8]]), torch.stack([angle.cos(), angle.sin()], dim=1)
    assert_same(row_tops(*sides, num_kept=num_kept), dense.row_tops(*sides, num_kept=num_kept))


@pytest.mark.parametrize("digits", [7, 10])
def test_products_of_coarsely_rounded_factors_change_nothing(
    sides: Sides, digits: int, coarse_products: Callable[[int], None]
) -> None:
    coarse_products(digits)
    found = row_tops(sides.query, sides.gallery, num_kept=5, screen=False)
    assert_same(found, dense.row_tops(sides.query, sides.gallery, num_kept=5))


def test_the_gallery_is_not_read_past_the_last_stop() -> None:
    gallery = sides_of("plain").gallery
    stops = []

    class Watched:
        def __len__(self) -> int:
            return len(gallery)

        def __getitem__(self, part: slice) -> torch.Tensor:
            stops.append(part.stop)
            return gallery[part]

    tops = row_tops(gallery[:4], Watched(), num_kept=1, stops=[3, 20])
    assert tops.gallery[1, :, 0].tolist() == [0, 1, 2, 3]
    assert stops[:2] == [1, 150]  # the dimension, and whether all rows are finite
    assert max(stops[2:]) == 20


@pytest.mark.parametrize("sizes", [(0, 5), (5, 0)])
def test_an_empty_side(sizes: tuple[int, int]) -> None:
    sides = sides_of("plain", *sizes)
    tops = row_tops(sides.query, sides.gallery, num_kept=3)
    assert tops.score.shape == tops.gallery.shape == (1, sizes[0], 3)
    assert (tops.gallery == -1).all()
