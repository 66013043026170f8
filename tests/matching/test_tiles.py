"""Tiles cover all pairs, and what reaches a bound is found in them."""

import pytest
import torch
from hard_rows import assert_same, sides_of

from marginface.matching.accuracy import Accuracy
from marginface.matching.operands import operands
from marginface.matching.tiles import Walk, at_least

PLAIN = Accuracy(torch.float32, 1e-5)


@pytest.mark.parametrize("block", [1, 30, 64, 100, 1000])
@pytest.mark.parametrize("triangle", [False, True])
def test_every_pair_is_in_one_tile(block: int, triangle: bool, small_tiles: None) -> None:
    sides = sides_of("plain", 130, 150)
    pair = operands(sides.query, None, None if triangle else sides.gallery, None, block)
    seen = torch.zeros(130, 256)
    walk = Walk(pair, PLAIN)
    for span in walk.query_blocks(0, 130):
        for tile in walk.tiles(*span):
            rows, columns = tile.product.shape
            seen[tile.first : tile.first + rows, tile.second : tile.second + columns] += tile.product > -torch.inf
    wanted = torch.triu(torch.ones(130, 130), 1) if triangle else torch.ones(130, 150)
    covered = seen[:, : wanted.shape[1]]
    assert (covered[wanted.bool()] == 1).all()
    assert covered.max() == 1
    assert not seen[:, wanted.shape[1] :].any()
    if triangle and block == 30:
        assert (covered == 0).any()  # tiles below the diagonal are left out


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("bound", [0.8, -0.3, 0.0, -torch.inf])
def test_products_at_least_as_high_as_a_bound(dtype: torch.dtype, bound: float) -> None:
    product = torch.randn(50, 192, generator=torch.Generator().manual_seed(0)).to(dtype)
    product[:, 180:] = -torch.inf
    expected = ((product >= torch.tensor(bound, dtype=dtype)) & (product > -torch.inf)).nonzero(as_tuple=True)
    row, column, found = at_least(product, torch.tensor(bound, dtype=dtype))
    assert_same((row, column), expected)
    assert torch.equal(found, product[expected])
    assert_same(at_least(product, torch.full((50, 1), bound, dtype=dtype)), (row, column, found))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_products_below_zero(dtype: torch.dtype) -> None:
    """Whole numbers with the bits of such products would stand in the opposite order."""
    product = -torch.rand(50, 128, generator=torch.Generator().manual_seed(0)).to(dtype)
    assert_same(
        at_least(product, torch.tensor(-0.01, dtype=dtype))[:2],
        (product >= torch.tensor(-0.01, dtype=dtype)).nonzero(as_tuple=True),
    )


def test_each_row_has_its_bound() -> None:
    product = torch.arange(128.0).repeat(3, 1)
    row, column, _ = at_least(product, torch.tensor([[126.0], [torch.inf], [127.0]]))
    assert (row.tolist(), column.tolist()) == ([0, 0, 2], [126, 127, 127])
