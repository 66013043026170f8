from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from marginface.data import BalancedSampler, BatchSampler, PKSampler, WeightedSampler
from marginface.data.sampler.base import derive_seed

# 11 identities: number k has 400 + k images, shuffled; more than one block of WeightedSampler.
LABELS = np.random.default_rng(0).permutation(np.repeat(np.arange(11), 400 + np.arange(11)))
KINDS: dict[str, Callable[..., BatchSampler]] = {
    "default": partial(BatchSampler, len(LABELS)),
    "balanced": partial(BalancedSampler, LABELS),
    "pk": partial(PKSampler, LABELS, num_images=2),
    "weighted": partial(WeightedSampler, LABELS, range(1, 12)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_any_part_of_the_order_is_computed_by_itself(kind: str) -> None:
    sampler = KINDS[kind](10, seed=1)
    whole = sampler.order(7)
    assert whole.shape == (len(sampler) * 10,)
    assert whole.dtype == np.int64
    for places in ([4400, 4401], [4090, 4099, 20], [0]):  # in any order; the second are of two blocks
        assert sampler.images(7)(np.array(places)).tolist() == whole[places].tolist()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("rank", "world_size", "start"), [(0, 1, 0), (1, 2, 0), (1, 2, 217), (0, 1, 437)])
def test_the_batches_are_parts_of_the_order(kind: str, rank: int, world_size: int, start: int) -> None:
    sampler = KINDS[kind](10, seed=1, rank=rank, world_size=world_size)
    sampler.start, sampler.epoch = start, 3
    whole = sampler.order(derive_seed(1, 3))[: len(sampler) * 10 * world_size].reshape(len(sampler), world_size, 10)
    assert [request.indices.tolist() for request in sampler] == whole[start:, rank].tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_ranks_share_no_image_of_a_step(kind: str) -> None:
    ranks = [list(KINDS[kind](5 - kind.count("pk"), seed=1, rank=rank, world_size=2)) for rank in range(2)]
    for first, second in zip(*ranks, strict=True):
        assert not set(first.indices) & set(second.indices)
