import numpy as np
import pytest

from marginface.data.errors import PairsError
from marginface.data.pair_sampling import draw_pairs

# 60 identities with 2..9 images, one with 200, one with a single image; shuffled.
LABELS = np.random.default_rng(5).permutation(np.repeat(np.arange(62), [*(2 + np.arange(60) % 8), 200, 1]))


@pytest.mark.parametrize(("num_pairs", "num_folds"), [(20, 10), (200, 10), (60, 3), (2, 1)])
def test_laws_of_the_folds(num_pairs: int, num_folds: int) -> None:
    first, second, same = draw_pairs(LABELS, num_pairs, seed=0, num_folds=num_folds)
    assert len(first) == len(second) == len(same) == num_pairs
    assert np.array_equal(LABELS[first] == LABELS[second], same)
    assert (first != second).all()
    assert len({frozenset(pair) for pair in zip(first, second, strict=True)}) == num_pairs
    seen: set[int] = set()
    for fold in np.split(np.arange(num_pairs), num_folds):
        assert same[fold].mean() == 0.5
        assert same[fold][:2].tolist() == [True, False]  # alternating, so shorter folds are balanced too
        persons = {*LABELS[first[fold]], *LABELS[second[fold]]}
        assert not persons & seen
        seen |= persons


def test_nobody_dominates() -> None:
    first, _, same = draw_pairs(LABELS, 400, seed=0, num_folds=1)
    genuine = np.bincount(LABELS[first[same]], minlength=62)
    assert genuine[60] <= 8  # 200 images, 95 % of all genuine pairs, yet no more than its share
    assert (genuine[:60] >= 1).all()


def test_everything_that_there_is_can_be_drawn() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1])  # 3 + 3 genuine, 9 impostor
    first, second, same = draw_pairs(labels, 12, seed=0, num_folds=1)
    genuine = {frozenset(pair) for pair in zip(first[same].tolist(), second[same].tolist(), strict=True)}
    assert genuine == {frozenset(pair) for pair in [(0, 1), (0, 2), (1, 2), (3, 4), (3, 5), (4, 5)]}


def test_the_seed_decides() -> None:
    def draw(seed: int) -> tuple[int, ...]:
        return tuple(draw_pairs(LABELS, 20, seed, num_folds=10)[0].tolist())

    assert draw(0) == draw(0)
    assert len({draw(seed) for seed in range(5)}) == 5


@pytest.mark.parametrize("num_pairs", [0, -20, 10, 30])
def test_pairs_that_do_not_fill_the_folds_are_refused(num_pairs: int) -> None:
    with pytest.raises(PairsError, match=rf"num_pairs={num_pairs} .*multiple of 20"):
        draw_pairs(LABELS, num_pairs, seed=0, num_folds=10)


def test_too_many_pairs_are_refused_with_the_number_that_works() -> None:
    with pytest.raises(PairsError, match=r"the 62 identities.*at most num_pairs=\d+") as caught:
        draw_pairs(LABELS, 20_000, seed=0, num_folds=10)
    possible = int(str(caught.value).split("at most num_pairs=")[1].split(",")[0])
    assert len(draw_pairs(LABELS, possible, seed=0, num_folds=10)[0]) == possible
    with pytest.raises(PairsError):
        draw_pairs(LABELS, possible + 20, seed=0, num_folds=10)


@pytest.mark.parametrize("labels", [[], [0, 0], [0, 1, 2, 3], [0, 0, 1, 1, 2, 2]])
def test_too_few_identities_are_refused(labels: list[int]) -> None:
    with pytest.raises(PairsError, match="hold out more identities with 2 or more images"):
        draw_pairs(np.array(labels, dtype=np.int64), 8, seed=0, num_folds=2)
