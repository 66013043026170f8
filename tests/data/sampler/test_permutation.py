from itertools import permutations

import numpy as np
import pytest

from marginface.data.sampler.permutation import keys_of, permuted


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 16, 101, 1000, 65537])
def test_each_number_comes_once(size: int) -> None:
    assert sorted(permuted(np.arange(size), size, 5).tolist()) == list(range(size))


@pytest.mark.parametrize("size", [42_000_000, 2**52 - 1])
def test_however_long_it_is(size: int) -> None:
    places = np.random.default_rng(0).integers(0, size, 2000)
    found = permuted(places, size, 5)
    assert 0 <= found.min() <= found.max() < size
    assert len(set(found.tolist())) == len(set(places.tolist()))
    assert abs(found.mean() / size - 0.5) < 0.03  # 4 standard deviations
    assert abs(np.corrcoef(places, found)[0, 1]) < 0.09


def test_a_place_does_not_depend_on_the_others_asked() -> None:
    sizes, keys = np.array([5, 1000, 3, 77]), keys_of(1, np.arange(4))
    places = np.array([4, 999, 0, 76])
    alone = [permuted(places[i : i + 1], int(sizes[i]), int(keys[i])).item() for i in range(4)]
    assert permuted(places, sizes, keys).tolist() == alone


@pytest.mark.parametrize("size", [2, 3, 4])
def test_all_orders_are_equally_frequent(size: int) -> None:
    draws = 6000
    keys = np.repeat(keys_of(0, np.arange(draws)), size)
    orders = permuted(np.tile(np.arange(size), draws), size, keys).reshape(draws, size)
    counts = np.array([(orders == order).all(axis=1).sum() for order in permutations(range(size))])
    expected = draws / len(counts)
    assert ((counts - expected) ** 2 / expected).sum() < len(counts) - 1 + 4 * np.sqrt(2 * len(counts))


def test_neighbours_are_scattered() -> None:
    order = permuted(np.arange(20_000), 20_000, 9)
    assert abs(np.corrcoef(order[:-1], order[1:])[0, 1]) < 0.03
    assert (np.diff(order) == 1).sum() < 8  # one is expected


def test_keys_differ() -> None:
    keys = np.concatenate([keys_of(seed, np.arange(1000)) for seed in range(3)])
    assert len(set(keys.tolist())) == 3000
