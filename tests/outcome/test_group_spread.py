"""Differences between groups."""

import numpy as np
import pytest
import torch

from marginface.metric import FoldAccuracy, folds_bootstrap
from marginface.outcome.group_spread import mean_units, merged, spread_over_groups


def accuracy(*correct: int, size: int = 100) -> FoldAccuracy:
    """Two folds of a group."""
    right = torch.cat([torch.arange(size) < number for number in correct])
    return FoldAccuracy(torch.tensor(correct), torch.full((len(correct),), size), torch.zeros(len(correct)), right)


def test_mean_deviation_and_gap_of_known_accuracies() -> None:
    found = spread_over_groups([accuracy(90, 92), accuracy(95, 95), accuracy(97, 97), accuracy(93, 95)])
    means = np.array([0.91, 0.95, 0.97, 0.94])
    assert found["mean"].value == pytest.approx(means.mean())
    assert found["std"].value == pytest.approx(means.std())
    assert found["gap"].value == pytest.approx(0.06)
    assert all(figure.low <= figure.value <= figure.high and figure.over == "pairs" for figure in found.values())


def test_the_interval_of_a_gap_is_that_of_a_difference_where_groups_are_far_apart() -> None:
    low, high = accuracy(50, 50), accuracy(90, 90)
    gap = spread_over_groups([low, high], num_bootstrap=4000)["gap"]
    deviation = np.sqrt(0.5 * 0.5 / 200 + 0.9 * 0.1 / 200)
    assert gap.low == pytest.approx(0.4 - 1.96 * deviation, abs=0.01)
    assert gap.high == pytest.approx(0.4 + 1.96 * deviation, abs=0.01)


def test_groups_without_an_error_have_no_spread() -> None:
    found = spread_over_groups([accuracy(100, 100), accuracy(100, 100)])
    assert found["mean"][:3] == (1, 1, 1)
    assert found["gap"][:3] == found["std"][:3] == (0, 0, 0)


def test_groups_are_resampled_apart_from_each_other() -> None:
    parts = [accuracy(80, 80), accuracy(80, 80)]
    found = spread_over_groups(parts, num_bootstrap=2000)
    alone = folds_bootstrap(parts[0], num_bootstrap=2000)
    ratio = (found["mean"].high - found["mean"].low) / (alone.high - alone.low)
    assert ratio == pytest.approx(0.5**0.5, abs=0.08)
    assert found["gap"].high > 0.05  # drawn together, they would never part
    assert spread_over_groups(parts) == spread_over_groups(parts)
    assert spread_over_groups(parts) != spread_over_groups(parts, seed=1)


def test_units_of_the_mean_are_given_where_their_mean_is_that_of_the_groups() -> None:
    groups = [{"strict": accuracy(90, 92)}, {"strict": accuracy(95, 99)}]
    units = mean_units(groups)["mean/accuracy@strict"]
    assert units.value.mean() == pytest.approx(0.94)
    assert len(np.unique(units.group)) == 400
    assert mean_units([*groups, {"strict": accuracy(5, 5, size=50)}]) == {}


def test_merged() -> None:
    assert merged([{"a": 1}, {"b": 2}]) == {"a": 1, "b": 2}
