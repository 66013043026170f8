import numpy as np
import pytest

from marginface.data.sampler.balanced import BalancedSampler
from marginface.data.sampler.base import BatchRequest

# 6 identities with 1, 2, 4, 8, 16 and 32 images, shuffled.
LABELS = np.random.default_rng(0).permutation(np.repeat(np.arange(6), 2 ** np.arange(6)))


def epoch(sampler: BalancedSampler, number: int = 0) -> list[BatchRequest]:
    sampler.set_epoch(number)
    return list(sampler)


def images(requests: list[BatchRequest]) -> np.ndarray:
    return np.stack([request.indices for request in requests])


def test_every_identity_is_equally_likely() -> None:
    drawn = images(epoch(BalancedSampler(LABELS, 6)))  # 63 images: 10 batches of 6, that is of every identity once
    assert drawn.shape == (10, 6)
    for batch in drawn:
        assert sorted(LABELS[batch]) == list(range(6))


def test_images_of_an_identity_take_turns() -> None:
    drawn = images(epoch(BalancedSampler(LABELS, 6))).ravel()
    times = np.bincount(drawn, minlength=len(LABELS))
    for identity in range(6):
        own = times[identity == LABELS]
        assert own.sum() == 10
        assert own.max() - own.min() <= 1


def test_epochs_and_seeds_differ_and_repeat() -> None:
    orders = [images(epoch(BalancedSampler(LABELS, 6, seed=s), e)).tolist() for s in (0, 1) for e in (0, 1)]
    assert all(a != b for i, a in enumerate(orders) for b in orders[:i])
    assert images(epoch(BalancedSampler(LABELS, 6, seed=1), 1)).tolist() == orders[3]


@pytest.mark.parametrize("world_size", [2, 3])
def test_ranks_partition_the_batch_of_one_process(world_size: int) -> None:
    one = images(epoch(BalancedSampler(LABELS, 6), 2))
    ranks = [
        images(epoch(BalancedSampler(LABELS, 6 // world_size, rank=r, world_size=world_size), 2))
        for r in range(world_size)
    ]
    assert np.concatenate(ranks, axis=1).tolist() == one.tolist()


def test_a_resumed_epoch_is_the_rest_of_it() -> None:
    resumed = BalancedSampler(LABELS, 4, seed=3)
    resumed.start = 5
    rest, whole = epoch(resumed, 1), epoch(BalancedSampler(LABELS, 4, seed=3), 1)
    assert images(rest).tolist() == images(whole)[5:].tolist()
    assert [r.seed for r in rest] == [r.seed for r in whole[5:]]


def test_ranks_share_no_image_where_identities_have_two() -> None:
    labels = np.repeat(np.arange(11), 2 + np.arange(11) % 3)
    for number in range(5):
        ranks = [images(epoch(BalancedSampler(labels, 5, rank=r, world_size=2), number)) for r in range(2)]
        assert all(len(set(step)) == 10 for step in np.concatenate(ranks, axis=1))


def test_a_batch_that_the_data_do_not_fill_is_refused() -> None:
    with pytest.raises(ValueError, match=r"batch_size=64 .* there are 63"):
        BalancedSampler(LABELS, 64)
