from itertools import chain, product

import numpy as np
import pytest
from torch.utils.data import DistributedSampler

from marginface.data import BatchRequest, BatchSampler
from marginface.data.sampler.base import Images, derive_seed


def epoch(sampler: BatchSampler, number: int = 0) -> list[BatchRequest]:
    sampler.set_epoch(number)
    return list(sampler)


def indices(requests: list[BatchRequest]) -> list[list[int]]:
    return [request.indices.tolist() for request in requests]


def test_an_epoch_visits_each_sample_at_most_once_and_leaves_out_less_than_a_batch() -> None:
    sampler = BatchSampler(23, 4)
    batches = indices(epoch(sampler))
    assert [len(batch) for batch in batches] == [4] * 5
    assert len(sampler) == 5
    visited = np.concatenate(batches)
    assert len(set(visited)) == 20
    assert 0 <= visited.min() <= visited.max() < 23


@pytest.mark.parametrize("world_size", [2, 3])
def test_ranks_partition_each_global_batch(world_size: int) -> None:
    one = indices(epoch(BatchSampler(50, 4 * world_size), 3))
    ranks = [indices(epoch(BatchSampler(50, 4, rank=r, world_size=world_size), 3)) for r in range(world_size)]
    assert all(len(rank) == len(one) for rank in ranks)
    for whole, *parts in zip(one, *ranks, strict=True):
        assert list(chain(*parts)) == whole, "rank r holds the r-th part, so that one process can be compared with many"


def test_order_is_a_function_of_seed_and_epoch() -> None:
    assert indices(epoch(BatchSampler(40, 4, seed=1), 5)) == indices(epoch(BatchSampler(40, 4, seed=1), 5))
    orders = {str(indices(epoch(BatchSampler(40, 4, seed=seed), number))) for seed in range(3) for number in range(3)}
    assert len(orders) == 9


def test_every_image_of_every_epoch_has_its_own_augmentation_seed() -> None:
    seeds = {
        request.seed + place
        for number in range(3)
        for rank in range(2)
        for request in epoch(BatchSampler(40, 4, rank=rank, world_size=2), number)
        for place in range(4)
    }
    assert len(seeds) == 3 * 2 * 5 * 4


def test_an_image_has_the_same_seed_on_any_number_of_ranks() -> None:
    def seeds(batch_size: int, world_size: int) -> dict[int, int]:
        ranks = [BatchSampler(48, batch_size, 3, rank, world_size) for rank in range(world_size)]
        return {
            int(index): request.seed + place
            for sampler in ranks
            for request in epoch(sampler, 2)
            for place, index in enumerate(request.indices)
        }

    assert seeds(8, 1) == seeds(4, 2) == seeds(2, 3)


@pytest.mark.parametrize("start", [0, 3, 10])
def test_a_resumed_epoch_is_the_rest_of_it_and_the_next_one_is_whole(start: int) -> None:
    whole, resumed = BatchSampler(40, 4), BatchSampler(40, 4)
    resumed.start = start
    rest, expected = epoch(resumed, 2), epoch(whole, 2)[start:]
    assert indices(rest) == indices(expected)
    assert [r.seed for r in rest] == [r.seed for r in expected]
    assert indices(epoch(resumed, 3)) == indices(epoch(whole, 3))
    assert len(resumed) == 10


def test_a_sampler_of_another_kind_overrides_the_images_alone() -> None:
    class Backwards(BatchSampler):
        def images(self, seed: int) -> Images:
            return np.arange(self.total)[::-1].__getitem__

    assert indices(epoch(Backwards(9, 4))) == [[8, 7, 6, 5], [4, 3, 2, 1]]


def test_lightning_takes_it_for_distributed() -> None:
    # Lightning wraps every sampler that is no DistributedSampler in its own, which would deal the batches out again.
    assert isinstance(BatchSampler(8, 4), DistributedSampler)


def test_seeds_of_neighbouring_words_differ() -> None:
    seeds = [derive_seed(*words) for words in product(range(3), repeat=4)]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**32 for seed in seeds)
    assert derive_seed(3, 1, 4) == derive_seed(3, 1, 4)


@pytest.mark.parametrize(
    ("num_samples", "batch_size", "world_size", "named"),
    [
        (7, 8, 1, r"batch_size=8 on 1 process\(es\) needs 8 training images, but there are 7"),
        (15, 8, 2, r"batch_size=8 on 2 process\(es\) needs 16 training images, but there are 15"),
        (8, 0, 1, "batch_size=0 is less than 1"),
    ],
)
def test_a_batch_that_the_data_do_not_fill_is_refused(
    num_samples: int, batch_size: int, world_size: int, named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        BatchSampler(num_samples, batch_size, world_size=world_size)
