import numpy as np
import pytest

from marginface.data.sampler.base import BatchRequest
from marginface.data.sampler.pk import PKSampler

# 11 identities: number k has 3 + k images, shuffled.
LABELS = np.random.default_rng(0).permutation(np.repeat(np.arange(11), 3 + np.arange(11)))


def epoch(sampler: PKSampler, number: int = 0) -> list[BatchRequest]:
    sampler.set_epoch(number)
    return list(sampler)


def images(requests: list[BatchRequest]) -> np.ndarray:
    return np.stack([request.indices for request in requests])


@pytest.mark.parametrize(("batch_size", "num_images"), [(6, 3), (12, 3), (8, 2), (5, 1)])
def test_a_batch_holds_k_distinct_images_of_p_identities(batch_size: int, num_images: int) -> None:
    batches = images(epoch(PKSampler(LABELS, batch_size, num_images=num_images)))
    assert len(batches) == len(LABELS) // batch_size
    for batch in batches:
        identities, counts = np.unique(LABELS[batch], return_counts=True)
        assert len(identities) == batch_size // num_images
        assert set(counts) == {num_images}
        assert len(set(batch)) == batch_size


def test_each_pass_sees_every_identity_at_most_once() -> None:
    batches = images(epoch(PKSampler(LABELS, 6, num_images=3)))  # 5 batches of 2 identities: a pass over 10 of 11
    firsts = LABELS[batches[:5, ::3]].ravel()
    assert len(set(firsts)) == 10


def test_ranks_hold_other_identities_and_together_the_batch_of_one_process() -> None:
    one = images(epoch(PKSampler(LABELS, 12, num_images=3), 4))
    ranks = [images(epoch(PKSampler(LABELS, 6, rank=r, world_size=2, num_images=3), 4)) for r in range(2)]
    assert np.concatenate(ranks, axis=1).tolist() == one.tolist()
    for first, second in zip(*ranks, strict=True):
        assert not set(LABELS[first]) & set(LABELS[second])


def test_all_identities_come_over_the_epochs() -> None:
    sampler = PKSampler(LABELS, 6, num_images=3)
    seen = [frozenset(LABELS[images(epoch(sampler, number))].ravel().tolist()) for number in range(4)]
    assert len(frozenset().union(*seen)) == 11
    assert images(epoch(sampler, 0)).tolist() != images(epoch(sampler, 1)).tolist()


def test_a_resumed_epoch_is_the_rest_of_it() -> None:
    resumed = PKSampler(LABELS, 6, seed=3, num_images=3)
    resumed.start = 7
    rest, whole = epoch(resumed, 1), epoch(PKSampler(LABELS, 6, seed=3, num_images=3), 1)
    assert images(rest).tolist() == images(whole)[7:].tolist()
    assert [r.seed for r in rest] == [r.seed for r in whole[7:]]


def test_small_identities_are_refused_or_repeat_their_images() -> None:
    named = (
        r"num_images=5, but 2 of 11 identities have fewer images \(the smallest 3\).*min_images_per_identity=5.*repeat"
    )
    with pytest.raises(ValueError, match=named):
        PKSampler(LABELS, 10, num_images=5)
    batches = images(epoch(PKSampler(LABELS, 10, num_images=5, repeat=True)))
    for batch in batches:
        identities, counts = np.unique(LABELS[batch], return_counts=True)
        assert counts.tolist() == [5, 5]
        for identity in identities:
            assert len(set(batch[LABELS[batch] == identity])) == min(5, 3 + identity)


@pytest.mark.parametrize(
    ("batch_size", "world_size", "num_images", "named"),
    [
        (6, 1, 4, "batch_size=6 is no multiple of num_images=4"),
        (6, 1, 0, "batch_size=6 is no multiple of num_images=0"),
        (4, 1, 8, "batch_size=4 is no multiple of num_images=8"),
        (24, 1, 2, r"batch_size=24 with num_images=2 on 1 process\(es\) needs 12 identities, but there are 11"),
        (12, 2, 2, r"batch_size=12 with num_images=2 on 2 process\(es\) needs 12 identities, but there are 11"),
        (96, 1, 2, "batch_size=96 .* there are 88"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(batch_size: int, world_size: int, num_images: int, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        PKSampler(LABELS, batch_size, world_size=world_size, num_images=num_images)
