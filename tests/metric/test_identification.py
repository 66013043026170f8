"""Identification rates by hand, and against their definitions spelled out."""

import math

import pytest
import torch
from torch import Tensor

from marginface.metric import cmc, supports_fpir, tpir_at_fpir


def test_cmc_by_hand() -> None:
    rank = torch.tensor([1, 1, 3, 7, 2, 1, 3, 1])
    assert cmc(rank, 4).tolist() == [4 / 8, 5 / 8, 7 / 8, 7 / 8]
    assert cmc(rank, 9).tolist()[6:] == [1.0, 1.0, 1.0]
    assert cmc(torch.tensor([5, 6]), 2).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("rank", "max_rank", "message"),
    [
        (torch.tensor([1, 0, 0]), 5, "2 entries below 1: probes without a mate"),
        (torch.tensor([1, -1]), 5, "1 entries below 1"),
        (torch.empty(0).long(), 5, r"Q > 0, got \(0,\)"),
        (torch.tensor([1]), 0, "max_rank=0"),
    ],
)
def test_cmc_refuses_what_has_no_rank(rank: Tensor, max_rank: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cmc(rank, max_rank)


def searches() -> tuple[Tensor, Tensor, Tensor]:
    """Four probes with a mate, one of which comes second; ten without, their tops .90, .85, ... .45."""
    score = torch.tensor([0.95, 0.87, 0.86, 0.30])
    correct = torch.tensor([True, True, False, True])
    return (
        score,
        correct,
        torch.linspace(0.45, 0.90, 10)[torch.randperm(10, generator=torch.Generator().manual_seed(0))],
    )


@pytest.mark.parametrize(
    ("fpir", "cut", "found"),
    [
        (0.1, 0.85, [True, True, False, False]),  # one search may return somebody: that of .90
        (0.2, 0.80, [True, True, False, False]),
        (0.25, 0.80, [True, True, False, False]),  # 2.5 searches are two
        (1.0, -math.inf, [True, True, False, True]),
    ],
)
def test_tpir_by_hand(fpir: float, cut: float, found: list[bool]) -> None:
    result = tpir_at_fpir(*searches(), fpir)
    assert result.cut == pytest.approx(cut)
    assert result.found.tolist() == found
    assert result.rate == sum(found) / 4
    assert float((searches()[2] > result.cut).double().mean()) <= fpir


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("fpir", [0.02, 0.05, 0.13])
def test_tpir_is_the_best_of_all_admissible_cuts(seed: int, fpir: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    nonmated = (torch.randn(100, generator=generator) * 5).round() / 10  # ties
    mated = (torch.randn(60, generator=generator) * 5 + 5).round() / 10
    correct = torch.rand(60, generator=generator) < 0.9
    admissible = [c for c in [*nonmated.tolist(), *mated.tolist()] if (nonmated > c).double().mean() <= fpir]
    expected = max(float(((mated > c) & correct).double().mean()) for c in admissible)
    assert tpir_at_fpir(mated, correct, nonmated, fpir).rate == expected


@pytest.mark.parametrize(("fpir", "more"), [(0.125, 0), (0.1, 1)])
def test_the_usual_rule_accepts_one_search_less_where_the_product_is_whole(fpir: float, more: int) -> None:
    mated, correct, nonmated = searches()
    usual_cut = nonmated.sort(descending=True).values[math.ceil(fpir * 10) - 1]
    ours = tpir_at_fpir(mated, correct, nonmated, fpir).cut
    assert int((nonmated > ours).sum()) - int((nonmated > usual_cut).sum()) == more


@pytest.mark.parametrize(
    ("num", "fpir", "expected"), [(1000, 1e-3, True), (999, 1e-3, False), (100, 0.01, True), (0, 1, False)]
)
def test_a_rate_needs_one_search_that_may_return_somebody(num: int, fpir: float, expected: bool) -> None:
    assert supports_fpir(fpir, num) is expected


def test_a_rate_that_the_searches_cannot_support_is_refused() -> None:
    with pytest.raises(ValueError, match=r"fpir=0\.05 needs at least 20 searches without a mate, got 10"):
        tpir_at_fpir(*searches(), 0.05)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mated_correct": torch.ones(3, dtype=torch.bool)}, r"got \(4,\), \(3,\), \(10,\)"),
        ({"mated_correct": torch.ones(4)}, "boolean"),
        ({"nonmated_top": torch.empty(0)}, r"\(0,\)"),
        ({"mated_score": torch.full((4,), torch.nan)}, "mated_score has 4 values that are NaN"),
        ({"nonmated_top": torch.full((10,), torch.nan)}, "nonmated_top has 10 values that are NaN"),
    ],
)
def test_unusable_searches_are_refused(change: dict[str, Tensor], message: str) -> None:
    names = ("mated_score", "mated_correct", "nonmated_top")
    with pytest.raises(ValueError, match=message):
        tpir_at_fpir(**dict(zip(names, searches(), strict=True)) | change, fpir=0.1)
