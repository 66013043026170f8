"""The bound of what products can be off holds, and is of the right size."""

from collections.abc import Callable

import pytest
import torch
from hard_rows import sides_of
from torch.nn import functional

from marginface.matching.accuracy import Accuracy, accuracy, float32_change
from marginface.matching.operands import Operands, operands

CPU = torch.device("cpu")


def large(num: int = 300, dim: int = 256) -> Operands:
    generator = torch.Generator().manual_seed(0)
    query, gallery = (functional.normalize(torch.randn(num, dim, generator=generator)) for _ in range(2))
    return operands(query, None, gallery, None)


def errors(sides: Operands, how: Accuracy) -> torch.Tensor:
    """By how much each product differs from its score, before it is rounded."""
    query, gallery = sides.queries(0, len(sides.query)), sides.galleries(0, len(sides.gallery))
    product = query.to(how.dtype).double() @ gallery.to(how.dtype).double().T
    if how.dtype == torch.float32:
        product = torch.mm(query, gallery.T, out=torch.empty(len(query), len(gallery))).double()
    return (product - query.double() @ gallery.double().T).abs()


@pytest.mark.parametrize(("screen", "largest"), [(False, 1e-4), (True, 4e-3)])
def test_no_product_is_further_off(screen: bool, largest: float) -> None:
    sides = large()
    how = accuracy(sides, screen=screen)
    assert errors(sides, how).max() < how.error < largest


@pytest.mark.parametrize(("digits", "change"), [(7, 2.0**-7), (10, 2.0**-10), (23, 0.0)])
def test_coarse_products_are_noticed(digits: int, change: float, coarse_products: Callable[[int], None]) -> None:
    coarse_products(digits)
    assert float32_change(CPU, 64) == change
    sides = large()
    how = accuracy(sides, screen=False)
    assert errors(sides, how).max() < how.error < 2.1 * change + 1e-4


def test_the_bound_of_bf16_products_is_reached_where_all_digits_are_lost_in_one_direction() -> None:
    rows = torch.full((2, 64), (1 + 0.99 * 2.0**-8) / 8)  # rounded to 1 / 8
    sides = operands(rows, None, rows, None)
    how = accuracy(sides, screen=True)
    assert 0.98 * how.error < float(errors(sides, how).max()) < how.error


def eight_digits() -> Operands:
    """Rows that bf16 holds exactly; their products it does not."""
    generator = torch.Generator().manual_seed(0)
    query, gallery = (torch.randint(-128, 128, (300, 4), generator=generator) / 128 for _ in range(2))
    return operands(query, None, gallery, None)


@pytest.mark.parametrize("sides", [large(), eight_digits()], ids=["large", "eight_digits"])
@pytest.mark.parametrize("screen", [False, True])
def test_what_cannot_reach_a_score_has_a_lower_one(sides: Operands, screen: bool) -> None:
    how = accuracy(sides, screen=screen)
    query, gallery = sides.queries(0, 300), sides.galleries(0, 300)
    score = (query.double() @ gallery.double().T).flatten()
    product = (query.to(how.dtype) @ gallery.to(how.dtype).T).flatten()
    order = product.argsort(descending=True)
    # of all pairs with a product at least as high, the lowest score; what is out of reach must be below it
    lowest = score[order].cummin(0).values
    reach = how.reach(product[order])
    below = torch.stack([score[product < bound].max() for bound in reach[:200]])
    assert (below < lowest[:200]).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("error", [1e-9, 1e-6, 1e-3])
def test_reach_allows_for_errors_of_both_products_and_for_their_rounding(dtype: torch.dtype, error: float) -> None:
    unrounded = 2 * torch.rand(10_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1
    reach, lowest = Accuracy(dtype, error).reach(unrounded.to(dtype)), (unrounded - 2 * error).to(dtype)
    assert (reach <= lowest).all()
    assert (lowest.double() - reach.double()).max() <= 2 * torch.finfo(dtype).eps


def test_a_bound_below_everything_stays_there() -> None:
    for dtype in (torch.float32, torch.bfloat16):
        assert Accuracy(dtype, 1e-3).reach(torch.tensor(-torch.inf, dtype=dtype)) == -torch.inf


def test_rows_of_any_length_have_a_bound_of_their_own() -> None:
    sides = sides_of("plain")
    once = accuracy(operands(sides.query, None, sides.gallery, None), screen=True).error
    larger = accuracy(operands(8 * sides.query, None, sides.gallery, None), screen=True).error
    assert larger == pytest.approx(8 * once)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("name", ["query", "gallery"])
def test_rows_that_are_not_finite_are_refused(name: str, value: float) -> None:
    sides = sides_of("plain")
    rows = {"query": sides.query.clone(), "gallery": sides.gallery.clone()}
    rows[name][17, 3] = value
    with pytest.raises(ValueError, match=f"{name} has rows that are not finite, the first is row 17"):
        accuracy(operands(rows["query"], None, rows["gallery"], None, block=10))


@pytest.mark.parametrize("fast", [True, False])
def test_products_are_bf16_by_default_where_that_is_fast(fast: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marginface.matching.accuracy.multiplies_bf16", lambda device: fast)
    assert accuracy(large()).dtype == (torch.bfloat16 if fast else torch.float32)
