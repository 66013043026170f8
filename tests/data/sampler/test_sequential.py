import pickle
from collections import Counter
from itertools import chain

import numpy as np
import pytest

from marginface.data import SequentialSampler
from marginface.data.sampler.base import BatchSampler
from marginface.data.sampler.sequential import BlockRequest

LABELS = np.zeros(1000, dtype=np.int64)
SIZES = {"block_size": 20, "num_blocks": 5}  # 50 blocks


def epoch(sampler: BatchSampler, number: int = 0) -> list[BlockRequest]:
    sampler.set_epoch(number)
    return list(sampler)


def order(requests: list[BlockRequest]) -> np.ndarray:
    return np.concatenate([request.indices for request in requests])


@pytest.mark.parametrize(
    ("total", "batch_size", "block_size", "num_blocks"),
    [(1000, 8, 20, 5), (997, 8, 20, 5), (997, 8, 1, 3), (100, 7, 13, 1), (100, 4, 13, 100), (10, 3, 1024, 64)],
)
def test_an_epoch_has_every_image_once_but_for_the_last_incomplete_batch(
    total: int, batch_size: int, block_size: int, num_blocks: int
) -> None:
    sampler = SequentialSampler(np.zeros(total), batch_size, block_size=block_size, num_blocks=num_blocks)
    seen = order(epoch(sampler))
    assert len(set(seen)) == len(seen) == total // batch_size * batch_size
    assert sorted(SequentialSampler(np.zeros(total), 1, block_size=block_size, num_blocks=num_blocks).order(5)) == (
        list(range(total))
    )


def test_few_blocks_are_under_way_at_a_time_and_few_are_read_again() -> None:
    blocks = SequentialSampler(LABELS, 10, **SIZES).order(0) // 20
    spans: list[int] = []
    visits = 0
    for block in range(50):
        places = np.flatnonzero(blocks == block)
        parts = np.split(places, np.flatnonzero(np.diff(places) > 20 * 10) + 1)  # the ends of the epoch touch
        visits += len(parts)
        spans += [int(np.ptp(part)) for part in parts]
    assert visits == 50 + 5 - 1
    assert max(spans) < 20 * (5 + 3), "five rounds of about a block"
    assert all(len(set(blocks[start : start + 20])) <= 2 * 5 for start in range(0, 1000, 20))


def test_a_batch_mixes_the_blocks_of_a_window() -> None:
    blocks = SequentialSampler(LABELS, 10, block_size=50, num_blocks=4).order(0) // 50
    assert [len(set(blocks[start : start + 25])) >= 4 for start in range(0, 1000, 25)].count(False) <= 1
    assert not (np.diff(blocks) == 0).mean() > 0.35, "a quarter by chance"


def test_with_all_blocks_in_the_window_every_order_begins_alike_often() -> None:
    orders = [SequentialSampler(np.zeros(6), 1, block_size=2, num_blocks=3).order(seed) for seed in range(3000)]
    for place in (0, 3, 5):
        counts = Counter(int(order[place]) for order in orders)
        assert max(abs(counts[image] - 500) for image in range(6)) < 5 * 21, "five standard deviations"


def test_blocks_come_in_another_order_each_epoch() -> None:
    sampler = SequentialSampler(LABELS, 10, **SIZES)
    first = [tuple(dict.fromkeys((order(epoch(sampler, number)) // 20).tolist()))[:10] for number in range(3)]
    assert len(set(first)) == 3
    assert order(epoch(sampler, 1)).tolist() == order(epoch(SequentialSampler(LABELS, 10, **SIZES), 1)).tolist()
    assert order(epoch(SequentialSampler(LABELS, 10, seed=1, **SIZES), 1)).tolist() != order(epoch(sampler, 1)).tolist()


@pytest.mark.parametrize("world_size", [2, 3])
def test_ranks_partition_the_batches_of_one_process(world_size: int) -> None:
    one = epoch(SequentialSampler(LABELS, 4 * world_size, **SIZES), 3)
    ranks = [
        epoch(SequentialSampler(LABELS, 4, rank=rank, world_size=world_size, **SIZES), 3) for rank in range(world_size)
    ]
    for whole, *parts in zip(one, *ranks, strict=True):
        assert np.concatenate([part.indices for part in parts]).tolist() == whole.indices.tolist()
        assert {part.ahead for part in parts} == {whole.ahead}


def check_announced(requests: list[BlockRequest]) -> list[tuple[int, int]]:
    """Every image was announced before its batch, and a block is named as a whole; all the announcements."""
    announced: list[tuple[int, int]] = []
    for request in requests:
        announced += request.ahead
        held = np.concatenate([np.arange(*span) for span in announced])
        assert set(request.indices) <= set(held)
    assert all(first % 20 == 0 and end - first == min(20, 1000 - first) for first, end in announced)
    return announced


def test_each_block_is_announced_before_it_is_needed_and_again_at_its_second_visit() -> None:
    requests = epoch(SequentialSampler(LABELS, 10, **SIZES))
    announced = Counter(check_announced(requests))
    assert len(announced) == 50
    assert sorted(announced.values()) == [1] * 46 + [2] * 4
    assert 5 <= len(requests[0].ahead) <= 10, "the first window, and what its end needs"
    assert max(len(request.ahead) for request in requests[1:]) <= 3, "then one by one"


@pytest.mark.parametrize("start", [1, 40, 99])
def test_a_resumed_epoch_is_the_rest_of_it_and_announces_its_window_at_once(start: int) -> None:
    whole, resumed = SequentialSampler(LABELS, 10, **SIZES), SequentialSampler(LABELS, 10, **SIZES)
    resumed.start = start
    rest, expected = epoch(resumed, 2), epoch(whole, 2)[start:]
    assert order(rest).tolist() == order(expected).tolist()
    assert [r.seed for r in rest] == [r.seed for r in expected]
    check_announced(rest)
    assert len(rest[0].ahead) <= 5 + 5
    assert order(epoch(resumed, 3)).tolist() == order(epoch(whole, 3)).tolist()


def test_an_interrupted_epoch_does_not_change_the_next() -> None:
    sampler = SequentialSampler(LABELS, 10, **SIZES)
    next(iter(sampler))
    assert order(epoch(sampler, 1)).tolist() == order(epoch(SequentialSampler(LABELS, 10, **SIZES), 1)).tolist()
    assert order(epoch(sampler, 0)).tolist() == order(epoch(SequentialSampler(LABELS, 10, **SIZES), 0)).tolist()


def test_a_request_travels_to_a_worker() -> None:
    request = pickle.loads(pickle.dumps(BlockRequest(np.arange(3), 7, ((0, 20), (40, 60)))))
    assert (request.indices.tolist(), request.seed, request.ahead) == ([0, 1, 2], 7, ((0, 20), (40, 60)))
    assert list(chain(request[0])) == [0, 1, 2]


@pytest.mark.parametrize("name", ["block_size", "num_blocks"])
def test_sizes_below_one_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}=0 is less than 1"):
        SequentialSampler(LABELS, 10, **{name: 0})
