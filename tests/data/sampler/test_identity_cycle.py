import numpy as np
import pytest

from marginface.data.sampler.identity_cycle import IdentityCycle, occurrence

LABELS = np.array([2, 0, 1, 2, 2, 0, 2])


@pytest.mark.parametrize("labels", [LABELS, np.sort(LABELS)], ids=["mixed", "in order"])
def test_each_draw_is_of_its_identity_and_none_comes_again_before_the_others(labels: np.ndarray) -> None:
    identities = np.random.default_rng(0).integers(0, 3, 60)
    drawn = IdentityCycle(labels).draw(identities, occurrence(identities, 3), 1)
    assert labels[drawn].tolist() == identities.tolist()
    for identity, count in enumerate([2, 1, 4]):
        own = drawn[identities == identity]
        for start in range(0, len(own) - count, count):
            assert len(set(own[start : start + count])) == count


def test_a_draw_does_not_depend_on_the_others() -> None:
    cycle, identities = IdentityCycle(LABELS), np.array([2, 0, 2, 1])
    turns = np.array([5, 1, 0, 3])
    alone = [cycle.draw(identities[i : i + 1], turns[i : i + 1], 3).item() for i in range(4)]
    assert cycle.draw(identities, turns, 3).tolist() == alone


def test_the_seed_shuffles_the_images_of_each_identity_in_its_own_way() -> None:
    cycle, turns = IdentityCycle(np.repeat([0, 1], 50)), np.arange(50)
    orders = [cycle.draw(np.full(50, c), turns, seed) - 50 * c for seed in (0, 1) for c in (0, 1)]
    for first in range(4):
        assert sorted(orders[first]) == list(range(50))
        assert all(orders[first].tolist() != orders[other].tolist() for other in range(first))


def test_occurrence_counts_what_came_before() -> None:
    assert occurrence(np.array([1, 0, 1, 1, 3, 0]), 5).tolist() == [0, 0, 1, 2, 0, 1]
