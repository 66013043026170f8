import numpy as np
import pytest

from marginface.data.split import relabel, split_identities

# 20 identities: number k has 1 + k % 4 images, so 5 of them have one only; samples are shuffled.
LABELS = np.random.default_rng(1).permutation(np.repeat(np.arange(20), 1 + np.arange(20) % 4))


@pytest.mark.parametrize("num_validation", [0, 1, 7, 15])
def test_every_sample_is_on_one_side_and_no_identity_on_both(num_validation: int) -> None:
    train, validation = split_identities(LABELS, num_validation, seed=3)
    assert train.dtype == validation.dtype == np.int64
    assert sorted([*train, *validation]) == list(range(len(LABELS)))
    assert not set(LABELS[train]) & set(LABELS[validation])
    assert len(set(LABELS[validation])) == num_validation
    assert np.all(np.diff(train) > 0)
    assert np.all(np.diff(validation) > 0)


def test_held_out_identities_have_two_images_at_least() -> None:
    _, validation = split_identities(LABELS, 15, seed=0)
    assert np.unique(LABELS[validation], return_counts=True)[1].min() == 2


def test_the_seed_decides() -> None:
    def held_out(seed: int) -> list[int]:
        return split_identities(LABELS, 6, seed)[1].tolist()

    assert held_out(0) == held_out(0)
    assert len({tuple(held_out(seed)) for seed in range(10)}) > 5


@pytest.mark.parametrize("num_validation", [-1, 16, 20])
def test_more_than_the_identities_can_give_is_refused(num_validation: int) -> None:
    with pytest.raises(
        ValueError, match=rf"num_validation_identities={num_validation}.*20 identities 15 have.*between 0 and 15"
    ):
        split_identities(LABELS, num_validation, seed=0)


def test_two_identities_stay_for_training() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        split_identities(np.repeat(np.arange(3), 2), 2, seed=0)


def test_relabel_closes_the_gaps_in_order() -> None:
    labels, num_classes = relabel(np.array([30, 5, 5, 17, 30]))
    assert labels.tolist() == [2, 0, 0, 1, 2]
    assert labels.dtype == np.int64
    assert num_classes == 3
