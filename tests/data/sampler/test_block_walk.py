from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marginface.data.sampler.block_walk import BlockWalk


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 300), st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_every_image_has_one_place(total: int, block_size: int, num_blocks: int, seed: int) -> None:
    walk = BlockWalk(total, block_size, num_blocks, seed)
    assert sorted(walk.images(np.arange(total)).tolist()) == list(range(total))
    assert (walk.starts[0], walk.starts[-1]) == (0, total)
    spans = [walk.span(place) for place in range(len(walk.blocks))]
    assert sorted(spans) == [(first, min(first + block_size, total)) for first in range(0, total, block_size)]


@pytest.mark.parametrize(("block_size", "num_blocks"), [(12, 4), (12, 5), (7, 3), (3, 5), (12, 1)])
def test_a_round_has_an_equal_part_of_each_block_of_its_window(block_size: int, num_blocks: int) -> None:
    walk = BlockWalk(20 * block_size, block_size, num_blocks, 1)
    place_of = np.argsort(walk.blocks)
    least, most = block_size // num_blocks, -(-block_size // num_blocks)
    for number, start in enumerate(walk.starts[:-1].tolist()):
        places = place_of[walk.images(np.arange(start, start + block_size)) // block_size]
        window = {(number - part) % 20 for part in range(num_blocks)}
        assert set(places) <= window
        counts = Counter(places.tolist())
        assert all(least <= counts[place] <= most for place in window)


def test_any_part_is_a_part_of_the_whole() -> None:
    walk = BlockWalk(1003, 20, 5, 3)
    whole = walk.images(np.arange(1003))
    places = np.random.default_rng(0).permutation(1003)
    assert walk.images(places).tolist() == whole[places].tolist()
    assert BlockWalk(1003, 20, 5, 3).images(places[:9]).tolist() == whole[places[:9]].tolist()
    assert BlockWalk(1003, 20, 5, 4).images(np.arange(1003)).tolist() != whole.tolist()


def test_rounds_are_found_by_place() -> None:
    walk = BlockWalk(95, 10, 3, 0)
    rounds = walk.round_of(np.arange(95))
    assert rounds.tolist() == np.repeat(np.arange(10), np.diff(walk.starts)).tolist()
    assert sum(np.diff(walk.starts) < 10) <= 3, "those that the block of five images is dealt to"


def test_neighbours_in_a_block_are_torn_apart() -> None:
    order = BlockWalk(10_000, 100, 10, 0).images(np.arange(10_000))
    place = np.argsort(order)
    distances = np.abs(np.diff(place))[np.arange(9999) % 100 < 99]
    wrapped = np.minimum(distances, 10_000 - distances)
    assert 200 < np.median(wrapped) < 400, "a third of a window of 1,000 on average"
    assert wrapped.max() <= 1000 + 100
