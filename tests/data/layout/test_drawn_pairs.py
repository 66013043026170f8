"""People and pairs of small pair sets."""

import numpy as np
import pytest

from marginface.data.layout.drawn_pairs import DrawnPairs, Portrait, draw_fold


def test_folds_share_nobody_and_pairs_are_distinct() -> None:
    drawn = DrawnPairs(num_folds=3, num_pairs=5, seed=0)
    people = []
    for fold in drawn.folds:
        assert len(set(fold.same)) == len(set(fold.different)) == 5
        assert all(a.person == b.person and a != b for a, b in fold.same)
        assert all(a.person != b.person for a, b in fold.different)
        people.append({portrait.person for pair in fold.same + fold.different for portrait in pair})
    assert not people[0] & people[1]
    assert not people[1] & people[2]
    assert len(drawn.portraits) == drawn.num_people * drawn.num_images == len(drawn.faces)


def test_the_seed_decides() -> None:
    first, again, other = (DrawnPairs(4, 2, seed) for seed in (0, 0, 1))
    assert first.folds == again.folds != other.folds
    assert first.read(Portrait(1, 1)) == again.read(Portrait(1, 1)) != other.read(Portrait(1, 1))


def test_two_kinds_of_images() -> None:
    left, right = [Portrait(0, 0), Portrait(1, 0)], [Portrait(0, 0), Portrait(1, 0)]
    fold = draw_fold(left, right, 2, np.random.default_rng(0))
    assert fold.same == [(left[0], right[0]), (left[1], right[1])]
    assert fold.different == [(left[0], right[1]), (left[1], right[0])]
    with pytest.raises(ValueError, match="num_pairs=3, but the images of a fold make 2 at most"):
        draw_fold(left, right, 3, np.random.default_rng(0))
