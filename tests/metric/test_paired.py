"""Paired tests: known answers, the exact McNemar test, and how often chance alone is called a difference."""

import math

import pytest
import torch
from torch import Tensor

from marginface.metric import Interval, paired_test


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p-value: the discordant units are tosses of a fair coin."""
    num = only_first + only_second
    tail = sum(math.comb(num, k) for k in range(min(only_first, only_second) + 1)) / 2**num
    return min(1.0, 2 * tail)


def binary(only_first: int, only_second: int, both: int = 20) -> tuple[Tensor, Tensor, Tensor]:
    """Right-or-wrong outcomes with so many units that one model alone has right, each unit a group."""
    first = torch.tensor([1.0] * only_first + [0.0] * only_second + [1.0] * both)
    second = torch.tensor([0.0] * only_first + [1.0] * only_second + [1.0] * both)
    return first, second, torch.arange(len(first))


def test_equal_models_are_not_told_apart() -> None:
    value = (torch.arange(30) % 4 > 0).float()
    found = paired_test(value, value.clone(), torch.arange(30), over="pairs")
    assert found.p_value == 1.0
    assert found.difference == Interval(0.0, 0.0, 0.0, "pairs")


@pytest.mark.parametrize(("only_first", "only_second"), [(9, 2), (2, 9), (5, 5), (1, 0), (14, 3), (25, 20)])
def test_of_right_or_wrong_units_it_is_the_exact_mcnemar_test(only_first: int, only_second: int) -> None:
    expected = mcnemar(only_first, only_second)
    found = paired_test(*binary(only_first, only_second), over="pairs", num_bootstrap=8000)
    assert found.p_value == pytest.approx(expected, abs=4 * (expected * (1 - expected) / 8000) ** 0.5 + 1e-3)
    total = only_first + only_second + 20
    assert found.difference.value == pytest.approx((only_first - only_second) / total)


def test_a_clear_difference_has_the_lowest_p_value_and_an_interval_without_zero() -> None:
    first, second, group = binary(40, 0)
    found = paired_test(first, second, group, over="identities")
    assert found.p_value == pytest.approx(1 / 1001)
    assert found.difference.low > 0
    assert found.difference.over == "identities"


def test_exchanging_the_models_flips_the_difference_only() -> None:
    first, second, group = binary(9, 4)
    one, other = paired_test(first, second, group, over="pairs"), paired_test(second, first, group, over="pairs")
    assert one.p_value == other.p_value
    ends = other.difference
    assert one.difference[:3] == pytest.approx((-ends.value, -ends.high, -ends.low))


def test_values_need_not_be_right_or_wrong() -> None:
    # +3 and -1: of the four sign patterns the two of +-4 and none else reach... |2|: all four do; of 3, 2 half do
    group = torch.arange(2)
    of = {pair: paired_test(torch.tensor(pair), torch.zeros(2), group, over="x") for pair in ((3.0, -1.0), (3.0, 1.0))}
    assert of[3.0, -1.0].p_value == 1.0
    assert of[3.0, 1.0].p_value == pytest.approx(0.5, abs=0.06)


def test_what_hangs_together_is_no_evidence_on_its_own() -> None:
    first, second, _ = binary(12, 0, both=0)
    apart = paired_test(first, second, torch.arange(12), over="pairs")
    together = paired_test(first, second, torch.arange(12) // 4, over="identities")
    assert apart.p_value < 0.005
    assert together.p_value == pytest.approx(0.25, abs=0.05)  # three groups: 2 of 8 sign patterns


def null_case(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Two models that are alike, with luck shared within 30 groups of four units."""
    generator = torch.Generator().manual_seed(seed)
    group = torch.arange(120) // 4
    sides = []
    for _ in range(2):
        level = (0.6 + 0.5 * torch.randn(30, generator=generator)).clamp(0, 1)
        sides.append((torch.rand(120, generator=generator) < level[group]).float())
    return sides[0], sides[1], group


def test_chance_is_called_a_difference_about_as_often_as_it_says() -> None:
    found = [paired_test(*null_case(seed), over="identities", num_bootstrap=200, seed=seed) for seed in range(300)]
    rejected = sum(test.p_value <= 0.05 for test in found) / len(found)
    covered = sum(test.difference.low <= 0 <= test.difference.high for test in found) / len(found)
    assert 0.02 <= rejected <= 0.085
    assert 0.90 <= covered <= 0.98
    naive = [
        paired_test(*null_case(seed)[:2], torch.arange(120), over="pairs", num_bootstrap=200) for seed in range(300)
    ]
    assert sum(test.p_value <= 0.05 for test in naive) / len(naive) > 0.1  # groups must not be taken apart


@pytest.mark.parametrize(
    ("first", "second", "group", "message"),
    [
        (torch.ones(3), torch.ones(4), torch.arange(3), r"got \(3,\) and \(4,\): compare models on the same set"),
        (torch.ones(3), torch.ones(3), torch.arange(4), r"\(U,\) each"),
        (torch.empty(0), torch.empty(0), torch.empty(0), "U > 0"),
        (torch.tensor([1.0, torch.inf]), torch.ones(2), torch.arange(2), "not finite"),
    ],
)
def test_unusable_input_is_refused(first: Tensor, second: Tensor, group: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        paired_test(first, second, group, over="pairs")


def test_settings_that_give_no_test_are_refused() -> None:
    with pytest.raises(ValueError, match="num_bootstrap=0"):
        paired_test(*binary(1, 1), over="pairs", num_bootstrap=0)
