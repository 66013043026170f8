"""Cluster bootstrap of a mean: laws, and a loop that draws group by group."""

import numpy as np
import pytest
import torch
from torch import Tensor

from marginface.metric import Interval, groups_bootstrap


def clustered(seed: int, num_groups: int = 40, size: int = 6, spread: float = 0.3) -> tuple[Tensor, Tensor]:
    """Outcomes that are alike within a group; groups of one to ``size`` units, numbered with gaps."""
    generator = torch.Generator().manual_seed(seed)
    group = torch.arange(num_groups).repeat_interleave(torch.arange(num_groups) % size + 1)
    level = 0.7 + spread * torch.randn(num_groups, generator=generator)
    value = (torch.rand(len(group), generator=generator) < level[group]).float()
    order = torch.randperm(len(group), generator=generator)
    return value[order], 7 * group[order] - 20


def test_it_agrees_with_drawing_group_by_group() -> None:
    value, group = clustered(0)
    members = [value[group == g].numpy() for g in torch.unique(group)]
    generator = np.random.default_rng(0)
    drawn = [
        np.concatenate([members[i] for i in generator.integers(len(members), size=len(members))]).mean()
        for _ in range(2000)
    ]
    low, high = np.percentile(drawn, [2.5, 97.5])
    found = groups_bootstrap(value, group, over="identities", num_bootstrap=4000)
    assert found.value == pytest.approx(float(value.mean()))
    assert found.over == "identities"
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.15 * (high - low))


def test_units_that_hang_together_widen_the_interval() -> None:
    value, group = clustered(1)
    apart = groups_bootstrap(value, torch.arange(len(value)), over="pairs")
    together = groups_bootstrap(value, group, over="identities")
    doubled = groups_bootstrap(value.repeat(2), group.repeat(2), over="identities")
    assert together.high - together.low > 1.2 * (apart.high - apart.low)
    assert doubled == together  # the same units once more are no news


def test_chunks_of_resamples_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    value, group = clustered(2)
    expected = groups_bootstrap(value, group, over="identities", num_bootstrap=300)
    monkeypatch.setattr("marginface.metric.bootstrap._CHUNK_CELLS", 40 * 7)
    found = groups_bootstrap(value, group, over="identities", num_bootstrap=300)
    assert found[:3] == pytest.approx(expected[:3], abs=1e-12)  # the draws come in the same order


def test_equal_outcomes_and_a_single_group_give_a_point() -> None:
    assert groups_bootstrap(torch.ones(9), torch.arange(9), over="pairs") == Interval(1.0, 1.0, 1.0)
    value = torch.tensor([0.0, 1.0, 1.0, 1.0])
    assert groups_bootstrap(value, torch.zeros(4).long(), over="x") == Interval(0.75, 0.75, 0.75, "x")


@pytest.mark.parametrize(
    ("value", "group", "options", "message"),
    [
        (torch.empty(0), torch.empty(0), {}, r"U > 0, got \(0,\), \(0,\)"),
        (torch.ones(3), torch.arange(2), {}, r"got \(3,\), \(2,\)"),
        (torch.tensor([1.0, torch.nan]), torch.arange(2), {}, "1 entries that are not finite"),
        (torch.ones(2), torch.arange(2), {"num_bootstrap": 0}, "num_bootstrap=0"),
        (torch.ones(2), torch.arange(2), {"confidence": 1.0}, "confidence=1"),
    ],
)
def test_unusable_input_is_refused(value: Tensor, group: Tensor, options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        groups_bootstrap(value, group, over="pairs", **options)  # type: ignore[arg-type]
