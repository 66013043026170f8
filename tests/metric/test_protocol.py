"""The three protocols against loops over folds, thresholds and pairs that follow their sources line by line."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from marginface.metric.protocol import (
    PROTOCOLS,
    cross_validate,
    first_best_distance_cut,
    first_best_exact_cut,
    flip_sum_cosine,
    fold_of_pair,
    insightface,
    mean_of_best_grid_cuts,
    sphereface,
    strict,
)

Array = NDArray[np.float64]
Images = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


def accuracies_at(score: Array, same: NDArray[np.bool_], cuts: Array) -> Array:
    return np.array([np.mean((score > cut) == same) for cut in cuts])


def reference_mean_of_best(score: Array, same: NDArray[np.bool_]) -> float:
    cuts = np.arange(-10000, 10001) / 10000
    accuracy = np.mean((score[None] > cuts[:, None]) == same, axis=1)
    return float(np.mean(cuts[accuracy == accuracy.max()]))


def reference_first_best_distance(score: Array, same: NDArray[np.bool_]) -> float:
    cuts = np.arange(0, 4, 0.01)
    accuracy = [np.mean((-score < cut) == same) for cut in cuts]
    return -float(cuts[int(np.argmax(accuracy))])


def reference_first_best_exact(score: Array, same: NDArray[np.bool_]) -> float:
    level = sorted(set(score.tolist()))
    middles = [(low + high) / 2 for low, high in pairwise(level)]
    cuts = np.array([-np.inf, *middles, np.inf])
    return float(cuts[int(np.argmax(accuracies_at(score, same, cuts)))])


def reference_folds(num_pairs: int, num_folds: int) -> list[NDArray[np.int64]]:
    return np.array_split(np.arange(num_pairs), num_folds)


def reference_judge(
    score_of_fold: Callable[[NDArray[np.bool_]], Array],
    same: NDArray[np.bool_],
    num_folds: int,
    choose: Callable[[Array, NDArray[np.bool_]], float],
) -> tuple[list[int], list[float]]:
    correct, thresholds = [], []
    for fold in reference_folds(len(same), num_folds):
        train = np.ones(len(same), dtype=bool)
        train[fold] = False
        score = score_of_fold(train)
        thresholds.append(choose(score[train], same[train]))
        correct.append(int(np.sum((score[fold] > thresholds[-1]) == same[fold])))
    return correct, thresholds


RULES = [
    (mean_of_best_grid_cuts, reference_mean_of_best),
    (first_best_distance_cut, reference_first_best_distance),
    (first_best_exact_cut, reference_first_best_exact),
]


@pytest.mark.parametrize(("rule", "reference"), RULES)
@pytest.mark.parametrize("step", [0.01, 0.1])
@pytest.mark.parametrize("seed", range(3))
def test_rules_equal_their_loops_where_scores_tie_and_lie_on_the_grid(rule, reference, step, seed) -> None:  # type: ignore[no-untyped-def]
    generator = np.random.default_rng(seed)
    same = generator.random(53) < 0.5
    score = np.clip(np.round((generator.normal(size=53) * 0.3 + 0.3 * same) / step), -1 / step, 1 / step) * step
    if rule is first_best_distance_cut:
        score = np.round((score - 1) / step) * step  # negated distances, within -2..0
    found = cross_validate(
        torch.from_numpy(score).expand(5, -1), torch.from_numpy(same), fold_of_pair(len(same), 5), rule
    )
    correct, thresholds = reference_judge(lambda train: score, same, 5, reference)
    assert found.num_correct.tolist() == correct
    np.testing.assert_allclose(found.threshold.numpy(), thresholds, rtol=0, atol=1e-15)
    assert found.num_pairs.tolist() == [11, 11, 11, 10, 10]


def random_images(seed: int, num_images: int = 40, num_pairs: int = 83, dim: int = 6) -> Images:
    """Embeddings off the origin, images shared among pairs, some pairs listed twice."""
    generator = torch.Generator().manual_seed(seed)
    identity = torch.arange(num_images) % 8
    centre = torch.randn(8, dim, generator=generator)[identity]
    plain, flipped = (centre + 0.7 * torch.randn(num_images, dim, generator=generator) + 1.5 for _ in range(2))
    first, second = torch.randint(num_images, (2, num_pairs), generator=generator)
    second = torch.where(torch.arange(num_pairs) % 2 == 0, (first + 8) % num_images, second)
    first[-10:], second[-10:] = first[:10], second[:10]
    return plain, flipped, first, second, identity[first] == identity[second]


def unit(rows: Array) -> Array:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("seed", range(4))
def test_sphereface_equals_the_official_script_step_by_step(seed: int) -> None:
    images = random_images(seed)
    plain, flipped, first, second, same = (tensor.numpy() for tensor in images)
    feature = np.concatenate([plain, flipped], axis=1).astype(np.float64)

    def score(train: NDArray[np.bool_]) -> Array:
        mean = np.concatenate([feature[first[train]], feature[second[train]]]).mean(axis=0)
        return np.sum(unit(feature[first] - mean) * unit(feature[second] - mean), axis=1)

    correct, thresholds = reference_judge(score, same, 4, reference_mean_of_best)
    found = sphereface(*images, num_folds=4)
    assert found.num_correct.tolist() == correct
    np.testing.assert_allclose(found.threshold.numpy(), thresholds, rtol=0, atol=1e-12)
    assert found.mean == pytest.approx(np.mean(np.array(correct) / [21, 21, 21, 20]), abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_insightface_equals_its_evaluation_step_by_step(seed: int) -> None:
    images = random_images(seed)
    plain, flipped, first, second, same = (tensor.numpy() for tensor in images)
    feature = unit(plain.astype(np.float64) + flipped)
    distance = np.sum(np.square(feature[first] - feature[second]), axis=1)
    correct, thresholds = reference_judge(lambda train: -distance, same, 4, reference_first_best_distance)
    found = insightface(*images, num_folds=4)
    assert found.num_correct.tolist() == correct
    assert found.threshold.tolist() == thresholds


@pytest.mark.parametrize("seed", range(4))
def test_strict_equals_a_search_of_every_cut(seed: int) -> None:
    images = random_images(seed)
    same = images[-1].numpy()
    score = flip_sum_cosine(*images[:4]).numpy()
    correct, thresholds = reference_judge(lambda train: score, same, 4, reference_first_best_exact)
    found = strict(*images, num_folds=4)
    assert found.num_correct.tolist() == correct
    assert found.threshold.tolist() == thresholds


def test_flip_sum_cosine_by_hand() -> None:
    plain = torch.tensor([[1.0, 0.0], [0.0, 3.0], [0.0, 0.0]])
    flipped = torch.tensor([[1.0, 0.0], [4.0, 0.0], [0.0, 0.0]])
    score = flip_sum_cosine(plain, flipped, torch.tensor([0, 0, 1]), torch.tensor([0, 1, 2]))
    assert score.tolist() == pytest.approx([1.0, 0.8, 0.0])


def test_mean_of_best_takes_the_whole_plateau() -> None:
    # the thresholds .1000 ... .4999 all judge both pairs right: a score equal to the threshold is not the same
    score, same = torch.tensor([0.5, 0.1], dtype=torch.float64), torch.tensor([True, False])
    assert float(mean_of_best_grid_cuts(score, same)) == pytest.approx((0.1 + 0.4999) / 2)


def test_first_best_takes_the_lowest_cut_and_the_smallest_distance() -> None:
    # cuts .15 and .35 are both right for 3 of 4
    score, same = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64), torch.tensor([False, True, False, True])
    assert float(first_best_exact_cut(score, same)) == pytest.approx(0.15)
    assert float(first_best_distance_cut(-score, ~same)) == pytest.approx(-0.11)


def test_exact_cut_parts_neighbouring_floats_and_can_take_or_refuse_all() -> None:
    low = torch.tensor([0.5], dtype=torch.float64)
    high = torch.nextafter(low, torch.ones_like(low))
    for pair in (torch.cat((low, high)), torch.cat((-high, -low))):
        cut = first_best_exact_cut(pair, torch.tensor([False, True]))
        assert (pair > cut).tolist() == [False, True]
    score = torch.tensor([0.1, 0.2], dtype=torch.float64)
    assert float(first_best_exact_cut(score, torch.tensor([True, True]))) == -torch.inf
    assert float(first_best_exact_cut(score, torch.tensor([False, False]))) == torch.inf


def test_sphereface_is_blind_to_a_common_shift_even_a_large_one() -> None:
    plain, flipped, *pairs = random_images(0)
    expected = sphereface(plain, flipped, *pairs, num_folds=4)
    found = sphereface(plain.double() + 1e7, flipped.double() - 1e7, *pairs, num_folds=4)
    assert found.num_correct.tolist() == expected.num_correct.tolist()


@pytest.mark.parametrize("name", PROTOCOLS)
def test_protocols_are_blind_to_the_scale_and_survive_embeddings_that_do_not_differ(name: str) -> None:
    plain, flipped, *pairs = random_images(1)
    expected = PROTOCOLS[name](plain, flipped, *pairs, 4)
    scaled = PROTOCOLS[name](64 * plain, 64 * flipped, *pairs, 4)
    assert scaled.num_correct.tolist() == expected.num_correct.tolist()
    collapsed = PROTOCOLS[name](torch.ones_like(plain), torch.ones_like(flipped), *pairs, 4)
    majority = max(float(pairs[-1].double().mean()), float((~pairs[-1]).double().mean()))
    assert 0 <= collapsed.mean <= majority + 0.1


@pytest.mark.parametrize(("num_pairs", "num_folds"), [(6000, 10), (7, 3), (5, 5), (1201, 2)])
def test_folds_are_contiguous_and_the_first_ones_longer(num_pairs: int, num_folds: int) -> None:
    fold = fold_of_pair(num_pairs, num_folds)
    for number, expected in enumerate(reference_folds(num_pairs, num_folds)):
        assert (fold == number).nonzero().flatten().tolist() == expected.tolist()


@pytest.mark.parametrize(("num_pairs", "num_folds"), [(10, 1), (10, 0), (3, 4)])
def test_impossible_folds_are_refused(num_pairs: int, num_folds: int) -> None:
    with pytest.raises(ValueError, match=f"num_folds={num_folds} must be at least 2"):
        fold_of_pair(num_pairs, num_folds)
