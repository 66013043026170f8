"""The highest impostor scores: those of the dense form, however the work is cut up and rounded."""

from collections.abc import Callable

import pytest
import torch
from hard_rows import Sides, assert_same, sides_of
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from marginface.embedding import Embeddings
from marginface.matching import dense, top_impostors

NUM_KEPT = (1, 40, 10_000)  # few, some, more than there are


@pytest.mark.parametrize("screen", [False, True])
@pytest.mark.parametrize("block", [9, 50, 128, None])
def test_it_is_the_dense_form(sides: Sides, block: int | None, screen: bool, small_tiles: None) -> None:
    for num_kept in NUM_KEPT:
        found = top_impostors(*sides, num_kept=num_kept, block=block, screen=screen)
        assert_same(found, dense.top_impostors(*sides, num_kept=num_kept))


@pytest.mark.parametrize("screen", [False, True])
@pytest.mark.parametrize("block", [9, 50, 128, None])
def test_a_set_is_compared_with_itself_each_pair_once(
    sides: Sides, block: int | None, screen: bool, small_tiles: None
) -> None:
    rows = sides.gallery, sides.gallery_identity
    for num_kept in NUM_KEPT:
        found = top_impostors(*rows, num_kept=num_kept, block=block, screen=screen)
        assert_same(found, dense.top_impostors(*rows, num_kept=num_kept))


def test_known_answer() -> None:
    query, gallery = torch.eye(3), torch.tensor([[0.6, 0.8, 0.0], [0.0, 0.6, 0.8]])
    top = top_impostors(query, torch.tensor([0, 1, 2]), gallery, torch.tensor([1, 7]), num_kept=3)
    assert top.score.tolist() == torch.tensor([0.8, 0.6, 0.6]).tolist()
    assert (top.query.tolist(), top.gallery.tolist()) == ([2, 0, 1], [1, 0, 1])
    assert top.num_impostor == 5


def test_blocks_of_one_row() -> None:
    sides = sides_of("repeated", 5, 70)
    assert_same(top_impostors(*sides, num_kept=20, block=1), dense.top_impostors(*sides, num_kept=20))
    assert_same(top_impostors(*sides[:2], num_kept=9, block=1), dense.top_impostors(*sides[:2], num_kept=9))


@pytest.mark.parametrize(("num_identities", "num_impostor"), [(1, 0), (10**9, 30 * 150)])
def test_all_pairs_genuine_and_none(num_identities: int, num_impostor: int) -> None:
    sides = sides_of("plain", num_identities=num_identities)
    found = top_impostors(*sides, num_kept=20)
    assert_same(found, dense.top_impostors(*sides, num_kept=20))
    assert (found.num_impostor, len(found.score)) == (num_impostor, min(20, num_impostor))


@pytest.mark.parametrize("sizes", [(0, 5), (5, 0), (0, 0)])
def test_an_empty_side_has_no_pairs(sizes: tuple[int, int]) -> None:
    found = top_impostors(*sides_of("plain", *sizes), num_kept=3)
    assert (len(found.score), len(found.query), found.num_impostor) == (0, 0, 0)


def test_genuine_pairs_that_score_highest_do_not_take_the_places() -> None:
    row = torch.ones(200, 4) / 2  # 10,000 genuine pairs at 1, many more than are kept
    row[-1] = torch.tensor([1.0, 0.0, 0.0, 0.0])
    identity = torch.zeros(200, dtype=torch.int64)
    identity[-1] = 1
    found = top_impostors(row, identity, num_kept=5, block=64)
    assert found.score.tolist() == [0.5] * 5
    assert (found.query.tolist(), found.gallery.tolist()) == ([0, 1, 2, 3, 4], [199] * 5)


@pytest.mark.parametrize("screen", [False, True])
def test_scores_that_rise_to_the_end_are_all_found(screen: bool, small_tiles: None) -> None:
    """Bounds from what has come in first are of no use then."""
    angle = torch.linspace(1.5, 0.0, 1000)
    gallery = torch.stack([angle.cos(), angle.sin()], dim=1)
    sides = torch.tensor([[1.0, 0.0]]), torch.tensor([0]), gallery, torch.arange(1, 1001)
    found = top_impostors(*sides, num_kept=10, screen=screen)
    assert_same(found, dense.top_impostors(*sides, num_kept=10))


@pytest.mark.parametrize("digits", [7, 10])
def test_products_of_coarsely_rounded_factors_change_nothing(
    sides: Sides, digits: int, coarse_products: Callable[[int], None]
) -> None:
    coarse_products(digits)
    assert_same(top_impostors(*sides, num_kept=40, screen=False), dense.top_impostors(*sides, num_kept=40))


def test_embeddings_are_read_in_parts() -> None:
    sides, index = sides_of("plain"), torch.randperm(150, generator=torch.Generator().manual_seed(3))
    gallery = Embeddings.of(3 * sides.gallery, sides.gallery.roll(1, 0), "sum").unit(index)
    query = Embeddings.of(sides.query).unit()
    identity = sides.query_identity, sides.gallery_identity
    found = top_impostors(query, identity[0], gallery, identity[1], num_kept=30, block=64)
    assert_same(found, dense.top_impostors(query[0:30], identity[0], gallery[0:150], identity[1], num_kept=30))


class Largest(TorchDispatchMode):
    """Notes down how many numbers the largest tensor has that comes out of any operation."""

    def __init__(self) -> None:
        super().__init__()
        self.numel = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        out = func(*args, **(kwargs or {}))
        for part in out if isinstance(out, tuple | list) else [out]:
            if isinstance(part, Tensor):
                self.numel = max(self.numel, part.numel())
        return out


@pytest.mark.parametrize("screen", [False, True])
def test_memory_does_not_grow_with_the_number_of_pairs(screen: bool) -> None:
    sides = sides_of("plain", 400, 5000, 1000)
    with Largest() as mode:
        top_impostors(*sides, num_kept=50, block=64, screen=screen)
    assert 64 * 64 < mode.numel < 400 * 5000 / 25
