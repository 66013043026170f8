"""Rules that choose thresholds, against loops over cuts and pairs."""

import numpy as np
import pytest
import references
import torch
from torch import Tensor

from marginface.metric.cuts import first_best_distance_cut, first_best_exact_cut, mean_of_best_grid_cuts
from marginface.metric.folds import ThresholdRule, cross_validate, fold_of_pair

RULES = [
    (mean_of_best_grid_cuts, references.mean_of_best),
    (first_best_distance_cut, references.first_best_distance),
    (first_best_exact_cut, references.first_best_exact),
]


def chosen(rule: ThresholdRule, score: Tensor, same: Tensor) -> float:
    """Threshold of an empty fold: all pairs lie outside it."""
    return float(rule(score[None], same, torch.ones(len(score), dtype=torch.int64))[0])


@pytest.mark.parametrize(("rule", "reference"), RULES)
@pytest.mark.parametrize("step", [0.01, 0.1])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("num_rows", [1, 5])
def test_rules_equal_their_loops_where_scores_tie_and_lie_on_the_grid(rule, reference, step, seed, num_rows) -> None:  # type: ignore[no-untyped-def]
    generator = np.random.default_rng(seed)
    same = generator.random(53) < 0.5
    score = np.clip(np.round((generator.normal(size=53) * 0.3 + 0.3 * same) / step), -1 / step, 1 / step) * step
    if rule is first_best_distance_cut:
        score = np.round((score - 1) / step) * step  # negated distances, within -2..0
    rows = torch.from_numpy(score).expand(num_rows, -1)
    found = cross_validate(rows, torch.from_numpy(same), fold_of_pair(len(same), 5), rule)
    correct, thresholds = references.judge(lambda train: score, same, references.folds(53, 5), reference)
    assert found.num_correct.tolist() == correct
    np.testing.assert_allclose(found.threshold.numpy(), thresholds, rtol=0, atol=1e-15)
    assert found.num_pairs.tolist() == [11, 11, 11, 10, 10]


@pytest.mark.parametrize(("rule", "reference"), RULES)
def test_each_fold_has_its_own_scores(rule, reference) -> None:  # type: ignore[no-untyped-def]
    generator = np.random.default_rng(0)
    same = np.arange(40) % 3 == 0
    score = np.clip(generator.normal(size=(4, 40)) * 0.3 + 0.3 * same - (rule is first_best_distance_cut), -1, 0.99)
    parts = references.folds(40, 4)
    rows = iter(score)
    correct, thresholds = references.judge(lambda train: next(rows), same, parts, reference)
    found = cross_validate(torch.from_numpy(score), torch.from_numpy(same), fold_of_pair(40, 4), rule)
    assert found.num_correct.tolist() == correct
    np.testing.assert_allclose(found.threshold.numpy(), thresholds, rtol=0, atol=1e-15)


def test_mean_of_best_takes_the_whole_plateau() -> None:
    # the thresholds .1000 ... .4999 all judge both pairs right: a score equal to the threshold is not the same
    score, same = torch.tensor([0.5, 0.1], dtype=torch.float64), torch.tensor([True, False])
    assert chosen(mean_of_best_grid_cuts, score, same) == pytest.approx((0.1 + 0.4999) / 2)


def test_first_best_takes_the_lowest_cut_and_the_smallest_distance() -> None:
    # cuts .15 and .35 are both right for 3 of 4
    score, same = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64), torch.tensor([False, True, False, True])
    assert chosen(first_best_exact_cut, score, same) == pytest.approx(0.15)
    assert chosen(first_best_distance_cut, -score, ~same) == pytest.approx(-0.11)


def test_exact_cut_parts_neighbouring_floats_and_can_take_or_refuse_all() -> None:
    low = torch.tensor([0.5], dtype=torch.float64)
    high = torch.nextafter(low, torch.ones_like(low))
    for pair in (torch.cat((low, high)), torch.cat((-high, -low))):
        cut = chosen(first_best_exact_cut, pair, torch.tensor([False, True]))
        assert (pair > cut).tolist() == [False, True]
    score = torch.tensor([0.1, 0.2], dtype=torch.float64)
    assert chosen(first_best_exact_cut, score, torch.tensor([True, True])) == -torch.inf
    assert chosen(first_best_exact_cut, score, torch.tensor([False, False])) == torch.inf


def test_scores_of_the_judged_fold_do_not_move_the_exact_cut() -> None:
    same = torch.tensor([False, True, False, True, True])
    fold = torch.tensor([0, 0, 1, 1, 1])
    cuts = []
    for judged in (0.3, 0.45, 0.7):  # between the training scores .2 and .6 of fold 1, and beyond them
        score = torch.tensor([[0.2, 0.6, judged, judged + 0.01, 0.9]], dtype=torch.float64)
        cuts.append(float(cross_validate(score, same, fold, first_best_exact_cut).threshold[1]))
    assert cuts == [pytest.approx(0.4)] * 3
