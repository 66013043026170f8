import numpy as np

from marginface.data.identity_cycle import IdentityCycle, occurrence

LABELS = np.array([2, 0, 1, 2, 2, 0, 2])


def test_each_draw_is_of_its_identity_and_none_comes_again_before_the_others() -> None:
    identities = np.random.default_rng(0).integers(0, 3, 60)
    drawn = IdentityCycle(LABELS).draw(identities, np.random.default_rng(1))
    assert LABELS[drawn].tolist() == identities.tolist()
    for identity, count in enumerate([2, 1, 4]):
        own = drawn[identities == identity]
        for start in range(0, len(own) - count, count):
            assert len(set(own[start : start + count])) == count


def test_the_generator_shuffles_the_images() -> None:
    cycle = IdentityCycle(np.zeros(50, dtype=np.int64))
    orders = [cycle.draw(np.zeros(50, dtype=np.int64), np.random.default_rng(seed)).tolist() for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    assert orders[0] != sorted(orders[0])


def test_occurrence_counts_what_came_before() -> None:
    assert occurrence(np.array([1, 0, 1, 1, 3, 0]), 5).tolist() == [0, 0, 1, 2, 0, 1]
