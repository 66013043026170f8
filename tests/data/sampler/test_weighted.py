import numpy as np
import pytest

from marginface.data.sampler.base import BatchRequest
from marginface.data.sampler.weighted import WeightedSampler, shares_of

PARTS = np.repeat([0, 1], [900, 100])


def epoch(sampler: WeightedSampler, number: int = 0) -> list[BatchRequest]:
    sampler.set_epoch(number)
    return list(sampler)


def images(requests: list[BatchRequest]) -> np.ndarray:
    return np.stack([request.indices for request in requests])


def test_sets_come_in_their_shares_and_their_images_take_turns() -> None:
    drawn = images(epoch(WeightedSampler(PARTS, [1, 1], 10))).ravel()
    assert len(drawn) == 1000
    assert (PARTS[drawn] == 1).mean() == pytest.approx(0.5, abs=0.06)  # 4 standard deviations
    times = np.bincount(drawn, minlength=1000)
    assert set(times[:900]) == {0, 1}
    assert times[900:].max() - times[900:].min() <= 1


def test_only_the_ratio_of_the_weights_counts() -> None:
    one, other = (images(epoch(WeightedSampler(PARTS, weights, 10))) for weights in ([1, 3], [2.0, 6.0]))
    assert one.tolist() == other.tolist()
    assert shares_of([1, 3]).tolist() == [0.25, 0.75]


def test_ranks_partition_and_a_resumed_epoch_is_the_rest_of_it() -> None:
    one = images(epoch(WeightedSampler(PARTS, [1, 2], 8, seed=2), 3))
    ranks = []
    for rank in range(2):
        sampler = WeightedSampler(PARTS, [1, 2], 4, seed=2, rank=rank, world_size=2)
        sampler.start = 100
        ranks.append(images(epoch(sampler, 3)))
    assert np.concatenate(ranks, axis=1).tolist() == one[100:].tolist()


@pytest.mark.parametrize(
    ("weights", "named"),
    [
        ([1], r"weights=\[1\] are 1, but there are 2 sets"),
        ([1, 1, 1], r"weights=\[1, 1, 1\]: no training image of set 2 is left"),
        ([1, 0], r"weights=\[1, 0\]: each must be a positive number; leave a set of weight 0 out"),
        ([1, float("nan")], "each must be a positive number"),
        ([], "each must be a positive number"),
    ],
)
def test_weights_that_do_not_fit_are_refused(weights: list[float], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        WeightedSampler(PARTS, weights, 10)


def test_a_resume_compares_the_shares() -> None:
    one, same, other = (WeightedSampler(PARTS, weights, 10).settings() for weights in ([1, 3], [2, 6], [1, 2]))
    assert one == same != other
