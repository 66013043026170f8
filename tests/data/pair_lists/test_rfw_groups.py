"""Groups of RFW as one set of pairs."""

from pathlib import Path

import pytest

from marginface.data.errors import PairsError
from marginface.data.pair_lists.rfw_groups import read_group_bins, read_group_lists
from marginface.data.pairs import write_pairs

GROUPS = ("North", "South")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for group in GROUPS:
        (tmp_path / "txts" / group).mkdir(parents=True)
        (tmp_path / "txts" / group / f"{group}_pairs.txt").write_text("a\t1\t2\na\t1\tb\t1\nc\t1\t2\nc\t2\td\t1\n")
        for name in ("a/a_0001", "a/a_0002", "b/b_0001", "c/c_0001", "c/c_0002", "d/d_0001"):
            path = tmp_path / "data" / group / f"{name}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(f"{group} {name}".encode())
    return tmp_path


def test_people_of_different_groups_are_different_whatever_their_names(root: Path) -> None:
    found = read_group_lists(root, GROUPS, "data", "fail", num_folds=2)
    assert len(found.pairs.images) == 12
    assert found.group.tolist() == [0] * 4 + [1] * 4
    assert found.fold.tolist() == [0, 0, 1, 1] * 2
    assert found.pairs.images[found.pairs.second[5]] == b"South b/b_0001"
    assert not found.num_missing


def test_missing_images_are_counted_by_group(root: Path) -> None:
    (root / "data" / "South" / "c" / "c_0002.jpg").unlink()
    found = read_group_lists(root, GROUPS, "data", "exclude", num_folds=2)
    assert found.num_missing == {1: 2}
    assert (found.group.tolist(), found.fold.tolist()) == ([0] * 4 + [1] * 2, [0, 0, 1, 1, 0, 0])


def test_packed_groups_share_equal_images(tmp_path: Path) -> None:
    write_pairs(tmp_path / "North_test.bin", ([b"a", b"b", b"a", b"c"], [True, False]))
    write_pairs(tmp_path / "South_test.bin", ([b"d", b"e", b"d", b"a"], [True, False]))
    found = read_group_bins(tmp_path, GROUPS, num_folds=2)
    sides = [
        (found.pairs.images[a], found.pairs.images[b])
        for a, b in zip(found.pairs.first, found.pairs.second, strict=True)
    ]
    assert sides == [(b"a", b"b"), (b"a", b"c"), (b"d", b"e"), (b"d", b"a")]
    assert len(found.pairs.images) == 5
    assert (found.group.tolist(), found.fold.tolist()) == ([0, 0, 1, 1], [0, 1, 0, 1])
    with pytest.raises(PairsError, match=r"North_test\.bin has 2 pairs, which make no 3 equal folds"):
        read_group_bins(tmp_path, GROUPS, num_folds=3)
