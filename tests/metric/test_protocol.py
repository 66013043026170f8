"""The three protocols against loops over folds, thresholds and pairs that follow their sources line by line."""

import numpy as np
import pytest
import references
import torch
from numpy.typing import NDArray
from references import Array, random_images, unit

from marginface.metric.folds import fold_of_pair
from marginface.metric.insightface_tar import insightface_tar
from marginface.metric.protocol import PROTOCOLS, flip_sum_cosine, insightface, sphereface, strict

PARTS = references.folds(83, 4)


@pytest.mark.parametrize("seed", range(4))
def test_sphereface_equals_the_official_script_step_by_step(seed: int) -> None:
    images = random_images(seed)
    plain, flipped, first, second, same = (tensor.numpy() for tensor in images)
    feature = np.concatenate([plain, flipped], axis=1).astype(np.float64)

    def score(train: NDArray[np.bool_]) -> Array:
        mean = np.concatenate([feature[first[train]], feature[second[train]]]).mean(axis=0)
        return np.sum(unit(feature[first] - mean) * unit(feature[second] - mean), axis=1)

    correct, thresholds = references.judge(score, same, PARTS, references.mean_of_best)
    found = sphereface(*images, folds=4)
    assert found.num_correct.tolist() == correct
    np.testing.assert_allclose(found.threshold.numpy(), thresholds, rtol=0, atol=1e-12)
    assert found.mean == pytest.approx(np.mean(np.array(correct) / [21, 21, 21, 20]), abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_insightface_equals_its_evaluation_step_by_step(seed: int) -> None:
    images = random_images(seed)
    plain, flipped, first, second, same = (tensor.numpy() for tensor in images)
    feature = unit(plain.astype(np.float64) + flipped)
    distance = np.sum(np.square(feature[first] - feature[second]), axis=1)
    correct, thresholds = references.judge(lambda train: -distance, same, PARTS, references.first_best_distance)
    found = insightface(*images, folds=4)
    assert found.num_correct.tolist() == correct
    assert found.threshold.tolist() == thresholds


@pytest.mark.parametrize("seed", range(4))
def test_strict_equals_a_search_of_every_cut(seed: int) -> None:
    images = random_images(seed)
    same = images[-1].numpy()
    score = flip_sum_cosine(*images[:4]).numpy()
    correct, thresholds = references.judge(lambda train: score, same, PARTS, references.first_best_exact)
    found = strict(*images, folds=4)
    assert found.num_correct.tolist() == correct
    assert found.threshold.tolist() == thresholds


def test_sphereface_is_blind_to_a_common_shift_even_a_large_one() -> None:
    plain, flipped, *pairs = random_images(0)
    expected = sphereface(plain, flipped, *pairs, folds=4)
    found = sphereface(plain.double() + 1e7, flipped.double() - 1e7, *pairs, folds=4)
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


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_known_score_and_folds_given_one_by_one_change_nothing(name: str) -> None:
    images = random_images(2)
    expected = PROTOCOLS[name](*images, 4)
    found = PROTOCOLS[name](*images, fold_of_pair(83, 4), score=flip_sum_cosine(*images[:4]))
    assert torch.equal(found.right, expected.right)
    assert torch.equal(found.threshold, expected.threshold)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_the_order_of_pairs_does_not_matter_where_they_keep_their_folds(name: str) -> None:
    plain, flipped, *pairs = random_images(3)
    fold = torch.arange(83) % 5
    order = torch.randperm(83, generator=torch.Generator().manual_seed(0))
    expected = PROTOCOLS[name](plain, flipped, *pairs, fold)
    found = PROTOCOLS[name](plain, flipped, *(part[order] for part in pairs), fold[order])
    assert torch.equal(found.right, expected.right[order])
    assert found.num_pairs.tolist() == [17, 17, 17, 16, 16]


def test_insightface_brings_its_own_true_accept_rate() -> None:
    plain, flipped, *_ = random_images(0)
    generator = torch.Generator().manual_seed(0)
    first, second = torch.randint(40, (2, 2600), generator=generator)
    same = first % 8 == second % 8
    found = insightface(plain, flipped, first, second, same, 10)
    distance = 2 - 2 * flip_sum_cosine(plain, flipped, first, second)
    expected = insightface_tar(distance.clamp_min(0), same, fold_of_pair(2600, 10))
    assert found.tar is not None
    assert expected is not None
    assert found.tar.mean == expected.mean
    assert insightface(*random_images(0), 4).tar is None  # 40 impostor pairs
    assert strict(plain, flipped, first, second, same).tar is None
