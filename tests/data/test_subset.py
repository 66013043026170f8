import numpy as np
import pytest

from marginface.data.split import split_identities
from marginface.data.subset import choose_samples

# 20 identities: number k has 1 + k % 4 images; samples are shuffled.
LABELS = np.random.default_rng(1).permutation(np.repeat(np.arange(20), 1 + np.arange(20) % 4))
COUNTS = np.bincount(LABELS)


@pytest.mark.parametrize("num_validation", [0, 5])
def test_by_default_it_is_the_plain_split(num_validation: int) -> None:
    for ours, plain in zip(
        choose_samples(LABELS, num_validation, seed=3), split_identities(LABELS, num_validation, 3), strict=True
    ):
        assert ours.dtype == np.int64
        assert ours.tolist() == plain.tolist()


@pytest.mark.parametrize("min_images", [2, 3, 4])
def test_small_identities_are_left_out_and_the_others_lose_no_image(min_images: int) -> None:
    train, held_out = choose_samples(LABELS, 3, min_images)
    used = np.bincount(LABELS[np.concatenate([train, held_out])], minlength=20)
    assert used.tolist() == np.where(min_images <= COUNTS, COUNTS, 0).tolist()
    assert np.all(np.diff(train) > 0)
    assert np.all(np.diff(held_out) > 0)
    assert not set(LABELS[train]) & set(LABELS[held_out])


def test_a_subset_has_its_number_of_whole_identities_beside_the_same_held_out_ones() -> None:
    _, all_held_out = choose_samples(LABELS, 4, 2)
    before: set[int] = set()
    for num_identities in (2, 5, 11):
        train, held_out = choose_samples(LABELS, 4, 2, num_identities)
        identities = set(LABELS[train].tolist())
        assert len(identities) == num_identities
        assert len(train) == COUNTS[list(identities)].sum()
        assert held_out.tolist() == all_held_out.tolist()
        assert before < identities, "a smaller subset is part of a larger one"
        before = identities


def test_the_seed_decides() -> None:
    drawn = {tuple(choose_samples(LABELS, num_identities=6, seed=seed)[0].tolist()) for seed in range(10)}
    assert len(drawn) > 5
    assert choose_samples(LABELS, num_identities=6, seed=4)[0].tolist() in [list(one) for one in drawn]


@pytest.mark.parametrize("num_identities", [-1, 0, 1, 12, 1000])
def test_more_identities_than_there_are(num_identities: int) -> None:
    named = rf"num_identities={num_identities}, but 11 identities are left .*choose 2 to 11, or null"
    with pytest.raises(ValueError, match=named):
        choose_samples(LABELS, 4, 2, num_identities)


def test_a_minimum_that_leaves_nobody() -> None:
    with pytest.raises(ValueError, match=r"min_images_per_identity=5 leaves 0 of 20 identities.*the largest has 4"):
        choose_samples(LABELS, min_images=5)
